"""Estimated seconds of a training by the plain loop and by a compiled step.

Whether a step is compiled must not depend on the machine or on its load: compiled code rounds
otherwise, so that a decision by the clock would change results from run to run. The estimate
counts operations and the numbers that they compute. Its constants are those of one core of a
server; ``python -m benchmarks --only cells`` prints the measured and the estimated seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from rnnbench.cells.cell import Cell, State
from rnnbench.cells.states import flat

START_UP = 20.0
"""Seconds to import the compiler, to trace and to compile a step that no process compiled yet.

Measured 8 to 28 s on two loaded cores; 3 to 4 s where the code is in the cache.
"""
OPERATION = 4.5e-6
"""Seconds of one operation of torch by the plain loop, with autograd's share."""
NUMBER = 0.9e-9
"""Seconds for each number that an elementwise operation computes."""
PRODUCT = 1e-11
"""Seconds for each floating-point operation of a matrix product."""
CALL = 8e-6
"""Seconds to call the compiled forward or backward step."""
COMPILED_NUMBER = 0.35e-9
"""Seconds for each number that an elementwise operation computes, in compiled code."""

_PRODUCTS = frozenset({"mm", "addmm", "bmm", "baddbmm", "mv", "dot"})


@dataclass(frozen=True)
class Counts:
    """Operations of one step and its gradient.

    Attributes:
        operations: number of operations.
        numbers: numbers that those other than products compute.
        flops: floating-point operations of the products.
    """

    operations: int
    numbers: int
    flops: int

    @property
    def plain_seconds(self) -> float:
        """Estimated seconds of a step and its gradient in the plain loop."""
        return self.operations * OPERATION + self.numbers * NUMBER + self.flops * PRODUCT

    @property
    def compiled_seconds(self) -> float:
        """Estimated seconds of the compiled step and its adjoint."""
        return 2 * CALL + self.numbers * COMPILED_NUMBER + self.flops * PRODUCT


class _Counter(TorchDispatchMode):  # type: ignore[no-untyped-call]
    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.operations = self.numbers = self.flops = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        del types
        result = func(*args, **(kwargs or {}))
        self.operations += 1
        if func.is_view:
            return result
        results = result if isinstance(result, tuple | list) else [result]
        computed = sum(each.numel() for each in results if isinstance(each, Tensor))
        if func._schema.name.removeprefix("aten::") in _PRODUCTS:
            matrices = [each for each in args if isinstance(each, Tensor)]
            self.flops += 2 * computed * matrices[-1].shape[-2 if matrices[-1].ndim > 1 else -1]
        else:
            self.numbers += computed
        return result


def count(cell: Cell, projected: Tensor, state: State) -> Counts:
    """Count the operations of one step and of its gradient, by running them.

    Args:
        cell: left unchanged.
        projected: (B, P).
        state: the state before the first step.
    """
    counter = _Counter()
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        projected = projected.detach().requires_grad_(projected.is_floating_point())
        # what the parameters alone decide is computed once for all steps
        weights = {
            name: each.detach().requires_grad_(each.is_floating_point())
            for name, each in cell.weights().items()
        }
        with counter:
            output, after = cell.step(projected, state, **weights)
            results = [
                each
                for each in {id(each): each for each in (output, *flat(after))}.values()
                if each.requires_grad
            ]
            inputs = [
                projected,
                *(each for each in weights.values() if each.requires_grad),
                *(each for each in cell.parameters() if each.requires_grad),
            ]
            if results:
                torch.autograd.grad(
                    results,
                    inputs,
                    [torch.ones_like(each) for each in results],
                    allow_unused=True,
                )
    return Counts(counter.operations, counter.numbers, counter.flops)
