"""The initial step sizes of state-space models."""

from __future__ import annotations

import math

import torch
from torch import Tensor

SHORTEST, LONGEST = 1e-3, 1e-1
_FLOOR = 1e-4


def step_size_bias(count: int) -> Tensor:
    """Draw biases (count,) whose softplus is log-uniform from 0.001 to 0.1 (Gu & Dao 2023)."""
    sizes = torch.empty(count).uniform_(math.log(SHORTEST), math.log(LONGEST)).exp()
    sizes = sizes.clamp(min=_FLOOR)
    return sizes + torch.log(-torch.expm1(-sizes))  # the inverse of softplus
