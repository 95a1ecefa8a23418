"""Linear maps between real vectors and complex states.

A complex parameter is stored as real pairs: the last axis, of length 2, holds real and imaginary
part. So is the state that a core returns.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def pairs(x: Tensor) -> Tensor:
    """Return the real pairs (..., 2) of a complex tensor."""
    return torch.view_as_real(x)


def from_pairs(x: Tensor) -> Tensor:
    """Return the complex tensor of real pairs (..., 2).

    Half precision, from products under autocast, becomes single: it has no complex form.
    """
    return torch.view_as_complex(x.to(torch.promote_types(x.dtype, torch.float32)).contiguous())


def into_state(x: Tensor, weight: Tensor) -> Tensor:
    """Return W x, complex (..., N), for real x (..., H) and complex W (N, H)."""
    stacked = torch.view_as_real(weight).transpose(1, 2).flatten(0, 1)  # (2N, H)
    mapped = F.linear(x, stacked)
    return from_pairs(mapped.view(*mapped.shape[:-1], -1, 2))


def out_of_state(state: Tensor, weight: Tensor) -> Tensor:
    """Return Re(W s), real (..., H), for complex s (..., N) and complex W (H, N)."""
    stacked = torch.view_as_real(weight.conj().resolve_conj()).flatten(1)  # (H, 2N)
    return F.linear(torch.view_as_real(state).flatten(-2), stacked)


def log_uniform(count: int, low: float, high: float) -> Tensor:
    """Draw logarithms, uniform between those of two positive numbers."""
    lower, upper = torch.tensor([low, high]).log()
    return torch.empty(count).uniform_(float(lower), float(upper))
