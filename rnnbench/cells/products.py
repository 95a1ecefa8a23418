"""Matrix products in the form that runs fastest on a CPU.

For float32 torch calls a BLAS, MKL in its wheels, which uses half of the vector width of processors
that are not Intel's. oneDNN, which runs torch's fused recurrent layers, takes the whole, but a call
costs 10 us more. Measured with one thread on an AMD processor with AVX-512, B=50:
(50, 128) x (128, 512) takes 44 us instead of 70, (50, 32) x (32, 128) 14 us instead of 5.

The order of a product counts too: the weight gradient ``G^T X`` of ``nn.Linear`` takes 6.0 ms for
G (5000, 512) and X (5000, 2), and ``X^T G`` takes 0.2 ms.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, fx
from torch.overrides import TorchFunctionMode

aten = torch.ops.aten

LARGE = 3_000_000
"""Floating-point operations from which a product is one of oneDNN."""

LARGE_SUM = 100_000_000
"""The same for a product that sums over time and batch, whose matrices oneDNN copies first."""

# an operation of our own: inductor lowers oneDNN's for constant weights only
_LIBRARY = torch.library.Library("rnnbench_cells", "DEF")  # type: ignore[no-untyped-call]
_LIBRARY.define("linear(Tensor x, Tensor weight) -> Tensor")  # type: ignore[no-untyped-call]


def _linear(x: Tensor, weight: Tensor) -> Tensor:
    result: Tensor = torch.ops.mkldnn._linear_pointwise.default(x, weight, None, "none", [], "")
    return result


_LIBRARY.impl("linear", _linear, "CPU")  # type: ignore[no-untyped-call]
_LIBRARY.impl("linear", lambda x, weight: x.new_empty(x.shape[0], weight.shape[0]), "Meta")  # type: ignore[no-untyped-call]


def is_available() -> bool:
    """Return whether torch was built with oneDNN."""
    return torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")  # type: ignore[no-untyped-call]


def multiply(left: Tensor, right: Tensor) -> Tensor:
    """Return ``left^T right`` for (K, M) and (K, N), K large."""
    work = 2 * left.shape[0] * left.shape[1] * right.shape[1]
    if work >= LARGE_SUM and _suits(left) and is_available():
        return _linear(left.t(), right.t())
    return left.t() @ right


def by_onednn(graph: fx.Graph, fixed: set[fx.Node]) -> None:
    """Replace large products with a matrix that no step changes, in a traced step.

    oneDNN reads the transposed matrix (N, K). Where the graph holds another layout, its copy is a
    value that no step changes either.

    Args:
        graph: changed in place.
        fixed: nodes that no step changes; new ones are added.
    """
    if not is_available():
        return
    added: Any
    arguments: Any
    for node in list(graph.nodes):
        if node.target is aten.mm.default:
            added, arguments = None, node.args
        elif node.target is aten.addmm.default and not node.kwargs:
            added, *arguments = node.args
        else:
            continue
        left, right = arguments
        value = left.meta["val"]
        (rows, inner), columns = value.shape, right.meta["val"].shape[1]
        if right not in fixed or left in fixed or not _suits(value):
            continue
        if 2 * rows * inner * columns < LARGE:
            continue
        with graph.inserting_before(node):
            turned = graph.call_function(aten.permute.default, (right, [1, 0]))
            turned.meta["val"] = right.meta["val"].permute(1, 0)
            fixed.add(turned)
            if not turned.meta["val"].is_contiguous():
                dense: Any = {"memory_format": torch.contiguous_format}
                copied = graph.call_function(aten.clone.default, (turned,), dense)
                copied.meta["val"] = turned.meta["val"].clone(**dense)
                fixed.add(copied)
                turned = copied
            target = torch.ops.rnnbench_cells.linear.default
            product = graph.call_function(target, (left, turned))
            product.meta["val"] = value.new_empty(rows, columns)
            if added is not None:
                plain = product
                product = graph.call_function(aten.add.Tensor, (plain, added))
                product.meta["val"] = plain.meta["val"] + added.meta["val"]
        node.replace_all_uses_with(product)
        graph.erase_node(node)


def _suits(value: Tensor) -> bool:
    return value.dtype == torch.float32 and value.device.type == "cpu"


class _Linear(torch.autograd.Function):
    """``F.linear`` whose weight gradient is computed as ``X^T G``."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return F.linear(x, weight, bias)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        needs_x, needs_weight, needs_bias = ctx.needs_input_grad
        rows = gradient.flatten(0, -2)
        return (
            gradient @ weight if needs_x else None,
            (x.flatten(0, -2).t() @ rows).t().contiguous() if needs_weight else None,
            rows.sum(0) if needs_bias else None,
        )


class FastLinear(TorchFunctionMode):
    """Runs ``nn.Linear`` and ``F.linear`` with a weight gradient of the fast form."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        del types
        if func is F.linear and torch.is_grad_enabled():
            return _applied(*args, **(kwargs or {}))
        return func(*args, **(kwargs or {}))


def _applied(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    plain = input.ndim < 2 or weight.ndim != 2 or input.dtype != weight.dtype
    if plain or torch.is_autocast_enabled(input.device.type):
        return F.linear(input, weight, bias)
    result: Tensor = _Linear.apply(input, weight, bias)  # type: ignore[no-untyped-call]
    return result
