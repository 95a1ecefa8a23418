"""Every check of a task passes a good task, and catches the one mistake that it is there for."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rnnbench.contract.collector import Collector
from rnnbench.contract.entries import RegisteredTask
from rnnbench.records.spec import Provider
from rnnbench.testing import check_task, task_results
from tests.testing import tasks


def registered(task: Any) -> RegisteredTask:
    registration = Collector(Provider(distribution="acme", version="1"), {}, {})
    registration.register_task("tested", task)
    return registration.tasks["tested"]


@pytest.mark.parametrize(
    "task", [tasks.FirstSymbol, tasks.RunningMean, tasks.FirstSymbolOfMany, tasks.Echo]
)
def test_a_good_task_passes(task: Any) -> None:
    check_task(registered(task))
    results = task_results(registered(task))
    assert len(results) > 14
    assert all(result.message for result in results)


@pytest.mark.parametrize(
    ("task", "check", "told"),
    [
        (tasks.CannotBeBuilt, "it can be built", "raised ValueError: say more"),
        (tasks.NeverEqual, "it is frozen", "are not equal"),
        (tasks.OneSymbol, "spaces and steps are declared", "at least 2"),
        (
            tasks.NoSpace,
            "spaces and steps are declared",
            "return rnnbench.Tokens(vocab) or rnnbench.Vectors(dim)",
        ),
        (tasks.EverySecondStep, "spaces and steps are declared", 'return "last" or "every"'),
        (tasks.EndlessLength, "spaces and steps are declared", "number of time steps"),
        (tasks.StatefulButDrawn, "a stateful task is a stream", "only a finite task is a stream"),
        (tasks.StatefulAtTheEnd, "a stateful task is a stream", 'return "every"'),
        (tasks.TextVersion, "the version is a number", "ClassVar[int] = 1"),
        (tasks.NoCitations, "citations are given", "who posed the task"),
        (tasks.NoMetric, "the metric is declared", "return a rnnbench.Metric"),
        (tasks.UpsideDown, "scores are in order", "perfect is no better"),
        (tasks.SolvedByNobody, "scores are in order", "not even perfect would count as solved"),
        (tasks.SolvedByAnybody, "scores are in order", "the baseline would count as solved"),
        (tasks.NoBaseline, "scores are in order", "return a finite number"),
        (tasks.OddReferenceScore, "further scores are numbers", "'persistence'"),
        (tasks.UnknownPreset, "presets are valid", "no preset called 'tiny'"),
        (tasks.PresetWithWrongOption, "presets are valid", "Did you mean 'delay'?"),
        (tasks.PresetWithWrongValue, "presets are valid", "delay=0: it should be greater than 0"),
        (tasks.PresetWithWrongSetting, "presets are valid", "setting batchsize"),
        (tasks.PresetWithWrongWidth, "presets are valid", "hidden_size='big'"),
        (tasks.ThirtyTwoBits, "batches have the declared form", "are torch.int32"),
        (tasks.BeyondTheVocabulary, "batches have the declared form", "inputs lie in"),
        (tasks.TargetsForEveryStep, "batches have the declared form", "targets have shape"),
        (tasks.EmptySequences, "batches have the declared form", "lengths lie in 0 .."),
        (tasks.MaskForLast, "batches have the declared form", 'steps "every" only'),
        (tasks.MaskOfNothing, "batches have the declared form", "without a valid step"),
        (tasks.NotANumber, "batches have the declared form", "NaN"),
        (
            tasks.AlwaysTen,
            "any number of sequences can be drawn",
            "sample(1, generator) returned 10",
        ),
        (tasks.GlobalRandomness, "all randomness comes from the generator", "differ in inputs"),
        (
            tasks.FixedSeed,
            "all randomness comes from the generator",
            "two seeds draw the same batch",
        ),
        (
            tasks.MovesGlobalState,
            "all randomness comes from the generator",
            "moves torch's global random state",
        ),
        (tasks.Rewinds, "the generator moves on", "do not reseed"),
        (tasks.OneSequence, "sequences are drawn independently", "a copy of the one"),
        (tasks.BatchwiseMetric, "the metric is a weighted mean", "depends on the others"),
        (tasks.NegativeWeights, "the metric is a weighted mean", "at least 0"),
        (tasks.TooPerfect, "knowing the targets is perfect", "worse than perfect"),
        (
            tasks.LowBaseline,
            "knowing nothing is no better than the baseline",
            "better than the baseline 0.1",
        ),
        (
            tasks.LowBaselineOfVectors,
            "knowing nothing is no better than the baseline",
            "always predicting zero",
        ),
        (tasks.OddDiagnosis, "the diagnosis is well formed", "return a rnnbench.Diagnosis"),
        (tasks.UnfinishedDiagnosis, "the diagnosis is well formed", "score 'late' is nan"),
        (tasks.ShuffledAnew, "splits are the same every time", "differs in"),
        (tasks.TrainsOnTest, "splits are disjoint", "test sequences are also in train"),
    ],
)
def test_a_mistake_is_caught_and_told(task: Any, check: str, told: str) -> None:
    results = {result.name: result for result in task_results(registered(task))}
    assert not results[check].passed
    assert told in results[check].message
    assert results[check].message.isprintable()


@pytest.mark.parametrize(
    "task",
    [tasks.TextVersion, tasks.NoCitations, tasks.Rewinds, tasks.OddDiagnosis, tasks.TrainsOnTest],
)
def test_a_mistake_fails_one_check_alone(task: Any) -> None:
    failed = [result.name for result in task_results(registered(task)) if not result.passed]
    assert len(failed) == 1


def test_options_reach_the_task() -> None:
    check_task(registered(tasks.FirstSymbol), {"delay": "3"})
    with pytest.raises(AssertionError, match="task 'tested' breaks the contract"):
        check_task(registered(tasks.TooPerfect), {"delay": 3})


def test_checking_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    check_task(registered(tasks.FirstSymbol))
    assert torch.equal(torch.get_rng_state(), before)
