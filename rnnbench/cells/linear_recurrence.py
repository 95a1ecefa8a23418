"""Linear recurrences with a diagonal transition."""

from __future__ import annotations

import torch
from torch import Tensor


def linear_recurrence(decay: Tensor, drive: Tensor, start: Tensor) -> Tensor:
    """Return h_t = decay_t * h_{t-1} + drive_t for all steps, elementwise.

    Differentiable in all arguments, real or complex.

    Args:
        decay: (B, T, ...), or of a shape that broadcasts to that of ``drive``.
        drive: (B, T, ...).
        start: (B, ...), the state h_0 before the first step.

    Returns:
        (B, T, ...), the states h_1 to h_T.
    """
    decay = decay.expand_as(drive)
    states = []
    for factor, added in zip(decay.unbind(1), drive.unbind(1), strict=True):
        start = torch.addcmul(added, factor, start)
        states.append(start)
    return torch.stack(states, dim=1)
