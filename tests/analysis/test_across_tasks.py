"""Interquartile means, profiles and ranks on small cases that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from rnnbench.analysis.across_tasks import (
    interquartile_mean,
    interquartile_mean_interval,
    performance_profile,
    ranks,
    skills_on_all_tasks,
)
from rnnbench.analysis.groups import group
from rnnbench.records.result import Status
from rnnbench.records.settings import Settings
from rnnbench.report.blocks import Figure
from rnnbench.report.figures.style import assign_styles
from rnnbench.report.page.across import across_section
from tests.support.factory import record


def test_interquartile_mean_drops_a_quarter_at_each_end() -> None:
    assert interquartile_mean([-100.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 100.0]) == pytest.approx(
        (2 + 3 + 4 + 5) / 4
    )


@settings(deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20))
def test_interquartile_mean_is_a_mean_of_the_middle(values: list[float]) -> None:
    ordered = sorted(values)
    cut = len(ordered) // 4
    assert interquartile_mean(values) == pytest.approx(
        float(np.mean(ordered[cut : len(ordered) - cut])), abs=1e-6
    )


def test_interval_resamples_seeds_within_tasks() -> None:
    """Constant skill within each task leaves nothing to resample, even if tasks differ."""
    estimate = interquartile_mean_interval([[0.2] * 4, [0.8] * 4])
    assert (estimate.low, estimate.value, estimate.high) == pytest.approx((0.5, 0.5, 0.5))
    spread = interquartile_mean_interval([[0.1, 0.3, 0.2], [0.9, 0.7, 0.8]])
    assert spread.low is not None
    assert spread.high is not None
    assert spread.low < spread.value < spread.high


def test_one_seed_gives_no_interval_across_tasks() -> None:
    assert interquartile_mean_interval([[0.2], [0.8]]).low is None


def test_performance_profile_weighs_tasks_alike() -> None:
    profile = performance_profile([[0.0, 1.0], [1.0]], np.array([-0.5, 0.5, 1.0]))
    assert profile.tolist() == [1.0, 0.75, 0.0]


def test_ranks_need_five_tasks() -> None:
    assert ranks({"a": [1.0] * 4, "b": [0.5] * 4, "c": [0.2] * 4}) is None


def test_ranks_of_a_clear_order() -> None:
    """Friedman's statistic of a constant order is tasks * (models - 1), here 12."""
    found = ranks({"a": [0.9] * 6, "b": [0.5] * 6, "c": [0.1] * 6})
    assert found is not None
    assert found.mean.to_dict() == {"a": 1.0, "b": 2.0, "c": 3.0}
    # chi-squared with 2 degrees of freedom at 12
    assert found.friedman_p == pytest.approx(np.exp(-6))
    p_values = found.nemenyi_p.to_numpy(dtype=float)
    assert p_values[0, 2] < 0.05 < p_values[0, 1]


def test_default_and_tuned_recipes_are_ranked_apart() -> None:
    fast = Settings(learning_rate=1e-2)
    records, chosen = [], {}
    for task in ("adding", "dyck", "parity"):
        for model, level in (("lstm", 0.5), ("gru", 0.6)):
            default = record(level, model=model, task=task, ratio=None)
            tuned = record(level + 0.2, model=model, task=task, settings=fast, ratio=None)
            # on one task a study of the LSTM chose the default recipe
            same = (task, model) == ("dyck", "lstm")
            records += [default] if same else [default, tuned]
            choice = default if same else tuned
            chosen[choice.spec.config_id] = default.spec.config_id
    tasks = group(records, chosen)
    assert set(skills_on_all_tasks(tasks)) == {"lstm", "gru"}
    tuned_skills = skills_on_all_tasks(tasks, tuned=True)
    assert set(tuned_skills) == {"lstm (tuned)", "gru (tuned)"}
    default_skill = skills_on_all_tasks(tasks)["lstm"]
    assert tuned_skills["lstm (tuned)"][1] == default_skill[1]
    assert tuned_skills["lstm (tuned)"][0] != default_skill[0]
    assert skills_on_all_tasks(group(records[:2]), tuned=True) == {}
    section = across_section(tasks, assign_styles([c.label for t in tasks for c in t.scored]))
    assert section is not None
    assert section.sentences[0].startswith("Over 3 tasks, gru (tuned) has")
    names = [made.name for part in section.parts if isinstance(made := part(), Figure)]
    assert names == ["leaderboard", "across-tasks", "across-tuned-tasks"]


def test_trials_without_a_score_count_as_the_worst_skill() -> None:
    """A model whose trials all diverged on a task is among the others, with the skill 0 there."""
    records = [
        record(0.5625, model=model, task=task, seed=seed, ratio=None)
        for task in ("adding", "parity")
        for model in ("lstm", "gru")
        for seed in range(2)
        if (model, task) != ("gru", "parity")
    ]
    records += [
        record(model="gru", task="parity", seed=seed, status=Status.DIVERGED, ratio=None)
        for seed in range(2)
    ]
    skills = skills_on_all_tasks(group(records))
    assert skills == {"lstm": [[0.5, 0.5], [0.5, 0.5]], "gru": [[0.5, 0.5], [0.0, 0.0]]}


@pytest.mark.parametrize(("models", "tasks"), [(3, 5), (10, 8), (25, 10)])
def test_critical_differences_are_those_of_the_studentized_range(models: int, tasks: int) -> None:
    rng = np.random.default_rng(0)
    found = ranks({str(model): rng.normal(size=tasks).tolist() for model in range(models)})
    assert found is not None
    q = stats.studentized_range.isf(0.05, models, np.inf) / np.sqrt(2)
    expected = q * np.sqrt(models * (models + 1) / (6 * tasks))
    assert found.critical_difference == pytest.approx(expected, rel=1e-3)
    p_values = found.nemenyi_p.to_numpy(dtype=float)
    apart = np.abs(np.subtract.outer(*[found.mean.to_numpy()] * 2)) > found.critical_difference
    assert ((p_values < 0.05) == apart).all()
