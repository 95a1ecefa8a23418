"""Which layers of a core run by a compiled step, and the plans for it."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn

from rnnbench.cells.autograd import run_plan
from rnnbench.cells.cell import Cell, State
from rnnbench.cells.checking import check
from rnnbench.cells.compiler import NoCompilerError, decompositions, require_compiler
from rnnbench.cells.partition import partition
from rnnbench.cells.plan import Plan
from rnnbench.cells.refusals import NoPlanError
from rnnbench.cells.states import flat, layout_of, nested
from rnnbench.cells.tracing import trace, weights_of

Key: TypeAlias = tuple[Any, ...]

_plain: ContextVar[bool] = ContextVar("plain", default=False)
_warned: set[str] = set()


@contextmanager
def plain_loops() -> Iterator[None]:
    """Run every cell by its plain loop in this context, for what a compiled step cannot do."""
    token = _plain.set(True)
    try:
        yield
    finally:
        _plain.reset(token)


class Plans:
    """The plans of the layers of a core, by layer and by what a plan is compiled for.

    Copies share the compiled code. A pickled object has no plans.
    """

    def __init__(self) -> None:
        self._plans: dict[Key, Plan] = {}

    def __deepcopy__(self, memo: dict[int, Any]) -> Plans:
        made = Plans()
        made._plans = copy.deepcopy(self._plans, memo)
        return made

    def __getstate__(self) -> dict[str, Any]:
        return {"_plans": {}}

    def __len__(self) -> int:
        return len(self._plans)

    def find(self, index: int, cell: Cell, projected: Tensor, state: State) -> Plan | None:
        """Return the plan for a layer and its inputs, projected (B, T, P), if there is one."""
        return self._plans.get((index, *_key(cell, projected, state))) if self._plans else None

    def make(self, index: int, cell: Cell, x: Tensor, projected: Tensor, state: State) -> Plan:
        """Compile the step of a layer for inputs of these sizes, check it and keep it.

        Args:
            index: of the layer.
            cell: the layer.
            x: (B, T, D).
            projected: (B, T, P), of x.
            state: before the first step.

        Raises:
            NoPlanError: the step cannot be traced, or the compiled step is wrong.
            NoCompilerError: nothing can be compiled here.
        """
        require_compiler(projected.device)
        key = (index, *_key(cell, projected, state))
        _check_projection(cell, x[:, :2])
        try:
            traced = trace(cell, projected[:, 0], state, decompositions())
            plan = Plan(partition(traced))
            check(plan, cell)
        except (NoPlanError, NoCompilerError):
            raise
        # the compiler's passes raise anything
        except Exception as error:
            first = str(error).strip().splitlines()
            raise NoPlanError(
                f"the step cannot be compiled: {first[0] if first else type(error).__name__}"
            ) from error
        self._plans[key] = plan
        return plan


@torch.no_grad()
def _check_projection(cell: Cell, x: Tensor) -> None:
    """Refuse a projection that does not map each step of each sequence by itself."""
    with torch.random.fork_rng(devices=[]):
        usual = cell.project(x)
        turned = cell.project(x.transpose(0, 1).contiguous()).transpose(0, 1)
    if usual.shape != turned.shape or not torch.allclose(
        usual.double(), turned.double(), rtol=1e-2, atol=1e-2 * float(usual.abs().max())
    ):
        raise NoPlanError("project does not map each step of each sequence by itself")


def has_plans(module: nn.Module) -> bool:
    """Return whether a cell in a module may run by a compiled step."""
    return any(
        isinstance(plans, Plans) and len(plans) > 0
        for each in module.modules()
        for plans in [getattr(each, "plans", None)]
    )


def applicable() -> bool:
    """Return whether a compiled step may run here.

    Transformations of functions (``torch.func``), forward-mode derivatives, and modes that watch
    each operation see nothing of a compiled step.
    """
    return not (
        _plain.get()
        or torch._C._functorch.peek_interpreter_stack() is not None
        or torch.autograd.forward_ad._current_level >= 0
        or torch._C._len_torch_dispatch_stack()
        or torch.compiler.is_compiling()
    )


def run(plan: Plan, cell: Cell, projected: Tensor, state: State) -> tuple[Tensor, State]:
    """Run a plan over projected inputs (T, B, P); return outputs (B, T, O) and the new state."""
    signature = plan.parts.traced.signature
    tensors = [each.to(like.dtype) for each, like in zip(flat(state), signature.state, strict=True)]
    weights = weights_of(cell)
    outputs, after = run_plan(plan, projected, tensors, weights)
    return outputs.transpose(0, 1), nested(layout_of(state), after)


def warn_once(reason: str) -> None:
    """Warn that cells run by their plain loop, once for each reason in a process."""
    if reason not in _warned:
        _warned.add(reason)
        warnings.warn(f"cells run by their plain loop: {reason}", RuntimeWarning, stacklevel=3)


def _key(cell: Cell, projected: Tensor, state: State) -> Key:
    """Return what a plan is compiled for; the number of steps is none of it."""
    device = projected.device.type
    autocast = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else None
    return (
        projected.shape[0],
        *projected.shape[2:],
        projected.dtype,
        projected.device,
        autocast,
        _sizes(flat(state)),
        _sizes(cell.parameters()),
        _sizes(cell.buffers()),
        torch.get_num_threads(),
    )


def _sizes(tensors: Any) -> tuple[Any, ...]:
    return tuple((each.shape, each.stride(), each.dtype) for each in tensors)
