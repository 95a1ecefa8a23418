"""The sentences that open a task's section say what the evidence supports, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from rnnbench.analysis.across_tasks import independent_tasks, skills_on_all_tasks
from rnnbench.analysis.groups import group
from rnnbench.analysis.judged import JudgedTask
from rnnbench.records.result import Learning, Record
from rnnbench.records.settings import Settings
from rnnbench.report.page.leaderboard import leaderboard
from rnnbench.report.page.sentences import budget, findings
from rnnbench.report.page.tables import comparisons
from tests.support.factory import learning, record


def runs(model: str, learned: Sequence[Learning], **options: object) -> list[Record]:
    return [
        record(learned=each, model=model, seed=seed, slope=None, ratio=None, **options)  # type: ignore[arg-type]
        for seed, each in enumerate(learned)
    ]


def scores(model: str, values: Sequence[float], **options: object) -> list[Record]:
    return runs(model, [learning(value) for value in values], **options)


def around(value: float) -> list[float]:
    return [value + step for step in (0.0, 0.01, -0.01, 0.02, -0.02)]


def sentences(records: Sequence[Record]) -> list[str]:
    (task,) = group(records)
    return findings(JudgedTask(task))


def test_models_that_all_solve_the_task_are_not_ranked() -> None:
    records = [each for model in ("a", "b", "c") for each in scores(model, [1.0] * 5)]
    first, *rest = sentences(records)
    assert "all 3 configurations solve the task in every trial" in first
    assert "a (1.00), b (1.00) and c (1.00)" in first
    assert not any("best mean score" in line or "better than" in line for line in [first, *rest])


def test_every_finding_names_its_condition_first() -> None:
    one = [*scores("a", around(0.8)), *scores("b", around(0.4))]
    assert sentences(one)[0].startswith("At one untuned recipe, a has the best mean score")
    several = [
        *scores("a", around(0.8), settings=Settings(learning_rate=0.01)),
        *scores("b", around(0.4)),
    ]
    assert sentences(several)[0].startswith("At untuned recipes, ")
    (task,) = group(one)
    assert any("none was tuned" in line for line in budget(task))


def test_the_perfect_score_is_no_simple_method() -> None:
    floor = {"noise floor, expected": 0.01}
    learned = [
        learning(v, direction="lower", baseline=1.0, perfect=0.01, simple_scores=floor)
        for v in around(0.4)
    ]
    assert sentences(runs("rnn", learned))[0].startswith("At one untuned recipe, rnn is the only")


def test_a_simple_method_that_beats_every_model_is_named_first() -> None:
    def errors(model: str, values: Sequence[float]) -> list[Record]:
        simple = {"persistence": 0.9, "linear regression": 0.331}
        return runs(
            model,
            [
                learning(
                    v,
                    direction="lower",
                    baseline=1.0,
                    perfect=0.0,
                    threshold=0.1,
                    simple_scores=simple,
                )
                for v in values
            ],
        )

    first = sentences([*errors("rnn", around(0.55)), *errors("lstm", around(0.62))])[0]
    assert first == (
        "A simple method, linear regression, has a better score than every model: mse 0.331, "
        "against 0.550 for rnn."
    )
    assert "simple method" not in " ".join(sentences(errors("rnn", around(0.2))))
    bound = learning(
        0.2, direction="lower", baseline=1.0, perfect=0.0, simple_scores={"floor": 0.0}
    )
    assert "simple method" not in " ".join(sentences(runs("rnn", [bound] * 5)))


def test_models_that_look_ahead_have_tables_of_their_own_and_anchor_nothing() -> None:
    records = [
        *scores("ahead", around(0.85), causal=False),
        *scores("gru", around(0.6)),
        *scores("rnn", around(0.2)),
    ]
    lines = sentences(records)
    assert lines[0].startswith("At one untuned recipe, gru has the best mean score: ")
    assert lines[1] == "It is better than rnn."
    assert "of the models that look ahead" in lines[2]
    (task,) = group(records)
    judged = JudgedTask(task)
    own, ahead = leaderboard(task, {}), leaderboard(task, {}, ahead=True)
    assert own is not None
    assert ahead is not None
    assert [row.cells[0] for row in own.rows if not row.simple] == ["gru", "rnn"]
    assert [row.cells[0] for row in ahead.rows if not row.simple] == ["ahead †"]
    assert not set(own.notes) & set(ahead.notes)
    table = comparisons(judged.causal, "accuracy")
    assert table is not None
    assert {cell for row in table.rows for cell in row.cells[:2]} == {"gru", "rnn"}
    assert comparisons(judged.looking_ahead, "accuracy") is None


def test_all_or_none_scores_are_told_by_their_rates() -> None:
    lines = sentences([*scores("gru", around(0.95)), *scores("lstm", around(0.13))])
    assert "Scores are all or none, so solve rates are compared instead of means." in lines
    assert "It solves the task more often than lstm (0 of 5)." in lines


@pytest.mark.parametrize(("effect", "words"), [(0.01, "Undecided"), (0.2, "Equivalent to it")])
def test_the_smallest_effect_of_interest_decides_what_is_equivalent(
    effect: float, words: str
) -> None:
    (task,) = group([*scores("a", around(0.5)), *scores("b", around(0.49))])
    assert any(line.startswith(words) for line in findings(JudgedTask(task, effect)))


def test_a_model_at_the_baseline_by_chance_above_it_is_not_shown_to_be_better() -> None:
    """All five scores lie above 0.125, which happens to one of 32 models at the baseline."""
    near = [0.1251, 0.1262, 0.1255, 0.1320, 0.1253]
    lines = sentences([*scores("a", around(0.5)), *scores("b", near)])
    assert "Not shown to be better than the baseline: b." in lines


def test_a_model_that_solves_the_task_sooner_is_named() -> None:
    early = [learning(0.95 + s / 1000, steps_to_solve=100 + s) for s in range(5)]
    late = [learning(0.95 + s / 1000, steps_to_solve=900 + s) for s in range(5)]
    lines = sentences([*runs("gru", early), *runs("lstm", late)])
    assert any(line.startswith("gru solves the task sooner") and "lstm" in line for line in lines)


def test_levels_of_a_difficulty_sweep_are_no_independent_tasks() -> None:
    ladder = [
        each
        for delay in (10, 20, 40)
        for model in ("a", "b")
        for each in scores(model, around(0.5), task_options={"delay": delay})
    ]
    others = [
        each
        for task in ("adding", "parity")
        for model in ("a", "b")
        for each in scores(model, around(0.5), task=task)
    ]
    tasks = group([*ladder, *others])
    assert [task.label for task in independent_tasks(tasks)] == ["adding", "parity"]
    assert skills_on_all_tasks(independent_tasks(group(ladder))) == {}
