"""A loop over time of compiled steps, with its backward pass."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import torch
from torch import Tensor, fx

from rnnbench.cells.compiler import Compiled, compile_graph
from rnnbench.cells.deferred import evaluate
from rnnbench.cells.partition import Partition, Source

aten = torch.ops.aten

NAME = "rnnbench::compiled_steps"
"""Name of the loop in a profile."""


class Plan:
    """The partition of a step with compiled graphs, for any number of steps.

    All tensors of steps are time-major, (T, B, ...), so that each step reads and writes contiguous
    memory. The compiled forward step writes the state and what the adjoint needs into their places
    in tensors for all steps, the adjoint what the gradients need.

    Args:
        parts: of the step.
        compiled: whether the graphs are compiled, else they are run by torch, one operation after
            the other.
    """

    def __init__(self, parts: Partition, *, compiled: bool = True) -> None:
        self.parts = parts
        signature = parts.traced.signature
        self._states = len(signature.state)
        self._weights = len(signature.weights)
        self._fixed = _subgraph(parts, parts.fixed)
        build = compile_graph if compiled else _interpreted
        forward, examples, self._forward_inputs = _writing_forward(parts)
        self._forward = build(forward, examples)
        adjoint, examples = _writing_adjoint(parts)
        self._adjoint = build(adjoint, examples)
        self._state_gradients = [
            each is not None for each in parts.traced.gradients[1 : 1 + self._states]
        ]
        self._kept_states = self._which_states_are_kept()

    def __deepcopy__(self, memo: dict[int, Any]) -> Plan:
        # it never changes
        return self

    def _which_states_are_kept(self) -> list[bool]:
        used = {*self.parts.adjoint_sources, self.parts.output, *map(self._source, self._factors())}
        return [
            ("before", number) in used or ("after", number) in used
            for number in range(self._states)
        ]

    def _factors(self) -> list[fx.Node]:
        from rnnbench.cells.partition import _factors

        return [each for each in _factors(self.parts.gradients)]

    def _source(self, node: fx.Node) -> Source | None:
        return self.parts.sources.get(node)

    def forward(
        self, projected: Tensor, state: Sequence[Tensor], weights: Sequence[Tensor], *, keep: bool
    ) -> Run:
        """Run the loop.

        Args:
            projected: (T, B, P), contiguous.
            state: before the first step.
            weights: parameters and buffers.
            keep: whether what the backward pass needs is kept.
        """
        count = projected.shape[0]
        parts = self.parts
        fixed = self._fixed(weights) if self._fixed is not None else []
        slots: list[Tensor] = []
        places: list[Sequence[Tensor]] = []
        for before, kept in zip(state, self._kept_states, strict=True):
            own = keep and kept
            is_output = parts.output[0] in ("before", "after")
            size = count + 1 if own or (kept and is_output) else 2
            slot = before.new_empty((size, *before.shape))
            slot[0].copy_(before)
            slots.append(slot)
            every = slot.unbind(0)
            places.append(
                every if size > 2 or count == 1 else (every * (count // 2 + 1))[: count + 1]
            )
        kept_values: list[Tensor] = []
        kept_places: list[Iterable[Tensor]] = []
        for number, node in enumerate(parts.kept):
            example = node.meta["val"]
            own = keep or parts.output == ("kept", number)
            value = projected.new_empty((count if own else 1, *example.shape), dtype=example.dtype)
            kept_values.append(value)
            kept_places.append(value.unbind(0) if own else repeat(value[0]))
        columns: list[Iterable[Tensor]] = [
            projected.unbind(0),
            *(each[:-1] for each in places),
            *(repeat(each) for each in weights),
            *(repeat(each) for each in fixed),
        ]
        columns = [columns[number] for number in self._forward_inputs]
        columns += [each[1:] for each in places]
        columns += kept_places
        step = self._forward
        for _, *given in zip(range(count), *columns, strict=False):
            step(given)
        final = [each[count].clone() for each in places]
        run = Run(projected, slots, kept_values, list(weights), fixed)
        run.output = self.steps(run, parts.output)
        run.final = final
        return run

    def steps(self, run: Run, source: Source) -> Tensor:
        """Return the values (T, ...) of a source in all steps."""
        kind, number = source
        if kind == "projected":
            return run.projected
        if kind == "before":
            return run.slots[number][:-1]
        if kind == "after":
            return run.slots[number][1:]
        if kind == "kept":
            return run.kept[number]
        value = run.weights[number] if kind == "weight" else run.fixed[number]
        return value.expand(run.projected.shape[0], *value.shape)

    def backward(
        self,
        run: Run,
        output_gradient: Tensor,
        state_gradients: Sequence[Tensor],
        wanted: Sequence[bool],
    ) -> tuple[Tensor | None, list[Tensor | None], list[Tensor | None]]:
        """Return the gradients of the projected inputs, the state and the weights.

        Args:
            run: the forward pass, with everything kept.
            output_gradient: (T, B, O).
            state_gradients: of the state after the last step.
            wanted: whether the gradient of a weight is computed.
        """
        parts = self.parts
        count = run.projected.shape[0]
        columns: list[Iterable[Tensor]] = []
        for kind, number in parts.adjoint_sources:
            if kind == "weight":
                columns.append(repeat(run.weights[number]))
            elif kind == "fixed":
                columns.append(repeat(run.fixed[number]))
            else:
                columns.append(self.steps(run, (kind, number)).unbind(0)[::-1])
        columns.append(output_gradient.contiguous().unbind(0)[::-1])
        stacks: dict[fx.Node, Tensor] = {}
        for node in parts.stacked:
            example = node.meta["val"]
            stacks[node] = output_gradient.new_empty((count, *example.shape), dtype=example.dtype)
            columns.append(stacks[node].unbind(0)[::-1])
        sums: dict[fx.Node, Tensor] = {}
        for node in parts.summed:
            example = node.meta["val"]
            sums[node] = output_gradient.new_zeros(example.shape, dtype=_sum_dtype(example.dtype))
            columns.append(repeat(sums[node]))
        gradients: Sequence[Tensor] = [each.contiguous() for each in state_gradients]
        step = self._adjoint
        if all(self._state_gradients):
            for _, *given in zip(range(count), *columns, strict=False):
                gradients = step([*given, *gradients])
        else:
            zeros = [torch.zeros_like(each) for each in gradients]
            for _, *given in zip(range(count), *columns, strict=False):
                found = iter(step([*given, *gradients]))
                gradients = [
                    next(found) if each else zero
                    for each, zero in zip(self._state_gradients, zeros, strict=True)
                ]
        node = parts.projected_gradient
        weights = self._weight_gradients(run, stacks, sums, wanted)
        return None if node is None else stacks[node], list(gradients), weights

    def _weight_gradients(
        self,
        run: Run,
        stacks: dict[fx.Node, Tensor],
        sums: dict[fx.Node, Tensor],
        wanted: Sequence[bool],
    ) -> list[Tensor | None]:
        parts = self.parts
        values: dict[fx.Node, Tensor] = dict(zip(parts.fixed, run.fixed, strict=True))
        inputs = parts.traced.inputs[1 + self._states :]
        values.update(zip(inputs, run.weights, strict=True))

        def fixed(node: fx.Node) -> Any:
            if node not in values:
                args, kwargs = fx.map_arg((node.args, node.kwargs), fixed)
                values[node] = node.target(*args, **kwargs)
            return values[node]

        def steps(node: fx.Node) -> Tensor:
            return stacks[node] if node in stacks else self.steps(run, parts.sources[node])

        def total(node: fx.Node) -> Tensor:
            value = sums[node] if node in sums else stacks[node].sum(0)
            return value.to(node.meta["val"].dtype)

        results: list[Tensor | None] = []
        for expression, want in zip(parts.gradients, wanted, strict=True):
            if expression is None or not want:
                results.append(None)
                continue
            results.append(evaluate(expression, steps=steps, total=total, fixed=fixed))
        return results


@dataclass
class Run:
    """The values of a forward pass.

    Attributes:
        projected: (T, B, P).
        slots: for each tensor of the state, its values before the first step and after each.
        kept: values (T, ...) of each step.
        weights: parameters and buffers.
        fixed: values that depend on these alone.
        output: (T, B, O).
        final: the state after the last step.
    """

    projected: Tensor
    slots: list[Tensor]
    kept: list[Tensor]
    weights: list[Tensor]
    fixed: list[Tensor]
    output: Tensor = field(init=False)
    final: list[Tensor] = field(init=False)


class _Loop(torch.autograd.Function):
    """The loop for autograd."""

    @staticmethod
    def forward(ctx: Any, plan: Plan, projected: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        states = plan._states
        with torch.autocast(projected.device.type, enabled=False):
            run = plan.forward(projected, rest[:states], rest[states:], keep=True)
        ctx.plan = plan
        ctx.counts = (len(run.slots), len(run.kept), len(run.weights), len(run.fixed))
        ctx.save_for_backward(projected, *run.slots, *run.kept, *run.weights, *run.fixed)
        ctx.mark_non_differentiable(*(each for each in run.final if not each.is_floating_point()))
        return (run.output, *run.final)

    @staticmethod
    def backward(ctx: Any, output: Tensor, *state: Tensor) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():
            raise RuntimeError(
                "the compiled step of a cell has no second derivative; "
                "build the model with impl=reference for it."
            )
        plan: Plan = ctx.plan
        projected, *saved = ctx.saved_tensors
        groups = []
        for count in ctx.counts:
            groups.append(saved[:count])
            saved = saved[count:]
        wanted = ctx.needs_input_grad[2 + plan._states :][: plan._weights]
        with torch.autocast(projected.device.type, enabled=False):
            own, before, weights = plan.backward(Run(projected, *groups), output, state, wanted)
        needs = ctx.needs_input_grad
        states = [
            each if need else None
            for each, need in zip(before, needs[2 : 2 + plan._states], strict=True)
        ]
        buffers = [None] * (len(needs) - 2 - plan._states - plan._weights)
        return (None, own if needs[1] else None, *states, *weights, *buffers)


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
            output, *final = _Loop.apply(plan, projected, *state, *weights)
            return output, final
        with torch.no_grad(), torch.autocast(projected.device.type, enabled=False):
            run = plan.forward(projected, state, weights, keep=False)
        return run.output, run.final


def _sum_dtype(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


def _subgraph(
    parts: Partition, nodes: Sequence[fx.Node]
) -> Callable[[Sequence[Tensor]], list[Tensor]] | None:
    """Return a function that computes nodes from weights and buffers; ``None`` without nodes."""
    if not nodes:
        return None
    inputs = parts.traced.inputs[1 + len(parts.traced.signature.state) :]

    def compute(weights: Sequence[Tensor]) -> list[Tensor]:
        values: dict[fx.Node, Any] = dict(zip(inputs, weights, strict=True))

        def value(node: fx.Node) -> Any:
            if node not in values:
                args, kwargs = fx.map_arg((node.args, node.kwargs), value)
                values[node] = node.target(*args, **kwargs)
            return values[node]

        return [value(node).contiguous() for node in nodes]

    return compute


def _writing_forward(parts: Partition) -> tuple[fx.GraphModule, list[Tensor], list[int]]:
    """Return the forward step that writes its results, examples of its inputs, and which it has.

    The inputs are those of the step that it uses, and the places of the results.
    """
    signature = parts.traced.signature
    graph = fx.Graph()
    copied: dict[fx.Node, fx.Node] = {}
    examples: list[Tensor] = []
    used = []
    fixed = [_example(node) for node in parts.fixed]
    given = [*signature.inputs, *fixed]
    output = None
    for node in parts.forward.graph.nodes:
        if node.op == "placeholder":
            number = len(copied)
            if node.users:
                used.append(number)
                examples.append(
                    _contiguous(given[number])
                    if number < 1 + len(signature.state)
                    else given[number]
                )
                copied[node] = graph.placeholder(node.name)
            else:
                copied[node] = node
        elif node.op == "output":
            output = node.args[0]
        else:
            copied[node] = graph.node_copy(node, copied.__getitem__)
    places = []
    last = next(reversed([n for n in graph.nodes if n.op == "placeholder"]), None)
    for number, node in enumerate(output):
        with graph.inserting_after(last) if last is not None else graph.inserting_before():
            last = graph.placeholder(f"place_{number}")
        places.append(last)
        examples.append(_example(node))
    for place, node in zip(places, output, strict=True):
        graph.call_function(aten.copy_.default, (place, copied[node]))
    graph.output(())
    return fx.GraphModule(torch.nn.Module(), graph), examples, used


def _writing_adjoint(parts: Partition) -> tuple[fx.GraphModule, list[Tensor]]:
    """Return the adjoint that writes what is kept and adds to the sums, and examples of its inputs.

    The inputs are those that the adjoint reads, the gradient of the output, the places of the
    values that are kept, the sums, and the gradients of the state.
    """
    signature = parts.traced.signature
    states = len(signature.state)
    graph = fx.Graph()
    copied: dict[fx.Node, fx.Node] = {}
    inputs = [node for node in parts.adjoint.graph.nodes if node.op == "placeholder"]
    (results,) = next(node for node in parts.adjoint.graph.nodes if node.op == "output").args
    examples: list[Tensor] = []
    weights = [*signature.weights.values(), *signature.constants.values()]
    sources = len(parts.adjoint_sources)
    for (kind, number), node in zip(parts.adjoint_sources, inputs[:sources], strict=True):
        copied[node] = graph.placeholder(node.name)
        examples.append(weights[number] if kind == "weight" else _example(node))
    copied[inputs[sources]] = graph.placeholder(inputs[sources].name)
    examples.append(_example(inputs[sources]))
    kept, summed = results[states:][: len(parts.stacked)], results[states + len(parts.stacked) :]
    places = []
    for number, node in enumerate([*kept, *summed]):
        places.append(graph.placeholder(f"place_{number}"))
        example = _example(node)
        examples.append(example if number < len(kept) else example.to(_sum_dtype(example.dtype)))
    for node in inputs[sources + 1 :]:
        copied[node] = graph.placeholder(node.name)
        examples.append(_example(node))
    for node in parts.adjoint.graph.nodes:
        if node.op == "call_function":
            copied[node] = graph.node_copy(node, copied.__getitem__)
    for number, node in enumerate(kept):
        graph.call_function(aten.copy_.default, (places[number], copied[node]))
    for place, node in zip(places[len(kept) :], summed, strict=True):
        total = graph.call_function(aten.add.Tensor, (place, copied[node]))
        graph.call_function(aten.copy_.default, (place, total))
    returned = [copied[node] for node in results[:states] if node is not None]
    # a result that is an input would be returned to itself
    made = []
    for node in returned:
        made.append(
            graph.call_function(aten.clone.default, (node,)) if node.op == "placeholder" else node
        )
    graph.output(tuple(made))
    return fx.GraphModule(torch.nn.Module(), graph), examples


def _interpreted(module: fx.GraphModule, examples: Sequence[Tensor]) -> Compiled:
    del examples
    run = module.forward

    def call(given: list[Tensor]) -> Sequence[Tensor]:
        results: Sequence[Tensor] = run(*given)
        return results

    return call


def _example(node: fx.Node) -> Tensor:
    value = node.meta["val"]
    return torch.empty(value.shape, dtype=value.dtype, device=value.device)


def _contiguous(example: Tensor) -> Tensor:
    return torch.empty(example.shape, dtype=example.dtype, device=example.device)
