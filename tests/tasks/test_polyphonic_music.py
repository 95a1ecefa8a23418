"""Polyphonic music: the generated process, its exact entropy, simple predictors, and text."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.contract.task import Batch
from rnnbench.errors import DataError
from rnnbench.testing import check_task
from tests.support.scoring import weighted_mean
from tests.tasks.builders import build, helper

SMALL = {"notes": 5, "period": 3, "frames": 20, "pieces": 60}


def music(**options: Any) -> Any:
    return build("polyphonic-music", **{**SMALL, **options})


def canon(notes: int, period: int, repeat: float, frames: int) -> Any:
    return helper("music._canon").Canon(notes, period, repeat, frames)


@pytest.mark.parametrize("options", [{"notes": 10}, {"notes": 12, "period": 2, "repeat": 0.5}])
def test_it_passes_the_conformance_checks(options: dict[str, Any]) -> None:
    check_task("polyphonic-music", {**SMALL, **options})


def chance_of(note: tuple[int, ...], p: float, period: int, repeat: float) -> float:
    """The probability of the frames of one note, by the definition of the process."""
    chance = 1.0
    for frame, on in enumerate(note):
        fresh = p if on else 1 - p
        if frame < period:
            chance *= fresh
        else:
            chance *= repeat * (on == note[frame - period]) + (1 - repeat) * fresh
    return chance


@pytest.mark.parametrize(("period", "repeat", "frames"), [(2, 0.9, 7), (3, 0.5, 9), (3, 0.95, 4)])
def test_the_entropy_is_that_of_all_pieces(period: int, repeat: float, frames: int) -> None:
    process = canon(2, period, repeat, frames)
    total = 0.0
    for p in process.frequencies.tolist():
        chances: dict[tuple[int, ...], float] = {
            note: chance_of(note, p, period, repeat)
            for note in itertools.product((0, 1), repeat=frames)
        }
        assert sum(chances.values()) == pytest.approx(1)
        of_the_note = -sum(chance * math.log(chance) for chance in chances.values())
        of_the_first = -p * math.log(p) - (1 - p) * math.log(1 - p)
        total += of_the_note - of_the_first
    assert process.entropy([frames]) == pytest.approx(total / (frames - 1), rel=1e-9)
    # two pieces weigh by the frames that are predicted
    both = process.entropy([frames, period + 1])
    alone = process.entropy([period + 1])
    mean = (process.entropy([frames]) * (frames - 1) + alone * period) / (frames - 1 + period)
    assert both == pytest.approx(mean, rel=1e-9)


def exact_logits(task: Any, batch: Batch) -> torch.Tensor:
    """The logits of the best predictor, which knows the process."""
    p = torch.from_numpy(canon(task.notes, task.period, task.repeat, task.frames).frequencies)
    chances = p.expand(*batch.targets.shape).clone()
    # the output at step t is of frame t + 1
    back = batch.inputs[:, : batch.inputs.shape[1] - task.period + 1].double()
    chances[:, task.period - 1 :] = task.repeat * back + (1 - task.repeat) * p
    return chances.logit()


def test_the_best_predictor_has_the_entropy_and_memory_alone_makes_the_difference() -> None:
    task = music(pieces=4000)
    test = task.splits().test
    score = weighted_mean(task.metric.measure, exact_logits(task, test), test)
    assert score == pytest.approx(task.perfect, rel=0.01)
    assert score < task.solved < task.baseline
    frequencies = torch.from_numpy(canon(5, 3, 0.95, 20).frequencies).logit()
    without = weighted_mean(
        task.metric.measure, frequencies.expand(*test.targets.shape).contiguous(), test
    )
    assert without == pytest.approx(task.baseline, rel=0.01)
    # the last frame says nothing about the next one
    for simple in task.simple_scores.values():
        assert simple == pytest.approx(task.baseline, rel=0.01)


def test_every_frame_has_the_note_frequencies_and_repeats_after_the_period() -> None:
    process = canon(4, 3, 0.8, 12)
    pieces = np.stack([p for p in process.rolls(40_000, 0).train if len(p) == 12]).astype(float)
    slack = 5 * 0.5 / math.sqrt(len(pieces))
    assert np.abs(pieces.mean(0) - process.frequencies).max() < slack
    centred = pieces - process.frequencies
    for lag in (1, 2, 3, 4):
        correlation = (centred[:, lag:] * centred[:, :-lag]).mean((0, 1)) / centred.var((0, 1))
        assert np.abs(correlation - (0.8 if lag == 3 else 0.0)).max() < 5 / math.sqrt(len(pieces))


@given(st.integers(2, 4), st.integers(2, 5), st.integers(10, 16), st.integers(0, 5))
@settings(deadline=None, max_examples=20)
def test_each_frame_predicts_the_next_and_padding_counts_nowhere(
    notes: int, period: int, frames: int, seed: int
) -> None:
    task = music(notes=notes, period=period, frames=frames, pieces=12, data_seed=seed)
    for part, pieces in (("train", task.rolls.train), ("test", task.rolls.test)):
        batch = getattr(task.splits(), part)
        assert batch.lengths.tolist() == [len(piece) - 1 for piece in pieces]
        for row, piece in enumerate(pieces):
            valid = len(piece) - 1
            assert batch.inputs[row, :valid].numpy().tolist() == piece[:-1].tolist()
            assert batch.targets[row, :valid].numpy().tolist() == piece[1:].tolist()
    needed = task.relevant_lags(task.splits().test)
    expected = [
        [row, frame - period, frame - 1]
        for row, piece in enumerate(task.rolls.test)
        for frame in range(period, len(piece))
    ]
    assert sorted(needed.tolist()) == expected


def test_all_frames_of_all_pieces_weigh_the_same() -> None:
    task = music()
    test = task.splits().test
    logits = torch.randn(test.targets.shape, generator=torch.Generator().manual_seed(0))
    frames = [
        -sum(
            math.log(1 / (1 + math.exp(-z if on else z)))
            for z, on in zip(logits[row, step].tolist(), piece[step + 1].tolist(), strict=True)
        )
        for row, piece in enumerate(task.rolls.test)
        for step in range(len(piece) - 1)
    ]
    assert weighted_mean(task.metric.measure, logits, test) == pytest.approx(np.mean(frames))


def test_simple_predictors_are_counted() -> None:
    simple = helper("music._simple")
    train = [np.array([[0], [1], [1], [0], [1]], np.uint8), np.array([[1], [1]], np.uint8)]
    test = [np.array([[0], [1], [0]], np.uint8)]
    # following frames: 1 1 0 1, and 1; after 0: 1 1; after 1: 1 0 1
    p = 4.5 / 6
    assert simple.frequency_score(train, test) == pytest.approx(
        -(math.log(p) + math.log(1 - p)) / 2
    )
    if_off, if_on = 2.5 / 3, 2.5 / 4
    expected = -(math.log(if_off) + math.log(1 - if_on)) / 2
    assert simple.last_frame_score(train, test) == pytest.approx(expected)


def test_the_note_accuracy_counts_notes_that_sound_or_are_predicted() -> None:
    task = music()
    targets = torch.tensor([[[1.0, 1, 0, 0, 0], [0, 0, 0, 0, 1]]])
    logits = torch.tensor([[[9.0, -9, 9, -9, -9], [9, 9, 9, 9, 9]]])
    batch = Batch(torch.zeros(1, 2, 5), targets, torch.tensor([1]))
    diagnosis = task.diagnose(lambda _inputs, _lengths: logits, batch)
    assert diagnosis.scores == {"note accuracy": pytest.approx(1 / 3)}
    silent = Batch(torch.zeros(1, 2, 5), torch.zeros(1, 2, 5), torch.tensor([2]))
    quiet = task.diagnose(lambda _inputs, _lengths: torch.full((1, 2, 5), -9.0), silent)
    assert quiet.scores == {"note accuracy": 1.0}
    (plot,) = quiet.plots
    assert plot.lines["model"] == pytest.approx((5 * math.log1p(math.exp(-9)),) * 2)


def test_frames_are_written_and_read_as_note_numbers() -> None:
    task = music(notes=40)
    frames = task.encode_sets("60 21 60, -\n 45")
    assert frames == [[0, 39], [], [24]]
    assert task.decode_sets(frames) == "21 60\n-\n45\n"
    assert task.encode_sets(task.decode_sets(frames)) == frames
    assert task.encode_sets(" ") == []
    for wrong in ("61", "20", "c4", "60;61", "-1", "٦٠"):
        with pytest.raises(DataError, match=r"is not a note; give numbers from 21 to 60"):
            task.encode_sets(wrong)


def test_a_period_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"frames=20 must be at least twice the period=11"):
        music(period=11)
