"""Contract of a core, with functions on its outputs and its state.

- ``core(input_size, hidden_size, **options)`` builds a core. ``core.output_size`` declares an
  output width O other than ``hidden_size``.
- Optional: a parameter ``depth`` or ``layer`` without a default is no option. The harness passes
  the number of cores in the network, each above the one before, and this one's place, from 0.
- Optional: ``core.receptive_field`` declares the number of last inputs, its own included, that an
  output depends on, where that is fixed.
- ``core(x, state=None) -> (outputs, state)`` with ``x`` (B, T, input_size) and ``outputs`` (B, T,
  O). ``state=None`` is a fresh state; passing the returned state back continues the sequence
  exactly. A state is a tensor or a (nested) tuple, list or dict of tensors.
- A non-causal core takes ``core(x, state=None, lengths=None)`` with ``lengths`` (B,) int64. Its
  outputs at valid steps do not depend on padding. A causal core may take ``lengths`` too; the
  harness does not pass it, since right padding cannot affect an earlier step.
- Optional: ``core.forward_last(x, lengths=None) -> (B, O)`` computes the decoder's input for tasks
  with steps ``"last"``. Without it that is the output at the last valid step.
- Optional: ``core.plots(x, lengths=None)`` returns a sequence of ``rnnbench.Plot`` of a trained
  core for the report, for the first sequence of ``x``.
- Optional: ``core.parameter_groups()`` returns a sequence of ``rnnbench.ParameterGroup``: names of
  the core's parameters with a factor on the learning rate and a weight decay of their own. It is
  called once, before the first step.
- Optional: ``core.prepare(x, steps)`` is called once before any clock, with inputs ``x`` (B, T,
  input_size) of the size that is about to be trained on, and the number of optimizer steps;
  ``None`` where the core is about to be timed. It may compile, and changes neither results beyond
  rounding nor random numbers. The line of text that it returns states how the core will run; it is
  recorded.
- Optional: ``core.after_step()`` changes weights in place after each optimizer step, without
  gradient (projection, clamping). Applied twice it gives what it gives once.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

M = TypeVar("M", bound=nn.Module)


def output_size(core: nn.Module, hidden_size: int) -> int:
    """Return the output width O of a core: its ``output_size`` if declared, or ``hidden_size``."""
    return int(getattr(core, "output_size", hidden_size))


def receptive_field(core: nn.Module) -> int | None:
    """Return how many of the last inputs an output depends on, as declared; ``None``: any."""
    declared = getattr(core, "receptive_field", None)
    return None if declared is None else int(declared)


def last_valid(outputs: Tensor, lengths: Tensor | None) -> Tensor:
    """Return the outputs at the last valid steps: (B, T, O) -> (B, O).

    Args:
        outputs: (B, T, O).
        lengths: (B,) int64 valid steps, at least 1; ``None`` when all are T.
    """
    if lengths is None:
        return outputs[:, -1]
    index = (lengths - 1).view(-1, 1, 1).expand(-1, 1, outputs.shape[-1])
    return outputs.gather(1, index).squeeze(1)


def padding_mask(lengths: Tensor, steps: int) -> Tensor:
    """Return a mask (B, T) bool that is true on padding, for lengths (B,) and ``steps`` = T."""
    return torch.arange(steps, device=lengths.device) >= lengths[:, None]


def state_tensors(state: Any) -> list[Tensor]:
    """Return the tensors of a (nested) state in a fixed order; dicts are sorted by key."""
    if isinstance(state, Tensor):
        return [state]
    if isinstance(state, dict):
        return [tensor for key in sorted(state) for tensor in state_tensors(state[key])]
    if isinstance(state, tuple | list):
        return [tensor for part in state for tensor in state_tensors(part)]
    return []


def map_state(state: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """Return a copy of a state with ``change`` applied to every tensor.

    Tensors are visited in the order of :func:`state_tensors`; the nesting is kept.
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


def floating_dtype(module: nn.Module) -> torch.dtype:
    """Return the data type of a module's real parameters; float32 if it has none."""
    real = (each.dtype for each in module.parameters() if each.is_floating_point())
    return next(real, torch.float32)


def to_double(module: M) -> M:
    """Convert a module to float64 and, unlike ``module.double()``, to complex128; return it."""
    module.double()
    for tensors in (module.named_parameters(), module.named_buffers()):
        for _, tensor in tensors:
            if tensor.is_complex():
                tensor.data = tensor.data.to(torch.complex128)
    return module


def copied(module: M) -> M:
    """Return a deep copy of a module.

    A tensor that the module has computed from its parameters (``weight_norm``), which torch does
    not copy, is a constant in the copy until its next forward pass.
    """
    memo: dict[int, Any] = {}
    for part in module.modules():
        for value in vars(part).values():
            held = state_tensors(value) if isinstance(value, Tensor | list | tuple) else []
            memo.update((id(each), each.detach().clone()) for each in held if not each.is_leaf)
    # TorchScript copies a parameter as the result of an operation or, without a graph, a constant.
    with torch.no_grad():
        made = copy.deepcopy(module, memo)
    for own, original in zip(made.parameters(), module.parameters(), strict=True):
        own.requires_grad_(original.requires_grad)
    return made


def state_size(state: Any, batch_size: int) -> int:
    """Return the number of values that a state holds per sequence."""
    return sum(tensor.numel() for tensor in state_tensors(state)) // max(1, batch_size)
