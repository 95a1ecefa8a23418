"""Comparison of a plan with the plain loop on random numbers, before the plan is used."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor

from rnnbench.cells.autograd import run_plan
from rnnbench.cells.cell import Cell
from rnnbench.cells.plan import Plan
from rnnbench.cells.refusals import NoPlanError
from rnnbench.cells.states import flat, nested
from rnnbench.cells.tracing import derived_weights, weights_of
from rnnbench.cells.unroll import unroll

STEPS = (1, 2, 3, 5)
"""Numbers of steps that are compared: errors at a border show at few steps."""
ROUNDINGS = 2000.0
"""Largest difference, in roundings of the largest number of a tensor."""
_LOW_PRECISION = 0.1


def check(plan: Plan, cell: Cell) -> None:
    """Compare outputs, final states and all gradients of a plan with those of the plain loop.

    Raises:
        NoPlanError: something differs by more than rounding.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        epsilon = _epsilon(plan)
        for steps in STEPS:
            names, expected = _results(plan, cell, steps, fast=False)
            _, found = _results(plan, cell, steps, fast=True)
            for name, one, two in zip(names, expected, found, strict=True):
                _compare(name, one, two, steps, epsilon)


def _epsilon(plan: Plan) -> float:
    """Return the rounding of the least precise data type that a step computes in."""
    dtypes = {
        value.dtype
        for node in plan.parts.traced.graph.nodes
        if isinstance(value := node.meta.get("val"), Tensor) and value.is_floating_point()
    }
    return max((torch.finfo(each).eps for each in dtypes), default=0.0)


def _compare(
    name: str, expected: Tensor | None, found: Tensor | None, steps: int, epsilon: float
) -> None:
    if expected is None or found is None:
        given = expected if found is None else found
        if given is not None and bool(given.ne(0).any()):
            raise NoPlanError(f"the compiled step loses {name} after {steps} steps")
        return
    bound = min(ROUNDINGS * epsilon, _LOW_PRECISION)
    one, two = expected.double(), found.double()
    if not bool(one.isfinite().all()):
        return
    error = float((one - two).abs().max()) if one.numel() else 0.0
    scale = float(one.abs().max()) if one.numel() else 0.0
    if not error <= bound * max(scale, 1e-3):
        raise NoPlanError(
            f"the compiled step differs from the plain loop in {name} after {steps} steps "
            f"(by {error:.2g} of {scale:.2g})"
        )


def _results(
    plan: Plan, cell: Cell, steps: int, *, fast: bool
) -> tuple[list[str], list[Tensor | None]]:
    """Run plan or plain loop, equal numbers for both; return all results with their names."""
    signature = plan.parts.traced.signature
    generator = torch.Generator().manual_seed(steps)

    def drawn(like: Tensor, *leading: int) -> Tensor:
        shape = (*leading, *like.shape)
        if not like.is_floating_point():
            return torch.ones(shape, dtype=like.dtype, device=like.device)
        values = torch.randn(shape, generator=generator, dtype=torch.float64)
        return values.to(like.device, like.dtype).requires_grad_()

    with torch.enable_grad():
        projected = drawn(signature.projected, steps)
        state = [drawn(each) for each in signature.state]
        derived = {
            name: each.detach().requires_grad_(each.is_floating_point())
            for name, each in derived_weights(cell).items()
        }
        weights = {
            name: each
            for name, each in (*cell.named_parameters(), *derived.items())
            if each.requires_grad
        }
        if fast:
            outputs, after = run_plan(plan, projected, state, weights_of(cell, derived))
        else:
            outputs, nested_after = unroll(
                partial(cell.step, **derived),
                projected.transpose(0, 1),
                nested(signature.layout, state),
            )
            outputs, after = outputs.transpose(0, 1), flat(nested_after)
        results = [each for each in (outputs, *after) if each.requires_grad]
        tangents = [drawn(each).detach() for each in results]
        floating = [each for each in state if each.requires_grad]
        gradients: Sequence[Tensor | None] = (
            torch.autograd.grad(
                results, [projected, *floating, *weights.values()], tangents, allow_unused=True
            )
            if results
            else ()
        )
    names = ["the outputs", *("the final state" for _ in after)]
    if gradients:
        names += [
            "the gradient of the projected input",
            *("the gradient of the initial state" for _ in floating),
            *(f"the gradient of {name}" for name in weights),
        ]
    return names, [outputs.detach(), *(each.detach() for each in after), *gradients]
