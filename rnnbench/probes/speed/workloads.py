"""Timed workloads: a forward pass, a training step, or one streamed time step of a network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from rnnbench.contract.core import copied, map_state
from rnnbench.contract.task import Batch, Bits, Tokens
from rnnbench.metrics import loss_for, mean_loss

if TYPE_CHECKING:
    from rnnbench.contract.task import Space
    from rnnbench.records.speed import SpeedMode
    from rnnbench.training.network import Network


class Workload(Protocol):
    """Callable that does the work of one timed call and discards its result."""

    def __call__(self) -> None: ...


def modes_of(network: Network) -> tuple[SpeedMode, ...]:
    """Return the modes that a network can be timed in. A non-causal network cannot stream."""
    return ("forward", "train", "stream") if network.causal else ("forward", "train")


def batch_for(mode: SpeedMode, batch_size: int) -> int:
    """Return the number of sequences per call. Streaming processes one sequence."""
    return 1 if mode == "stream" else batch_size


def random_batch(network: Network, length: int, batch_size: int, device: torch.device) -> Batch:
    """Draw a batch from the network's input and output spaces; equal calls draw equal batches."""
    generator = torch.Generator().manual_seed(0)
    target_shape = (batch_size,) if network.steps == "last" else (batch_size, length)
    return Batch(
        inputs=_draw(network.inputs, (batch_size, length), generator),
        targets=_draw(network.outputs, target_shape, generator),
    ).to(device)


def prepare(
    network: Network, mode: SpeedMode, length: int, batch_size: int, device: torch.device
) -> Workload:
    """Return the workload of a mode at ``length`` steps, on a copy of the network.

    All set-up that is not timed happens here.
    """
    network = copied(network).to(device)
    batch = random_batch(network, length, batch_for(mode, batch_size), device)
    if mode == "forward":
        return _forward(network, batch)
    return _train(network, batch) if mode == "train" else _stream(network, batch)


def _forward(network: Network, batch: Batch) -> Workload:
    network.eval()

    def forward() -> None:
        with torch.no_grad():
            network(batch.inputs)

    return forward


def _train(network: Network, batch: Batch) -> Workload:
    """Return a step of fused Adam as in training, at learning rate 0 so that weights stay fixed."""
    network.train()
    parameters = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(
        parameters, lr=0.0, fused=all(p.is_floating_point() for p in parameters)
    )
    loss = loss_for(network.outputs)

    def train() -> None:
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(mean_loss(loss, network(batch.inputs), batch))
        optimizer.step()

    return train


def _stream(network: Network, batch: Batch) -> Workload:
    """Return one time step from the state after ``length - 1`` steps.

    Every call starts from that same state, so that a growing state keeps its size.
    """
    network.eval()
    step = batch.inputs[:, -1:].contiguous()  # (1, 1) or (1, 1, D)
    with torch.no_grad():
        before = batch.inputs[:, :-1]
        state = network.unroll(network.encoder(before))[1] if before.shape[1] else None
    state = map_state(state, Tensor.detach)

    def stream() -> None:
        with torch.no_grad():
            outputs, _ = network.unroll(network.encoder(step), state)
            network.decoder(outputs)

    return stream


def _draw(space: Space, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    if isinstance(space, Tokens):
        return torch.randint(space.vocab, shape, generator=generator)
    if isinstance(space, Bits):
        return torch.randint(2, (*shape, space.dim), generator=generator).float()
    return torch.randn(*shape, space.dim, generator=generator)
