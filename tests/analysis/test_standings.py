"""The leaderboard over tasks: aggregates and ranks on cases whose answer is known."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from rnnbench.analysis.groups import group
from rnnbench.analysis.standings import Entry, standings
from rnnbench.records.result import Record, Status
from rnnbench.records.settings import Settings
from rnnbench.report.blocks import Figure, Table
from rnnbench.report.figures.standings import _two_digits, rank_text
from rnnbench.report.figures.style import assign_styles, styled
from rnnbench.report.page.standings import leaderboard_over
from tests.support.factory import record

TASKS = ("adding", "copy-memory", "dyck-1", "parity")
SPREAD = (-0.02, -0.01, 0.0, 0.01, 0.02)


def trial(model: str, task: str, seed: int, skill: float, **more: object) -> Record:
    """A trial whose skill is known: the baseline is 0.125, and 1 is perfect."""
    given = {"ratio": None, "slope": None, **more}
    return record(0.125 + 0.875 * skill, model=model, task=task, seed=seed, **given)  # type: ignore[arg-type]


def trials(
    skills: Mapping[str, float], tasks: Sequence[str] = TASKS, seeds: int = 5, **more: object
) -> list[Record]:
    return [
        trial(model, task, seed, skill + SPREAD[seed], **more)
        for task in tasks
        for model, skill in skills.items()
        for seed in range(seeds)
    ]


def by_label(entries: Sequence[Entry]) -> dict[str, Entry]:
    return {entry.label: entry for entry in entries}


def test_entries_are_in_the_order_of_the_interquartile_mean() -> None:
    """On four tasks of five seeds, the best and the worst five of twenty skills are cut."""
    records = [
        trial("lstm", task, seed, level + SPREAD[seed])
        for task, level in zip(TASKS, (0.1, 0.4, 0.6, 0.9), strict=True)
        for seed in range(5)
    ]
    lstm, gru = standings(group([*records, *trials({"gru": 0.3})]))
    assert (lstm.label, gru.label) == ("lstm", "gru")
    assert lstm.skill is not None
    assert lstm.skill.value == pytest.approx(0.5)
    assert [cell.skill for cell in lstm.cells] == pytest.approx([0.1, 0.4, 0.6, 0.9])
    # of each seed, over tasks: the mean of the middle two
    assert lstm.by_seed == pytest.approx([0.5 + each for each in SPREAD])


def test_ranks_are_ranges_of_models_that_cannot_be_told_apart() -> None:
    """The spread of a seed is 0.016, so that 0.3 is shown and 0.002 is not."""
    entries = by_label(
        standings(group(trials({"lstm": 0.8, "gru": 0.802, "rnn": 0.5, "mgu": 0.2})))
    )
    assert list(entries) == ["gru", "lstm", "rnn", "mgu"]
    assert {label: entry.rank for label, entry in entries.items()} == {
        "gru": (1, 2),
        "lstm": (1, 2),
        "rnn": (3, 3),
        "mgu": (4, 4),
    }
    assert [rank_text(entry) for entry in entries.values()] == ["1–2", "1–2", "3", "4"]


def test_three_seeds_give_no_ranks() -> None:
    entries = standings(group(trials({"lstm": 0.8, "gru": 0.2}, seeds=3)))
    assert [entry.rank for entry in entries] == [None, None]
    assert all(entry.skill is not None for entry in entries)


def test_equal_models_are_rarely_told_apart() -> None:
    """Of 20 leaderboards of six equal models, about one has any difference at 5 %."""
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(20):
        records = [
            trial(model, task, seed, float(rng.normal(0.5, 0.1)))
            for task in ("adding", "parity")
            for model in ("a", "b", "c", "d", "e", "f")
            for seed in range(5)
        ]
        wrong += any(entry.rank != (1, 6) for entry in standings(group(records)))
    # 4 or fewer with probability 0.997 at a rate of 5 %
    assert wrong <= 4


def test_a_model_that_declines_a_task_has_no_aggregate_and_comes_last() -> None:
    records = trials({"lstm": 0.3, "gru": 0.2}) + trials({"tcn": 0.9}, TASKS[:3])
    records += [
        record(model="tcn", task=TASKS[3], seed=seed, status=Status.INCOMPATIBLE, ratio=None)
        for seed in range(5)
    ]
    *_, last = standings(group(records))
    assert (last.label, last.skill, last.rank) == ("tcn", None, None)
    assert [cell.missing for cell in last.cells] == [None, None, None, "declined"]
    assert last.cells[0].skill == pytest.approx(0.9)


def test_a_model_without_trials_on_a_task_has_no_aggregate() -> None:
    *_, last = standings(group(trials({"lstm": 0.3, "gru": 0.2}) + trials({"tcn": 0.9}, TASKS[:2])))
    assert [cell.missing for cell in last.cells] == [None, None, "no trial", "no trial"]
    assert last.skill is None


def test_a_diverged_trial_counts_as_the_baseline_or_a_worse_trial() -> None:
    records = trials({"lstm": 0.5, "gru": -0.3})
    failed = record(model="lstm", task="parity", seed=0, status=Status.DIVERGED, ratio=None)
    kept = [each for each in records if each.trial_id != failed.trial_id]
    lstm = by_label(standings(group([*kept, failed])))["lstm"]
    cell = lstm.cells[TASKS.index("parity")]
    assert cell.unscored == lstm.unscored == 1
    assert cell.skills[0] == pytest.approx(-0.3 + min(SPREAD))
    assert cell.skill == pytest.approx((-0.32 + 0.49 + 0.5 + 0.51 + 0.52) / 5)


def test_tuned_recipes_count_where_a_study_chose_one() -> None:
    fast = Settings(learning_rate=1e-2)
    default = trials({"lstm": 0.3, "gru": 0.4, "rnn": 0.35})
    tuned = trials({"lstm": 0.8, "gru": 0.1}, settings=fast)
    ids = {(r.spec.task.name, r.spec.model.name): r.spec.config_id for r in default}
    chosen = {r.spec.config_id: ids[r.spec.task.name, r.spec.model.name] for r in tuned}
    entries = by_label(standings(group([*default, *tuned], chosen)))
    # the worse tuned recipe counts too: the better of two would be chosen by the test score
    assert list(entries) == ["lstm (tuned)", "rnn", "gru (tuned)"]
    assert entries["gru (tuned)"].cells[0].skill == pytest.approx(0.1)


def test_models_that_look_ahead_are_not_ranked_with_the_others() -> None:
    records = trials({"lstm": 0.3, "gru": 0.2}) + trials({"bilstm": 0.9}, causal=False)
    entries = by_label(standings(group(records)))
    assert list(entries) == ["lstm", "gru", "bilstm"]
    assert [entry.rank for entry in entries.values()] == [(1, 1), (2, 2), None]


def test_other_axes_are_means_over_tasks() -> None:
    records = [
        trial("lstm", task, seed, 0.5, ratio=ratio, params=params, slope=slope)
        for task, ratio, params, slope in (
            ("adding", 2.0, 10_000, -math.log(2) / 4),
            ("parity", 8.0, 40_000, -math.log(2) / 8),
        )
        for seed in range(2)
    ]
    (entry,) = standings(group(records))
    assert entry.step_ratio == pytest.approx(4)
    assert entry.parameters == pytest.approx(20_000)
    assert entry.half_life == pytest.approx(6)
    assert entry.comparators == {"lstm"}


def test_section_has_a_figure_and_a_table_with_every_entry() -> None:
    records = trials({"lstm": 0.8, "gru": 0.79, "rnn": 0.1}, ratio=1.0, slope=-0.1)
    records += trials({"tcn": 0.5}, TASKS[:2])
    tasks = group(records)
    sentences, parts = leaderboard_over(tasks, assign_styles(["lstm", "gru", "rnn", "tcn"]))
    assert sentences[0].startswith("Over 4 tasks, lstm has the highest interquartile mean skill")
    assert "gru cannot be told apart" in sentences[0]
    with styled():
        figure, table = [part() for part in parts]
    assert isinstance(figure, Figure)
    assert isinstance(table, Table)
    assert [row.cells[0] for row in table.rows] == ["lstm", "gru", "rnn", "tcn"]
    assert {len(row.cells) for row in table.rows} == {len(table.columns)}
    assert "no trial" in table.rows[-1].cells
    assert "lstm 0.80" in figure.alt


@pytest.mark.parametrize("models", [1, 45])
def test_few_and_many_models(models: int) -> None:
    skills = {f"m{place:02}": place / models for place in range(models)}
    tasks = group(trials(skills, TASKS[:2], seeds=2))
    sentences, parts = leaderboard_over(tasks, assign_styles(skills))
    assert bool(sentences) == (models > 1)
    with styled():
        made = [part() for part in parts]
    for each in made:
        if isinstance(each, Table):
            assert len(each.rows) == models


@pytest.mark.parametrize(
    ("skill", "text"),
    [(0.973, ".97"), (1.0, "1.00"), (0.999, "1.00"), (-0.2, "−.2"), (-0.01, "0"), (-31.2, "−31")],
)
def test_skills_in_few_characters(skill: float, text: str) -> None:
    assert _two_digits(skill) == text
