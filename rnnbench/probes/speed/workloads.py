"""What is timed: one call that runs a forward pass, a training step or one streamed time step of a
network.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

from rnnbench.contract.core import map_state
from rnnbench.contract.task import Batch, Tokens
from rnnbench.metrics import cross_entropy, mean_loss, squared_error

if TYPE_CHECKING:
    from rnnbench.contract.task import Space
    from rnnbench.records.result import SpeedMode
    from rnnbench.training.network import Network


class Workload(Protocol):
    """Does the work once; what it computes is thrown away."""

    def __call__(self) -> None: ...


def modes_of(network: Network) -> tuple[SpeedMode, ...]:
    """Return the modes that a network can be timed in: one that looks ahead cannot stream."""
    return ("forward", "train", "stream") if network.causal else ("forward", "train")


def batch_for(mode: SpeedMode, batch_size: int) -> int:
    """Return the number of sequences handled at once: streaming answers one sequence."""
    return 1 if mode == "stream" else batch_size


def random_batch(network: Network, length: int, batch_size: int, device: torch.device) -> Batch:
    """Draw inputs and targets of the network's spaces, (B, T) or (B, T, D), the same at every call."""
    generator = torch.Generator().manual_seed(0)
    target_shape = (batch_size,) if network.steps == "last" else (batch_size, length)
    return Batch(
        inputs=_draw(network.inputs, (batch_size, length), generator),
        targets=_draw(network.outputs, target_shape, generator),
    ).to(device)


def prepare(
    network: Network, mode: SpeedMode, length: int, batch_size: int, device: torch.device
) -> Workload:
    """Make the workload of a mode on a copy of the network, at ``length`` steps; all that is not
    timed happens here.
    """
    network = copy.deepcopy(network).to(device)
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
    """A step of fused Adam, as in training, but at learning rate 0: the same arithmetic on weights
    that do not drift.
    """
    network.train()
    optimizer = torch.optim.Adam(
        [p for p in network.parameters() if p.requires_grad], lr=0.0, fused=True
    )
    loss_of = cross_entropy if isinstance(network.outputs, Tokens) else squared_error

    def train() -> None:
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(mean_loss(loss_of, network(batch.inputs), batch))
        optimizer.step()

    return train


def _stream(network: Network, batch: Batch) -> Workload:
    """One time step from the state after ``length - 1`` steps, always the same one, so that a
    growing state does not grow.
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
    return torch.randn(*shape, space.dim, generator=generator)
