"""The log of gradients through a training: norms of the steps, and G(k) between them.

Nothing here depends on a clock, and nothing changes the training: norms are read after the backward
pass, and G(k) is measured on a copy of the network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import median
from typing import Protocol

from rnnbench.contract.faults import in_words
from rnnbench.records.gradient_history import GradientHistory, GradientPoint

PROFILE_INTERVAL = 100
"""Fewest optimizer steps between two measurements of G(k).

A measurement is one forward and one backward pass over a few sequences, at most about an optimizer
step, so that all of them take about 1 % of the training, beside the one before it.
"""


class LagProbe(Protocol):
    """Measurement of G(k) at a few lags, in the present state of a training.

    Attributes:
        lags: the lags, known after the first call.
        relevant_lag: the one of them that the task needs, if it declares one.
        sequences: number of sequences that are measured.
        notes: reasons why a part is missing.
    """

    lags: tuple[int, ...]
    relevant_lag: int | None
    sequences: int
    notes: tuple[str, ...]

    def __call__(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Return G(k) into the past and into the future, the latter empty for a causal model."""
        ...


class GradientLog:
    """Gradients of one training, kept for whatever end it takes.

    Args:
        clips: whether the training clips gradients.

    Attributes:
        probe: measures G(k); ``None`` logs norms alone.
    """

    def __init__(self, *, clips: bool) -> None:
        self.probe: LagProbe | None = None
        self._clips = clips
        self._points: list[GradientPoint] = []
        self._notes: list[str] = []
        self._since: list[tuple[float, float]] = []
        self._steps_taken = 0
        self._profiled_at = 0

    def started(self) -> None:
        """Log the initial weights."""
        past, future = self._profile()
        self._points.append(GradientPoint(step=0, past=past, future=future))

    def stepped(self, observed: Sequence[Sequence[float]]) -> None:
        """Log optimizer steps.

        Args:
            observed: of each step the norm before clipping, and 1 if it was clipped, else 0.
        """
        self._since += [(norm, clipped) for norm, clipped in observed]
        self._steps_taken += len(observed)

    def validated(self) -> None:
        """Log a point at a validation, with G(k) if the last measurement is long enough ago."""
        past, future = (), ()  # type: tuple[float, ...], tuple[float, ...]
        if self._steps_taken - self._profiled_at >= PROFILE_INTERVAL:
            past, future = self._profile()
        self._add(past, future)

    def history(self) -> GradientHistory | None:
        """Return what was logged, steps after the last validation included; ``None``: nothing."""
        if self._since:
            self._add((), ())
        if not self._points:
            return None
        probe = self.probe
        return GradientHistory(
            lags=() if probe is None else probe.lags,
            relevant_lag=None if probe is None else probe.relevant_lag,
            sequences=0 if probe is None else probe.sequences,
            points=tuple(self._points),
            notes=(*self._notes, *(() if probe is None else probe.notes)),
        )

    def _add(self, past: tuple[float, ...], future: tuple[float, ...]) -> None:
        norms = [norm for norm, _ in self._since if not math.isnan(norm)]
        clipped = sum(clipped for _, clipped in self._since)
        self._points.append(
            GradientPoint(
                step=self._steps_taken,
                norm_median=median(norms) if norms else None,
                norm_max=max(norms, default=None),
                nonfinite_steps=sum(not math.isfinite(norm) for norm, _ in self._since),
                clipped_share=clipped / len(self._since) if self._clips and self._since else None,
                past=past,
                future=future,
            )
        )
        self._since.clear()

    def _profile(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        self._profiled_at = self._steps_taken
        if self.probe is None or self._notes:
            return (), ()
        try:
            return self.probe()
        # a core may raise anything where it is used otherwise than in training
        except Exception as error:
            self._notes.append(f"no G(k) through training: failed with {in_words(error)}")
            return (), ()
