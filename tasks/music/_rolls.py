"""Piano rolls: pieces of frames, in each of which a set of notes sounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import torch

from rnnbench import Batch
from rnnbench.errors import DataError

Roll: TypeAlias = npt.NDArray[np.uint8]
"""Frames (T, D) of one piece: 1 where a note sounds."""

LOWEST = 21
"""MIDI number of the first note, A0, from which a piano has 88."""
KEYS = 88
FEWEST_FRAMES = 2
_MOST_VALUES = 1 << 28
"""Values of the padded pieces of one part: 1 GiB in float32."""


@dataclass(frozen=True)
class Rolls:
    """Pieces for training, validation and test, all with the same D notes.

    Attributes:
        source: the words for the data in an error message.
        train: pieces (T, D), each with its own T of at least 2.
        validation: likewise.
        test: likewise.
    """

    source: str
    train: Sequence[Roll]
    validation: Sequence[Roll]
    test: Sequence[Roll]

    @property
    def notes(self) -> int:
        """D, the number of notes."""
        return int(self.train[0].shape[1])


def checked(source: str, parts: Mapping[str, Sequence[Roll]]) -> Rolls:
    """Return the pieces of three parts, by name, in the order training, validation, test.

    Raises:
        DataError: a part or a piece is empty, a piece has another number of notes than the first,
            or a part is too large.
    """
    notes = 0
    for name, pieces in parts.items():
        if not pieces:
            raise DataError(f"{source}: {name!r} has no pieces; give each part one or more.")
        for number, piece in enumerate(pieces, start=1):
            place = f"{source}: {name!r}, piece {number}"
            notes = notes or piece.shape[1]
            if piece.shape[1] != notes or not notes:
                raise DataError(
                    f"{place} has {piece.shape[1]} notes where the first piece has {notes}; "
                    f"a piece has a row for each frame and a column for each note."
                )
            if len(piece) < FEWEST_FRAMES:
                raise DataError(
                    f"{place} has {len(piece)} frames; remove pieces of fewer than {FEWEST_FRAMES}."
                )
        longest = max(map(len, pieces))
        if len(pieces) * longest * notes > _MOST_VALUES:
            raise DataError(
                f"{source}: {name!r} has {len(pieces):,} pieces, padded to {longest:,} frames of "
                f"{notes:,} notes; the limit is {_MOST_VALUES:,} values, so cut the pieces."
            )
    train, validation, test = parts.values()
    return Rolls(source, train, validation, test)


def batch_of(pieces: Sequence[Roll]) -> Batch:
    """Return inputs and targets (N, T - 1, D) with lengths: each frame predicts the next one.

    Inputs and targets share their memory.
    """
    longest = max(map(len, pieces))
    frames = torch.zeros(len(pieces), longest, pieces[0].shape[1])
    for row, piece in enumerate(pieces):
        frames[row, : len(piece)] = torch.from_numpy(piece)
    lengths = torch.tensor([len(piece) - 1 for piece in pieces])
    return Batch(frames[:, :-1], frames[:, 1:], lengths)
