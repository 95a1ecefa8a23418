"""Inputs replaced one at a time by inputs that the data have at the same place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rnnbench.probes.gradient.lags import spread_over

if TYPE_CHECKING:
    from rnnbench.probes.gradient.sample import Sample

PER_SEQUENCE = 16
"""Inputs replaced in each sequence at most."""
FEWEST = 5
"""Sequences that a lag needs to be reported."""
_OWN = 8
"""Inputs that a task needs at places that vary are all replaced if they are no more than these."""
_NEAREST = 16
"""Replacements come from so many sequences of the most similar length, and those of that length."""


@dataclass(frozen=True)
class Replacements:
    """M replacements, one input each.

    Attributes:
        sequence: (M,) which measured sequence.
        step: (M,) which of its inputs.
        value: (M,) or (M, D), what it is replaced with; never what it was.
        differing: (M,) share of the draws that differ from the input.
        shared: (M,) bool, whether the step belongs to the grid that all sequences share.
    """

    sequence: Tensor
    step: Tensor
    value: Tensor
    differing: Tensor
    shared: Tensor


def draw_replacements(sample: Sample, generator: torch.Generator) -> Replacements:
    """Choose inputs and draw a replacement for each.

    The inputs are on a grid that all sequences share, in which are those that the task needs, if
    they are few and at the same place in every sequence. If they are few and their place varies,
    each sequence has its own besides. There are 16 in all.

    A replacement is the input of another test sequence at the same place, drawn uniformly from
    those that differ from the input replaced. The place is counted from the end for steps
    ``"last"``, so that the last step stays a last step, and from the start for ``"every"``. The
    other sequence is one of similar length and has that place, so that padding is never taken. An
    input at whose place all sequences have the same value is not replaced.
    """
    sequence, step, shared = _chosen(sample, generator)
    own = sample.batch.inputs[sequence, step]  # (M,) or (M, D)
    values, valid = _draws(sample, sequence, step)  # (M, P) or (M, P, D), (M, P)
    unequal = values != own[:, None]
    differs = valid & (unequal if unequal.dim() == 2 else unequal.any(-1))
    scores = torch.rand(differs.shape, generator=generator).to(differs.device)
    drawn = torch.where(differs, scores, -1.0).argmax(1)
    value = values[torch.arange(len(values), device=values.device), drawn]
    share = differs.sum(1) / valid.sum(1).clamp_min(1)
    kept = differs.any(1)
    return Replacements(sequence[kept], step[kept], value[kept], share[kept], shared[kept])


def _chosen(sample: Sample, generator: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Return sequence, step and whether the step is shared, of every input to replace: 3 x (M,)."""
    lengths, device = sample.lengths, sample.lengths.device
    steps = torch.arange(sample.batch.inputs.shape[1], device=device)
    # step of each place (B, T): places are lags before the last step, or steps
    by_place = steps.expand(len(lengths), -1) if sample.every else lengths[:, None] - 1 - steps
    exists = (by_place >= 0) & (by_place < lengths[:, None])
    needed = torch.zeros_like(exists)
    if sample.needed is not None:
        by_step = sample.needed.any(2) if sample.every else sample.needed
        needed = by_step.gather(1, by_place.clamp(0, len(steps) - 1)) & exists
    common = needed.all(0).nonzero().flatten().tolist()
    if len(common) > (PER_SEQUENCE if sample.every else PER_SEQUENCE // 2):
        common = []
    wanted = int(needed.sum(1).amax())
    own = wanted if not common and wanted <= _OWN else 0
    grid = sorted({*common, *_filled(sample, exists, common, PER_SEQUENCE - own)})
    shared = torch.zeros_like(exists)
    shared[:, grid] = True
    scores = torch.rand(exists.shape, generator=generator).to(device)
    scores = torch.where(needed & ~shared, scores, -1.0)
    picked = torch.zeros_like(exists)
    if own > 0:
        picked.scatter_(1, scores.topk(own, dim=1).indices, True)
        picked &= scores >= 0
    sequence, place = ((shared | picked) & exists).nonzero().unbind(1)
    return sequence, by_place[sequence, place], shared[sequence, place]


def _filled(sample: Sample, exists: Tensor, common: list[int], most: int) -> list[int]:
    """Return further places that enough sequences have, at most ``most`` with the common ones."""
    enough = min(len(exists), FEWEST)
    usable = exists.sum(0) >= enough
    if sample.every:
        usable &= _varying(sample)
    places = [p for p in usable.nonzero().flatten().tolist() if p not in common]
    room = max(0, most - len(common))
    if sample.every:
        return [places[i] for i in spread_over(len(places), room)]
    return [places[i] for i in spread_over(len(places), room, logarithmic=True)]


def _varying(sample: Sample) -> Tensor:
    """Return the steps (T,) at which the sequences of the pool do not all have the same input."""
    inputs, lengths = sample.pool.inputs, sample.pool.lengths
    assert lengths is not None
    valid = torch.arange(inputs.shape[1], device=inputs.device) < lengths[:, None]  # (P, T)
    longest = int(lengths.argmax())
    unequal = inputs != inputs[longest]
    varies = ((unequal if unequal.dim() == 2 else unequal.any(-1)) & valid).any(0)
    return varies[: sample.batch.inputs.shape[1]]


def _draws(sample: Sample, sequence: Tensor, step: Tensor) -> tuple[Tensor, Tensor]:
    """Return what each sequence of the pool has at the place of each input.

    Returns:
        Values (M, P) or (M, P, D), and whether each is a draw from the data (M, P).
    """
    pool, lengths = sample.pool, sample.pool.lengths
    assert lengths is not None
    here = sample.lengths[sequence][:, None]  # (M, 1)
    there = step[:, None].expand(-1, len(pool))
    if not sample.every:
        there = lengths - here + there
    others = torch.arange(len(pool), device=step.device) != sequence[:, None]  # (M, P)
    apart = (lengths - sample.lengths[:, None]).abs()  # (B, P)
    nearest = apart.sort(1).values[:, min(_NEAREST, len(pool) - 1)]  # the first is itself
    near = (apart <= nearest[:, None])[sequence]
    valid = others & near & (there >= 0) & (there < lengths)
    index = there.clamp(0, pool.inputs.shape[1] - 1)
    return pool.inputs[torch.arange(len(pool), device=step.device), index], valid
