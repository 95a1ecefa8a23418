"""Parameter gradients as expressions that are evaluated once, after the loop over time.

The gradient of a parameter is the sum over time of a term for each step. A linear function that is
the same in each step can be applied to the sum instead, and a sum over time of matrix products is
one product of matrices that hold all steps. So the loop itself has to compute few values: the
factors of the products, kept for all steps, and running sums.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import torch
from torch import Tensor, fx

from rnnbench.cells.products import multiply

aten = torch.ops.aten


@dataclass(frozen=True)
class Product:
    """The sum over time of ``left_t^T right_t``; a batch of matrices has its axis first.

    Both are kept for all steps: left (T, K, M) or (T, N, K, M), right (T, K, N).
    """

    left: fx.Node
    right: fx.Node


@dataclass(frozen=True)
class Total:
    """The sum over time and over ``dims`` of a value of each step."""

    term: fx.Node
    dims: tuple[int, ...]
    keepdim: bool


@dataclass(frozen=True)
class Running:
    """The sum over time of a value of each step."""

    term: fx.Node


@dataclass(frozen=True)
class Linear:
    """A function, linear in one argument, of expressions and of nodes that no step changes."""

    node: fx.Node
    of: dict[fx.Node, Expression]

    def __hash__(self) -> int:
        return hash(self.node)


Sum: TypeAlias = Product | Total | Running
Expression: TypeAlias = Sum | Linear

_ONE_ARGUMENT = frozenset(
    {
        aten.t.default,
        aten.view.default,
        aten._unsafe_view.default,
        aten.permute.default,
        aten.transpose.int,
        aten.squeeze.dim,
        aten.squeeze.dims,
        aten.unsqueeze.default,
        aten.expand.default,
        aten.slice_backward.default,
        aten.select_backward.default,
        aten.slice.Tensor,
        aten.select.int,
        aten.neg.default,
        aten.clone.default,
        aten.sum.dim_IntList,
        aten.sum.default,
        aten.constant_pad_nd.default,
        aten.cat.default,
        aten.add.Tensor,
        aten.sub.Tensor,
        aten._to_copy.default,
    }
)
"""Linear in all their tensors together."""
_BILINEAR = frozenset(
    {
        aten.mul.Tensor,
        aten.mm.default,
        aten.bmm.default,
        aten.sigmoid_backward.default,
        aten.tanh_backward.default,
        aten.threshold_backward.default,
    }
)
"""Linear in one tensor while the others are fixed."""
_FIRST_OF_TWO = frozenset({aten.div.Tensor})
"""Linear in the first tensor while the second is fixed."""
_TRANSPOSED = frozenset({aten.t.default, aten.permute.default, aten.transpose.int})


def deferred(
    node: fx.Node, varies: Callable[[fx.Node], bool], batch_free: Callable[[fx.Node], bool]
) -> Expression:
    """Return the sum over time of a node's value in each step.

    Args:
        node: depends on the gradients that a step gets.
        varies: whether a node depends on those gradients.
        batch_free: whether a node is the same in each step.
    """
    target = node.target
    if target in (aten.mm.default, aten.bmm.default):
        left, right = _arguments(node)
        if not (batch_free(left) or batch_free(right)):
            order = ((1, 0), (0, 1)) if target is aten.mm.default else ((2, 0, 1), (1, 0, 2))
            return Product(_permuted(left, order[0]), _permuted(right, order[1]))
    if target is aten.sum.dim_IntList and varies(_arguments(node)[0]):
        term = _arguments(node)[0]
        if not _is_product(term, batch_free):
            dims = tuple(dim % len(_shape(term)) for dim in _arguments(node)[1])
            return Total(
                term, dims, bool(_arguments(node)[2]) if len(_arguments(node)) > 2 else False
            )
    inputs = node.all_input_nodes
    moving = [each for each in inputs if not batch_free(each)]
    if moving and all(varies(each) for each in moving) and _is_linear(node, moving):
        return Linear(node, {each: deferred(each, varies, batch_free) for each in moving})
    return Running(node)


def _permuted(node: fx.Node, dims: Sequence[int]) -> fx.Node:
    """Return a node with the axes of another in the order ``dims``, an existing one if possible."""
    base = node
    while base.target in _TRANSPOSED:
        dims = [_order(base)[dim] for dim in dims]
        base = base.all_input_nodes[0]
    if list(dims) == list(range(len(dims))):
        return base
    graph = node.graph
    with graph.inserting_after(base):
        made = graph.call_function(aten.permute.default, (base, list(dims)))
    made.meta["val"] = base.meta["val"].permute(*dims)
    return made


def _order(node: fx.Node) -> list[int]:
    """Return the axis of the input that each axis of a transposition is."""
    count = len(_shape(node))
    order = list(range(count))
    if node.target is aten.permute.default:
        return [dim % count for dim in _arguments(node)[1]]
    if node.target is aten.t.default:
        return order[::-1]
    one, two = (dim % count for dim in _arguments(node)[1:3])
    order[one], order[two] = two, one
    return order


def _is_product(node: fx.Node, batch_free: Callable[[fx.Node], bool]) -> bool:
    return node.target in (aten.mm.default, aten.bmm.default) and not any(
        batch_free(each) for each in node.all_input_nodes
    )


def _is_linear(node: fx.Node, moving: list[fx.Node]) -> bool:
    if node.target in (aten.add.Tensor, aten.sub.Tensor):
        # a fixed summand would be counted once instead of T times, and a smaller one is expanded
        return len(moving) == len(node.all_input_nodes) and all(
            isinstance(each, fx.Node) and _shape(each) == _shape(node)
            for each in _arguments(node)[:2]
        )
    if node.target is aten.cat.default:
        return len(moving) == len(_arguments(node)[0])
    if node.target in _ONE_ARGUMENT:
        return len(node.all_input_nodes) == 1
    if node.target in _BILINEAR:
        return len(moving) == 1 and sum(each is moving[0] for each in _arguments(node)) == 1
    if node.target in _FIRST_OF_TWO:
        return moving == [_arguments(node)[0]]
    return False


def sums_of(gradients: Iterable[Expression | None]) -> Iterator[Sum]:
    """Yield the sums over time that expressions are made of."""
    for each in gradients:
        if isinstance(each, Linear):
            yield from sums_of(each.of.values())
        elif each is not None:
            yield each


def evaluate(
    expression: Expression,
    *,
    summed: Callable[[Sum], Tensor],
    fixed: Callable[[fx.Node], Tensor],
) -> Tensor:
    """Compute an expression after the loop.

    Args:
        expression: to compute.
        summed: the value of a sum over time.
        fixed: the value of a node that no step changes.
    """
    if not isinstance(expression, Linear):
        return summed(expression)
    parts = {
        node: evaluate(each, summed=summed, fixed=fixed) for node, each in expression.of.items()
    }

    def part(node: fx.Node) -> Tensor:
        return parts[node] if node in parts else fixed(node)

    args, kwargs = mapped(expression.node, part)
    result: Tensor = expression.node.target(*args, **kwargs)  # type: ignore[operator]
    return result


def mapped(node: fx.Node, value: Callable[[fx.Node], Any]) -> Any:
    """Return the arguments and keywords of a node with values in the place of nodes."""
    return fx.map_arg((node.args, node.kwargs), value)


def product(left: Tensor, right: Tensor) -> Tensor:
    """Return the sum over time of ``left_t^T right_t`` as one product.

    Args:
        left: (T, K, M), or (T, K, N, M) for N products.
        right: (T, K, L), or (T, K, N, L).

    Returns:
        (M, L), or (N, M, L).
    """
    left, right = left.flatten(0, 1), right.flatten(0, 1)
    if left.ndim == 2:
        return multiply(left, right)
    return left.permute(1, 2, 0) @ right.transpose(0, 1)


def _arguments(node: fx.Node) -> Any:
    # their types depend on the operation
    return node.args


def _shape(node: fx.Node) -> tuple[int, ...]:
    return tuple(node.meta["val"].shape)
