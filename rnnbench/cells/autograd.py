"""The loop of compiled steps as a function that autograd knows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from rnnbench.cells.plan import Plan
from rnnbench.cells.run import Run

NAME = "rnnbench::compiled_steps"
"""Name of the loop in a profile."""


class _Loop(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, plan: Plan, projected: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        states = plan.states
        with torch.autocast(projected.device.type, enabled=False):
            run = plan.forward(projected, rest[:states], rest[states:], keep=True)
        ctx.plan, ctx.lease = plan, run.lease
        projections = [] if run.projected is None else [run.projected]
        groups = (projections, run.slots, run.kept, run.weights, run.fixed)
        ctx.steps, ctx.counts = run.steps, [len(each) for each in groups]
        ctx.save_for_backward(*(each for group in groups for each in group))
        ctx.mark_non_differentiable(*(each for each in run.final if not each.is_floating_point()))
        assert run.output is not None
        return (run.output, *run.final)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "a compiled step has no second derivative; build the model with impl=reference."
            )
        plan: Plan = ctx.plan
        saved = ctx.saved_tensors
        groups = []
        for count in ctx.counts:
            groups.append(saved[:count])
            saved = saved[count:]
        (projected,) = groups[0] or [None]
        slots, kept, weights_then, fixed = groups[1:]
        run = Run(ctx.steps, projected, slots, kept, weights_then, fixed, lease=ctx.lease)
        needs = ctx.needs_input_grad[1:]
        states, weights = needs[1 : 1 + plan.states], needs[1 + plan.states :]
        with torch.autocast(gradients[0].device.type, enabled=False):
            own, before, found = plan.backward(
                run, gradients[0], gradients[1:], weights[: plan.weights]
            )
        buffers = [None] * (len(weights) - plan.weights)
        return (
            None,
            own if needs[0] else None,
            *(each if need else None for each, need in zip(before, states, strict=True)),
            *found,
            *buffers,
        )


def run_plan(
    plan: Plan, projected: Tensor, state: Sequence[Tensor], weights: Sequence[Tensor]
) -> tuple[Tensor, list[Tensor]]:
    """Run the loop; return the outputs (T, B, O) and the state after the last step.

    Args:
        plan: for these shapes.
        projected: (T, B, P).
        state: before the first step.
        weights: parameters and buffers of the cell, in order.
    """
    projected = projected.contiguous()
    with torch.autograd.profiler.record_function(NAME):
        if torch.is_grad_enabled() and any(
            each.requires_grad for each in (projected, *state, *weights)
        ):
            output, *final = _Loop.apply(  # type: ignore[no-untyped-call]
                plan, projected, *state, *weights
            )
            return output, final
        with torch.no_grad(), torch.autocast(projected.device.type, enabled=False):
            run = plan.forward(projected, state, weights, keep=False)
        assert run.output is not None
        return run.output, list(run.final)
