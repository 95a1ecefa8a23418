"""Polyphonic music: predict the next frame of a piano roll."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
import torch
from pydantic import Field, NonNegativeInt

import rnnbench
from rnnbench import Batch, Bits, Citation, Diagnosis, FiniteTask, LinePlot, Metric, Preset, Splits
from rnnbench.errors import DataError
from rnnbench.metrics import NLL_PER_FRAME

from .._common.pairs import pairs_of
from .._common.substitutes import too_many_substitutes
from ._canon import Canon
from ._published import POLYPHONIC_MUSIC
from ._roll_files import read_rolls
from ._rolls import LOWEST, Rolls, batch_of
from ._simple import frequency_score, last_frame_score

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import Predict, RegisterTask, Steps

_BOULANGER = Citation(
    "Boulanger-Lewandowski et al. 2012",
    "Modeling Temporal Dependencies in High-Dimensional Sequences: "
    "Application to Polyphonic Music Generation and Transcription",
    "ICML",
    "https://arxiv.org/abs/1206.6392",
)
_BAI = Citation(
    "Bai et al. 2018",
    "An Empirical Evaluation of Generic Convolutional and Recurrent Networks for Sequence Modeling",
    "arXiv:1803.01271",
    "https://arxiv.org/abs/1803.01271",
)
_BAY = Citation(
    "Bay et al. 2009",
    "Evaluation of Multiple-F0 Estimation and Tracking Systems",
    "ISMIR",
)
_PLOTTED = 60
"""Frames of a piece that the plot shows at most."""
_FEWEST_PIECES = 5
"""Test pieces that have a frame, for it to be plotted."""
_SILENCE = "-"


@dataclass(frozen=True)
class PolyphonicMusic(FiniteTask):
    """Predict the notes of the next frame of a piano roll.

    At each step the network reads the notes that sound in a frame, and predicts those of the next
    one as independent Bernoulli variables. The first frame of a piece is read and not predicted.
    The score is the negative log-likelihood of a frame in nats, summed over notes and averaged over
    all frames of all test pieces, as in Bai et al. 2018.

    Without ``path`` the pieces are generated, and the best score is known: each note is that of
    ``period`` frames before with probability ``repeat``, and is otherwise drawn anew.

    Attributes:
        path: the pieces, a ``.mat``, ``.npz`` or ``.json`` file with its three parts.
        notes: of a generated frame.
        period: frames after which a generated note comes back.
        repeat: probability that it does rather than being drawn anew.
        frames: of the longest generated piece; lengths are uniform from half of it.
        pieces: generated pieces for training; validation has half as many, the test as many.
        data_seed: seed of the generated pieces; all seeds of a comparison use the same pieces.
    """

    path: Path | None = None
    notes: Annotated[int, Field(ge=2, le=512)] = 16
    period: Annotated[int, Field(ge=2, le=1000)] = 4
    repeat: Annotated[float, Field(gt=0, lt=1)] = 0.95
    frames: Annotated[int, Field(ge=8, le=10_000)] = 40
    pieces: Annotated[int, Field(ge=10, le=20_000)] = 1000
    data_seed: NonNegativeInt = 0

    version: ClassVar[int] = 1
    steps: ClassVar[Steps] = "every"
    metric: ClassVar[Metric] = NLL_PER_FRAME
    causal_only = True
    """The next input is the target."""
    citations: ClassVar[tuple[Citation, ...]] = (_BOULANGER, _BAI, _BAY)
    published = POLYPHONIC_MUSIC
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            {}, {"steps": 2000, "batch_size": 16, "learning_rate": 3e-3, "hidden_size": 64}
        ),
        "standard": Preset(
            {},
            {
                "steps": 1000,
                "batch_size": 16,
                "learning_rate": 1e-2,
                "optimizer": "adamw",
                "schedule": "cosine",
                "weight_decay": 0.1,
                "decoder_dropout": 0.5,
                "hidden_size": 250,
            },
        ),
        # Bai et al. 2018 on the JSB chorales (give path=): table 3 has an LSTM of two layers of 200
        # units, dropout of 0.2 and a forget bias of 10; table 1 has some 300,000 parameters, which
        # one layer comes closer to (250,000) than two (570,000). Layers and bias are options of the
        # model, e.g. lstm[num_layers=2,forget_bias=10]. From the public code (locuslab/TCN,
        # poly_music/music_test.py), whose defaults are those of their convolutional network: single
        # pieces, Adam at 1e-3, at most 100 epochs of 229 pieces, the rate divided by ten where the
        # validation loss is above the worst of the last three epochs, from the eleventh; it clips
        # before the gradient is computed, which has no effect. Rate, epochs and clipping of their
        # recurrent networks, and the place of their dropout, are not verified.
        "paper": Preset(
            {},
            {
                "steps": 22_900,
                "batch_size": 1,
                "learning_rate": 1e-3,
                "schedule": "plateau[factor=0.1]",
                "clip_norm": None,
                "decoder_dropout": 0.2,
                "validate_every": 229,
                "hidden_size": 200,
            },
        ),
    }

    def __post_init__(self) -> None:
        if self.frames < 2 * self.period:
            raise ValueError(
                f"frames={self.frames} must be at least twice the period={self.period}."
            )

    @cached_property
    def rolls(self) -> Rolls:
        """The pieces; raises :class:`DataError` for a faulty file."""
        if self.path is not None:
            return read_rolls(self.path)
        return self._canon.rolls(self.pieces, self.data_seed)

    @property
    def _canon(self) -> Canon:
        return Canon(self.notes, self.period, self.repeat, self.frames)

    def splits(self) -> Splits:
        """Return training, validation and test pieces."""
        return self._splits

    @cached_property
    def _splits(self) -> Splits:
        rolls = self.rolls
        return Splits(*map(batch_of, (rolls.train, rolls.validation, rolls.test)))

    @property
    def inputs(self) -> Bits:
        """The notes of a frame."""
        return Bits(self.rolls.notes)

    @property
    def outputs(self) -> Bits:
        """The notes of the next frame."""
        return Bits(self.rolls.notes)

    @property
    def length(self) -> int:
        """Frames that are predicted of the longest training piece."""
        return max(map(len, self.rolls.train)) - 1

    @cached_property
    def baseline(self) -> float:
        """The entropy without memory; for a file, the test score of training frequencies."""
        if self.path is None:
            return self._canon.entropy_without_memory
        return frequency_score(self.rolls.train, self.rolls.test)

    @cached_property
    def perfect(self) -> float:
        """The entropy of the generated test pieces; 0 for a file, whose entropy is unknown."""
        if self.path is None:
            return self._canon.entropy([len(piece) for piece in self.rolls.test])
        return 0.0

    @property
    def solved(self) -> float:
        """A skill of 0.9; for a file, the score of the last frame, or 0.99 of the baseline."""
        if self.path is None:
            return self.baseline + 0.9 * (self.perfect - self.baseline)
        return min(self._last_frame, 0.99 * self.baseline)

    @cached_property
    def _last_frame(self) -> float:
        return last_frame_score(self.rolls.train, self.rolls.test)

    @property
    def unsolvable(self) -> str | None:
        """Too many notes of the test part are at pitches that the training part lacks."""
        known = np.any([piece.any(0) for piece in self.rolls.train], axis=0)
        counts = np.sum([piece.sum(0, dtype=np.int64) for piece in self.rolls.test], axis=0)
        share = float(counts[~known].sum() / max(counts.sum(), 1))
        return too_many_substitutes(
            share, "notes of the test part are at pitches that the training part lacks"
        )

    @cached_property
    def simple_scores(self) -> Mapping[str, float]:
        """Scores of note frequencies, and of a Markov chain for each note."""
        return {
            "note frequencies": frequency_score(self.rolls.train, self.rolls.test),
            "last frame, a Markov chain per note": self._last_frame,
        }

    def relevant_lags(self, batch: Batch) -> Tensor | None:
        """Return (frame a period before, step that predicts the frame); unknown for a file."""
        if self.path is not None:
            return None
        assert batch.lengths is not None
        written = torch.arange(batch.inputs.shape[1], device=batch.inputs.device)
        read = written + 1 - self.period
        valid = written < batch.lengths[:, None]  # (B, T)
        return pairs_of(torch.where(valid, read, -1), written)

    def diagnose(self, predict: Predict, test: Batch) -> Diagnosis:
        """Report the accuracy of notes (Bay et al. 2009), and plot the score by frame.

        The accuracy is TP / (TP + FP + FN) over all frames, of notes with a probability above 1/2.
        """
        assert test.lengths is not None
        logits = predict(test.inputs, test.lengths)  # (N, T, D)
        counts = torch.arange(logits.shape[1], device=logits.device) < test.lengths[:, None]
        sounding, predicted = test.targets[counts] > 0, logits[counts] > 0
        either = int((sounding | predicted).sum())
        scores = {"note accuracy": int((sounding & predicted).sum()) / either if either else 1.0}
        values, _ = self.metric.measure(logits, test)  # (N, T)
        enough = counts.sum(0) >= min(_FEWEST_PIECES, len(test))
        means = (values * counts).sum(0) / counts.sum(0).clamp_min(1)
        shown = means[enough][:_PLOTTED].tolist()
        plot = LinePlot(
            title="Score by frame",
            x_label="frames seen",
            y_label=self.metric.name,
            x=tuple(range(1, len(shown) + 1)),
            lines={"model": tuple(shown), "baseline": (self.baseline,) * len(shown)},
        )
        return Diagnosis(scores, (plot,))

    def encode_sets(self, text: str) -> list[list[int]]:
        """Return frames of note indices: ``60 64 67, -`` is a chord and a silence.

        Raises:
            DataError: not a note that the pieces have.
        """
        highest = LOWEST + self.inputs.dim - 1
        frames = []
        for frame in filter(str.strip, re.split("[,\n]", text)):
            notes = [] if frame.strip() == _SILENCE else frame.split()
            for note in notes:
                if not re.fullmatch("[0-9]{1,4}", note) or not LOWEST <= int(note) <= highest:
                    raise DataError(
                        f"{note!r} is not a note; give numbers from {LOWEST} to {highest}, e.g. "
                        f'"{LOWEST} {highest}, {_SILENCE}", where {_SILENCE} is a silent frame.'
                    )
            frames.append(sorted({int(note) - LOWEST for note in notes}))
        return frames

    def decode_sets(self, sets: Sequence[Sequence[int]]) -> str:
        """Return a line for each frame, of MIDI note numbers, the first note being 21."""
        lines = (" ".join(str(LOWEST + note) for note in notes) or _SILENCE for notes in sets)
        return "".join(f"{line}\n" for line in lines)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``polyphonic-music``."""
    register("polyphonic-music", PolyphonicMusic)
