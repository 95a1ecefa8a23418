"""Speed in a report: ratios as built and of plain loops, kernels, and claims by ratio alone."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from rnnbench.analysis.groups import TaskGroup, group
from rnnbench.records.result import Record
from rnnbench.records.speed import Ratio, Speed, SpeedPoint
from rnnbench.report.figures.speed import speed_against_length
from rnnbench.report.figures.style import assign_styles
from rnnbench.report.figures.tradeoffs import tradeoffs
from rnnbench.report.page.fastest import fastest
from rnnbench.report.page.leaderboard import leaderboard
from rnnbench.report.page.tables import timings
from tests.support.factory import record, speed


def with_ratios(
    *, train: tuple[float, float, float], plain: tuple[float, float, float] | None, ms: float = 10
) -> Speed:
    """A speed with these (low, median, high) ratios in training, and this time of a step."""

    def changed(point: SpeedPoint, ratio: tuple[float, float, float]) -> SpeedPoint:
        if point.mode != "train":
            return point
        low, median, high = ratio
        seconds = point.seconds.model_copy(update={"median": ms * 1e-3})
        found = Ratio(median=median, low=low, high=high, level=0.96875, processes=6)
        return point.model_copy(update={"ratio": found, "seconds": seconds})

    made = speed(plain=None if plain is None else 1.0)
    points = tuple(changed(point, train) for point in made.points)
    plain_points = tuple(changed(point, plain or train) for point in made.plain_points)
    return made.model_copy(update={"points": points, "plain_points": plain_points})


def task_of(speeds: dict[str, Speed]) -> TaskGroup:
    records = [
        record(model=model).model_copy(update={"speed": each}) for model, each in speeds.items()
    ]
    (task,) = group(records)
    return task


def test_the_fastest_is_chosen_by_ratio_not_by_milliseconds() -> None:
    """The lstm was timed at a slow moment: a longer step, though a smaller ratio."""
    task = task_of(
        {
            "lstm": with_ratios(train=(0.99, 1.0, 1.01), plain=(0.99, 1.0, 1.01), ms=40),
            "gru": with_ratios(train=(1.6, 1.63, 1.7), plain=(0.9, 0.91, 0.92), ms=20),
        }
    )
    as_built, plain = fastest(task)
    assert as_built == "As built, lstm has the fastest training step."
    assert plain.startswith("With a plain loop for each model, gru has the fastest training step")
    assert " ms" not in as_built + plain


def test_overlapping_intervals_give_no_fastest() -> None:
    task = task_of(
        {
            "lstm": with_ratios(train=(0.95, 1.0, 1.05), plain=None),
            "rnn": with_ratios(train=(0.90, 0.96, 1.02), plain=None),
            "gru": with_ratios(train=(1.5, 1.6, 1.7), plain=None),
        }
    )
    (line,) = fastest(task)
    assert "no model is shown to have the fastest training step" in line
    assert "rnn (0.960× [0.900, 1.02]) has the smallest ratio" in line
    assert "is not told apart from lstm (1.00× [0.950, 1.05])" in line
    assert "gru" not in line


@pytest.mark.parametrize("change", ["hidden size", "threads"])
def test_ratios_to_different_times_are_not_compared(change: str) -> None:
    quick = with_ratios(train=(0.5, 0.5, 0.5), plain=None)
    if change == "threads":
        elsewhere = quick.environment.model_copy(update={"threads": 8})
        quick = quick.model_copy(update={"environment": elsewhere})
    sizes = {"lstm": 64, "rnn": 8 if change == "hidden size" else 64}
    speeds = {"lstm": with_ratios(train=(1.0, 1.0, 1.0), plain=None), "rnn": quick}
    records: Sequence[Record] = [
        record(model=model, hidden_size=sizes[model]).model_copy(update={"speed": each})
        for model, each in speeds.items()
    ]
    (task,) = group(records)
    assert fastest(task) == []


def test_the_leaderboard_shows_both_ratios_and_marks_noise_by_mode() -> None:
    task = task_of(
        {
            "lstm": speed(1.0, plain=1.0),
            "gru": speed(1.63, plain=0.97, noisy=True),
            "acme": speed(2.0, plain=None),
        }
    )
    table = leaderboard(task, {})
    assert table is not None
    headings = [column.title for column in table.columns]
    as_built = headings.index("training step over lstm, as built [97 % interval]")
    plain = headings.index("plain loop over plain loop of lstm [97 % interval]")
    cells = {row.cells[0]: (row.cells[as_built], row.cells[plain]) for row in table.rows}
    assert cells["lstm"] == ("1.00× [0.980, 1.02]", "1.00× [0.980, 1.02]")
    assert cells["gru"] == ("1.63× [1.14, 2.12] ‡", "0.970× [0.679, 1.26] ‡")
    assert cells["acme"] == ("2.00× [1.96, 2.04]", "not timed")
    assert any("‡ the interval is wider than a quarter" in note for note in table.notes)
    flops = headings.index("matrix-product FLOPs + elementwise operations per step")
    assert table.rows[0].cells[flops] == "40.0 k + 832"


def test_a_scattered_training_step_marks_no_other_mode() -> None:
    task = task_of({"gru": speed(1.63, noisy=True)})
    table = timings(task)
    assert table is not None
    assert not any("‡" in cell for row in table.rows for cell in row.cells)
    assert not any("‡" in note for note in table.notes)


def test_the_timings_name_the_kernels() -> None:
    table = timings(task_of({"gru": speed(1.63)}))
    assert table is not None
    assert "aten::gru (C++ loop)" in table.rows[0].cells
    assert "The comparator lstm ran aten::mkldnn_rnn_layer (fused), by torch's profiler." in (
        table.notes
    )


def test_scores_are_drawn_against_ratios_not_milliseconds() -> None:
    task = task_of({"lstm": speed(1.0), "gru": speed(1.63)})
    figure = tradeoffs(task, assign_styles(["lstm", "gru"]), "cost")
    assert figure is not None
    assert "against trainable parameters and training step over lstm, as built." in figure.caption


def test_the_figure_of_speed_explains_plain_loops_and_noise_where_it_draws_them() -> None:
    styles = assign_styles(["lstm", "gru"])
    both = speed_against_length(task_of({"lstm": speed(), "gru": speed(noisy=True)}), styles, "a")
    alone = speed_against_length(task_of({"lstm": speed(plain=None)}), styles, "b")
    assert both is not None
    assert alone is not None
    assert "Crosses: plain loop" in both.caption
    assert "wider than a quarter" in both.caption
    assert "Crosses" not in alone.caption
    assert "wider than a quarter" not in alone.caption


def test_figures_say_how_many_configurations_they_leave_out() -> None:
    names = [f"model-{number}" for number in range(12)]
    task = task_of({name: speed(1.0 + number) for number, name in enumerate(names)})
    for draw in (speed_against_length, tradeoffs):
        figure = draw(task, assign_styles(names), "a")
        assert figure is not None
        assert figure.caption.endswith("The best 10 configurations; 2 others not drawn.")


def test_points_of_many_configurations_differ_in_colour_or_marker() -> None:
    styles = assign_styles(f"model-{number}" for number in range(40))
    assert len({(each.colour, each.marker) for each in styles.values()}) == 40
