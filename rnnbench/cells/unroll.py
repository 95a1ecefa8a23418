"""The plain loop over time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


def unroll(
    step: Callable[[Tensor, Any], tuple[Tensor, Any]], projected: Tensor, state: Any
) -> tuple[Tensor, Any]:
    """Apply a step to each of the projected inputs (B, T, P), in order.

    Returns:
        The outputs (B, T, O) and the state after the last step.
    """
    outputs = []
    for each in projected.unbind(1):
        output, state = step(each, state)
        outputs.append(output)
    return torch.stack(outputs, dim=1), state
