"""Checks of tasks: correct tasks pass, and each check catches its own kind of mistake."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rnnbench.contract import registry
from rnnbench.contract.collector import Collector
from rnnbench.contract.entries import RegisteredTask
from rnnbench.contract.registry import Registry
from rnnbench.errors import RnnbenchError
from rnnbench.plan.planning import Request, make_plan
from rnnbench.records.spec import Provider
from rnnbench.testing import check_task, task_results
from tests.support import faulty_tasks as tasks


def registered(task: Any) -> RegisteredTask:
    registration = Collector(Provider(distribution="acme", version="1"), {}, {})
    registration.register_task("tested", task)
    return registration.tasks["tested"]


@pytest.mark.parametrize(
    "task", [tasks.Recall, tasks.MeanSoFar, tasks.FiniteRecall, tasks.Echo, tasks.Delayed]
)
def test_a_correct_task_passes(task: Any) -> None:
    check_task(registered(task))
    results = task_results(registered(task))
    assert len(results) > 14
    assert all(result.message for result in results)


@pytest.mark.parametrize(
    ("task", "check", "hint"),
    [
        (tasks.CannotBeBuilt, "it can be built", "raised ValueError: say more"),
        (tasks.NeverEqual, "it is frozen", "are not equal"),
        (tasks.OneSymbol, "spaces and steps are declared", "at least 2"),
        (
            tasks.NoSpace,
            "spaces and steps are declared",
            "rnnbench.Vectors(dim) or rnnbench.Bits(dim)",
        ),
        (tasks.EverySecondStep, "spaces and steps are declared", '"last" or "every"'),
        (tasks.EndlessLength, "spaces and steps are declared", "number of time steps"),
        (
            tasks.StatefulButGenerated,
            "a stateful task has consecutive windows",
            "rnnbench.FiniteTask",
        ),
        (tasks.StatefulWithLastSteps, "a stateful task has consecutive windows", '"every"'),
        (tasks.PerfectAsOption, "constants are not options", "remove its annotation"),
        (tasks.TextVersion, "the version is a number", "version = 1"),
        (tasks.NoCitations, "citations are given", "rnnbench.Citation(key, title)"),
        (tasks.NoMetric, "the metric is declared", "rnnbench.Metric"),
        (tasks.UpsideDown, "scores are in order", "perfect is not better"),
        (tasks.SolvedBeyondPerfect, "scores are in order", "towards baseline"),
        (tasks.SolvedBelowBaseline, "scores are in order", "towards perfect"),
        (tasks.NoBaseline, "scores are in order", "baseline is nan"),
        (tasks.OddSimpleScore, "simple scores are numbers", "'persistence'"),
        (tasks.UnknownPreset, "presets are valid", "no preset called 'tiny'"),
        (tasks.PresetWithWrongOption, "presets are valid", "Did you mean 'delay'?"),
        (tasks.PresetWithWrongValue, "presets are valid", "delay=0: it should be greater than 0"),
        (tasks.PresetWithWrongSetting, "presets are valid", "'batchsize'"),
        (tasks.PresetWithWrongSettingValue, "presets are valid", "batch_size=0"),
        (tasks.PresetWithWrongWidth, "presets are valid", "hidden_size='big'"),
        (tasks.PresetWithSeeds, "presets are valid", "'seeds'"),
        (tasks.PublishedOfWrongOptionValue, "published values are valid", "delay=0"),
        (tasks.PublishedOfOptionAsText, "published values are valid", "is read as 6; write it so"),
        (tasks.PublishedOfWrongSetting, "published values are valid", "batch_size=0"),
        (tasks.PublishedOfUnknownScore, "published scores exist", "no extra score 'recall'"),
        (tasks.ThirtyTwoBits, "batches have the declared form", "are torch.int32"),
        (tasks.BeyondTheVocabulary, "batches have the declared form", "inputs lie in"),
        (tasks.TargetsForEveryStep, "batches have the declared form", "targets have shape"),
        (tasks.EmptySequences, "batches have the declared form", "lengths lie in 0 .."),
        (tasks.MaskForLast, "batches have the declared form", 'steps "every" only'),
        (tasks.MaskOfNothing, "batches have the declared form", "without a valid step"),
        (tasks.NotANumber, "batches have the declared form", "NaN"),
        (tasks.HalfABit, "batches have the declared form", "inputs hold [0.5]"),
        (tasks.BitsAsIntegers, "batches have the declared form", "are torch.int64; return floats"),
        (
            tasks.LowBaselineOfBits,
            "constant predictions do not beat the baseline",
            "always predicting the frequency of each bit",
        ),
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
            "torch's global random state",
        ),
        (tasks.Rewinds, "the generator advances", "do not reseed"),
        (tasks.OneSequence, "sequences are drawn independently", "a copy of the one"),
        (tasks.BatchwiseMetric, "the metric is a weighted mean", "depends on the others"),
        (tasks.NegativeWeights, "the metric is a weighted mean", "at least 0"),
        (tasks.TooPerfect, "predicting the targets is perfect", "worse than perfect"),
        (
            tasks.LowBaseline,
            "constant predictions do not beat the baseline",
            "better than the baseline 0.1",
        ),
        (
            tasks.LowBaselineOfVectors,
            "constant predictions do not beat the baseline",
            "always predicting zero",
        ),
        (
            tasks.ChanceAsBaseline,
            "constant predictions do not beat the baseline",
            "on the test set, better than the baseline 0.25",
        ),
        (tasks.OddDiagnosis, "the diagnosis is well formed", "return a rnnbench.Diagnosis"),
        (tasks.UnfinishedDiagnosis, "the diagnosis is well formed", "'late' is nan"),
        (tasks.ReshuffledSplits, "splits are the same at every call", "differs in"),
        (tasks.TrainsOnTest, "splits are disjoint", "test sequences are also in train"),
    ],
)
def test_a_mistake_is_caught_with_a_hint(task: Any, check: str, hint: str) -> None:
    results = {result.name: result for result in task_results(registered(task))}
    assert not results[check].passed
    assert hint in results[check].message
    assert results[check].message.isprintable()


@pytest.mark.parametrize(
    "task",
    [tasks.TextVersion, tasks.NoCitations, tasks.Rewinds, tasks.OddDiagnosis, tasks.TrainsOnTest],
)
def test_a_mistake_fails_one_check_only(task: Any) -> None:
    failed = [result.name for result in task_results(registered(task)) if not result.passed]
    assert len(failed) == 1


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("seeds", 2),
        ("hidden_size", 32),
        ("hidden_size", 0),
        ("hidden_size", 1 << 20),
        ("precision", 64),
        ("batch_size", -1),
        ("learning_rate", "1e-3"),
    ],
)
def test_the_check_of_presets_agrees_with_the_planner(setting: str, value: Any) -> None:
    task = registered(tasks.presetting("quick", **{setting: value}))
    known = Registry(models=dict(registry.load().models), tasks={"tested": task})
    try:
        make_plan(Request(["tested"], ["gru"], preset="quick"), known)
    except RnnbenchError:
        planned = False
    else:
        planned = True
    results = {result.name: result.passed for result in task_results(task)}
    assert results["presets are valid"] is planned


def test_options_reach_the_task() -> None:
    check_task(registered(tasks.Recall), {"delay": "3"})
    with pytest.raises(AssertionError, match="task 'tested' breaks the contract"):
        check_task(registered(tasks.TooPerfect), {"delay": 3})


def test_checking_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    check_task(registered(tasks.Recall))
    assert torch.equal(torch.get_rng_state(), before)
