"""Partition of the traced step into a forward pass, an adjoint and deferred parameter gradients."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import torch
from torch import fx

from rnnbench.cells.deferred import Expression, Product, Running, Total, deferred, sums_of
from rnnbench.cells.graphs import subgraph
from rnnbench.cells.repeating import is_cheap, is_free
from rnnbench.cells.tracing import Traced

aten = torch.ops.aten

Where: TypeAlias = Literal["projected", "before", "after", "weight", "fixed", "kept"]
Source: TypeAlias = tuple[Where, int]
"""Where a value of a step is found: the projected input, a tensor of the state before or after the
step, a weight or buffer, a value that no step changes, or a value that the forward pass keeps."""


@dataclass(frozen=True)
class Partition:
    """The parts of a step; every graph takes and returns tensors only.

    Attributes:
        traced: the graph that they are parts of.
        fixed: nodes that depend on weights and buffers alone, computed once.
        kept: nodes of the forward pass whose values are kept for all steps.
        output: source of the output.
        forward: inputs projected, state, weights and buffers, fixed; outputs the state after the
            step and the kept values.
        adjoint_sources: where the first inputs of the adjoint come from.
        adjoint: inputs as ``adjoint_sources``, the gradient of the output and those of the state
            after the step; outputs those of the state before it, values to keep for all steps, and
            terms of running sums. A gradient of the state that is always zero is ``None``.
        stacked: nodes of the adjoint that are kept for all steps.
        summed: nodes of the adjoint that are summed over time.
        slices: nodes of the adjoint that are columns of a stacked one: which, the first, and their
            number.
        gradients: expressions of the gradients of the weights; ``None`` where there is none.
    """

    traced: Traced
    fixed: tuple[fx.Node, ...]
    kept: tuple[fx.Node, ...]
    output: Source
    forward: fx.GraphModule
    adjoint_sources: tuple[Source, ...]
    adjoint: fx.GraphModule
    stacked: tuple[fx.Node, ...]
    summed: tuple[fx.Node, ...]
    slices: dict[fx.Node, tuple[fx.Node, int, int]]
    gradients: tuple[Expression | None, ...]
    sources: dict[fx.Node, Source] = field(repr=False, default_factory=dict)

    @property
    def projected_gradient(self) -> fx.Node | None:
        """The gradient of the projected input, one of ``stacked``."""
        return self.traced.gradients[0]


def partition(traced: Traced) -> Partition:
    """Cut a traced step into parts.

    Raises:
        NoPlanError: the step has no gradient at all.
    """
    return _Cut(traced).parts()


class _Cut:
    """The nodes of a traced step, by what they depend on."""

    def __init__(self, traced: Traced) -> None:
        self.traced = traced
        self.graph = traced.graph
        signature = traced.signature
        states = len(signature.state)
        self.projected = traced.inputs[0]
        self.before = traced.inputs[1 : 1 + states]
        self.weights = traced.inputs[1 + states :]
        self.after = traced.outputs[1:]
        self.varying = self._reached([self.projected, *self.before, *traced.tangents])
        self.moved = self._reached(traced.tangents)

    def _reached(self, roots: Iterable[fx.Node]) -> set[fx.Node]:
        found = set(roots)
        for node in self.graph.nodes:
            if node.op == "call_function" and any(each in found for each in node.all_input_nodes):
                found.add(node)
        return found

    def parts(self) -> Partition:
        traced = self.traced
        counts = len(self.before)
        projected_gradient, state_gradients = traced.gradients[0], traced.gradients[1 : 1 + counts]
        gradients = tuple(
            None
            if each is None
            else deferred(each, self.moved.__contains__, lambda node: node not in self.varying)
            for each in traced.gradients[1 + counts :]
        )
        # nodes that were inserted for products
        self.varying = self._reached([self.projected, *self.before, *traced.tangents])
        self.moved = self._reached(traced.tangents)
        multiplied = list(dict.fromkeys(factors(gradients)))
        terms = list(dict.fromkeys(_terms(gradients)))
        stacked = [each for each in multiplied if each in self.moved]
        if projected_gradient is not None and projected_gradient not in stacked:
            stacked.append(projected_gradient)
        slices = _slices(stacked, [*stacked, *terms])
        stacked = [each for each in stacked if each not in slices]
        summed = [each for each in terms if each not in stacked and each not in slices]
        wanted = [
            *(each for each in state_gradients if each is not None),
            *stacked,
            *summed,
        ]
        forward_factors = [each for each in multiplied if each not in self.moved]
        # sources of what the adjoint reads, kept values among them
        sources = self._inputs()
        output = traced.outputs[0]
        kept: list[fx.Node] = []

        def keep(node: fx.Node) -> None:
            if node not in sources:
                sources[node] = ("kept", len(kept))
                kept.append(node)

        keep(output)
        for node in forward_factors:
            if sources.get(node, ("", 0))[0] in ("weight", "fixed", ""):
                sources.pop(node, None)
                keep(node)
        fixed: list[fx.Node] = []
        frontier = self._frontier(wanted)
        for node in frontier:
            if node not in self.varying and node not in sources:
                sources[node] = ("fixed", len(fixed))
                fixed.append(node)
        candidates = [node for node in frontier if node in self.varying and node not in sources]
        for node in candidates:
            if not is_cheap(node, {*sources, *candidates}, traced.tangents):
                keep(node)
        for node in self._fixed_of_forward([*self.after, *kept]):
            if node not in sources:
                sources[node] = ("fixed", len(fixed))
                fixed.append(node)
        forward = self._forward(fixed, kept)
        used: dict[fx.Node, None] = {}
        adjoint = self._adjoint(wanted, sources, used)
        return Partition(
            traced=traced,
            fixed=tuple(fixed),
            kept=tuple(kept),
            output=sources[output],
            forward=forward,
            adjoint_sources=tuple(sources[node] for node in used),
            adjoint=adjoint,
            stacked=tuple(stacked),
            summed=tuple(summed),
            slices=slices,
            gradients=gradients,
            sources=sources,
        )

    def _inputs(self) -> dict[fx.Node, Source]:
        """Return the sources of inputs and of the state after the step."""
        sources: dict[fx.Node, Source] = {}
        for number, node in enumerate(self.after):
            sources.setdefault(node, ("after", number))
        for number, node in enumerate(self.weights):
            sources[node] = ("weight", number)
        for number, node in enumerate(self.before):
            sources[node] = ("before", number)
        sources[self.projected] = ("projected", 0)
        return sources

    def _frontier(self, wanted: list[fx.Node]) -> list[fx.Node]:
        """Return the nodes without gradients that the adjoint reads, in the order of the graph."""
        seen: set[fx.Node] = set()
        found: set[fx.Node] = set()
        stack = list(wanted)
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            if node not in self.moved:
                if not is_free(node, self.traced.tangents):
                    found.add(node)
                continue
            stack += node.all_input_nodes
        return [node for node in self.graph.nodes if node in found]

    def _fixed_of_forward(self, results: list[fx.Node]) -> list[fx.Node]:
        found: set[fx.Node] = set()
        seen: set[fx.Node] = set()
        stack = list(results)
        while stack:
            node = stack.pop()
            if node in seen or node.op == "placeholder" or is_free(node, self.traced.tangents):
                continue
            seen.add(node)
            if node not in self.varying:
                found.add(node)
                continue
            stack += node.all_input_nodes
        return [node for node in self.graph.nodes if node in found]

    def _forward(self, fixed: list[fx.Node], kept: list[fx.Node]) -> fx.GraphModule:
        inputs = [self.projected, *self.before, *self.weights, *fixed]
        return subgraph(inputs, [*self.after, *kept])

    def _adjoint(
        self,
        wanted: list[fx.Node],
        sources: dict[fx.Node, Source],
        used: dict[fx.Node, None],
    ) -> fx.GraphModule:
        counts = len(self.before)
        seen: set[fx.Node] = set()
        stack = list(wanted)
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            if node in sources:
                used[node] = None
            elif node.op == "call_function":
                stack += node.all_input_nodes
        ordered = [node for node in self.graph.nodes if node in used]
        used.clear()
        used.update(dict.fromkeys(ordered))
        gradients = self.traced.gradients[1 : 1 + counts]
        rest = wanted[sum(each is not None for each in gradients) :]
        return subgraph([*used, *self.traced.tangents], [*gradients, *rest])


def _slices(
    stacked: list[fx.Node], nodes: Iterable[fx.Node]
) -> dict[fx.Node, tuple[fx.Node, int, int]]:
    """Return the nodes that are columns of a concatenation that is kept for all steps."""
    found: dict[fx.Node, tuple[fx.Node, int, int]] = {}
    wanted = set(nodes)
    for whole in stacked:
        if whole.target is not aten.cat.default:
            continue
        arguments: Any = whole.args
        axis = arguments[1] if len(arguments) > 1 else 0
        if axis % whole.meta["val"].ndim != whole.meta["val"].ndim - 1:
            continue
        start = 0
        for part in arguments[0]:
            width = int(part.meta["val"].shape[-1])
            if part in wanted and part.target is not aten.cat.default:
                found.setdefault(part, (whole, start, width))
            start += width
    return found


def factors(gradients: Iterable[Expression | None]) -> Iterator[fx.Node]:
    """Yield the nodes that the products of expressions are made of."""
    for each in sums_of(gradients):
        if isinstance(each, Product):
            yield each.left
            yield each.right


def _terms(gradients: Iterable[Expression | None]) -> Iterable[fx.Node]:
    for each in sums_of(gradients):
        if isinstance(each, Total | Running):
            yield each.term
