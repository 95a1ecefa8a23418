"""Which values of the forward pass the adjoint computes again, instead of reading them."""

from __future__ import annotations

import operator
from collections.abc import Container

import torch
from torch import fx

aten = torch.ops.aten

VIEWS = frozenset(
    {
        aten.view.default,
        aten._unsafe_view.default,
        aten.t.default,
        aten.permute.default,
        aten.transpose.int,
        aten.split.Tensor,
        aten.split_with_sizes.default,
        aten.slice.Tensor,
        aten.select.int,
        aten.unsqueeze.default,
        aten.squeeze.dim,
        aten.squeeze.dims,
        aten.squeeze.default,
        aten.expand.default,
        aten.unbind.int,
    }
)
"""Operations that compute nothing: they are repeated where their result is needed."""
_CHEAP = frozenset(
    {
        aten.add.Tensor,
        aten.sub.Tensor,
        aten.rsub.Scalar,
        aten.mul.Tensor,
        aten.neg.default,
        aten.gt.Scalar,
        aten.ge.Scalar,
        aten.lt.Scalar,
        aten.le.Scalar,
        aten.where.self,
    }
)
"""Operations that are repeated in the adjoint where their inputs are kept anyway."""
_DEPTH = 4
"""Operations one after the other that are repeated at most."""


def is_free(node: fx.Node, tangents: Container[fx.Node]) -> bool:
    """Return whether a node is a view of an input or a constant, repeated where it is used."""
    if node.op == "placeholder":
        return node not in tangents
    if node.target is operator.getitem or node.target in VIEWS:
        return all(is_free(each, tangents) for each in node.all_input_nodes)
    return not node.all_input_nodes


def is_cheap(
    node: fx.Node, kept: Container[fx.Node], tangents: Container[fx.Node], depth: int = _DEPTH
) -> bool:
    """Return whether a node is a few cheap operations on values that are kept anyway."""
    return (
        node.target in _CHEAP
        and depth > 0
        and all(
            each in kept or is_free(each, tangents) or is_cheap(each, kept, tangents, depth - 1)
            for each in node.all_input_nodes
        )
    )
