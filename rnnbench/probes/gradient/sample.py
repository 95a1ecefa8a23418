"""The test sequences that the gradient probes use: a random sample, drawn by key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rnnbench.contract.task import Batch
from rnnbench.probes.gradient.lags import LONGEST

if TYPE_CHECKING:
    from typing import TypeAlias

    RelevantLags: TypeAlias = Callable[[Batch], Tensor | None]

SEQUENCES = 32
"""Test sequences that a measurement is averaged over at most."""
POOL = 128
"""Test sequences that replacements are drawn from at most, the measured ones among them."""


@dataclass(frozen=True)
class Sample:
    """Test sequences drawn at random, cut to their last 1000 steps.

    Attributes:
        batch: the B sequences that are measured, with ``lengths``.
        pool: the P sequences that replacements come from, with ``lengths``; the first B are those
            of ``batch``.
        every: whether there is a prediction at every step.
        uncut: the B sequences before they were cut.
        first: (B,) the first step of ``uncut`` that was kept.
        needed: (B, T, T) bool for steps ``"every"``: whether the task needs input i (first step
            axis) for the output at step t (second); (B, T) for steps ``"last"``; ``None`` where the
            task does not declare it.
    """

    batch: Batch
    pool: Batch
    every: bool
    uncut: Batch
    first: Tensor
    needed: Tensor | None = None

    @property
    def lengths(self) -> Tensor:
        """The valid steps of the measured sequences (B,)."""
        assert self.batch.lengths is not None
        return self.batch.lengths

    def head(self, count: int) -> Sample:
        """Return the first ``count`` of the measured sequences, with the whole pool."""
        rows = slice(0, count)
        return replace(
            self,
            batch=self.batch.rows(rows),
            uncut=self.uncut.rows(rows),
            first=self.first[rows],
            needed=None if self.needed is None else self.needed[rows],
        )

    @property
    def counted(self) -> Tensor:
        """The outputs that count (B, T) bool: masked and valid steps, or the last valid step."""
        return counted_outputs(self.batch, self.every)

    @property
    def origin(self) -> Tensor:
        """The last output that counts of each sequence (B,); its last valid step if none does."""
        steps = torch.arange(self.batch.inputs.shape[1], device=self.lengths.device)
        last = torch.where(self.counted, steps, -1).amax(1)
        return torch.where(last < 0, self.lengths - 1, last)


def draw_sample(
    test: Batch, *, every: bool, generator: torch.Generator, longest: int = LONGEST
) -> Sample:
    """Draw at most 32 test sequences without replacement, and a pool of at most 128 around them.

    A test set may be in any order: sorted by length or class, or consecutive windows of a series.

    Args:
        test: the test set.
        every: whether targets have a time axis.
        generator: on the CPU; equal generators draw equal sequences.
        longest: steps that are kept of a sequence, the last ones.
    """
    order = torch.randperm(len(test), generator=generator)[:POOL].to(test.inputs.device)
    rows = test.rows(order)
    if rows.lengths is None:
        full = torch.full((len(rows),), rows.inputs.shape[1], device=rows.inputs.device)
        rows = replace(rows, lengths=full)
    pool, first = _cut(rows, longest, every)
    measured = slice(0, SEQUENCES)
    return Sample(pool.rows(measured), pool, every, rows.rows(measured), first[measured])


def with_needed(sample: Sample, relevant_lags: RelevantLags) -> Sample:
    """Return the sample with the inputs that the task needs, if it declares them.

    Raises:
        ValueError: ``relevant_lags`` returned a tensor of another shape, or steps that do not
            exist.
    """
    pairs = relevant_lags(sample.uncut)
    if pairs is None:
        return sample
    return replace(sample, needed=_dense(pairs, sample))


def counted_outputs(batch: Batch, every: bool) -> Tensor:
    """Return the steps (B, T) bool whose predictions count; ``batch.lengths`` is given."""
    assert batch.lengths is not None
    steps = torch.arange(batch.inputs.shape[1], device=batch.inputs.device)
    if not every:
        return steps == batch.lengths[:, None] - 1
    valid = steps < batch.lengths[:, None]
    return valid if batch.mask is None else valid & batch.mask


def _cut(batch: Batch, longest: int, every: bool) -> tuple[Batch, Tensor]:
    """Cut each sequence to its last steps; also return the first step kept of each (B,)."""
    assert batch.lengths is not None
    kept = batch.lengths.clamp_max(longest)
    first = batch.lengths - kept
    steps = torch.arange(int(kept.max()), device=kept.device)
    index = (first[:, None] + steps).clamp_max(batch.inputs.shape[1] - 1)  # (B, T')
    row = torch.arange(len(batch), device=kept.device)[:, None]
    cut = Batch(
        inputs=batch.inputs[row, index],
        targets=batch.targets[row, index] if every else batch.targets,
        lengths=kept,
        mask=None if batch.mask is None else batch.mask[row, index],
    )
    return cut, first


def _dense(pairs: Tensor, sample: Sample) -> Tensor:
    """Return ``Sample.needed`` for pairs (N, 3) of the sequences before they were cut."""
    if pairs.dim() != 2 or pairs.shape[1] != 3 or pairs.is_floating_point():
        raise ValueError(
            f"relevant_lags returned {pairs.dtype} of shape {tuple(pairs.shape)}; return int64 "
            "(N, 3): sequence, step of the input, step of the output"
        )
    first, (n, length) = sample.first, sample.batch.inputs.shape[:2]
    sequence, read, written = pairs.to(first.device).unbind(1)
    if len(pairs):
        if not (int(sequence.min()) >= 0 and int(sequence.max()) < n):
            raise ValueError(f"relevant_lags named a sequence outside 0 to {n - 1}")
        ends = (sample.lengths + first)[sequence]
        if bool(((read < 0) | (written < 0) | (read >= ends) | (written >= ends)).any()):
            raise ValueError("relevant_lags named a step that its sequence does not have")
    read, written = read - first[sequence], written - first[sequence]
    kept = (read >= 0) & (written >= 0)
    needed = torch.zeros(n, length, length, dtype=torch.bool, device=first.device)
    needed[sequence[kept], read[kept], written[kept]] = True
    return needed if sample.every else needed.any(2)
