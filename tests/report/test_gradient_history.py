"""Figures of the gradients through training."""

from __future__ import annotations

import math

from rnnbench.analysis.groups import TaskGroup, group
from rnnbench.records.result import Record, Status
from rnnbench.report.figures.gradient_history import (
    MOST_DIVERGED,
    MOST_PANELS,
    chosen,
    gradient_histories,
)
from rnnbench.report.figures.style import assign_styles, styled
from tests.support.factory import record
from tests.support.histories import history, tracked


def task_of(*records: Record) -> TaskGroup:
    (task,) = group(records)
    return task


def drawn(task: TaskGroup) -> list[str]:
    styles = assign_styles(configuration.label for configuration in task.configurations)
    with styled():
        figures = gradient_histories(task, styles, "task")
    assert all(each.png.startswith(b"\x89PNG") and each.caption for each in figures or [])
    return [each.name for each in figures or []]


def test_there_is_a_figure_of_the_lags_and_one_of_the_norms() -> None:
    ended = history(steps=(0, 20), norms=(math.inf,))
    task = task_of(
        tracked("lstm"),
        tracked("lstm", 1, kept=history(slope=0.4)),
        tracked("bilstm", kept=history(future=True)),
        tracked("rnn", status=Status.DIVERGED, kept=ended),
        record(model="gru"),
    )
    assert drawn(task) == ["task-by-lag", "task-norm"]


def test_norms_alone_have_no_figure_of_the_lags() -> None:
    kept = history()
    points = tuple(point.model_copy(update={"past": ()}) for point in kept.points)
    bare = kept.model_copy(update={"lags": (), "points": points})
    assert drawn(task_of(tracked(kept=bare))) == ["task-norm"]


def test_gradients_of_zero_and_beyond_numbers_are_drawn() -> None:
    kept = history()
    odd = [(0.0,) * 5, (math.inf,) * 5, (math.nan, 1.0, 1e-30, 1e30, 0.0)]
    points = tuple(
        point.model_copy(update={"past": values})
        for point, values in zip(kept.points, odd, strict=True)
    )
    odd_history = kept.model_copy(update={"points": points})
    assert drawn(task_of(tracked(kept=odd_history))) == ["task-by-lag", "task-norm"]


def test_a_task_without_histories_has_no_figure() -> None:
    assert drawn(task_of(record())) == []


def test_diverged_configurations_keep_panels_beside_the_best() -> None:
    good = [tracked(f"good{place:02d}", score=0.5 + 0.02 * place) for place in range(15)]
    ended = history(steps=(0, 20), norms=(math.inf,))
    bad = [tracked(f"bad{place}", status=Status.DIVERGED, kept=ended) for place in range(6)]
    labels = [each.label for each in chosen(task_of(*good, *bad).configurations)]
    assert len(labels) == MOST_PANELS
    assert [label for label in labels if label.startswith("bad")] == [
        "bad0",
        "bad1",
        "bad2",
        "bad3",
    ]
    best = [f"good{place:02d}" for place in range(14, 14 - MOST_PANELS + MOST_DIVERGED, -1)]
    assert [label for label in labels if label.startswith("good")] == best
