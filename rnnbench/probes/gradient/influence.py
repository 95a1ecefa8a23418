"""How much the output of a trained network changes when one input is replaced, by lag."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rnnbench.contract.task import Bits, Tokens
from rnnbench.probes.gradient.exact_copy import device_of, exact_copy
from rnnbench.probes.gradient.lags import STEPS_PER_PASS, spread_over
from rnnbench.probes.gradient.replacement import FEWEST, Replacements, draw_replacements
from rnnbench.probes.gradient.sample import Sample, counted_outputs
from rnnbench.probes.gradient.state import NotMeasurableError
from rnnbench.records.gradient import Influence

if TYPE_CHECKING:
    from rnnbench.contract.task import Space
    from rnnbench.records.gradient import Direction, InfluenceMeasure
    from rnnbench.training.network import Network

SEQUENCES = 24
"""Sequences measured at most; with 16 inputs each they take no more than 5 training steps."""
SMALLEST = 0.01
"""Smallest change that counts as influence, whatever the noise."""
ROUNDING = 2.0**-24
"""Largest relative error of rounding to float32."""
ROUNDINGS = 3
"""Times that the weights are rounded at random; the largest change is the noise."""
NOISES = 3
"""A change of so many times the noise is none of it."""
_LAGS = 32
"""Lags of a profile over steps at most, besides those that the task needs."""
_NEEDED_LAGS = 16
_LARGEST_MATRIX = 32
_OUTPUTS_PER_PASS = 4_000_000
"""Values of the outputs of a forward pass; bounds the memory for large vocabularies."""


def influence_profile(
    network: Network, sample: Sample, *, generator: torch.Generator
) -> tuple[Influence, ...]:
    """Measure the mean change of the outputs when the input at lag k before them is replaced.

    ``I(k) = E d(f(x), f(x'))_t`` with x' equal to x except for input t - k, which is that of
    another test sequence at the same place and differs from it (:func:`draw_replacements`); f(x)_t
    is the prediction at step t, and d the total variation of two predicted distributions, the
    largest total variation of the distributions of one bit, or the mean absolute difference of two
    predicted values over the mean absolute difference between the targets of two test sequences.
    For steps ``"last"`` t is the last valid step, for ``"every"`` all steps that count. It measures
    finite replacements, so that it sees what a saturated unit holds, whose gradient is zero (a
    permutation importance, Breiman 2001, of one step).

    The memory horizon is the largest lag whose mean influence is above the floor, which is the
    larger of 0.01 and three times the noise. A mean above the floor implies that the output of at
    least one sequence changed so much, also where the inputs that matter stand at other lags in
    other sequences. The noise is the change of the same outputs, with no input replaced, when every
    weight is moved by a random relative error of at most 2^-24: a change no larger is lost in
    float32. In chaotic dynamics it is of order 1, as is the effect of any replacement at any lag,
    which is no memory.

    Args:
        network: left unchanged.
        sample: the test sequences, of which the first 24 are measured.
        generator: on the CPU; draws replacements and roundings.

    Returns:
        The influence of the past and, for a non-causal network with predictions at every step,
        that of the future.

    Raises:
        NotMeasurableError: there are fewer than 5 sequences, no input differs between them, the
            targets or the outputs do not vary or are not finite.
    """
    if len(sample.batch) < FEWEST:
        raise NotMeasurableError(f"influence needs {FEWEST} test sequences or more")
    sample = sample.head(SEQUENCES)
    drawn = draw_replacements(sample, generator)
    if not len(drawn.sequence):
        raise NotMeasurableError("all test sequences have the same inputs")
    measure = _measure_of(network.outputs)
    scale = _target_scale(sample) if measure == "absolute change" else 1.0
    with torch.no_grad(), exact_copy(network) as exact:
        device = device_of(network)
        usual = _outputs(exact, sample.batch.inputs.to(device), sample.lengths.to(device))
        if not usual.isfinite().all():
            raise NotMeasurableError("the outputs are not finite")
        changes = _changes(exact, sample, drawn, usual) / scale  # (M, T) or (M, 1)
        noise = _noise(exact, sample, usual, generator) / scale
    measured = _Measured(sample, drawn, changes.cpu())
    floor = max(NOISES * noise, SMALLEST)
    directions: list[Direction] = ["past"]
    if sample.every and not network.causal:
        directions.append("future")
    found = []
    for direction in directions:
        past = direction == "past"
        lags, by_lag, differing = measured.by_lag(1 if past else -1)
        if not lags:
            continue
        needed, other = measured.needed_and_other(past_only=network.causal)
        found.append(
            Influence(
                direction=direction,
                measure=measure,
                scale=scale,
                lags=tuple(lags),
                values=tuple(by_lag.nanmean(0).tolist()),
                differing=tuple(differing.tolist()),
                noise=noise,
                floor=floor,
                relevant=needed if past else None,
                irrelevant=other if past else None,
                matrix=measured.matrix() if past else (),
            )
        )
    if not found:
        raise NotMeasurableError(
            f"no lag has {FEWEST} sequences whose input differs from that of others"
        )
    return tuple(found)


class _Measured:
    """Changes of outputs, with the replaced inputs that they belong to, on the CPU.

    Args:
        changes: (M, T), at every step, or (M, 1), at the last valid step.
    """

    def __init__(self, sample: Sample, drawn: Replacements, changes: Tensor) -> None:
        self.changes = changes
        self.sequences = len(sample.batch)
        self.sequence, self.step = drawn.sequence.cpu(), drawn.step.cpu()
        self.differing, self.shared = drawn.differing.cpu().double(), drawn.shared.cpu()
        lengths = sample.lengths.cpu()[self.sequence]
        if sample.every:
            self.output = torch.arange(changes.shape[1]).expand_as(changes)  # (M, T)
            self.counts = sample.counted.cpu()[self.sequence]
        else:
            self.output = lengths[:, None] - 1
            self.counts = torch.ones_like(changes, dtype=torch.bool)
        self.lag = self.output - self.step[:, None]
        self.pattern = None if sample.needed is None else sample.needed.cpu()
        self.needed = None
        if self.pattern is not None:
            found = self.pattern[self.sequence, self.step]
            self.needed = (found if sample.every else found[:, None]) & self.counts

    def by_lag(self, sign: int) -> tuple[list[int], Tensor, Tensor]:
        """Return lags (L,), mean changes by sequence (B, L), NaN if missing, and differing (L,).

        Only inputs of the shared grid are used: those chosen because the task needs them there
        would raise the mean of their lags.
        """
        used = self.counts & self.shared[:, None] & (sign * self.lag >= 0)
        lags = sign * self.lag[used]
        sequence = self.sequence[:, None].expand_as(self.lag)[used]
        size = int(lags.max()) + 1 if len(lags) else 0
        cells, shape = sequence * size + lags, (self.sequences, size)
        total = self.sequences * size
        counts = cells.bincount(minlength=total).view(shape)
        differing = self.differing[:, None].expand_as(self.lag)[used]
        sums = cells.bincount(weights=self.changes[used].double(), minlength=total).view(shape)
        shares = cells.bincount(weights=differing, minlength=total).view(shape)
        usable = ((counts > 0).sum(0) >= FEWEST).nonzero().flatten().tolist()
        kept = self._thinned(usable, sign)
        means = torch.where(counts > 0, sums / counts, torch.nan)[:, kept]
        return kept, means, shares.sum(0)[kept] / counts.sum(0)[kept]

    def _thinned(self, lags: list[int], sign: int) -> list[int]:
        needed: list[int] = []
        if self.needed is not None:
            where = self.needed & self.shared[:, None]
            wanted = set((sign * self.lag)[where].tolist()) & set(lags)
            ordered = sorted(wanted)
            needed = [ordered[i] for i in spread_over(len(ordered), _NEEDED_LAGS)]
        spaced = (lags[i] for i in spread_over(len(lags), _LAGS, logarithmic=True))
        return sorted({*needed, *spaced})

    def needed_and_other(self, *, past_only: bool) -> tuple[float | None, float | None]:
        """Return the mean change of the pairs that the task needs, and of the other pairs."""
        if self.needed is None:
            return None, None
        other = self.counts & ~self.needed
        if past_only:
            other &= self.lag >= 0
        return _mean(self.changes[self.needed]), _mean(self.changes[other])

    def matrix(self) -> tuple[tuple[float | None, ...], ...]:
        """Return the mean change by rank of the needed input and rank of the output."""
        if self.pattern is None or self.pattern.dim() < 3:
            return ()
        ranks = [
            (each.any(1).nonzero().flatten(), each.any(0).nonzero().flatten())
            for each in self.pattern
        ]
        rows, columns = len(ranks[0][0]), len(ranks[0][1])
        first = self.pattern[0][ranks[0][0]][:, ranks[0][1]]
        if not 2 <= rows <= _LARGEST_MATRIX or not 2 <= columns <= _LARGEST_MATRIX:
            return ()
        for each, (read, written) in zip(self.pattern, ranks, strict=True):
            block = each[read][:, written]
            if block.shape != first.shape or bool((block != first).any()):
                return ()
        sums, counts = torch.zeros(rows, columns).double(), torch.zeros(rows)
        for sequence, step, change in zip(
            self.sequence.tolist(), self.step.tolist(), self.changes, strict=True
        ):
            read, written = ranks[sequence]
            place = (read == step).nonzero()
            if len(place):
                sums[int(place[0])] += change[written]
                counts[int(place[0])] += 1
        return tuple(
            tuple((row / count).tolist()) if count else (None,) * columns
            for row, count in zip(sums, counts, strict=True)
        )


def _mean(values: Tensor) -> float | None:
    return float(values.double().mean()) if len(values) else None


def _outputs(network: Network, inputs: Tensor, lengths: Tensor) -> Tensor:
    """Return probabilities or values: (B, V|dim) or (B, T, V|dim), in float64."""
    outputs: Tensor = network(inputs.double() if inputs.is_floating_point() else inputs, lengths)
    if isinstance(network.outputs, Tokens):
        return outputs.softmax(-1)
    return outputs.sigmoid() if isinstance(network.outputs, Bits) else outputs


def _measure_of(outputs: Space) -> InfluenceMeasure:
    """Return the name of the distance between two predictions."""
    if isinstance(outputs, Tokens):
        return "total variation"
    return "largest total variation" if isinstance(outputs, Bits) else "absolute change"


def _distance(one: Tensor, other: Tensor, outputs: Space) -> Tensor:
    """Return the distance between predictions (..., V|dim), without the last axis.

    It is the total variation of distributions, ``sum |p - q| / 2``; for bits the largest total
    variation of the distributions of one bit, ``max |p - q|``; or the mean absolute difference of
    values. The total variation of the joint distributions of ``dim`` bits has no closed form, and
    is at least as large as that of any one bit. The mean over bits would be at most ``1 / dim``
    where one bit depends on the input.
    """
    apart = (one - other).abs()
    if isinstance(outputs, Tokens):
        return apart.sum(-1) / 2
    return apart.amax(-1) if isinstance(outputs, Bits) else apart.mean(-1)


def _changes(network: Network, sample: Sample, drawn: Replacements, usual: Tensor) -> Tensor:
    """Return the change of each output by each replacement: (M, T), or (M, 1) for the last one."""
    device = usual.device
    steps = sample.batch.inputs.shape[1]
    width = usual.shape[-1] * (steps if sample.every else 1)
    size = max(1, min(STEPS_PER_PASS // steps, _OUTPUTS_PER_PASS // width))
    found = []
    for start in range(0, len(drawn.sequence), size):
        rows = slice(start, start + size)
        sequence = drawn.sequence[rows]
        inputs = sample.batch.inputs[sequence].clone()
        inputs[torch.arange(len(sequence), device=inputs.device), drawn.step[rows]] = drawn.value[
            rows
        ]
        outputs = _outputs(network, inputs.to(device), sample.lengths[sequence].to(device))
        found.append(_distance(outputs, usual[sequence.to(device)], network.outputs))
    changes = torch.cat(found)
    if not changes.isfinite().all():
        raise NotMeasurableError("the outputs are not finite after an input was replaced")
    return changes if sample.every else changes[:, None]


def _noise(network: Network, sample: Sample, usual: Tensor, generator: torch.Generator) -> float:
    """Return the largest mean change of the outputs over random roundings of the weights."""
    device = usual.device
    inputs, lengths = sample.batch.inputs.to(device), sample.lengths.to(device)
    counts = sample.counted.to(device)
    noise = []
    for _ in range(ROUNDINGS):
        with _rounded(network, generator):
            change = _distance(_outputs(network, inputs, lengths), usual, network.outputs)
        noise.append(float((change[counts] if sample.every else change).mean()))
    return max(noise)


@contextmanager
def _rounded(network: Network, generator: torch.Generator) -> Iterator[None]:
    """Move every weight by a random relative error of at most ``ROUNDING``, for a while."""
    exact = {name: value.clone() for name, value in network.state_dict().items()}
    for weight in network.parameters():
        drawn = torch.rand(weight.shape, generator=generator, dtype=torch.float64)
        weight.mul_(1 + ROUNDING * (2 * drawn - 1).to(weight.device))
    try:
        yield
    finally:
        network.load_state_dict(exact)


def _target_scale(sample: Sample) -> float:
    """Return the mean absolute difference between targets of two sequences of the pool."""
    targets = sample.pool.targets.double()
    apart = (targets - targets.roll(1, 0)).abs().mean(-1)
    if sample.every:
        counts = counted_outputs(sample.pool, every=True)
        apart = apart[counts & counts.roll(1, 0)]
    scale = float(apart.mean()) if apart.numel() else 0.0
    if not 0 < scale < float("inf"):
        raise NotMeasurableError("the targets do not vary between test sequences")
    return scale
