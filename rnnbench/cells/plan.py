"""A loop over time of compiled steps."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import cycle, islice, repeat
from typing import Any

from torch import Tensor, fx

from rnnbench.cells.backward import Backward, evaluator
from rnnbench.cells.compiler import Compiled, compile_graph
from rnnbench.cells.partition import Partition, factors
from rnnbench.cells.run import Run
from rnnbench.cells.workspace import Pool
from rnnbench.cells.writing import example_of, writing_adjoint, writing_forward


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
        self._backward = Backward(parts, build(*writing_adjoint(parts)))
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
        made._backward = copy.copy(self._backward)
        made._make_pools()
        return made

    def _make_pools(self) -> None:
        self._pools = {keep: self._pool(keep=keep) for keep in (True, False)}
        self._backward.make_pool()

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
        run.output = run.values(self.parts.output)
        return run

    def _fixed(self, weights: Sequence[Tensor]) -> list[Tensor]:
        if not self.parts.fixed:
            return []
        value = evaluator(self.parts, weights, {})
        return [value(node).contiguous() for node in self.parts.fixed]

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
        return self._backward(run, output_gradient, state_gradients, wanted)


def interpret(module: fx.GraphModule, examples: Sequence[Tensor]) -> Compiled:
    """Return a graph as a function that runs it by torch, one operation after the other."""
    del examples
    run = module.forward

    def call(given: list[Tensor]) -> Sequence[Tensor]:
        results: Sequence[Tensor] = run(*given)
        return results

    return call
