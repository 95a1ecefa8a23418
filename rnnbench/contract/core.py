"""The contract of a core, and functions on its outputs and its state.

- ``core(input_size, hidden_size, **options)`` builds it; ``core.output_size`` declares its output
  width O where that is not ``hidden_size``.
- ``core(x, state=None) -> (outputs, state)`` with ``x`` (B, T, input_size) and ``outputs`` (B, T,
  O). ``state=None`` starts fresh; passing the returned state back continues the sequence exactly.
  The state is a tensor or a (nested) tuple, list or dict of tensors.
- A non-causal core takes ``core(x, state=None, lengths=None)``, ``lengths`` (B,) int64, and lets no
  padding leak into a valid step. A causal core may take ``lengths`` too, for its own users; the
  harness does not pass it, since right padding cannot reach an earlier step.
- Optional ``core.forward_last(x, lengths=None) -> (B, O)``: what a prediction made once, at the end
  of the sequence, is read from. Without it that is the output at the last valid step.
- Optional ``core.plots(x, lengths=None) -> sequence of rnnbench.Plot``: what the report may
  show of a trained core, for the first sequence of ``x``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


def output_size(core: nn.Module, hidden_size: int) -> int:
    """Return the declared output width O of a core."""
    return int(getattr(core, "output_size", hidden_size))


def last_valid(outputs: Tensor, lengths: Tensor | None) -> Tensor:
    """Pick each sequence's output at its last valid step: (B, T, O) -> (B, O)."""
    if lengths is None:
        return outputs[:, -1]
    index = (lengths - 1).view(-1, 1, 1).expand(-1, 1, outputs.shape[-1])
    return outputs.gather(1, index).squeeze(1)


def padding_mask(lengths: Tensor, steps: int) -> Tensor:
    """Return (B, T) bool, true at the steps beyond each sequence's end, for ``steps`` = T."""
    return torch.arange(steps, device=lengths.device) >= lengths[:, None]


def state_tensors(state: Any) -> list[Tensor]:
    """Return the tensors of a state in a fixed order, whatever nesting of tuples, lists and dicts
    holds them.
    """
    if isinstance(state, Tensor):
        return [state]
    if isinstance(state, dict):
        return [tensor for key in sorted(state) for tensor in state_tensors(state[key])]
    if isinstance(state, tuple | list):
        return [tensor for part in state for tensor in state_tensors(part)]
    return []


def map_state(state: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Return a state of the same nesting with every tensor changed, visited in the order of
    :func:`state_tensors`.
    """
    if isinstance(state, Tensor):
        return change(state)
    if isinstance(state, dict):
        return {key: map_state(state[key], change) for key in sorted(state)}
    if isinstance(state, tuple) and hasattr(state, "_fields"):
        return type(state)(*(map_state(part, change) for part in state))
    if isinstance(state, tuple | list):
        return type(state)(map_state(part, change) for part in state)
    return state


def state_size(state: Any, batch_size: int) -> int:
    """Count the numbers that a state carries per sequence."""
    return sum(tensor.numel() for tensor in state_tensors(state)) // max(1, batch_size)
