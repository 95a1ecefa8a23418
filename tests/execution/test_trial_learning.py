"""What a trial records about learning, against the same training made by hand."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
import torch

from rnnbench.contract.task import FiniteTask
from rnnbench.execution.jobs.messages import TrialJob
from rnnbench.execution.jobs.trial import run_trial
from rnnbench.execution.options import TrialOptions
from rnnbench.plan.planning import Request, make_plan
from rnnbench.records.result import Learning, Result
from rnnbench.records.spec import TrialSpec
from rnnbench.training.data import source_of
from rnnbench.training.evaluation import evaluate
from rnnbench.training.loop import Learner, fit
from rnnbench.training.network import build_network
from rnnbench.training.randomness import seed_for
from tests.golden.trials import one_thread
from tests.tasks.builders import loaded

CPU = torch.device("cpu")


def planned(task: str, model: str = "gru", **settings: Any) -> TrialSpec:
    chosen = {"batch_size": 8, "validation_size": 32, "test_size": 64, **settings}
    (spec,) = make_plan(Request([task], [model], [0], hidden_size=12, settings=chosen), loaded())
    return spec


@cache
def learned(task: str, **settings: Any) -> Learning:
    found = ran(task, **settings).learning
    assert found is not None
    return found


def ran(task: str, **settings: Any) -> Result:
    job = TrialJob(spec=planned(task, **settings), options=TrialOptions(probes=False))
    with one_thread():
        return run_trial(job, loaded())


def by_hand(spec: TrialSpec) -> Learner:
    task = loaded().task(spec.task.name).build(spec.task.options)
    network = build_network(spec, loaded().model(spec.model.name), task)
    torch.manual_seed(seed_for(spec.seed, "dropout"))
    source = source_of(task, spec.settings, spec.seed, CPU)
    learner = Learner(network, task, source, spec.settings)
    with one_thread():
        fit(learner, device=CPU)
    return learner


@pytest.mark.parametrize("learning_rate", [1e-4, 0.3])
def test_the_last_score_is_the_test_score_of_the_last_weights(learning_rate: float) -> None:
    settings = {"steps": 30, "validate_every": 5, "learning_rate": learning_rate}
    found = learned("delayed-match[delay=2,symbols=3]", **settings)
    spec = planned("delayed-match[delay=2,symbols=3]", "gru", **settings)
    learner = by_hand(spec)
    task = loaded().task(spec.task.name).build(spec.task.options)
    test = source_of(task, spec.settings, 0, CPU).test
    with one_thread():
        assert found.last_score == evaluate(learner.network, task, test)[1]
        learner.network.load_state_dict(learner.best_weights)
        assert found.score == evaluate(learner.network, task, test)[1]
    if found.best_step == 30:
        assert found.last_score == found.score


def test_a_task_solved_in_validation_alone_is_not_solved() -> None:
    # trained to copy one symbol, tested on strings of 2 to 24
    found = learned("reverse-string[train_length=1,test_length=24]", steps=200, learning_rate=0.02)
    assert found.curve[-1].validation_score == 1
    assert not found.solved
    assert found.steps_to_solve is None
    assert found.steps_to_solve_validation is not None


def test_a_task_solved_in_the_test_has_one_number_of_steps() -> None:
    found = learned("delayed-match[delay=1,symbols=2]", steps=300, learning_rate=0.03)
    assert found.solved
    assert found.steps_to_solve == found.steps_to_solve_validation
    assert found.steps_to_solve is not None
    assert found.still_improving is False


def test_a_small_space_of_sequences_is_seen_in_training() -> None:
    size = ran("delayed-match[delay=1,symbols=2]", steps=30).data_size
    assert size is not None
    assert size.seen_in_training == 1
    size = ran("copy-memory[delay=1,symbols=10]", steps=30).data_size
    assert size is not None
    assert size.seen_in_training == 0


FINITE = [
    name
    for name, task in loaded().tasks.items()
    if issubclass(task.factory, FiniteTask) and task.provider.distribution == "rnnbench"
]


def asked(name: str) -> str:
    pytest.importorskip("statsmodels" if name == "forecasting" else "sklearn")
    return f"{name}[data=sunspots]" if name == "forecasting" else name


@pytest.mark.parametrize("name", FINITE)
def test_the_weighted_mean_of_the_items_is_the_score(name: str) -> None:
    spec = planned(asked(name), steps=2)
    found = learned(asked(name), steps=2)
    assert found.items is not None
    task = loaded().task(name).build(spec.task.options)
    assert isinstance(task, FiniteTask)
    assert found.items.count == len(task.splits().test)
    assert found.items.block == task.test_block
    mean = np.average(found.items.values(), weights=found.items.weights())
    if found.items.kind == "bits":
        assert task.metric.finish(mean) == found.score
    else:
        assert task.metric.finish(mean) == pytest.approx(found.score, rel=1e-6)


def test_a_generated_task_has_no_items() -> None:
    assert learned("copy-memory[delay=1,symbols=10]", steps=30).items is None


def test_after_an_early_stop_the_best_weights_are_tested_and_the_steps_taken_recorded() -> None:
    task = "delayed-match[delay=2,symbols=3]"
    settings = {"steps": 300, "validate_every": 5, "learning_rate": 0.03}
    whole, early = learned(task, **settings), learned(task, **settings, patience=3)
    assert whole.steps_taken == 300
    assert early.steps_taken is not None
    assert early.steps_taken < 300
    assert early.steps_taken == early.curve[-1].step >= early.best_step + 15
    assert [p.validation_score for p in early.curve] == [
        p.validation_score for p in whole.curve[: len(early.curve)]
    ]
    learner = by_hand(planned(task, "gru", **settings, patience=3))
    network = learner.network
    network.load_state_dict(learner.best_weights)
    built = loaded().task("delayed-match").build(planned(task).task.options)
    test = source_of(built, planned(task).settings, 0, CPU).test
    with one_thread():
        assert early.score == evaluate(network, built, test)[1]


def test_the_record_tells_groups_and_rates_where_they_differ() -> None:
    task = "delayed-match[delay=2,symbols=3]"
    assert learned(task, steps=4).groups == ()
    found = learned(task, steps=4, weight_decay=0.1, schedule="linear[final=0.5]")
    assert [(g.learning_rate_factor, g.weight_decay) for g in found.groups] == [(1, 0.1), (1, 0)]
    biases = set(found.groups[1].parameters)
    assert biases == {"core.recurrence.bias_ih_l0", "core.recurrence.bias_hh_l0", "decoder.bias"}
    assert [p.learning_rate for p in found.curve] == pytest.approx(
        [1e-3 * factor for factor in (1, 5 / 6, 4 / 6, 1 / 2)]
    )
