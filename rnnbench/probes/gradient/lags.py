"""Aggregate gradients per time step into sums of norms per lag."""

from __future__ import annotations

import torch
from torch import Tensor

LONGEST = 1000
"""Time steps measured at most, the last ones of a sequence; bounds time and memory."""
STEPS_PER_PASS = 16_384
"""Sequences times time steps per backward pass; bounds the peak memory."""


def last_steps(
    inputs: Tensor, lengths: Tensor | None, longest: int = LONGEST
) -> tuple[Tensor, Tensor]:
    """Cut each sequence to its last ``longest`` valid steps.

    Args:
        inputs: (B, T) or (B, T, D), right-padded.
        lengths: (B,) int64; ``None`` when all are T.
        longest: number of steps to keep.

    Returns:
        Inputs (B, T') or (B, T', D), T' the longest of the new lengths, and the lengths (B,).
    """
    if lengths is None:
        lengths = torch.full((inputs.shape[0],), inputs.shape[1], device=inputs.device)
    lengths = lengths.to(inputs.device)
    kept = lengths.clamp_max(longest)
    steps = torch.arange(int(kept.max()), device=inputs.device)
    index = (lengths - kept)[:, None] + steps  # (B, T')
    index = index.clamp_max(inputs.shape[1] - 1)
    return inputs[torch.arange(inputs.shape[0], device=inputs.device)[:, None], index], kept


def norms(gradients: Tensor) -> Tensor:
    """Return Euclidean norms over the last axis: (..., D) -> (...).

    Values are scaled by the largest entry first, because squares of float64 underflow below 1e-162.
    """
    scale = gradients.abs().amax(-1, keepdim=True)
    safe = torch.where((scale > 0) & scale.isfinite(), scale, torch.ones_like(scale))
    scaled: Tensor = safe.squeeze(-1) * torch.linalg.vector_norm(gradients / safe, dim=-1)
    return scaled


def sum_by_lag(
    values: Tensor, origin: Tensor, lengths: Tensor, direction: int = -1
) -> tuple[Tensor, Tensor]:
    """Sum values over the sequences that have each lag.

    Args:
        values: (B, T), one value per time step.
        origin: (B,) int64, the step of lag 0.
        lengths: (B,) valid steps.
        direction: -1 for lags into the past, 1 into the future.

    Returns:
        Sums (T,) and numbers of sequences (T,) at lags 0 .. T-1.
    """
    lag = torch.arange(values.shape[1], device=values.device)
    steps = origin[:, None] + direction * lag  # (B, T)
    exists = (steps >= 0) & (steps < lengths[:, None])
    found = values.gather(1, steps.clamp(0, values.shape[1] - 1))
    return torch.where(exists, found, 0.0).sum(0), exists.sum(0)


def passes(sequences: int, length: int) -> list[slice]:
    """Split sequences into slices of at most ``STEPS_PER_PASS`` time steps in all."""
    size = max(1, STEPS_PER_PASS // max(1, length))
    return [slice(start, start + size) for start in range(0, sequences, size)]


def unit_vectors(
    count: int, width: int, generator: torch.Generator, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Draw vectors uniform on the unit sphere: (count, width)."""
    drawn = torch.randn(count, width, generator=generator, dtype=dtype, device=generator.device)
    on_sphere: Tensor = drawn / drawn.norm(dim=-1, keepdim=True)
    return on_sphere


def spread_over(count: int, most: int, *, logarithmic: bool = False) -> list[int]:
    """Return at most ``most`` of the indices 0 .. count - 1, both ends included.

    They are evenly spaced, or evenly spaced in the logarithm of index + 1.
    """
    if count <= most:
        return list(range(count))
    if most < 2:
        return list(range(most))
    if not logarithmic:
        return sorted({round(i * (count - 1) / (most - 1)) for i in range(most)})
    spaced = {round(count ** (i / (most - 1))) - 1 for i in range(most)}
    # small indices coincide; the gaps are filled from the bottom
    rest = [index for index in range(count) if index not in spaced]
    return sorted(spaced | set(rest[: most - len(spaced)]))
