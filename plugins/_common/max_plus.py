"""The running maximum with decay, which stabilises exponential gates."""

from __future__ import annotations

import torch
from torch import Tensor


def max_plus_scan(added: Tensor, least: Tensor, start: Tensor) -> Tensor:
    """Return m_t = max(m_{t-1} + added_t, least_t) for all steps.

    By doubling (Hillis & Steele 1986): after k rounds each step holds the map of the last 2^k
    steps, m -> max(m + sum of added, largest end of a segment). Sums are never subtracted.

    Args:
        added: (B, T, ...).
        least: (B, T, ...).
        start: (B, ...), m_0.

    Returns:
        (B, T, ...), m_1 to m_T.
    """
    steps = added.shape[1]
    reach = 1
    while reach < steps:
        earlier_added, earlier_least = added[:, :-reach], least[:, :-reach]
        joined = torch.maximum(earlier_least + added[:, reach:], least[:, reach:])
        least = torch.cat([least[:, :reach], joined], dim=1)
        added = torch.cat([added[:, :reach], added[:, reach:] + earlier_added], dim=1)
        reach *= 2
    return torch.maximum(start.unsqueeze(1) + added, least)
