"""Why a figure is missing stands below the leaderboard."""

from __future__ import annotations

from rnnbench.analysis.groups import group
from rnnbench.records.result import Record
from rnnbench.report.page.leaderboard import MOST_REASONS, leaderboard
from tests.support.factory import gradient, record


def with_notes(
    made: Record, *, own: tuple[str, ...] = (), of_gradient: tuple[str, ...] = ()
) -> Record:
    found = gradient().model_copy(update={"notes": of_gradient})
    result = made.result.model_copy(update={"notes": own, "gradient": found})
    return made.model_copy(update={"result": result})


def notes_of(records: list[Record]) -> tuple[str, ...]:
    (task,) = group(records)
    table = leaderboard(task, {})
    assert table is not None
    return table.notes


def test_each_reason_is_noted_once_with_the_models_it_applies_to() -> None:
    reason = "no Lyapunov exponents: the state grows"
    notes = notes_of(
        [
            with_notes(record(model="a", seed=0), of_gradient=(reason,)),
            with_notes(record(model="a", seed=1), of_gradient=(reason,)),
            with_notes(record(model="b"), of_gradient=(reason,), own=("no size: it failed",)),
            record(model="c"),
        ]
    )
    assert f"a and b: {reason}" in notes
    assert "b: no size: it failed" in notes
    assert sum(reason in note for note in notes) == 1


def test_many_reasons_are_counted() -> None:
    reasons = tuple(f"reason {number}" for number in range(MOST_REASONS + 3))
    notes = notes_of([with_notes(record(model="a"), own=reasons)])
    assert sum(note.startswith("a: reason") for note in notes) == MOST_REASONS
    assert "3 more missing figures; to see them, type: rnnbench show TRIAL" in notes
