"""Tuning studies with real processes: tries, resumption, choice, and what tries never see."""

from __future__ import annotations

import itertools
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnnbench.analysis.tuning.studies import studies, try_of
from rnnbench.contract.registry import Registry
from rnnbench.execution.jobs.messages import TrialJob
from rnnbench.execution.jobs.trial import run_trial
from rnnbench.execution.options import TrialOptions
from rnnbench.execution.sampling import fixed_tries
from rnnbench.execution.sweep import Summary, Sweep
from rnnbench.execution.tuning import Tuning
from rnnbench.plan.planning import TUNING_SEED, Request, make_plan
from rnnbench.plan.tuning import StudyPlan, plan_studies
from rnnbench.records.result import Record, Status
from rnnbench.records.spec import TrialSpec
from rnnbench.records.store import Store
from tests.execution.conftest import InContext
from tests.support.command import attempts, query, running, wait_until
from tests.support.views import SilentView
from tests.tasks.builders import loaded

SMALL = {"steps": 6, "batch_size": 4, "validation_size": 16, "test_size": 8, "validate_every": 2}
RATES = "learning_rate=1e-3..1e-1"


def request(
    *models: str, tune: tuple[str, ...] = (RATES,), task: str = "instant", **asked: Any
) -> Request:
    settings = {**SMALL, **asked.pop("settings", {})}
    given = {"seeds": 2, "hidden_size": 4, "tune_trials": 3, **asked}
    return Request([task], models, tune=tune, settings=settings, **given)


class Ran:
    """The end of a run: its summary, what it said, and the trials that followed from tries."""

    def __init__(self, summary: Summary, view: SilentView, tuning: Tuning) -> None:
        self.summary, self.said = summary, view.said
        self.chosen, self.tries = tuning.chosen, tuning.tries
        self.expected = view.expected


Run = Callable[..., Ran]


@pytest.fixture
def run(in_context: InContext, registry: Registry, store: Store) -> Run:
    """Run a request and its studies."""

    def make(asked: Request, view: SilentView | None = None, **options: Any) -> Ran:
        specs = make_plan(asked, registry)
        view = view or SilentView()
        with in_context(view, **options) as context:
            retry = context.options.retry
            plans = plan_studies(asked, specs, registry)
            tuning = Tuning(plans, store, retry, context.jobs, view.say)
            return Ran(Sweep(specs, context, tuning).run(), view, tuning)

    return make


def planned(asked: Request, registry: Registry) -> list[StudyPlan]:
    return plan_studies(asked, make_plan(asked, registry), registry)


def tries(store: Store) -> list[Record]:
    return store.records(purpose="tuning")


def test_every_model_gets_the_same_tries_and_its_best_recipe_is_reported(
    run: Run, store: Store
) -> None:
    asked = request("good", "slow[pause=0.001]")
    ran = run(asked)
    assert ran.summary.all_done
    assert ran.summary.tries == {Status.DONE: 6}
    # two models, two recipes, two seeds
    assert ran.summary.statuses == {Status.DONE: 8}
    found = studies(tries(store))
    assert len(found) == 2
    values = [[try_of(record).values for record in study.tries] for study in found]
    assert values[0] == values[1]
    reported: dict[str, set[int]] = {}
    for record in store.records():
        assert record.spec.tuning is None
        reported.setdefault(record.spec.config_id, set()).add(record.spec.seed)
    for study in found:
        best = max(study.validated.values(), key=lambda kept: kept.best_score)
        assert study.best is not None
        assert study.best.result.validated is not None
        assert study.best.result.validated.best_score == best.best_score
        assert study.tuned_config_id is not None
        assert reported.pop(study.default_config_id) == {0, 1}
        assert reported.pop(study.tuned_config_id) == {0, 1}
    assert not reported
    assert {spec.trial_id for spec in ran.tries} == {r.trial_id for r in tries(store)}


def test_a_try_has_neither_test_scores_nor_probes_nor_weights(run: Run, store: Store) -> None:
    run(request("good"), probes=True)
    for record in tries(store):
        result = record.result
        assert record.spec.seed == TUNING_SEED
        assert result.validated is not None
        assert [point.step for point in result.validated.curve] == [2, 4, 6]
        assert result.validated.steps_taken == 6
        assert (result.learning, result.gradient, result.size, result.data_size) == (None,) * 4
        assert not result.plots
        assert not store.weights_of(record.trial_id).exists()
    assert all(store.weights_of(record.trial_id).exists() for record in store.records())


def test_a_task_whose_test_set_cannot_be_drawn_can_be_tuned(run: Run, store: Store) -> None:
    ran = run(request("good", task="untestable"))
    assert ran.summary.tries == {Status.DONE: 3}
    assert ran.summary.statuses == {Status.FAILED: 4}
    assert all("the test set was drawn" in str(r.result.error) for r in store.records())


@pytest.mark.parametrize("task", ["copy-memory[delay=2]", "series-classification"])
def test_a_try_trains_as_the_reported_trial_of_its_seed_does(task: str) -> None:
    pytest.importorskip("statsmodels")
    asked = request("gru", task=task, settings={"steps": 30, "validate_every": 10})
    (study,) = plan_studies(asked, make_plan(asked, loaded()), loaded())
    tried = fixed_tries(study)[0]
    options = TrialOptions(probes=False)
    kept = run_trial(TrialJob(spec=tried, options=options), loaded()).validated
    plain = tried.model_copy(update={"tuning": None})
    learned = run_trial(TrialJob(spec=plain, options=options), loaded()).learning
    assert kept is not None
    assert learned is not None
    assert [p.validation_score for p in kept.curve] == [p.validation_score for p in learned.curve]
    assert [p.validation_loss for p in kept.curve] == [p.validation_loss for p in learned.curve]
    assert (kept.best_step, kept.score_name) == (learned.best_step, learned.score_name)


def test_the_same_study_again_adds_nothing_and_more_tries_continue_it(
    run: Run, store: Store
) -> None:
    first = run(request("good"))
    count = len(store.records(every_attempt=True, purpose="all"))
    again = run(request("good"))
    assert (again.summary.statuses, again.summary.tries) == ({}, {})
    assert again.summary.stored == count == 3 + 4
    assert again.said[-2] == f"{count} {count} 2"
    assert len(store.records(every_attempt=True, purpose="all")) == count
    assert again.chosen == first.chosen
    before = {record.trial_id for record in tries(store)}
    more = run(request("good", tune_trials=5))
    assert more.summary.tries == {Status.DONE: 2}
    assert before < {record.trial_id for record in tries(store)}
    (study,) = studies(tries(store))
    assert [try_of(record).number for record in study.tries] == [0, 1, 2, 3, 4]
    assert study.asked == 5
    # fewer tries choose among the first ones
    assert run(request("good", tune_trials=3)).chosen == first.chosen


def test_the_values_of_stored_tries_are_kept(run: Run, store: Store, registry: Registry) -> None:
    """Another version of Optuna may draw other values for the same number."""
    asked = request("good")
    (study,) = planned(asked, registry)
    other = study.attempt(1, {"learning_rate": 0.0123})
    done = run_trial(TrialJob(spec=other, options=TrialOptions(probes=False)), registry)
    store.add(other, done, started_at="2026-01-01T00:00:00Z", seconds=1.0)
    ran = run(asked)
    assert ran.summary.tries == {Status.DONE: 2}
    (found,) = studies(tries(store))
    assert try_of(found.tries[1]).values == {"learning_rate": 0.0123}
    assert len(tries(store)) == 3


def test_a_rate_at_which_training_diverges_is_not_chosen(run: Run, store: Store) -> None:
    # Adam moves a weight by the rate in its first step, and by less than ten times it in six
    asked = request(
        "fragile", tune=("learning_rate=0.001|0.005|0.2|1",), tune_sampler="grid", tune_trials=None
    )
    ran = run(asked)
    (study,) = studies(tries(store))
    ended = {try_of(r).values["learning_rate"]: r.result.status for r in study.tries}
    assert ended == {
        0.001: Status.DONE,
        0.005: Status.DONE,
        0.2: Status.DIVERGED,
        1.0: Status.DIVERGED,
    }
    assert study.best is not None
    assert try_of(study.best).values["learning_rate"] in (0.001, 0.005)
    assert ran.summary.all_done, "a search has tries that diverge"


def test_the_better_choice_is_chosen(run: Run, store: Store) -> None:
    asked = request(
        "blind",
        tune=("blind=true|false",),
        tune_sampler="grid",
        tune_trials=None,
        settings={"steps": 150, "validate_every": 50, "learning_rate": 0.05},
    )
    ran = run(asked)
    assert {spec.model.label for spec in ran.chosen} == {"blind[blind=false]"}
    (study,) = studies(tries(store))
    assert study.best is not None
    scores = {r.spec.model.label: [] for r in store.records()}  # type: dict[str, list[float]]
    for record in store.records():
        assert record.result.learning is not None
        scores[record.spec.model.label].append(record.result.learning.score)
    assert max(scores["blind"]) < min(scores["blind[blind=false]"])


def test_the_default_values_are_reported_once_if_they_are_chosen(run: Run, store: Store) -> None:
    asked = request(
        "blind[blind=false]",
        tune=("optimizer=adam|adam[amsgrad=true]",),
        tune_sampler="grid",
        tune_trials=None,
        settings={"learning_rate": 1e-6},
    )
    ran = run(asked)
    (study,) = studies(tries(store))
    assert study.best is not None
    same = study.tuned_config_id == study.default_config_id
    assert len(store.records()) == (2 if same else 4)
    assert ran.expected == (2 + len(store.records()), ran.summary.stored)
    # at so small a rate both tries score alike, and the earlier one is chosen
    first = try_of(study.tries[0]).values["optimizer"]
    assert try_of(study.best).number == 0
    assert same == (first == "adam")


def test_when_every_try_fails_the_default_recipe_is_reported(run: Run, store: Store) -> None:
    ran = run(request("raises"))
    assert ran.summary.tries == {Status.FAILED: 3}
    assert ran.summary.statuses == {Status.FAILED: 2}
    assert ran.chosen == []
    assert any("none of the 3 tries" in line for line in ran.said)
    assert not ran.summary.all_done
    retried = run(request("raises"), retry=["failed"])
    assert retried.summary.tries == {Status.FAILED: 3}
    assert [record.attempt for record in tries(store)] == [2, 2, 2]


def test_a_model_that_declines_the_task_is_no_failure(run: Run) -> None:
    ran = run(request("declines"))
    assert ran.summary.all_done
    assert not any("none of" in line for line in ran.said)


def test_tpe_runs_in_rounds_and_continues(run: Run, store: Store) -> None:
    asked = request("good", tune_sampler="tpe", tune_trials=7, settings={"steps": 2})
    assert run(asked, jobs=2).summary.tries == {Status.DONE: 7}
    (study,) = studies(tries(store))
    assert [try_of(record).number for record in study.tries] == list(range(7))
    assert run(asked, jobs=2).summary.tries == {}
    more = request("good", tune_sampler="tpe", tune_trials=9, settings={"steps": 2})
    assert run(more, jobs=2).summary.tries == {Status.DONE: 2}


def test_tries_are_pruned(run: Run, store: Store) -> None:
    asked = request(
        "slow[pause=0.02]",
        tune=("learning_rate=1e-6..1e-1",),
        tune_trials=6,
        tune_pruner="halving",
        settings={"steps": 45, "validate_every": 5, "batch_size": 32, "validation_size": 256},
    )
    ran = run(asked, jobs=1)
    (study,) = studies(tries(store))
    pruned = [r for r in study.tries if r.result.status is Status.PRUNED]
    assert ran.summary.tries == {Status.DONE: 6 - len(pruned), Status.PRUNED: len(pruned)}
    assert pruned
    assert ran.summary.all_done
    best = study.best
    assert best is not None
    for record in pruned:
        kept = record.result.validated
        assert kept is not None
        assert kept.steps_taken == kept.curve[-1].step < 45
        assert record.seconds < best.seconds
        assert record is not best
    assert run(asked, jobs=1).summary.tries == {}


def test_a_model_that_breaks_the_contract_has_no_tries_that_train(run: Run, store: Store) -> None:
    view = SilentView()
    ran = run(request("wrong-shape"), view, contract_checks=True)
    assert ran.summary.tries == {Status.FAILED: 3}
    assert view.begun == []
    assert all("breaks the contract" in str(r.result.error) for r in tries(store))


def test_a_run_past_its_time_reports_what_is_left(run: Run, store: Store) -> None:
    ran = run(request("good"), max_time=1e-6)
    assert ran.summary.not_started == 3 + 2 + 2
    assert not store.records(purpose="all")
    assert run(request("good")).summary.all_done


FLAGS = (
    "--model",
    "slow[pause=0.01]",
    "--steps",
    "20",
    "--seeds",
    "2",
    "--jobs",
    "2",
    "--tune",
    "learning_rate=1e-3..1e-1",
    "--tune-trials",
    "5",
)


def comparable(store: Path) -> list[tuple[Any, ...]]:
    """Return what two runs of one study have in common, without durations."""
    rows = query(store, "SELECT trial_id, attempt, status, spec, result FROM attempts")
    found = []
    for trial_id, attempt, status, spec, result in rows:
        read = json.loads(str(result))
        kept = read["validated"] or read["learning"]
        scores = [point["validation_score"] for point in kept["curve"]]
        found.append((trial_id, attempt, status, spec, scores))
    return sorted(found, key=str)


def test_a_killed_study_continues_to_the_same_records(shelf: Path, tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole" / "a.db", tmp_path / "killed" / "a.db"
    for folder in (whole.parent, killed.parent):
        folder.mkdir()
    with running(shelf, whole, *FLAGS) as driver:
        code, out, err = driver.finish()
    assert (code, err) == (0, ""), out
    moments = random.Random(11)
    for wanted in itertools.islice(itertools.count(2, 3), 2):
        with running(shelf, killed, *FLAGS) as driver:
            wait_until(lambda: len(attempts(killed)) >= wanted, 120)  # noqa: B023
            time.sleep(moments.uniform(0.0, 0.2))
            driver.process.kill()
            driver.process.wait()
            wait_until(lambda: not driver.survivors(), 5.0)
    assert len(attempts(killed)) < len(attempts(whole)), "the last kill came after the end"
    with running(shelf, killed, *FLAGS) as driver:
        code, out, err = driver.finish()
    assert (code, err) == (0, ""), out
    assert comparable(killed) == comparable(whole)
    assert len(attempts(whole)) == 5 + 2 + 2


def test_specs_of_tries_differ_only_in_what_is_tuned(registry: Registry) -> None:
    (study,) = planned(request("good"), registry)
    (default,) = {spec.model_copy(update={"seed": 0}).trial_id for spec in study.reported}
    for spec in fixed_tries(study):
        assert spec.tuning is not None
        rate = study.base.settings.learning_rate
        plain: TrialSpec = spec.model_copy(
            update={
                "tuning": None,
                "seed": 0,
                "settings": spec.settings.model_copy(update={"learning_rate": rate}),
            }
        )
        assert plain.trial_id == default
