"""Largest Lyapunov exponents of a core's state under the task's inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

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
    from rnnbench.records.gradient import LyapunovMethod
    from rnnbench.training.network import Network

EXPONENTS = 4
SEQUENCES = 4
STARTS = 4
"""Start directions per sequence, over which the estimate by QR is averaged."""
BURN_IN = 0.1
"""Fraction of the steps that QR leaves out at either end.

At the start the state has not settled, at the end the directions have not.
"""
SHORTEST_QR = 100
"""Minimum number of time steps for an estimate of the asymptotic exponents."""
WIDEST = 1024
"""Largest state whose product of Jacobians is formed as a whole."""
_ROWS = 256
"""Rows of all products of Jacobians that are formed at a time, which limits the sequences."""
_RESOLVED = 1e-12
"""Singular values below this share of the largest one are lost in the rounding of the product."""


class Exponents(NamedTuple):
    """Exponents per step, largest first, how they were computed, and over how many Jacobians."""

    values: tuple[float, ...]
    method: LyapunovMethod
    steps: int


def lyapunov_exponents(
    network: Network,
    inputs: Tensor,
    lengths: Tensor | None = None,
    *,
    generator: torch.Generator,
    count: int = EXPONENTS,
) -> Exponents:
    """Measure the ``count`` largest exponents per step of the state along test sequences.

    Sequences of 100 steps and more: an estimate of the asymptotic exponents by repeated QR
    decomposition of the Jacobian products (Benettin et al. 1980; Engelken, Wolf, Abbott 2023; Vogt
    et al. 2022 for gated cores): the means of ``log |R_ii|``, over sequences and start directions.
    A tenth of the steps is left out at either end.

    Shorter ones: the exact finite-time exponents ``log(sigma_i) / steps``, from the singular values
    of the product of all Jacobians from the first state to the last. They contain the transient,
    and need no start direction. Singular values below 1e-12 of the largest are left out.

    Both multiply transposed Jacobians, from the last step to the first: these products have the
    same singular values, and a step is one backward pass.

    Args:
        network: left unchanged.
        inputs: (B, T) or (B, T, D).
        lengths: (B,) valid steps, or ``None``; the 4 longest sequences are used.
        generator: draws the start directions of QR.
        count: number of exponents, at most the number of values of the state.

    Raises:
        NotMeasurableError: the core is non-causal, has no state or a growing one; the sequences
            have fewer than 3 steps; or they are short and the state has more than 1024 values.
    """
    inputs, lengths = last_steps(inputs, lengths)
    longest = lengths.argsort(descending=True, stable=True)[:SEQUENCES]
    length = int(lengths[longest].min())
    if length < 3:
        raise NotMeasurableError("Lyapunov exponents need sequences of 3 steps or more")
    with exact_copy(network) as exact:
        encoded = encode(exact, inputs[longest, :length].to(device_of(network)))  # (S, T, D)
        layout = fixed_state_layout(exact, encoded)
        if length < SHORTEST_QR:
            values = _finite_time(exact, layout, encoded, count)
            return Exponents(values, "finite-time singular values", length - 1)
        starts = encoded.repeat_interleave(STARTS, 0)
        growths = _growth_by_step(exact, layout, starts, generator, count)  # (T-1, S * starts, p)
    settled = max(1, int(BURN_IN * length))
    kept = growths[settled:-settled]
    exponents = kept.mean((0, 1)).sort(descending=True).values
    return Exponents(tuple(exponents.tolist()), "QR", len(kept))


def _finite_time(
    network: Network, layout: StateLayout, encoded: Tensor, count: int
) -> tuple[float, ...]:
    """Return log(sigma_i) / (T - 1) of the product of Jacobians, the mean over sequences."""
    states = _trajectory(network, encoded)
    width = _width(layout, states[0])
    if width > WIDEST:
        raise NotMeasurableError(
            f"the state has {width:,} values, too many for the singular values of its Jacobians "
            f"(at most {WIDEST:,}); sequences of {SHORTEST_QR} steps or more have exponents by QR"
        )
    sequences = max(1, min(len(encoded), _ROWS // width))
    encoded = encoded[:sequences]
    states = [_first_sequences(layout, state, sequences) for state in states]
    steps = encoded.shape[1] - 1
    product = torch.eye(width, dtype=torch.float64, device=encoded.device)
    product = product.expand(sequences, width, width)
    logs = torch.zeros(sequences, dtype=torch.float64, device=encoded.device)
    for t in range(steps, 0, -1):
        product = _pulled(network, layout, encoded[:, t : t + 1], states[t - 1], product)
        # one factor per sequence keeps the product in range and all ratios as they are
        scale = product.abs().amax((1, 2))
        logs = logs + scale.log()
        safe = torch.where((scale > 0) & scale.isfinite(), scale, torch.ones_like(scale))
        product = product / safe[:, None, None]
    if not product.isfinite().all():
        raise NotMeasurableError("the product of the state's Jacobians is not finite")
    sigma = torch.linalg.svdvals(product)  # (S, n), largest first
    resolved = (sigma > _RESOLVED * sigma[:, :1]).all(0) | (sigma[:, 0] == 0).all()
    found = min(count, int(resolved.long().cumprod(0).sum()))
    exponents = (sigma[:, :found].log() + logs[:, None]) / steps
    return tuple(exponents.mean(0).tolist())


def _growth_by_step(
    network: Network, layout: StateLayout, encoded: Tensor, generator: torch.Generator, count: int
) -> Tensor:
    """Return log |R_ii| of the QR decompositions, from the last step to the second: (T-1, S, p)."""
    states = _trajectory(network, encoded)
    sequences = encoded.shape[0]
    width = _width(layout, states[0])
    start = torch.randn(
        sequences,
        width,
        min(count, width),
        generator=generator,
        dtype=torch.float64,
        device=generator.device,
    )
    directions = torch.linalg.qr(start.to(encoded.device)).Q  # (S, n, p)
    growths = []
    for t in range(encoded.shape[1] - 1, 0, -1):
        seeds = directions.transpose(1, 2)
        pulled = _pulled(network, layout, encoded[:, t : t + 1], states[t - 1], seeds)
        directions, stretch = torch.linalg.qr(pulled.transpose(1, 2))
        growths.append(stretch.diagonal(dim1=-2, dim2=-1).abs().log())  # (S, p)
    return torch.stack(growths)


def _width(layout: StateLayout, state: Any) -> int:
    return int(layout.flatten(state, [tensor for tensor, _ in layout.real(state)]).shape[1])


def _first_sequences(layout: StateLayout, state: Any, count: int) -> Any:
    axes = iter(layout.axes)

    def narrowed(tensor: Tensor) -> Tensor:
        axis = next(axes)
        return tensor if axis is None else tensor.narrow(axis, 0, count)

    return map_state(state, narrowed)


def _trajectory(network: Network, encoded: Tensor) -> list[Any]:
    """Return the state after each step but the last."""
    states: list[Any] = []
    state: Any = None
    with torch.no_grad():
        for t in range(encoded.shape[1] - 1):
            _, state = network.unroll(encoded[:, t : t + 1], state)
            states.append(state)
    return states


def _pulled(
    network: Network, layout: StateLayout, encoded: Tensor, state: Any, seeds: Tensor
) -> Tensor:
    """Multiply seeds (S, p, n) by the Jacobian of one step of the state from the right."""
    rows = seeds.shape[1]
    before = differentiable(map_state(layout.repeat(state, rows), Tensor.detach))
    _, after = network.unroll(encoded.repeat_interleave(rows, 0), before)
    sources = [tensor for tensor, _ in layout.real(before)]
    flat = seeds.flatten(0, 1)  # (S * p, n)
    targets = zip(
        (tensor for tensor, _ in layout.real(after)), layout.unflatten(after, flat), strict=True
    )
    followed = [(tensor, seed) for tensor, seed in targets if tensor.requires_grad]
    if not followed:
        return torch.zeros_like(seeds)
    tensors, parts = zip(*followed, strict=True)
    gradients = torch.autograd.grad(tensors, sources, parts, allow_unused=True)
    return layout.flatten(before, list(gradients)).view(seeds.shape)
