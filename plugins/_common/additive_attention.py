"""Causal additive attention in O(B * T * A) memory; the plain form takes O(B * T * T * A).

Scores, weights and contexts of queries Q, keys K, values V and a vector v (Bahdanau, Cho & Bengio
2015)::

    e_tk = v . tanh(Q_t + K_k),   alpha_t = softmax_k(e_t),   context_t = sum_k alpha_tk V_k

Because of the tanh the scores are no matrix product, and autograd would keep every tanh, which is
(B, T, T, A). Here blocks of queries are processed one after the other, each against the keys that
it may see, and the backward pass computes the tanh again. With U = tanh(Q_t + K_k), g the gradient
of a context and d the gradient of its scores::

    d_tk = alpha_tk (g_t . V_k - sum_j alpha_tj g_t . V_j)
    dV_k = sum_t alpha_tk g_t,       dv = sum_tk d_tk U
    dQ_t = v * sum_k d_tk (1 - U^2) = -v * sum_k d_tk U^2       since sum_k d_tk = 0
    dK_k = v * sum_t d_tk (1 - U^2)

The T queries belong to the last T of the N steps of the keys: query t sees keys 0 to N - T + t.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_BLOCK_ELEMENTS = {"cpu": 2**22, "cuda": 2**25}
"""Size of a block of tanh values: large enough to hide the overhead of its operations."""
_MIN_BLOCKS = 4
"""A block holds at most a quarter of all queries, which bounds the memory of short sequences."""


def attend(
    queries: Tensor, keys: Tensor, values: Tensor, v: Tensor, absent: Tensor | None = None
) -> Tensor:
    """Return the contexts (B, T, H), each from the keys up to its own step.

    Differentiable once in the first four arguments. Computed in the dtype of ``v``, also under
    autocast.

    Args:
        queries: (B, T, A).
        keys: (B, N, A), N >= T.
        values: (B, N, H).
        v: (A,).
        absent: (B, N) bool, keys that are masked out; each query must see at least one key.
    """
    queries, keys, values = (tensor.to(v.dtype).contiguous() for tensor in (queries, keys, values))
    with torch.autocast(queries.device.type, enabled=False):
        contexts: Tensor = _Attend.apply(queries, keys, values, v, absent)  # type: ignore[no-untyped-call]
    return contexts


@torch.no_grad()
def attention_weights(
    queries: Tensor, keys: Tensor, v: Tensor, absent: Tensor | None = None
) -> Tensor:
    """Return alpha (B, T, N) for arguments as in :func:`attend`, without gradient."""
    weights = queries.new_zeros(queries.shape[0], queries.shape[1], keys.shape[1])
    for block, u in _tanh_blocks(queries, keys):
        alpha = _softmax(u, v, absent)  # (B, q, n)
        weights[:, block, : alpha.shape[-1]] = alpha
    return weights


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, queries: Tensor, keys: Tensor, values: Tensor, v: Tensor, absent: Tensor | None
    ) -> Tensor:
        ctx.save_for_backward(queries, keys, values, v, absent)
        contexts = []
        for _, u in _tanh_blocks(queries, keys):
            alpha = _softmax(u, v, absent)  # (B, q, n)
            contexts.append(alpha @ values[:, : alpha.shape[-1]])
        return torch.cat(contexts, dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, None]:
        queries, keys, values, v, absent = ctx.saved_tensors
        grad = grad.contiguous()
        grad_queries = torch.empty_like(queries)
        grad_keys = torch.zeros_like(keys)
        grad_values = torch.zeros_like(values)
        grad_v = torch.zeros_like(v)
        grad_scores_by_key = keys.new_zeros(keys.shape[:2])  # (B, N), d summed over queries
        for block, u in _tanh_blocks(queries, keys):
            alpha = _softmax(u, v, absent)  # (B, q, n)
            seen = slice(alpha.shape[-1])
            grad_values[:, seen] += alpha.transpose(1, 2) @ grad[:, block]
            grad_alpha = grad[:, block] @ values[:, seen].transpose(1, 2)
            d = alpha * (grad_alpha - (alpha * grad_alpha).sum(-1, keepdim=True))
            grad_v += d.flatten() @ u.flatten(end_dim=-2)
            u.square_()  # in place, as below, to avoid a second tensor of this size
            grad_queries[:, block] = -(d.unsqueeze(-2) @ u).squeeze(-2)
            grad_keys[:, seen] -= u.mul_(d.unsqueeze(-1)).sum(1)
            grad_scores_by_key[:, seen] += d.sum(1)
        grad_keys += grad_scores_by_key.unsqueeze(-1)
        return grad_queries * v, grad_keys * v, grad_values, grad_v, None


def _tanh_blocks(queries: Tensor, keys: Tensor) -> Iterator[tuple[slice, Tensor]]:
    """Yield blocks of q queries with their tanh (B, q, n, A) for the n keys that they may see.

    All blocks share one buffer, which the caller may overwrite: allocating new memory costs more
    than the arithmetic.
    """
    (batch, steps, width), span = queries.shape, keys.shape[1]
    budget = _BLOCK_ELEMENTS.get(queries.device.type, _BLOCK_ELEMENTS["cpu"])
    size = max(1, min(steps // _MIN_BLOCKS, budget // max(1, keys.numel())))
    workspace = queries.new_empty(batch * size * span * width)
    for start in range(0, steps, size):
        block = slice(start, min(start + size, steps))
        shape = (batch, block.stop - start, span - steps + block.stop, width)
        u = workspace[: math.prod(shape)].view(shape)
        torch.add(queries[:, block].unsqueeze(2), keys[:, : shape[2]].unsqueeze(1), out=u)
        yield block, u.tanh_()


def _softmax(u: Tensor, v: Tensor, absent: Tensor | None) -> Tensor:
    """Return the causal attention weights (B, q, n) from u (B, q, n, A)."""
    # a matrix product, because torch's FLOP counter counts nothing else
    scores = (u @ v.unsqueeze(-1)).squeeze(-1)
    queries, keys = scores.shape[1:]
    if queries > 1:
        # the last query of the block sees all n keys, the one before it one key fewer
        later = torch.ones(queries, keys, dtype=torch.bool, device=u.device).triu(
            keys - queries + 1
        )
        scores = scores.masked_fill(later, -torch.inf)
    if absent is not None:
        scores = scores.masked_fill(absent[:, None, :keys], -torch.inf)
    return scores.softmax(dim=-1)
