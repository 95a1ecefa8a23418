"""Checks of loss, metric, baseline and perfect score of a task against each other."""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
from pydantic import TypeAdapter
from torch import Tensor
from torch.nn import functional as F

from rnnbench.contract.task import Batch, Bits, Diagnosis, FiniteTask, Task, Tokens
from rnnbench.metrics import counted_steps, loss_of, mean_loss
from rnnbench.records.plots import Plot
from rnnbench.testing.outcome import require
from rnnbench.testing.task.subject import TaskUnderTest, floating, prediction_shape

_SURE = 20.0
"""Logit of a symbol or bit that is predicted with a probability close to 1."""
_CLASSES_TRIED = 32
_STANDARD_ERRORS = 5
_SLACK = 0.05
"""Skill that a constant prediction may reach by chance on a test set."""
_ROUNDING = 1e-6
_ROWS_AT_ONCE = 4096


def the_loss_is_finite(subject: TaskUnderTest) -> None:
    """The training loss of random predictions is finite, positive, and has a finite gradient."""
    for name, batch in subject.batches.items():
        given = floating(batch)
        outputs = subject.outputs(given).requires_grad_()
        loss = mean_loss(loss_of(subject.task), outputs, given)
        value = loss.item()
        require(
            math.isfinite(value) and value > 0,
            f"{name}: the loss of random predictions is {value:.6g}; check targets and mask.",
        )
        loss.backward()  # type: ignore[no-untyped-call]
        require(
            outputs.grad is not None and outputs.grad.isfinite().all(),
            f"{name}: the gradient of the loss is not finite; check targets and mask.",
        )


def the_metric_is_a_weighted_mean(subject: TaskUnderTest) -> None:
    """Values and weights of ``metric.measure`` do not depend on other sequences."""
    batch = floating(subject.test).rows(slice(0, 8))
    outputs = subject.outputs(batch)
    values, weights = _measure(subject.task, outputs, batch)
    require(
        values.shape == weights.shape,
        f"values {tuple(values.shape)} and weights {tuple(weights.shape)} differ in shape; "
        "return two tensors of one shape.",
    )
    require(
        values.shape[:1] == (len(batch),),
        f"values have shape {tuple(values.shape)}; return (B,) or (B, T).",
    )
    require(
        bool((weights >= 0).all()) and weights.sum() > 0,
        "weights are negative or all 0; return weights of at least 0, some of them positive.",
    )
    for row in range(len(batch)):
        alone, own = _measure(subject.task, outputs[row : row + 1], batch.rows(slice(row, row + 1)))
        require(
            torch.allclose(alone * own, (values * weights)[row : row + 1], atol=1e-6)
            and torch.allclose(own, weights[row : row + 1]),
            "the metric of a sequence depends on the others in its batch; return one value for "
            "each prediction, the harness averages them.",
        )


def predicting_the_targets_is_perfect(subject: TaskUnderTest) -> None:
    """Predictions equal to the targets score ``perfect`` or better."""
    batch = floating(subject.test)
    score, _ = _score(subject.task, _oracle(subject.task, batch), batch)
    slack = 1e-4 * abs(subject.task.perfect - subject.task.baseline)
    reached = (
        subject.task.perfect - slack
        if subject.task.metric.direction == "higher"
        else subject.task.perfect + slack
    )
    require(
        subject.task.metric.reaches(score, reached),
        f"predictions equal to the targets score {score:.6g}, worse than perfect "
        f"({subject.task.perfect:.6g}); correct the metric or perfect.",
    )


def constant_predictions_do_not_beat_the_baseline(subject: TaskUnderTest) -> None:
    """No constant prediction is better than ``baseline``: up to chance where the test is drawn.

    The test set of a finite task is always the same, so that a constant class must not be better on
    it at all.
    """
    task = subject.task
    batch = floating(subject.test)
    if isinstance(task, FiniteTask) and isinstance(task.outputs, Tokens) and task.steps == "last":
        _require_no_better_class(task, subject.splits.test)
    towards_perfect = 1 if task.metric.direction == "higher" else -1
    limit = task.baseline + _SLACK * (task.perfect - task.baseline)
    for name, outputs in _constants(task, batch):
        score, moved = _score(task, outputs, batch, pessimism=-towards_perfect)
        require(
            not task.metric.better(moved, limit),
            f"always predicting {name} scores {score:.6g}, better than the baseline "
            f"{task.baseline:.6g}; use the score of the best predictor without memory as baseline.",
        )


def _require_no_better_class(task: Task, test: Batch) -> None:
    """Check every constant class against the baseline on the whole test set."""
    assert isinstance(task.outputs, Tokens)
    present = torch.unique(test.targets).tolist()
    for symbol in present[:_CLASSES_TRIED]:
        outputs = torch.zeros(1, task.outputs.vocab)
        outputs[0, symbol] = _SURE
        sums = torch.zeros(2, dtype=torch.float64)
        for start in range(0, len(test), _ROWS_AT_ONCE):
            rows = floating(test).rows(slice(start, start + _ROWS_AT_ONCE))
            values, weights = _measure(task, outputs.expand(len(rows), -1), rows)
            sums += torch.stack(((values.double() * weights).sum(), weights.double().sum()))
        score = task.metric.finish(float(sums[0] / sums[1]))
        limit = task.baseline + _ROUNDING * (task.perfect - task.baseline)
        require(
            not task.metric.better(score, limit),
            f"always predicting symbol {symbol} scores {score:.6g} on the test set, better than "
            f"the baseline {task.baseline:.6g}; use the score of the best constant as baseline.",
        )


def the_diagnosis_is_well_formed(subject: TaskUnderTest) -> None:
    """``diagnose`` accepts any predictor and returns finite scores and valid plots."""
    diagnosis = _diagnosis(subject)
    require(
        isinstance(diagnosis, Diagnosis),
        f"diagnose returned a {type(diagnosis).__name__}; return a rnnbench.Diagnosis.",
    )
    for name, score in diagnosis.scores.items():
        require(
            math.isfinite(score), f"diagnose: score {name!r} is {score!r}; return a finite number."
        )
    for plot in diagnosis.plots:
        TypeAdapter(Plot).validate_python(plot)


def published_scores_exist(subject: TaskUnderTest) -> None:
    """Published results are of the task's score or of one of its extra scores."""
    asked = [each for each in subject.registered.factory.published if each.score]
    if not asked:
        return
    known = [*subject.task.metric.also, *_diagnosis(subject).scores]
    for each in asked:
        require(
            each.score in known,
            f"published, {each.model!r} from {each.citation.key}: there is no extra score "
            f"{each.score!r}; the task has {', '.join(known) or 'none'}.",
        )


def _diagnosis(subject: TaskUnderTest) -> Diagnosis:
    def predict(inputs: Tensor, lengths: Tensor | None) -> Tensor:
        return subject.outputs(Batch(inputs=inputs, targets=inputs, lengths=lengths))

    return subject.task.diagnose(predict, floating(subject.test))


def _measure(task: Task, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    values, weights = task.metric.measure(outputs, batch)
    return values, torch.ones_like(values) if weights is None else weights


def _score(task: Task, outputs: Tensor, batch: Batch, pessimism: int = 0) -> tuple[float, float]:
    """Return the score and the score moved by some standard errors.

    It is moved towards lower scores for ``pessimism`` -1, towards higher ones for 1.
    """
    values, weights = (
        tensor.double().reshape(len(batch), -1) for tensor in _measure(task, outputs, batch)
    )  # (B, T or 1)
    total = weights.sum()
    mean = (values * weights).sum() / total
    # standard error of a ratio of two sums over sequences, which are the independent units
    error = ((values - mean) * weights).sum(1).square().sum().sqrt() / total
    moved = mean + pessimism * _STANDARD_ERRORS * error
    return task.metric.finish(float(mean)), task.metric.finish(float(moved))


def _oracle(task: Task, batch: Batch) -> Tensor:
    if isinstance(task.outputs, Tokens):
        return _SURE * F.one_hot(batch.targets, task.outputs.vocab).float()
    return _certain(batch.targets) if isinstance(task.outputs, Bits) else batch.targets


def _certain(bits: Tensor) -> Tensor:
    return _SURE * (2 * bits - 1)


def _logits(probabilities: Tensor) -> Tensor:
    return probabilities.logit().clamp(-_SURE, _SURE)


def _constants(task: Task, batch: Batch) -> Iterator[tuple[str, Tensor]]:
    zeros = torch.zeros(prediction_shape(task, batch))
    if isinstance(task.outputs, Bits):
        counts = counted_steps(zeros, batch) > 0
        yield "every bit with probability 1/2", zeros
        yield "no bit", _certain(zeros)
        yield "the frequency of each bit", zeros + _logits(batch.targets[counts].mean(0))
        return
    if not isinstance(task.outputs, Tokens):
        yield "zero", zeros
        yield "the mean", zeros + batch.targets.flatten(0, -2).mean(0)
        return
    yield "all symbols with equal probability", zeros
    for symbol in range(min(task.outputs.vocab, _CLASSES_TRIED)):
        certain = zeros.clone()
        certain[..., symbol] = _SURE
        yield f"symbol {symbol}", certain
