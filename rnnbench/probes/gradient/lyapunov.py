"""Largest Lyapunov exponents of a core's state under the task's inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rnnbench.contract.core import map_state
from rnnbench.probes.gradient.exact_copy import device_of, exact_copy
from rnnbench.probes.gradient.lags import last_steps
from rnnbench.probes.gradient.state import (
    NotMeasurableError,
    StateLayout,
    differentiable,
    fixed_state_layout,
)
from rnnbench.probes.gradient.state_profile import encode

if TYPE_CHECKING:
    from rnnbench.training.network import Network

EXPONENTS = 4
SEQUENCES = 4
BURN_IN = 0.1
"""Fraction of the steps left out at either end.

At the start the state has not settled, at the end the directions have not.
"""
SHORTEST = 20
"""Minimum number of time steps."""


def lyapunov_exponents(
    network: Network,
    inputs: Tensor,
    lengths: Tensor | None = None,
    *,
    generator: torch.Generator,
    count: int = EXPONENTS,
) -> tuple[float, ...]:
    """Estimate the ``count`` largest Lyapunov exponents per step by repeated QR decomposition.

    The Jacobian products along a trajectory are orthonormalised at every step. The exponents are
    the means of ``log |R_ii|`` (Engelken, Wolf, Abbott 2023; Vogt et al. 2022 for gated cores). The
    transposed Jacobians are multiplied, from the last step to the first: their products have the
    same singular values, and a step costs one backward pass with ``count`` vectors instead of one
    per value of the state. The result is averaged over the 4 longest sequences. A tenth of the
    steps is left out at either end. Since sequences are finite, the result is an estimate.

    Args:
        network: left unchanged.
        inputs: (B, T) or (B, T, D).
        lengths: (B,) valid steps, or ``None``.
        generator: draws the initial directions.
        count: number of exponents, at most the number of values of the state.

    Returns:
        The exponents, largest first.

    Raises:
        NotMeasurableError: the core is non-causal, has no state or a growing one, or the sequences
            have fewer than 20 steps.
    """
    inputs, lengths = last_steps(inputs, lengths)
    longest = lengths.argsort(descending=True, stable=True)[:SEQUENCES]
    length = int(lengths[longest].min())
    with exact_copy(network) as exact:
        encoded = encode(exact, inputs[longest, :length].to(device_of(network)))  # (S, T, D)
        layout = fixed_state_layout(exact, encoded)
        if length < SHORTEST:
            raise NotMeasurableError(
                f"Lyapunov exponents need sequences of {SHORTEST} steps or more"
            )
        growths = _growth_by_step(exact, layout, encoded, generator, count)  # (T-1, S, p)
    settled = max(1, int(BURN_IN * length))
    exponents = growths[settled:-settled].mean((0, 1)).sort(descending=True).values
    return tuple(exponents.tolist())


def _growth_by_step(
    network: Network, layout: StateLayout, encoded: Tensor, generator: torch.Generator, count: int
) -> Tensor:
    """Return log |R_ii| of the QR decompositions, from the last step to the second: (T-1, S, p)."""
    states = _trajectory(network, encoded)
    sequences = encoded.shape[0]
    width = layout.flatten(states[0], [tensor for tensor, _ in layout.real(states[0])]).shape[1]
    p = min(count, width)
    start = torch.randn(
        sequences, width, p, generator=generator, dtype=torch.float64, device=generator.device
    )
    directions = torch.linalg.qr(start.to(encoded.device)).Q  # (S, n, p)
    growths = []
    for t in range(encoded.shape[1] - 1, 0, -1):
        seeds = directions.transpose(1, 2).flatten(0, 1)  # (S*p, n)
        here = encoded[:, t : t + 1].repeat_interleave(p, 0)  # (S*p, 1, D)
        before = layout.repeat(states[t - 1], p)
        pulled = _pull_back(network, layout, here, before, seeds)  # (S*p, n)
        directions, stretch = torch.linalg.qr(pulled.view(sequences, p, width).transpose(1, 2))
        growths.append(stretch.diagonal(dim1=-2, dim2=-1).abs().log())  # (S, p)
    return torch.stack(growths)


def _trajectory(network: Network, encoded: Tensor) -> list[Any]:
    """Return the state after each step but the last."""
    states: list[Any] = []
    state: Any = None
    with torch.no_grad():
        for t in range(encoded.shape[1] - 1):
            _, state = network.unroll(encoded[:, t : t + 1], state)
            states.append(state)
    return states


def _pull_back(
    network: Network, layout: StateLayout, encoded: Tensor, state: Any, seeds: Tensor
) -> Tensor:
    """Multiply seeds (B, n) by the Jacobian of one step of the state, transposed: (B, n)."""
    before = differentiable(map_state(state, Tensor.detach))
    _, after = network.unroll(encoded, before)
    sources = [tensor for tensor, _ in layout.real(before)]
    targets = zip(
        (tensor for tensor, _ in layout.real(after)), layout.unflatten(after, seeds), strict=True
    )
    followed = [(tensor, seed) for tensor, seed in targets if tensor.requires_grad]
    if not followed:
        return torch.zeros_like(seeds)
    tensors, parts = zip(*followed, strict=True)
    return layout.flatten(
        before, list(torch.autograd.grad(tensors, sources, parts, allow_unused=True))
    )
