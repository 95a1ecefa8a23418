"""Causal multi-head self-attention with a cache of keys and values.

Equations, for the inputs x_1 .. x_T of width D, per head of width d, which is H / num_heads rounded
up to an even number::

    q_t, k_t, v_t = W_q x_t, W_k x_t, W_v x_t                          (d)
    a_ts          = softmax_s(q_t . k_s / sqrt(d))    s <= t, with a window W: t - W < s <= t
    y_t           = W_o [sum_s a_ts v_s of all heads]                  (H)

Positions (Vaswani et al. 2017 add an encoding to the input; these act inside the attention, and on
the distance of two steps alone, so that sequences may be longer than those of training):

- ``rotary`` (Su et al. 2021): component pair (i, i + d/2) of q_t and k_t is rotated by the angle
  ``t * 10000^(-2i/d)``.
- ``alibi`` (Press et al. 2022): ``2^(-8j/num_heads) * (s - t)`` is added to the score of head j,
  counted from 1.
- ``none``: only causality tells the order.

The published slopes of ALiBi for a number of heads that is no power of two are taken from that for
the next power; here the formula is used for any number.

The cache holds keys before their rotation. A position is counted from the first step in the cache,
which changes no distance and keeps the angles small.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Position: TypeAlias = Literal["rotary", "alibi", "none"]
Cache: TypeAlias = tuple[Tensor, ...]
"""Keys and values (B, heads, N, d); with a window the N = W - 1 last, and what is absent (B, N)."""

_ROTARY_BASE = 10_000.0


class SelfAttention(nn.Module):
    """Causal multi-head self-attention (Vaswani et al. 2017).

    All matrices are Glorot uniform, each by itself, and biases zero.

    Args:
        input_size: D.
        hidden_size: H, width of the output.
        num_heads: heads of width d.
        position: how a distance enters.
        window: W, steps that a step attends to, its own included; ``None``: all.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_heads: int,
        position: Position,
        window: int | None,
    ) -> None:
        super().__init__()
        self.num_heads = num_heads
        # even, so that components can be rotated in pairs
        self.head_size = 2 * math.ceil(hidden_size / (2 * num_heads))
        inner = num_heads * self.head_size
        self.position = position
        self.window = window
        self.query_key_value = nn.Linear(input_size, 3 * inner)
        self.output = nn.Linear(inner, hidden_size)
        with torch.no_grad():
            for block in (*self.query_key_value.weight.chunk(3), self.output.weight):
                nn.init.xavier_uniform_(block)
            nn.init.zeros_(self.query_key_value.bias)
            nn.init.zeros_(self.output.bias)

    def forward(self, x: Tensor, cache: Cache | None = None) -> tuple[Tensor, Cache]:
        """Map x (B, T, D) and the cache of the steps before to outputs (B, T, H) and the new one.

        ``None`` is the cache before the first step.
        """
        batch, steps, _ = x.shape
        heads = self.query_key_value(x).view(batch, steps, 3, self.num_heads, self.head_size)
        queries, keys, values = heads.permute(2, 0, 3, 1, 4)  # 3 x (B, heads, T, d)
        fresh = cache is None
        if cache is None:
            cache = self._empty(keys)
        keys = torch.cat([cache[0], keys], dim=2)  # (B, heads, N + T, d)
        values = torch.cat([cache[1], values], dim=2)
        new: Cache
        if self.window is None:
            read = self._all(queries, keys, values)
            new = keys, values
        else:
            here = torch.zeros(batch, steps, dtype=torch.bool, device=x.device)
            absent = torch.cat([cache[2], here], dim=1)
            # of a cache without any step no more is read than a first step could reach
            skipped = max(0, self.window - steps) if fresh else 0
            read = self._windows(
                queries, keys[:, :, skipped:], values[:, :, skipped:], absent[:, skipped:]
            )
            new = keys[:, :, steps:], values[:, :, steps:], absent[:, steps:]
        outputs: Tensor = self.output(read.transpose(1, 2).reshape(batch, steps, -1))
        return outputs, new

    def _empty(self, keys: Tensor) -> Cache:
        """Return the cache before the first step, for keys (B, heads, T, d)."""
        history = 0 if self.window is None else self.window - 1
        empty = keys.new_zeros(*keys.shape[:2], history, self.head_size)
        if self.window is None:
            return empty, empty
        return empty, empty, keys.new_ones(len(keys), history, dtype=torch.bool)

    def _all(self, queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
        """Attend from the last T of N + T steps to all up to each: (B, heads, T, d)."""
        steps, total = queries.shape[2], keys.shape[2]
        queries, keys = self._rotated(queries, keys)
        if steps == total and self.position != "alibi":
            return F.scaled_dot_product_attention(queries, keys, values, is_causal=True)
        if steps == 1 and self.position != "alibi":
            return F.scaled_dot_product_attention(queries, keys, values)
        # is_causal would align the first query with the first key, not the last with the last
        distance = _distances(queries, keys)
        return F.scaled_dot_product_attention(
            queries, keys, values, self._mask(distance, distance >= 0, queries.dtype)
        )

    def _windows(self, queries: Tensor, keys: Tensor, values: Tensor, absent: Tensor) -> Tensor:
        """Attend from the last T of N + T steps to the N + 1 up to each, N < W.

        The queries are cut into blocks of N + 1 steps, each of which reads its own and N more, so
        that the cost is proportional to T.
        """
        steps, history = queries.shape[2], keys.shape[2] - queries.shape[2]
        size = min(steps, history + 1)
        missing = -steps % size
        if missing:
            queries, keys, values = (
                F.pad(each, (0, 0, 0, missing)) for each in (queries, keys, values)
            )
            # a step after the last is read by no valid query
            absent = F.pad(absent, (0, missing))
        queries = queries.reshape(
            *queries.shape[:2], -1, size, self.head_size
        )  # (B, heads, blocks, S, d)
        keys, values = (
            each.unfold(2, size + history, size).transpose(-1, -2) for each in (keys, values)
        )  # (B, heads, blocks, S + N, d)
        hidden = absent.unfold(1, size + history, size)[
            :, None, :, None
        ]  # (B, 1, blocks, 1, S + N)
        queries, keys = self._rotated(queries, keys)
        distance = _distances(queries, keys)
        allowed = (distance >= 0) & (distance <= history) & ~hidden
        read = F.scaled_dot_product_attention(
            queries, keys, values, self._mask(distance, allowed, queries.dtype)
        )
        return read.flatten(2, 3)[:, :, :steps]

    def _rotated(self, queries: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        if self.position != "rotary":
            return queries, keys
        # in half precision even the number of a step would be rounded
        places = torch.arange(keys.shape[-2], dtype=torch.float64, device=keys.device)
        half = self.head_size // 2
        frequencies = _ROTARY_BASE ** (-torch.arange(half, device=keys.device).double() / half)
        angles = places[:, None] * frequencies  # (N + T, d / 2)
        cosine, sine = angles.cos().to(keys.dtype), angles.sin().to(keys.dtype)
        last = slice(keys.shape[-2] - queries.shape[-2], None)
        return _rotate(queries, cosine[last], sine[last]), _rotate(keys, cosine, sine)

    def _mask(self, distance: Tensor, allowed: Tensor, dtype: torch.dtype) -> Tensor:
        """Return what is added to the scores; what is read, where nothing is added.

        Args:
            distance: (T, N) steps from each key to each query.
            allowed: (..., T, N), whether the key is read.
            dtype: that of the queries.
        """
        if self.position != "alibi":
            return allowed
        heads = torch.arange(1, self.num_heads + 1, dtype=torch.float64, device=distance.device)
        slopes = torch.exp2(heads * (-8 / self.num_heads))
        # the axis of the blocks, if any, is between heads and steps
        between = max(0, allowed.dim() - 4)
        bias = -slopes.view(-1, *(1,) * between, 1, 1) * distance
        return torch.where(allowed, bias.to(dtype), float("-inf"))


def _distances(queries: Tensor, keys: Tensor) -> Tensor:
    """Return how many steps each key is before each query, (T, N + T)."""
    steps, total = queries.shape[-2], keys.shape[-2]
    places = torch.arange(total, device=keys.device)
    return places[total - steps :, None] - places


def _rotate(x: Tensor, cosine: Tensor, sine: Tensor) -> Tensor:
    """Rotate the pairs of components of x (..., T, d) by angles (T, d / 2)."""
    one, other = x.chunk(2, dim=-1)
    return torch.cat([one * cosine - other * sine, one * sine + other * cosine], dim=-1)
