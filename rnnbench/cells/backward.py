"""The loop of the adjoints of steps, and the gradients of the weights after it.

What only the sums over time need of a step is held for a part of the steps, and added to the sums
after each part: for all steps it would be the largest tensor of the backward pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice, repeat
from typing import Any

import torch
from torch import Tensor, fx

from rnnbench.cells.compiler import Compiled
from rnnbench.cells.deferred import Product, Sum, evaluate, mapped, product, sums_of
from rnnbench.cells.partition import Partition
from rnnbench.cells.run import Run
from rnnbench.cells.workspace import Pool, Stack, stack_of
from rnnbench.cells.writing import example_of, sum_dtype

PIECES = 4
"""Parts of the loop, at most."""
_LEAST_STEPS = 8
"""Steps of a part, at least."""
_Piece = tuple[int, int]
"""First step, and the step after the last."""


class Backward:
    """The loop of adjoints.

    Args:
        parts: of the step.
        step: the compiled adjoint, of :func:`rnnbench.cells.writing.writing_adjoint`.
    """

    def __init__(self, parts: Partition, step: Compiled) -> None:
        self._parts = parts
        self._step = step
        states = len(parts.traced.signature.state)
        self._has_gradient = [each is not None for each in parts.traced.gradients[1 : 1 + states]]
        own = parts.projected_gradient
        whole = parts.slices[own][0] if own in parts.slices else own
        self._lasting = [node for node in parts.stacked if node is whole]
        self._passing = [node for node in parts.stacked if node is not whole]
        self.make_pool()

    def make_pool(self) -> None:
        """Forget the memory for the values of some steps."""
        examples = [*map(example_of, self._passing), self._parts.traced.signature.output]
        self._pool = Pool(examples, [(1, 0)] * len(examples))

    def __call__(
        self,
        run: Run,
        output_gradient: Tensor,
        state_gradients: Sequence[Tensor],
        wanted: Sequence[bool],
    ) -> tuple[Tensor | None, list[Tensor], list[Tensor | None]]:
        """Run it; see :meth:`rnnbench.cells.plan.Plan.backward`."""
        parts = self._parts
        count = run.steps
        pieces = _pieces(count)
        lease = self._pool.lease(pieces[0][1] - pieces[0][0])
        *stacks, copied = lease.workspace.stacks
        passed = dict(zip(self._passing, stacks, strict=True))
        lasting = {node: stack_of(example_of(node), count) for node in self._lasting}
        columns: list[Any] = [run.backwards(source) for source in parts.adjoint_sources]
        columns.append(_in_pieces(output_gradient, copied, pieces))
        for node in parts.stacked:
            if node in passed:
                columns.append(_places(passed[node], pieces))
            else:
                columns.append(lasting[node].places[::-1])
        running: dict[fx.Node, Tensor] = {}
        for node in parts.summed:
            example = node.meta["val"]
            running[node] = output_gradient.new_zeros(example.shape, dtype=sum_dtype(example.dtype))
            columns.append(repeat(running[node]))
        sums = _Sums(parts, run, wanted, lasting, passed, running)
        gradients: Sequence[Tensor] = [each.contiguous() for each in state_gradients]
        columns_of_steps = zip(*columns, strict=False)
        for piece in pieces:
            arguments = islice(columns_of_steps, piece[1] - piece[0])
            gradients = self._loop(arguments, gradients)
            sums.add(piece)
        return sums.values(parts.projected_gradient), list(gradients), sums.weight_gradients()

    def _loop(
        self, steps: Iterator[tuple[Tensor, ...]], gradients: Sequence[Tensor]
    ) -> Sequence[Tensor]:
        """Run some steps; return the gradients of the state before them."""
        step = self._step
        if all(self._has_gradient):
            for arguments in steps:
                gradients = step([*arguments, *gradients])
            return gradients
        zeros = [torch.zeros_like(each) for each in gradients]
        for arguments in steps:
            found = iter(step([*arguments, *gradients]))
            gradients = [
                next(found) if has else zero
                for has, zero in zip(self._has_gradient, zeros, strict=True)
            ]
        return gradients


def _pieces(count: int) -> list[_Piece]:
    """Return the parts of a loop over steps, the last steps first; the first part is largest."""
    size = max(-(-count // PIECES), min(count, _LEAST_STEPS))
    return [(max(end - size, 0), end) for end in range(count, 0, -size)]


def _places(stack: Stack, pieces: Sequence[_Piece]) -> Iterator[Tensor]:
    """Return the places of all steps, the last first; each part of the loop has the same memory."""
    return chain.from_iterable(stack.places[: end - first][::-1] for first, end in pieces)


def _in_pieces(values: Tensor, place: Stack, pieces: Sequence[_Piece]) -> Iterator[Tensor]:
    """Return the slices of values (T, ...), the last first, each of them contiguous."""
    if values.is_contiguous():
        return iter(values.unbind(0)[::-1])

    def copied(piece: _Piece) -> tuple[Tensor, ...]:
        first, end = piece
        place.tensor[: end - first].copy_(values[first:end])
        return place.places[: end - first][::-1]

    return chain.from_iterable(map(copied, pieces))


class _Sums:
    """The sums over time that gradients of weights are made of."""

    def __init__(
        self,
        parts: Partition,
        run: Run,
        wanted: Sequence[bool],
        lasting: dict[fx.Node, Stack],
        passed: dict[fx.Node, Stack],
        running: dict[fx.Node, Tensor],
    ) -> None:
        self._parts = parts
        self._run = run
        self._lasting = lasting
        self._passed = passed
        self._running = running
        self._gradients = [
            each if want else None for each, want in zip(parts.gradients, wanted, strict=True)
        ]
        self._found: dict[Sum, Tensor] = {}
        self._of_pieces = [
            each
            for each in dict.fromkeys(sums_of(self._gradients))
            if any(self._whole(node) in passed for node in _nodes(each))
        ]

    def _whole(self, node: fx.Node) -> fx.Node:
        return self._parts.slices[node][0] if node in self._parts.slices else node

    def add(self, piece: _Piece) -> None:
        """Add what is held for these steps alone."""
        for each in self._of_pieces:
            value = self._summed(each, piece)
            value = value.to(sum_dtype(value.dtype))
            if each in self._found:
                self._found[each] += value
            else:
                self._found[each] = value

    def values(self, node: fx.Node | None, piece: _Piece | None = None) -> Any:
        """Return the values (T, ...) of a node in all steps or in some; of no node ``None``."""
        if node is None:
            return None
        first, end = piece or (0, self._run.steps)
        whole = self._whole(node)
        if whole in self._passed:
            found = self._passed[whole].tensor[: end - first]
        elif whole in self._lasting:
            found = self._lasting[whole].tensor[first:end]
        else:
            found = self._run.values(self._parts.sources[node])[first:end]
        if whole is node:
            return found
        _, start, width = self._parts.slices[node]
        return found.narrow(-1, start, width)

    def _summed(self, wanted: Sum, piece: _Piece | None) -> Tensor:
        if isinstance(wanted, Product):
            return product(self.values(wanted.left, piece), self.values(wanted.right, piece))
        term = wanted.term
        value = self._running[term] if term in self._running else self.values(term, piece).sum(0)
        return _over_dims(wanted, value)

    def weight_gradients(self) -> list[Tensor | None]:
        """Return the gradients of the weights."""
        run = self._run
        fixed = evaluator(
            self._parts, run.weights, dict(zip(self._parts.fixed, run.fixed, strict=True))
        )
        return [
            None if each is None else evaluate(each, summed=self._final, fixed=fixed)
            for each in self._gradients
        ]

    def _final(self, wanted: Sum) -> Tensor:
        value = self._found.get(wanted)
        if value is None:
            value = self._summed(wanted, None)
        node = wanted.left if isinstance(wanted, Product) else wanted.term
        return value.to(node.meta["val"].dtype)


def _nodes(of: Sum) -> tuple[fx.Node, ...]:
    return (of.left, of.right) if isinstance(of, Product) else (of.term,)


def _over_dims(wanted: Sum, value: Tensor) -> Tensor:
    dims = getattr(wanted, "dims", None)
    return value if dims is None else value.sum(dims, keepdim=wanted.keepdim)  # type: ignore[union-attr]


def evaluator(
    parts: Partition, weights: Sequence[Tensor], values: dict[fx.Node, Any]
) -> Callable[[fx.Node], Any]:
    """Return a function that computes nodes which no step changes.

    Args:
        parts: of the step.
        weights: parameters, what is derived from them, and buffers.
        values: of nodes that are known; changed.
    """
    states = len(parts.traced.signature.state)
    values.update(zip(parts.traced.inputs[1 + states :], weights, strict=True))

    def value(node: fx.Node) -> Any:
        if node not in values:
            args, kwargs = mapped(node, value)
            values[node] = node.target(*args, **kwargs)  # type: ignore[operator]
        return values[node]

    return value
