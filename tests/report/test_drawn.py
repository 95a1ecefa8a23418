"""Drawings that tasks left in their records."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from rnnbench.records.plots import LinePlot
from rnnbench.report.figures.plots import _draw_legend, _draw_lines
from rnnbench.report.figures.style import Look, panels, styled


def drawing(**more: object) -> LinePlot:
    content = {
        "title": "Accuracy by length",
        "x_label": "length",
        "y_label": "accuracy",
        "x": (1, 40, 500),
    }
    return LinePlot.model_validate({**content, "lines": {"model": (1.0, 0.9, 0.5)}, **more})


def test_the_range_trained_on_is_shaded_and_named() -> None:
    figure = Figure()
    axes = figure.subplots()
    _draw_lines(
        axes,
        drawing(span=(1, 40), span_label="lengths trained on"),
        Look("#0072b2", "o", "-"),
        set(),
    )
    _draw_legend(figure, [axes])
    (shaded,) = axes.patches
    assert isinstance(shaded, Rectangle)
    assert (shaded.get_x(), shaded.get_x() + shaded.get_width()) == (1, 40)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["model", "lengths trained on"]


def test_nothing_is_shaded_where_no_range_is_given() -> None:
    axes = Figure().subplots()
    _draw_lines(axes, drawing(), Look("#0072b2", "o", "-"), set())
    assert list(axes.patches) == []
    assert LinePlot.model_validate_json(drawing().model_dump_json()) == drawing()


def test_one_legend_names_the_lines_of_all_panels_and_covers_none() -> None:
    with styled():
        figure, [places] = panels(2, height=2.9)
        lines = {
            "truth": (1.0, 0.9, 0.5),
            "model": (0.9, 0.8, 0.4),
            "a predictor with a long name indeed": (0.1, 0.2, 0.3),
        }
        for axes, colour in zip(places, ("#0072b2", "#de8f05"), strict=True):
            axes.set_title("bidirectional")
            axes.set_xlabel("length")
            _draw_lines(axes, drawing(lines=lines), Look(colour, "o", "-"), {"truth"})
        _draw_legend(figure, places)
        figure.draw_without_rendering()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "truth",
        "model",
        "a predictor with a long name …",
    ]
    covered = legend.get_window_extent()
    for axes in places:
        box = axes.get_tightbbox()
        assert box is not None
        assert not covered.overlaps(box)
