"""A loop over time of compiled steps, and the loop of their adjoints."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice, repeat
from typing import Any

import torch
from torch import Tensor, fx

from rnnbench.cells.compiler import Compiled, compile_graph
from rnnbench.cells.deferred import evaluate, mapped
from rnnbench.cells.partition import Partition, Source, factors
from rnnbench.cells.workspace import Lease, Pool
from rnnbench.cells.writing import example_of, sum_dtype, writing_adjoint, writing_forward


@dataclass
class Run:
    """The values of a forward pass.

    Attributes:
        steps: number of steps T.
        projected: (T, B, P); ``None`` where nothing reads it after the loop.
        slots: for each tensor of the state, its values (T + 1, ...) before the first step and after
            each; only two of them where no more are needed.
        kept: values (T, ...) of each step.
        weights: parameters and buffers.
        fixed: values that depend on these alone.
        output: (T, B, O).
        final: the state after the last step.
        lease: of the memory of slots and kept values.
    """

    steps: int
    projected: Tensor | None
    slots: list[Tensor]
    kept: list[Tensor]
    weights: list[Tensor]
    fixed: list[Tensor]
    output: Tensor | None = None
    final: Sequence[Tensor] = ()
    lease: Lease | None = None


class Plan:
    """The partition of a step with compiled graphs, for any number of steps.

    All tensors of steps are time-major, (T, B, ...), so that each step reads and writes contiguous
    memory. The compiled forward step writes the state and what the adjoint needs into their places
    in tensors for all steps, the adjoint what the gradients need.

    Args:
        parts: of the step.
        compiled: whether the graphs are compiled, else they are run by torch, one operation after
            the other.

    Raises:
        NoCompilerError: the compiler failed.
    """

    def __init__(self, parts: Partition, *, compiled: bool = True) -> None:
        self.parts = parts
        signature = parts.traced.signature
        self.states = len(signature.state)
        self.weights = len(signature.weights)
        build = compile_graph if compiled else interpret
        forward, examples, self._forward_inputs = writing_forward(parts)
        self._forward = build(forward, examples)
        self._adjoint = build(*writing_adjoint(parts))
        gradients = parts.traced.gradients[1 : 1 + self.states]
        self._has_gradient = [each is not None for each in gradients]
        # what backward pass and output read of the state
        read = {
            *parts.adjoint_sources,
            parts.output,
            *(parts.sources[each] for each in factors(parts.gradients) if each in parts.sources),
        }
        self._reads_projected = ("projected", 0) in read
        self._state_is_read = [
            ("before", number) in read or ("after", number) in read for number in range(self.states)
        ]
        self._make_pools()

    def __deepcopy__(self, memo: dict[int, Any]) -> Plan:
        """Return a plan with the same compiled graphs and memory of its own."""
        made = copy.copy(self)
        made._make_pools()
        return made

    def _make_pools(self) -> None:
        self._pools = {keep: self._pool(keep=keep) for keep in (True, False)}
        adjoint = [example_of(each) for each in self.parts.stacked]
        self._adjoint_pool = Pool(adjoint, [(1, 0)] * len(adjoint))

    def _pool(self, *, keep: bool) -> Pool:
        examples = [*self.parts.traced.signature.state, *map(example_of, self.parts.kept)]
        slots = [
            (1, 1) if self._is_state_kept(number, keep=keep) else (0, 2)
            for number in range(self.states)
        ]
        slots += [
            (1, 0) if keep or self.parts.output == ("kept", number) else (0, 1)
            for number in range(len(self.parts.kept))
        ]
        return Pool(examples, slots)

    def _is_state_kept(self, number: int, *, keep: bool) -> bool:
        if keep:
            return self._state_is_read[number]
        return self.parts.output in (("before", number), ("after", number))

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
        count = len(projected)
        lease = self._pools[keep].lease(count)
        stacks = lease.workspace.stacks
        fixed = self._fixed(weights)
        slots, kept = stacks[: self.states], stacks[self.states :]
        before: list[Iterable[Tensor]] = []
        after: list[Iterable[Tensor]] = []
        final = []
        for number, (stack, first) in enumerate(zip(slots, state, strict=True)):
            stack.places[0].copy_(first)
            own = self._is_state_kept(number, keep=keep)
            before.append(stack.places if own else cycle(stack.places))
            after.append(stack.places[1:] if own else cycle(stack.places[::-1]))
            final.append(stack.places[count if own else count % 2])
        given = [projected.unbind(0), *before, *map(repeat, weights), *map(repeat, fixed)]
        columns = [given[number] for number in self._forward_inputs]
        columns += after
        columns += [
            each.places if len(each.places) > 1 else repeat(each.places[0]) for each in kept
        ]
        # a loop without a line of Python per step
        deque(map(self._forward, map(list, islice(zip(*columns, strict=False), count))), maxlen=0)
        run = Run(
            count,
            projected if self._reads_projected else None,
            [each.tensor for each in slots],
            [each.tensor for each in kept],
            list(weights),
            fixed,
            final=[each.clone() for each in final],
            lease=lease,
        )
        run.output = self._steps(run, self.parts.output)
        return run

    def _fixed(self, weights: Sequence[Tensor]) -> list[Tensor]:
        if not self.parts.fixed:
            return []
        value = self._evaluator(weights, {})
        return [value(node).contiguous() for node in self.parts.fixed]

    def _evaluator(
        self, weights: Sequence[Tensor], values: dict[fx.Node, Any]
    ) -> Callable[[fx.Node], Any]:
        """Return a function that computes nodes which no step changes."""
        values.update(zip(self.parts.traced.inputs[1 + self.states :], weights, strict=True))

        def value(node: fx.Node) -> Any:
            if node not in values:
                args, kwargs = mapped(node, value)
                values[node] = node.target(*args, **kwargs)  # type: ignore[operator]
            return values[node]

        return value

    def _steps(self, run: Run, source: Source) -> Tensor:
        """Return the values (T, ...) of a source in all steps."""
        kind, number = source
        count = run.steps
        if kind == "projected":
            assert run.projected is not None
            return run.projected
        if kind == "before":
            return run.slots[number][:count]
        if kind == "after":
            return run.slots[number][1 : count + 1]
        if kind == "kept":
            return run.kept[number][:count]
        value = run.weights[number] if kind == "weight" else run.fixed[number]
        return value.expand(count, *value.shape)

    def backward(
        self,
        run: Run,
        output_gradient: Tensor,
        state_gradients: Sequence[Tensor],
        wanted: Sequence[bool],
    ) -> tuple[Tensor | None, list[Tensor], list[Tensor | None]]:
        """Return the gradients of the projected inputs, the state and the weights.

        Args:
            run: the forward pass, with everything kept.
            output_gradient: (T, B, O).
            state_gradients: of the state after the last step.
            wanted: whether the gradient of a weight is computed.
        """
        parts = self.parts
        count = run.steps
        lease = self._adjoint_pool.lease(count)
        columns = [self._backwards(run, source) for source in parts.adjoint_sources]
        columns.append(output_gradient.contiguous().unbind(0)[::-1])
        stacks: dict[fx.Node, Tensor] = {}
        for node, stack in zip(parts.stacked, lease.workspace.stacks, strict=True):
            stacks[node] = stack.tensor[:count]
            columns.append(stack.places[:count][::-1])
        sums: dict[fx.Node, Tensor] = {}
        for node in parts.summed:
            example = node.meta["val"]
            sums[node] = output_gradient.new_zeros(example.shape, dtype=sum_dtype(example.dtype))
            columns.append(repeat(sums[node]))
        gradients: Sequence[Tensor] = [each.contiguous() for each in state_gradients]
        step = self._adjoint
        if all(self._has_gradient):
            for arguments in islice(zip(*columns, strict=False), count):
                gradients = step([*arguments, *gradients])
        else:
            zeros = [torch.zeros_like(each) for each in gradients]
            for arguments in islice(zip(*columns, strict=False), count):
                found = iter(step([*arguments, *gradients]))
                gradients = [
                    next(found) if has else zero
                    for has, zero in zip(self._has_gradient, zeros, strict=True)
                ]
        node_of_projected = parts.projected_gradient
        own = None
        if node_of_projected in stacks:
            own = stacks[node_of_projected]
        elif node_of_projected is not None:
            whole, start, width = parts.slices[node_of_projected]
            own = stacks[whole].narrow(-1, start, width)
        return own, list(gradients), self._weight_gradients(run, stacks, sums, wanted)

    def _backwards(self, run: Run, source: Source) -> Iterable[Tensor]:
        """Return the values of a source in all steps, the last step first."""
        kind, number = source
        if kind == "weight":
            return repeat(run.weights[number])
        if kind == "fixed":
            return repeat(run.fixed[number])
        count = run.steps
        if run.lease is None or kind == "projected":
            return self._steps(run, source).unbind(0)[::-1]
        stacks = run.lease.workspace.stacks
        if kind == "kept":
            return stacks[self.states + number].places[:count][::-1]
        places = stacks[number].places
        return (places[:count] if kind == "before" else places[1 : count + 1])[::-1]

    def _weight_gradients(
        self,
        run: Run,
        stacks: dict[fx.Node, Tensor],
        sums: dict[fx.Node, Tensor],
        wanted: Sequence[bool],
    ) -> list[Tensor | None]:
        parts = self.parts
        fixed = self._evaluator(run.weights, dict(zip(parts.fixed, run.fixed, strict=True)))

        def steps(node: fx.Node) -> Tensor:
            if node in stacks:
                return stacks[node]
            if node in parts.slices:
                whole, start, width = parts.slices[node]
                return stacks[whole].narrow(-1, start, width)
            return self._steps(run, parts.sources[node])

        def total(node: fx.Node) -> Tensor:
            value = sums[node] if node in sums else steps(node).sum(0)
            return value.to(node.meta["val"].dtype)

        return [
            evaluate(expression, steps=steps, total=total, fixed=fixed)
            if want and expression is not None
            else None
            for expression, want in zip(parts.gradients, wanted, strict=True)
        ]


def interpret(module: fx.GraphModule, examples: Sequence[Tensor]) -> Compiled:
    """Return a graph as a function that runs it by torch, one operation after the other."""
    del examples
    run = module.forward

    def call(given: list[Tensor]) -> Sequence[Tensor]:
        results: Sequence[Tensor] = run(*given)
        return results

    return call
