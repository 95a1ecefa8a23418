"""The log of gradients: norms of a bare loop, an unchanged training, and points up to any end."""

from __future__ import annotations

import itertools
import math
from statistics import median
from typing import Any

import pytest
import torch
from torch import nn

from rnnbench.contract.task import Task
from rnnbench.metrics import loss_of, mean_loss
from rnnbench.records.gradient_history import GradientHistory
from rnnbench.records.settings import Settings
from rnnbench.training.data import source_of
from rnnbench.training.gradient_log import PROFILE_INTERVAL, GradientLog
from rnnbench.training.loop import DivergedError, Learner, fit
from rnnbench.training.optimizers import build_optimizer
from tests.support.toy_tasks import FirstSymbol, RunningMean, network_for

CPU = torch.device("cpu")
SMALL = {"batch_size": 4, "validation_size": 16, "test_size": 16, "learning_rate": 0.02}
CLIPPING: list[dict[str, Any]] = [
    {"clip_norm": 0.2},
    {"clip_norm": None, "clip_value": 0.05},
    {"clip_norm": None},
]


class _Counting:
    """A probe that returns the number of its calls."""

    lags: tuple[int, ...] = (0,)
    relevant_lag: int | None = None
    sequences = 1
    notes: tuple[str, ...] = ()

    def __init__(self, fails_at: int | None = None) -> None:
        self.calls = 0
        self.fails_at = fails_at

    def __call__(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        self.calls += 1
        if self.calls == self.fails_at:
            raise RuntimeError("the core cannot")
        return (float(self.calls),), ()


def _logged(
    task: Task, chunk: int = 64, *, log: bool = True, **changes: Any
) -> tuple[Learner, GradientHistory | None]:
    chosen = Settings.model_validate({**SMALL, **changes})
    network = network_for(task, decoder_dropout=0.2)
    kept = GradientLog(clips=not (chosen.clip_norm is None and chosen.clip_value is None))
    source = source_of(task, chosen, 0, CPU)
    torch.manual_seed(1)
    learner = Learner(network, task, source, chosen, chunk, gradient_log=kept if log else None)
    fit(learner, device=CPU)
    return learner, kept.history()


@pytest.mark.parametrize("clipping", CLIPPING)
def test_norms_are_those_of_a_bare_loop(clipping: dict[str, Any]) -> None:
    task = RunningMean()
    chosen = Settings.model_validate({**SMALL, "steps": 30, **clipping})
    network = network_for(task, decoder_dropout=0.2)
    source = source_of(task, chosen, 0, CPU)
    bare = build_optimizer(network, chosen)
    torch.manual_seed(1)
    norms, clipped = [], []
    for step in range(30):
        batch = source.train(step)
        loss = mean_loss(loss_of(task), network(batch.inputs, batch.lengths), batch)
        bare.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        gradient = torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None])
        norms.append(gradient.norm().item())
        if chosen.clip_norm is not None:
            clipped.append(norms[-1] > chosen.clip_norm)
            nn.utils.clip_grad_norm_(network.parameters(), chosen.clip_norm)
        elif chosen.clip_value is not None:
            clipped.append(bool((gradient.abs() > chosen.clip_value).any()))
            nn.utils.clip_grad_value_(network.parameters(), chosen.clip_value)
        bare.step()
    _, history = _logged(task, steps=30, validate_every=10, chunk=7, **clipping)
    assert history is not None
    start, *points = history.points
    assert (start.step, start.norm_max) == (0, None)
    assert [point.step for point in points] == [10, 20, 30]
    for point, first in zip(points, (0, 10, 20), strict=True):
        own = norms[first : first + 10]
        assert point.norm_median == pytest.approx(median(own), rel=1e-5)
        assert point.norm_max == pytest.approx(max(own), rel=1e-5)
        share = sum(clipped[first : first + 10]) / 10 if clipped else None
        assert point.clipped_share == share
    assert history.norm_max == pytest.approx(max(norms), rel=1e-5)
    if clipped:
        assert sum(clipped) > 0


@pytest.mark.parametrize("clipping", CLIPPING)
@pytest.mark.parametrize("precision", ["32", "bf16-mixed"])
def test_the_training_is_the_same_to_the_bit(clipping: dict[str, Any], precision: str) -> None:
    options = {"steps": 60, "precision": precision, **clipping}
    one, _ = _logged(FirstSymbol(), **options)
    other, _ = _logged(FirstSymbol(), log=False, **options)
    for name, tensor in one.network.state_dict().items():
        assert torch.equal(tensor, other.network.state_dict()[name]), name
    losses = [[point.validation_loss for point in each.curve] for each in (one, other)]
    assert losses[0] == losses[1]
    assert one.clipped_share == other.clipped_share


def test_the_size_of_the_chunks_changes_nothing() -> None:
    found = [_logged(FirstSymbol(), chunk, steps=50, validate_every=20)[1] for chunk in (1, 7, 64)]
    assert found[0] == found[1] == found[2]


def test_a_training_that_diverges_leaves_its_norms_up_to_that_step() -> None:
    task = FirstSymbol()
    chosen = Settings.model_validate(
        {**SMALL, "steps": 200, "validate_every": 100, "optimizer": "sgd", "clip_norm": None}
    )
    network = network_for(task)
    log = GradientLog(clips=False)
    learner = Learner(network, task, source_of(task, chosen, 0, CPU), chosen, gradient_log=log)

    def spoil(steps: int, _: float) -> None:
        if steps == 164:
            network.decoder.weight.data.fill_(math.nan)

    with pytest.raises(DivergedError, match=r"at step 165\."):
        fit(learner, device=CPU, on_progress=spoil)
    history = log.history()
    assert history is not None
    assert [point.step for point in history.points] == [0, 100, 165]
    assert history.points[-1].nonfinite_steps == 1
    assert history.nonfinite_steps == 1
    assert history.norm_max is not None
    assert math.isfinite(history.norm_max)


def steps_of(log: GradientLog, *norms: float) -> None:
    log.stepped([[norm, 0.0] for norm in norms])


def test_norms_that_are_no_numbers_are_counted_and_infinite_ones_are_the_largest() -> None:
    log = GradientLog(clips=True)
    log.started()
    steps_of(log, 1.0, math.nan, 3.0, math.inf, 2.0)
    log.validated()
    steps_of(log, math.nan)
    history = log.history()
    assert history is not None
    _, one, other = history.points
    assert (one.norm_median, one.norm_max, one.nonfinite_steps) == (2.5, math.inf, 2)
    assert (other.norm_median, other.norm_max, other.nonfinite_steps) == (None, None, 1)
    assert history.largest == one
    assert GradientHistory.model_validate_json(history.model_dump_json()) == history


@pytest.mark.parametrize("every", [1, 7, 100, 60, 500])
def test_reach_is_measured_at_validations_that_are_far_enough_apart(every: int) -> None:
    log = GradientLog(clips=False)
    log.probe = probe = _Counting()
    log.started()
    for _ in range(0, 1000, every):
        steps_of(log, *[1.0] * every)
        log.validated()
    history = log.history()
    assert history is not None
    at = [point.step for point in history.points if point.past]
    assert at[0] == 0
    assert all(later - earlier >= PROFILE_INTERVAL for earlier, later in itertools.pairwise(at))
    assert len(at) == probe.calls <= 1 + history.points[-1].step // PROFILE_INTERVAL
    assert len(at) >= 1 + history.points[-1].step // (PROFILE_INTERVAL + every)


def test_a_measurement_that_fails_is_noted_once_and_not_tried_again() -> None:
    log = GradientLog(clips=False)
    log.probe = probe = _Counting(fails_at=2)
    log.started()
    for _ in range(3):
        steps_of(log, *[1.0] * 100)
        log.validated()
    history = log.history()
    assert history is not None
    assert probe.calls == 2
    assert [point.past for point in history.points] == [(1.0,), (), (), ()]
    (note,) = history.notes
    assert "the core cannot" in note


def test_a_training_that_did_not_begin_has_no_history() -> None:
    assert GradientLog(clips=True).history() is None
