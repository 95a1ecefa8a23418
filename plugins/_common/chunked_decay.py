"""Linear recurrences with a matrix-valued state, in chunks of time.

For each sequence and head, with a state S (K, V), query and key q, k (K) and value v (V)::

    S_t = diag(a_t) S_{t-1} + k_t v_t^T
    o_t = S_t^T q_t

The decay a_t, above 0 and at most 1, is one number for the head or one for each row of S.

Inside a chunk the outputs are matrix products of queries, keys and values; from chunk to chunk the
state is carried (Yang et al. 2024, Dao & Gu 2024).

The decay is given as its logarithm. Each factor is the exponential of a sum of logarithms over a
segment of steps. The sum is formed from its own terms, and not as the difference of two cumulative
sums, which would lose the digits of slow decays that follow a fast one. Nothing is divided by a
product of decays.

For one decay per head the sums over all segments of a chunk are a table (C, C) (``segsum`` of Dao &
Gu 2024). For one decay per row this table would have K entries for each pair of steps. Instead
neighbouring blocks of 1, 2, 4, ... steps are joined at their common boundary m: the factor from
step j to step i is the one from j to m times the one from m to i. Both are at most 1 and belong to
one step each, so that the pairs are a matrix product again. These are the secondary chunks of Yang
et al. (2024), at all scales.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench import linear_recurrence

CHUNK = 16


def decayed_step(
    query: Tensor, key: Tensor, value: Tensor, decay: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    """Advance the recurrence by one step.

    Args:
        query: (B, H, K), or (B, 1, K) for all heads.
        key: as ``query``.
        value: (B, H, V).
        decay: (B, H) or (B, H, K), the decay itself.
        state: (B, H, K, V).

    Returns:
        Outputs (B, H, V) and the new state.
    """
    rows = decay.unsqueeze(-1) if decay.ndim == 2 else decay  # (B, H, K or 1)
    written = key.unsqueeze(-1) * value.unsqueeze(-2)  # (B, H, K, V)
    state = rows.unsqueeze(-1) * state + written
    return (query.unsqueeze(-1) * state).sum(-2), state


def chunked_decay(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    log_decay: Tensor,
    state: Tensor,
    chunk: int = CHUNK,
) -> tuple[Tensor, Tensor]:
    """Run the recurrence over all steps, in chunks.

    Args:
        query: (B, T, H, K). With one decay per head also (B, T, 1, K), for all heads.
        key: as ``query``.
        value: (B, T, H, V).
        log_decay: (B, T, H), one decay per head, or (B, T, H, K), one per row of the state; finite
            and at most 0.
        state: (B, H, K, V), before the first step.
        chunk: C, steps in a chunk, a power of 2.

    Returns:
        Outputs (B, T, H, V) and the state after the last step.
    """
    steps = value.shape[1]
    chunk = min(chunk, 1 << (steps - 1).bit_length())
    query, key, value = (_split(each, chunk) for each in (query, key, value))  # (B, N, H, C, .)
    if log_decay.ndim == 3:
        log_decay = _split(log_decay.unsqueeze(-1), chunk).squeeze(-1)  # (B, N, H, C)
        table = _segments(log_decay).exp()  # (B, N, H, C, C)
        outputs = ((query @ key.transpose(-1, -2)) * table) @ value
        since_start = log_decay.cumsum(-1).unsqueeze(-1).exp()  # (B, N, H, C, 1)
        until_end = table[..., -1, :].unsqueeze(-1)
    else:
        outputs, prefix, suffix = _joined(query, key, value, _split(log_decay, chunk))
        since_start, until_end = prefix.exp(), suffix.exp()  # (B, N, H, C, K)
    written = (key * until_end).transpose(-1, -2) @ value  # (B, N, H, K, V)
    kept = since_start[..., -1, :].unsqueeze(-1)  # (B, N, H, K or 1, 1)
    states = linear_recurrence(kept, written, state)
    before = torch.cat([state.unsqueeze(1), states[:, :-1]], dim=1)
    outputs = outputs + (query * since_start) @ before
    return outputs.transpose(2, 3).flatten(1, 2)[:, :steps], states[:, -1]  # (B, T, H, V)


def _split(x: Tensor, chunk: int) -> Tensor:
    """Cut x (B, T, H, W) into chunks (B, N, H, C, W).

    Padding is zero: steps that write nothing and keep the state.
    """
    missing = -x.shape[1] % chunk
    if missing:
        x = F.pad(x, (0, 0, 0, 0, 0, missing))
    return torch.unflatten(x, 1, (-1, chunk)).transpose(2, 3)


def _segments(log_decay: Tensor) -> Tensor:
    """Return the sums of log_decay (..., C) over steps j + 1 to i: (..., C, C), -inf for j > i."""
    steps = log_decay.shape[-1]
    later = torch.ones(steps, steps, dtype=torch.bool, device=log_decay.device).tril(-1)
    terms = log_decay.unsqueeze(-1).expand(*log_decay.shape, steps)
    sums = terms.masked_fill(~later, 0).cumsum(-2)
    # masked before the exponential, whose gradient would be 0 times infinity otherwise
    return sums.masked_fill(later.t(), -torch.inf)


def _joined(
    query: Tensor, key: Tensor, value: Tensor, log_decay: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Return the outputs within each chunk, without the state before it.

    Args:
        query: (..., C, K).
        key: (..., C, K).
        value: (..., C, V).
        log_decay: (..., C, K).

    Returns:
        Outputs (..., C, V), and the sums of ``log_decay`` from the start of the chunk up to each
        step (..., C, K) and from each step, excluded, up to the end of the chunk (..., C, K).
    """
    chunk = query.shape[-2]
    # blocks of one step: (..., C, 1, W)
    outputs = ((query * key).sum(-1, keepdim=True) * value).unsqueeze(-2)
    prefix = total = log_decay.unsqueeze(-2)
    suffix = torch.zeros_like(prefix)
    size = 1
    while size < chunk:
        # pairs of blocks: (..., C / 2 size, 2, size, W)
        asked, kept, added = (torch.unflatten(x, -2, (-1, 2, size)) for x in (query, key, value))
        early, late = _pairs(outputs)
        into_early, into_late = _pairs(prefix)
        from_early, from_late = _pairs(suffix)
        over_early, over_late = _pairs(total)
        reading = asked[..., 1, :, :] * into_late.exp()
        writing = kept[..., 0, :, :] * from_early.exp()
        late = late + (reading @ writing.transpose(-1, -2)) @ added[..., 0, :, :]
        outputs = torch.cat([early, late], dim=-2)  # (..., C / 2 size, 2 size, V)
        prefix = torch.cat([into_early, into_late + over_early], dim=-2)
        suffix = torch.cat([from_early + over_late, from_late], dim=-2)
        total = over_early + over_late  # (..., C / 2 size, 1, K)
        size *= 2
    return outputs.squeeze(-3), prefix.squeeze(-3), suffix.squeeze(-3)


def _pairs(x: Tensor) -> tuple[Tensor, Tensor]:
    """Split x (..., 2 n, size, W) into its even and odd blocks, each (..., n, size, W)."""
    early, late = torch.unflatten(x, -3, (-1, 2)).unbind(-3)
    return early, late
