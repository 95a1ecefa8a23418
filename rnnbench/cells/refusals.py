"""What the step of a cell must not do for the fast path, said in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from rnnbench.cells.cell import Cell
from rnnbench.cells.states import Layout, flat, layout_of


class NoPlanError(Exception):
    """The fast path does not apply to a cell; the message is a clause that says why."""


def check_results(layout: Layout, before: Sequence[Tensor], output: Any, after: Any) -> None:
    """Refuse what a step returned, by the layout and the tensors of the state before it."""
    if not isinstance(output, Tensor) or not len(output.shape):
        raise NoPlanError("the step does not return a tensor (B, O) and the new state")
    if layout.others:
        raise NoPlanError("the state holds something other than tensors; use tensors alone")
    if layout_of(after) != layout:
        raise NoPlanError(
            "the step changes the nesting of its state; "
            "return tuples, lists and dicts as they are given"
        )
    for number, (old, new) in enumerate(zip(before, flat(after), strict=True)):
        name = f"tensor {number} of its state" if len(before) > 1 else "its state"
        if old.shape != new.shape:
            raise NoPlanError(
                f"the step changes the shape of {name} from {tuple(old.shape)} to "
                f"{tuple(new.shape)}; return the shape of initial_state"
            )
        if old.dtype != new.dtype:
            raise NoPlanError(
                f"the step changes the data type of {name} from {_name(old.dtype)} to "
                f"{_name(new.dtype)}; make initial_state return it, "
                "e.g. by projected.new_zeros"
            )
        if old.is_complex():
            raise NoPlanError("its state is complex; hold real and imaginary part as two tensors")


@contextmanager
def watched(cell: Cell) -> Iterator[None]:
    """Refuse a cell that changes its own attributes in a step, and undo the change."""
    before = [(module, dict(vars(module))) for module in cell.modules()]
    held = [
        (module, name, dict(getattr(module, name)))
        for module, _ in before
        for name in ("_buffers", "_parameters")
    ]
    try:
        yield
        for module, values in before:
            for name, value in vars(module).items():
                if name not in values or values[name] is not value:
                    raise NoPlanError(
                        f"the step sets self.{name}; hold what a step passes on in the state"
                    )
        for module, store, values in held:
            for name, value in getattr(module, store).items():
                if values.get(name) is not value:
                    raise NoPlanError(
                        f"the step sets self.{name}; hold what a step passes on in the state"
                    )
    finally:
        for module, values in before:
            vars(module).clear()
            vars(module).update(values)
        for module, store, values in held:
            getattr(module, store).clear()
            getattr(module, store).update(values)


def why_not_traced(error: Exception) -> str:
    """Return the clause that says what kept a step from being traced."""
    names = {type(each).__name__ for each in (error, error.__cause__, error.__context__)}
    if names & {"DataDependentOutputException", "GuardOnDataDependentSymNode"}:
        return (
            "the step branches on values or reads them (if, float(), .item()); "
            "use torch.where or a mask"
        )
    if "DynamicOutputShapeException" in names:
        return "the shape of a tensor in the step depends on values; use torch.where or a mask"
    if "in-place operation" in str(error):
        return (
            "the step changes its input, its state or a parameter in place; "
            "use the operation that returns a new tensor"
        )
    first = str(error).strip().rstrip(".").splitlines()
    return f"the step cannot be traced: {first[0] if first else type(error).__name__}"


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
