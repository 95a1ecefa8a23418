"""Generated piano rolls whose notes come back after a fixed number of frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ._rolls import Rolls

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from ._rolls import Roll

_RAREST, _MOST_FREQUENT = 0.05, 0.35
"""Probabilities of the first and the last note; those between are evenly spaced."""


@dataclass(frozen=True)
class Canon:
    """D independent binary Markov chains whose step is ``period`` frames.

    Note i of frame t is that of frame t - period with probability ``repeat``, and is otherwise
    drawn anew with its own probability ``p_i``. So are the first ``period`` frames, and every frame
    by itself has independent notes with the probabilities ``p_i``.

    Attributes:
        notes: D.
        period: frames after which a note comes back, at least 2.
        repeat: probability that it does rather than being drawn anew.
        frames: frames of the longest piece; lengths are uniform from half of it.
    """

    notes: int
    period: int
    repeat: float
    frames: int

    @property
    def frequencies(self) -> npt.NDArray[np.float64]:
        """Probability of each note (D,)."""
        return np.linspace(_RAREST, _MOST_FREQUENT, self.notes)

    def rolls(self, pieces: int, seed: int) -> Rolls:
        """Draw ``pieces`` pieces for training, half as many for validation, as many for test."""
        generator = np.random.Generator(np.random.PCG64(seed))
        counts = (pieces, pieces // 2, pieces)
        train, validation, test = (self._draw(count, generator) for count in counts)
        return Rolls("generated pieces", train, validation, test)

    def _draw(self, count: int, generator: np.random.Generator) -> list[Roll]:
        shape = (count, self.frames, self.notes)
        drawn = (generator.random(shape) < self.frequencies).astype(np.uint8)
        repeated = generator.random(shape) < self.repeat
        for frame in range(self.period, self.frames):
            before = drawn[:, frame - self.period]
            drawn[:, frame] = np.where(repeated[:, frame], before, drawn[:, frame])
        shortest = max(self.period + 1, self.frames // 2)
        lengths = generator.integers(shortest, self.frames + 1, count)
        return [piece[:length] for piece, length in zip(drawn, lengths.tolist(), strict=True)]

    @property
    def entropy_without_memory(self) -> float:
        """Entropy of a frame in nats, given at most the frame before it.

        Two neighbouring frames are independent, since a period has two frames or more.
        """
        return float(_entropy(self.frequencies).sum())

    def entropy(self, lengths: Sequence[int]) -> float:
        """Mean entropy of a frame in nats given all before it, over pieces of these lengths.

        The first frame of a piece is not predicted. Those up to the period are drawn without
        regard to others; each later one depends on the frame a period before alone.
        """
        p = self.frequencies
        if_on, if_off = self.repeat + (1 - self.repeat) * p, (1 - self.repeat) * p
        given = float((p * _entropy(if_on) + (1 - p) * _entropy(if_off)).sum())
        free = sum(min(length, self.period) - 1 for length in lengths)
        total = sum(length - 1 for length in lengths)
        return (free * self.entropy_without_memory + (total - free) * given) / total


def _entropy(p: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the entropy in nats of Bernoulli variables with probabilities strictly in (0, 1)."""
    return -p * np.log(p) - (1 - p) * np.log1p(-p)
