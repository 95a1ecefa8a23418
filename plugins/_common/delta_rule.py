"""The delta rule: a matrix memory that a step partly overwrites, step by step and in chunks.

The memory M_t (K, V) of a head maps keys to values. Two forms of one update, with c_t = M_t^T q_t
as what a query reads::

    M_t = a_t (I - b_t k_t k_t^T) M_{t-1} + b_t k_t v_t^T               delta rule, scalar decay a_t
    M_t = (diag(w_t) - n_t e_t^T) M_{t-1} + k_t v_t^T                   generalised, decay per key

Both are a linear recurrence of the memory with a transition that is diagonal plus rank one. Over a
chunk of C steps from M_0 it has a closed form: what step i adds is a rank one term with a value
u_i that depends on the terms before it, so that all u of a chunk solve one unit lower triangular
system (the WY representation of a product of Householder matrices; Bischof & Van Loan 1987, Yang et
al. 2024). Since u is affine in M_0, so is the memory at the end of the chunk. A training step is
then a few batched matrix products over all chunks, and a loop over chunks with one product each.

Nothing is divided by a product of decays. The scalar form takes the exponential of differences of
sums of log decays, none above zero. The generalised form takes it of such differences to the middle
of the chunk, for each key, and bounds them: see :func:`generalized_delta_rule`.

Letters: B batch, T time steps, R rank one updates per step, H heads, K size of a key and V of a
value. N chunks of C steps, and G = B H.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor

CHUNK = 16
"""Largest number of rank one updates in a chunk.

On a CPU (one thread, B=50, H=4, float32) 16 to 25 was the fastest of 8 to 100 for hidden sizes of
32 to 128 and T of 100 and 500.
"""
_Rule: TypeAlias = Callable[..., tuple[Tensor, Tensor]]


def _in_single_precision(rule: _Rule) -> _Rule:
    """Run a rule outside of autocast, in float32 or more.

    No triangular system is solved in half precision, and the memory of a long sequence would be
    rounded at each chunk.
    """

    def single(x: Any) -> Any:
        if not isinstance(x, Tensor):
            return x
        return x.to(torch.promote_types(x.dtype, torch.float32))

    @functools.wraps(rule)
    def run(q: Tensor, *others: Any, **named: Any) -> tuple[Tensor, Tensor]:
        with torch.autocast(q.device.type, enabled=False):
            return rule(
                single(q),
                *(single(each) for each in others),
                **{name: single(each) for name, each in named.items()},
            )

    return run


def delta_step(k: Tensor, v: Tensor, rate: Tensor, decay: Tensor | None, memory: Tensor) -> Tensor:
    """Return the memory after one update of the delta rule.

    Args:
        k: (B, H, K), of unit length.
        v: (B, H, V).
        rate: (B, H), b_t in [0, 2].
        decay: (B, H), a_t in [0, 1], or ``None`` for none.
        memory: (B, H, K, V).
    """
    if decay is not None:
        memory = memory * decay[..., None, None]
    added = rate.unsqueeze(-1) * (v - read(k, memory))
    return memory + k.unsqueeze(-1) * added.unsqueeze(-2)


def read(q: Tensor, memory: Tensor) -> Tensor:
    """Return M^T q (B, H, V) for q (B, H, K) and memory (B, H, K, V)."""
    return (q.unsqueeze(-2) @ memory).squeeze(-2)


@_in_single_precision
def delta_rule(
    q: Tensor, k: Tensor, v: Tensor, rate: Tensor, log_decay: Tensor | None, memory: Tensor
) -> tuple[Tensor, Tensor]:
    """Apply the delta rule to all steps: :func:`delta_step` R times per step, then :func:`read`.

    Args:
        q: (B, T, H, K).
        k: (B, T, R, H, K), of unit length.
        v: (B, T, R, H, V).
        rate: (B, T, R, H), in [0, 2].
        log_decay: (B, T, H), the logarithm of the decay before the first update of each step, at
            most 0; ``None`` for no decay.
        memory: (B, H, K, V), before the first step.

    Returns:
        What the queries read (B, T, H, V), and the memory after the last step.
    """
    steps, updates = k.shape[1], k.shape[2]
    count = _chunks(steps, max(1, CHUNK // updates))
    q = _chunked(q.unsqueeze(2), count)  # (N, G, C, K)
    k, v = _chunked(k, count), _chunked(v, count)  # (N, G, C R, K or V)
    rate = _chunked(rate.unsqueeze(-1), count)  # (N, G, C R, 1)
    scaled = rate * k
    system, scores = scaled @ k.mT, q @ k.mT  # (N, G, C R, C R) and (N, G, C, C R)
    from_start, to_end = scaled, k
    transition = torch.eye(k.shape[-1], dtype=k.dtype, device=k.device)
    if log_decay is None:
        scores = scores * _lower(q.shape[2], q).repeat_interleave(updates, 1)
    else:
        log_decay = _chunked(log_decay[:, :, None, :, None], count)  # (N, G, C, 1)
        since_start = log_decay.cumsum(2).exp()
        kept = _kept(log_decay).repeat_interleave(updates, 3)  # (N, G, C, C R)
        scores = scores * kept
        system = system * kept.repeat_interleave(updates, 2)
        q = q * since_start
        from_start = scaled * since_start.repeat_interleave(updates, 2)
        to_end = k * kept[:, :, -1].unsqueeze(-1)
        transition = transition * since_start[:, :, -1:]
    solved = _solved(system, torch.cat([rate * v, from_start], dim=-1))
    own, carried = torch.split(solved, [v.shape[-1], k.shape[-1]], dim=-1)
    starts, memory = _carry(transition - to_end.mT @ carried, to_end.mT @ own, memory)
    values = own - carried @ starts
    return _joined(q @ starts + scores @ values, memory, steps), memory


def generalized_delta_step(
    k: Tensor, v: Tensor, decay: Tensor, removal: Tensor, erased: Tensor, memory: Tensor
) -> Tensor:
    """Return the memory after one update of the generalised delta rule.

    Args:
        k: (B, H, K), the key that is written.
        v: (B, H, V).
        decay: (B, H, K), w_t.
        removal: (B, H, K), n_t.
        erased: (B, H, K), e_t, the key that is read and removed.
        memory: (B, H, K, V).
    """
    old = read(erased, memory)
    written = k.unsqueeze(-1) * v.unsqueeze(-2) - removal.unsqueeze(-1) * old.unsqueeze(-2)
    return memory * decay.unsqueeze(-1) + written


@_in_single_precision
def generalized_delta_rule(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log_decay: Tensor,
    removal: Tensor,
    erased: Tensor,
    memory: Tensor,
    *,
    lowest: float,
) -> tuple[Tensor, Tensor]:
    """Apply :func:`generalized_delta_step` and then :func:`read` to all steps.

    Scores of one key position with another are a product of two factors that hold the decay to and
    from the middle of the chunk. Factors of steps that see each other multiply to at most 1, and
    each of them is exact to rounding; only their size is to be bounded, which the length of a chunk
    does: no exponent is above 10.

    Args:
        q: (B, T, H, K).
        k: (B, T, H, K).
        v: (B, T, H, V).
        log_decay: (B, T, H, K), in [``lowest``, 0].
        removal: (B, T, H, K).
        erased: (B, T, H, K).
        memory: (B, H, K, V), before the first step.
        lowest: a bound that ``log_decay`` does not fall below, in [-10, 0).

    Returns:
        What the queries read (B, T, H, V), and the memory after the last step.
    """
    steps = q.shape[1]
    count = _chunks(steps, min(CHUNK, 2 * int(10 / -lowest)))
    q, k, v, log_decay, removal, erased = (
        _chunked(each.unsqueeze(2), count) for each in (q, k, v, log_decay, removal, erased)
    )  # (N, G, C, K or V)
    length = q.shape[2]
    after = log_decay.cumsum(2)
    before = after - log_decay
    middle = after[:, :, length // 2 : length // 2 + 1]
    whole = after[:, :, -1:].exp()
    size = k.shape[-1]
    written = torch.cat([k, -removal], dim=2) * (middle - after).exp().repeat(1, 1, 2, 1)
    of_erased = (erased * (before - middle).exp()) @ written.mT  # (N, G, C, 2C)
    of_query = (q * (after - middle).exp()) @ written.mT
    scores = of_query * _lower(length, q).repeat(1, 2)
    stored, system = of_erased.chunk(2, dim=-1)
    right = torch.cat([stored.tril(-1) @ v, erased * before.exp()], dim=-1)
    own, carried = torch.split(_solved(-system, right), [v.shape[-1], size], dim=-1)
    to_end = (after[:, :, -1:] - after).exp()
    kept, removed = (k * to_end).mT, (removal * to_end).mT  # (N, G, K, C)
    transition = torch.diag_embed(whole.squeeze(2)) - removed @ carried
    starts, memory = _carry(transition, kept @ v - removed @ own, memory)
    values = torch.cat([v, own + carried @ starts], dim=2)
    return _joined((q * after.exp()) @ starts + scores @ values, memory, steps), memory


def _chunks(steps: int, longest: int) -> int:
    """Return the number of chunks of at most ``longest`` steps."""
    return math.ceil(steps / longest)


def _chunked(x: Tensor, count: int) -> Tensor:
    """Return x (B, T, R, H, S) in chunks (N, B H, C R, S), with zeros after the last step.

    A zero key, rate and log decay leave the memory as it is.
    """
    batch, steps, updates, heads, size = x.shape
    length = math.ceil(steps / count)
    if missing := count * length - steps:
        x = F.pad(x, (0, 0, 0, 0, 0, 0, 0, missing))
    x = x.reshape(batch, count, length * updates, heads, size).permute(1, 0, 3, 2, 4)
    return x.reshape(count, batch * heads, length * updates, size)


def _joined(x: Tensor, memory: Tensor, steps: int) -> Tensor:
    """Return x (N, B H, C, V) in the order of time (B, T, H, V)."""
    count, _, length, size = x.shape
    batch, heads = memory.shape[:2]
    x = x.reshape(count, batch, heads, length, size).permute(1, 0, 3, 2, 4)
    return x.reshape(batch, count * length, heads, size)[:, :steps]


def _lower(length: int, like: Tensor) -> Tensor:
    """Return (C, C), 1 where a row comes not before a column, else 0."""
    return torch.ones(length, length, dtype=like.dtype, device=like.device).tril()


def _kept(log_decay: Tensor) -> Tensor:
    """Return what is left at a row of a column (N, G, C, C), for log decays (N, G, C, 1).

    It is 1 at the diagonal and 0 where the column is later. Each entry is the exponential of a sum
    of its own: a difference of two long sums would lose the digits of a short one.
    """
    lower = _lower(log_decay.shape[2], log_decay)
    between = (log_decay * lower.tril(-1)).cumsum(2)  # at row i and column j: j + 1 to i
    return between.exp() * lower


def _solved(system: Tensor, right: Tensor) -> Tensor:
    """Return X with (I + L) X = ``right``, where L is the part of ``system`` below its diagonal."""
    solved: Tensor = torch.linalg.solve_triangular(system, right, upper=False, unitriangular=True)
    return solved


def _carry(transition: Tensor, drive: Tensor, memory: Tensor) -> tuple[Tensor, Tensor]:
    """Return the memory before each chunk (N, G, K, V) and that after the last (B, H, K, V).

    Args:
        transition: (N, G, K, K).
        drive: (N, G, K, V).
        memory: (B, H, K, V), before the first chunk.
    """
    current = memory.reshape(drive.shape[1:])
    starts = []
    for factor, added in zip(transition, drive, strict=True):
        starts.append(current)
        current = torch.baddbmm(added, factor, current)
    return torch.stack(starts), current.reshape(memory.shape)
