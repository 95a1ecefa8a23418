"""The order of steps in which a backward direction reads right-padded sequences."""

from __future__ import annotations

import torch
from torch import Tensor


def mirrored(x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Return the valid steps in reverse order, with the padding left in place.

    Args:
        x: (B, T, D).
        lengths: (B,) valid steps; ``None`` when all are T.

    Returns:
        The order (B, T) int64, a permutation that is its own inverse, and the mask (B, T, 1) bool
        of the padding; ``None`` without ``lengths``.
    """
    steps = torch.arange(x.shape[1], device=x.device)
    if lengths is None:
        return steps.flip(0).expand(x.shape[0], -1), None
    padded = steps >= lengths[:, None]
    return torch.where(padded, steps, lengths[:, None] - 1 - steps), padded[..., None]


def reordered(x: Tensor, order: Tensor) -> Tensor:
    """Return the steps of x (B, T, D) in the order (B, T)."""
    return x.gather(1, order[..., None].expand(-1, -1, x.shape[2]))
