"""The training loop: trajectory equal to a bare loop's, best weights kept, divergence reported."""

from __future__ import annotations

import csv
import itertools
import math
from functools import lru_cache
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rnnbench.contract.task import Task
from rnnbench.metrics import loss_of, mean_loss
from rnnbench.records.recipe import OPTIMIZERS
from rnnbench.records.result import CurvePoint
from rnnbench.records.settings import Settings
from rnnbench.training.data import source_of
from rnnbench.training.evaluation import evaluate
from rnnbench.training.loop import DivergedError, Learner, fit
from rnnbench.training.optimizers import build_optimizer
from rnnbench.training.steppers import clip_values
from tests.support.toy_cores import IndependentCore, TorchRNN
from tests.support.toy_tasks import FirstSymbol, RunningMean, network_for

CPU = torch.device("cpu")
SMALL = {"batch_size": 4, "validation_size": 16, "test_size": 16, "learning_rate": 0.02}


def _learned(task: Task, chunk: int = 64, core: Any = TorchRNN, **changes: Any) -> Learner:
    chosen = Settings.model_validate({**SMALL, **changes})
    network = network_for(task, core)
    if chosen.precision == "64":
        network = network.double()
    learner = Learner(network, task, source_of(task, chosen, 0, CPU), chosen, chunk)
    fit(learner, device=CPU)
    return learner


def _without_time(curve: list[CurvePoint]) -> list[CurvePoint]:
    return [point.model_copy(update={"seconds": 0.0}) for point in curve]


def _same(one: Learner, two: Learner) -> bool:
    weights = zip(one.network.state_dict().values(), two.network.state_dict().values(), strict=True)
    return _without_time(one.curve) == _without_time(two.curve) and all(
        torch.equal(a, b) for a, b in weights
    )


@pytest.mark.parametrize("task", [FirstSymbol(), RunningMean()])
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "rmsprop", "sgd"])
def test_the_trajectory_is_that_of_a_bare_loop_bit_for_bit(task: Task, optimizer: str) -> None:
    chosen = Settings.model_validate(
        {**SMALL, "steps": 20, "optimizer": optimizer, "weight_decay": 0.01}
    )
    network = network_for(task)
    source = source_of(task, chosen, 0, CPU)
    bare = build_optimizer(network, chosen)
    for step in range(20):
        batch = source.train(step)
        loss = mean_loss(loss_of(task), network(batch.inputs, batch.lengths), batch)
        bare.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        bare.step()
    trained = _learned(task, steps=20, optimizer=optimizer, weight_decay=0.01).network
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, trained.state_dict()[name]), name


@settings(max_examples=10, deadline=None)
@given(chunk=st.integers(1, 70), steps=st.integers(1, 60), every=st.integers(1, 70))
def test_the_size_of_the_chunks_changes_nothing(chunk: int, steps: int, every: int) -> None:
    one = _learned(FirstSymbol(), chunk=1, steps=steps, validate_every=every)
    other = _learned(FirstSymbol(), chunk=chunk, steps=steps, validate_every=every)
    assert _same(one, other)
    assert [point.step for point in one.curve] == [*range(every, steps, every), steps]


def test_mixed_precision_does_not_reuse_casts_of_old_weights() -> None:
    one, other = (
        _learned(FirstSymbol(), chunk=chunk, steps=30, precision="bf16-mixed") for chunk in (1, 30)
    )
    assert _same(one, other)
    full = _learned(FirstSymbol(), steps=30)
    assert full.curve[-1].train_loss != one.curve[-1].train_loss


def test_double_precision_trains_in_double() -> None:
    learner = _learned(RunningMean(), steps=5, precision="64")
    assert {tensor.dtype for tensor in learner.best_weights.values()} == {torch.float64}


def test_it_learns_and_keeps_the_weights_of_the_best_validation() -> None:
    task = FirstSymbol(length=3)
    learner = _learned(task, steps=400, validate_every=20)
    scores = [point.validation_score for point in learner.curve]
    assert max(scores) > 0.9
    best = learner.curve[[point.step for point in learner.curve].index(learner.best_step)]
    assert best.validation_score == max(scores)
    learner.network.load_state_dict(learner.best_weights)
    source = source_of(task, Settings.model_validate(SMALL), 0, CPU)
    assert evaluate(learner.network, task, source.validation) == (
        best.validation_loss,
        best.validation_score,
    )


@pytest.mark.parametrize("clip_norm", [0.05, 0.2, 1e9])
def test_the_share_of_clipped_steps_is_that_of_a_bare_loop(clip_norm: float) -> None:
    task = RunningMean()
    chosen = Settings.model_validate({**SMALL, "steps": 40, "clip_norm": clip_norm})
    network, clipped = network_for(task), 0
    source = source_of(task, chosen, 0, CPU)
    bare = build_optimizer(network, chosen)
    for step in range(40):
        batch = source.train(step)
        loss = mean_loss(loss_of(task), network(batch.inputs, batch.lengths), batch)
        bare.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad.flatten() for p in network.parameters() if p.grad is not None]
        clipped += torch.cat(gradients).norm().item() > clip_norm
        nn.utils.clip_grad_norm_(network.parameters(), clip_norm)
        bare.step()
    assert _learned(task, steps=40, clip_norm=clip_norm, chunk=7).clipped_share == clipped / 40
    assert (clipped == 0) == (clip_norm == 1e9)


@pytest.mark.parametrize("clip_value", [0.02, 0.1, 1e9])
def test_clipping_by_value_is_that_of_a_bare_loop(clip_value: float) -> None:
    task = RunningMean()
    changes = {"steps": 40, "clip_norm": None, "clip_value": clip_value}
    chosen = Settings.model_validate({**SMALL, **changes})
    network, clipped = network_for(task), 0
    source = source_of(task, chosen, 0, CPU)
    bare = build_optimizer(network, chosen)
    for step in range(40):
        batch = source.train(step)
        loss = mean_loss(loss_of(task), network(batch.inputs, batch.lengths), batch)
        bare.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad.flatten() for p in network.parameters() if p.grad is not None]
        clipped += torch.cat(gradients).abs().max().item() > clip_value
        nn.utils.clip_grad_value_(network.parameters(), clip_value)
        bare.step()
    trained = _learned(task, chunk=7, **changes)
    assert trained.clipped_share == clipped / 40
    assert (clipped == 0) == (clip_value == 1e9)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, trained.network.state_dict()[name]), name


def test_real_and_imaginary_parts_are_clipped_as_numbers_of_their_own() -> None:
    weight = nn.Parameter(torch.zeros(3, dtype=torch.complex64))
    weight.grad = torch.tensor([3 + 0.5j, -0.2 - 4j, 0.9 + 0.9j])
    assert clip_values([weight, nn.Parameter(torch.zeros(2))], 1.0)
    assert weight.grad.tolist() == pytest.approx([1 + 0.5j, -0.2 - 1j, 0.9 + 0.9j])
    # of magnitude 1.27, but neither part is above 1
    assert not clip_values([weight], 1.0)


class _Recorder(IndependentCore):
    """Counts the calls of ``after_step``, and notes how they are made."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.calls: list[tuple[bool, torch.dtype]] = []

    def after_step(self) -> None:
        product = self.into.weight @ self.into.weight.T
        self.calls.append((torch.is_grad_enabled(), product.dtype))
        super().after_step()


@pytest.mark.parametrize("precision", ["32", "bf16-mixed"])
def test_after_step_follows_each_update_without_gradient_in_full_precision(precision: str) -> None:
    learner = _learned(FirstSymbol(), core=_Recorder, steps=7, precision=precision)
    core = learner.network.core
    assert isinstance(core, _Recorder)
    assert core.calls == [(False, torch.float32)] * 7


def test_clamped_weights_stay_within_their_bound() -> None:
    clamped, free = (
        _learned(FirstSymbol(), core=core, steps=60, learning_rate=0.05).network.core
        for core in (IndependentCore, _Unclamped)
    )
    assert isinstance(clamped, IndependentCore)
    assert isinstance(free, IndependentCore)
    assert free.recurrent.abs().max() > clamped.bound
    assert clamped.recurrent.abs().max() == clamped.bound


class _Unclamped(IndependentCore):
    def after_step(self) -> None:
        pass


LONG: dict[str, Any] = {"steps": 240, "validate_every": 5, "chunk": 3, "learning_rate": 0.1}


@lru_cache
def _without_patience(task: Task) -> Learner:
    return _learned(task, **LONG)


@pytest.mark.parametrize("patience", [1, 2, 4])
@pytest.mark.parametrize("task", [FirstSymbol(length=12), RunningMean()])
def test_an_early_stop_ends_after_validations_without_a_better_score(
    task: Task, patience: int
) -> None:
    whole = _without_patience(task)
    early = _learned(task, **LONG, patience=patience)
    sign = 1 if task.metric.direction == "higher" else -1
    scores = [sign * point.validation_score for point in whole.curve]
    bests = list(itertools.accumulate(scores, max))
    end = next(i for i in range(patience, len(scores)) if bests[i - patience] == bests[i])
    assert end + 1 < len(scores)
    assert _without_time(early.curve) == _without_time(whole.curve[: end + 1])
    assert early.steps_taken == early.curve[-1].step == 5 * (end + 1)
    best = max(range(end + 1), key=lambda i: (scores[i], -whole.curve[i].validation_loss, -i))
    assert early.best_step == whole.curve[best].step


def test_a_patience_that_does_not_run_out_changes_nothing() -> None:
    assert _same(*(_learned(FirstSymbol(), steps=20, patience=each) for each in (None, 50)))


def test_without_clipping_there_is_no_share_of_clipped_steps() -> None:
    assert _learned(FirstSymbol(), steps=3, clip_norm=None).clipped_share is None


def test_the_curve_holds_mean_losses_and_growing_time() -> None:
    learner = _learned(FirstSymbol(), steps=10, validate_every=5)
    assert all(math.isfinite(point.train_loss) for point in learner.curve)
    assert 0 < learner.curve[0].seconds < learner.curve[1].seconds == learner.train_seconds


class _Bad(TorchRNN):
    """Outputs NaN in training; the derived class outputs NaN in evaluation."""

    when_training = True

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        outputs, state = super().forward(x, state)
        return (
            (outputs * math.nan, state) if self.training is self.when_training else (outputs, state)
        )


class _BadInEvaluation(_Bad):
    when_training = False


def test_a_loss_that_is_not_finite_ends_the_training() -> None:
    with pytest.raises(DivergedError, match="training loss became nan at step 1"):
        _learned(FirstSymbol(), core=_Bad, steps=5)
    with pytest.raises(DivergedError, match=r"validation loss became nan .* at step 5"):
        _learned(FirstSymbol(), core=_BadInEvaluation, steps=5, validate_every=5)


def test_callbacks_loggers_and_progress_work(tmp_path: Any) -> None:
    class Counts(pl.Callback):
        epochs = 0

        def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
            self.epochs += 1

    chosen = Settings.model_validate({**SMALL, "steps": 10, "validate_every": 5})
    task, counts, reports = FirstSymbol(), Counts(), list[tuple[int, float]]()
    learner = Learner(network_for(task), task, source_of(task, chosen, 0, CPU), chosen, 2)
    logger = pl.loggers.CSVLogger(str(tmp_path))
    fit(
        learner,
        device=CPU,
        on_progress=lambda step, loss: reports.append((step, loss)),
        callbacks=[counts],
        loggers=[logger],
    )
    assert counts.epochs == 2
    assert [step for step, _ in reports] == [2, 4, 5, 7, 9, 10]
    with next(tmp_path.rglob("metrics.csv")).open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [5, 10]
    assert [float(row["val_score"]) for row in rows] == pytest.approx(
        [point.validation_score for point in learner.curve]
    )


def test_nothing_is_printed_and_no_folder_is_made(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    _learned(FirstSymbol(), steps=3)
    seen = capfd.readouterr()
    assert (seen.out, seen.err) == ("", "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.complex64])
def test_every_optimizer_takes_complex_parameters(optimizer: str, dtype: torch.dtype) -> None:
    module = nn.Module()
    module.weight = nn.Parameter(torch.full((3,), 2.0, dtype=dtype))
    steps = build_optimizer(module, Settings.model_validate({"optimizer": optimizer}))
    loss: Tensor = module.weight.abs().square().sum()
    loss.backward()  # type: ignore[no-untyped-call]
    steps.step()
    assert (module.weight.abs() < 2).all()
