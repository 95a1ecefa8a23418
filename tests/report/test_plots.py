"""Figures of the plots that tasks left in their records."""

from __future__ import annotations

from matplotlib.patches import Rectangle

from rnnbench.records.plots import LinePlot
from rnnbench.report.figures.plots import background_lines, draw_plots
from rnnbench.report.figures.style import Style, styled

STYLES = {"lstm": Style("#0072b2", "o", "-"), "gru": Style("#de8f05", "s", "-")}


def plot(**more: object) -> LinePlot:
    content = {
        "title": "Accuracy by length",
        "x_label": "length",
        "y_label": "accuracy",
        "x": (1, 40, 500),
    }
    return LinePlot.model_validate({**content, "lines": {"model": (1.0, 0.9, 0.5)}, **more})


def test_the_range_trained_on_is_shaded_and_named() -> None:
    shaded = plot(span=(1, 40), span_label="lengths trained on")
    figure = draw_plots([("lstm", shaded)], STYLES)
    (patch,) = figure.axes[0].patches
    assert isinstance(patch, Rectangle)
    assert (patch.get_x(), patch.get_x() + patch.get_width()) == (1, 40)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["model", "lengths trained on"]


def test_nothing_is_shaded_where_no_range_is_given() -> None:
    figure = draw_plots([("lstm", plot())], STYLES)
    assert list(figure.axes[0].patches) == []
    assert LinePlot.model_validate_json(plot().model_dump_json()) == plot()


def test_one_legend_names_the_lines_of_all_panels_and_covers_none() -> None:
    shared = {"truth": (1.0, 0.9, 0.5), "a predictor with a long name indeed": (0.1, 0.2, 0.3)}
    plots = [
        ("lstm", plot(lines={**shared, "model": (0.9, 0.8, 0.4)})),
        ("gru", plot(lines={**shared, "model": (0.8, 0.8, 0.6)})),
    ]
    with styled():
        figure = draw_plots(plots, STYLES)
        figure.draw_without_rendering()
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [
        "truth",
        "a predictor with a long name …",
        "model",
    ]
    covered = legend.get_window_extent()
    for axes in figure.axes:
        box = axes.get_tightbbox()
        assert box is not None
        assert not covered.overlaps(box)


def test_a_models_own_line_has_its_colour_and_a_background_line_is_grey() -> None:
    figure = draw_plots([("lstm", plot(lines={"truth": (1.0,), "model": (0.9,)}))], STYLES)
    colours = {line.get_label(): line.get_color() for line in figure.axes[0].get_lines()}
    assert colours["model"] == STYLES["lstm"].colour
    assert colours["truth"] != STYLES["lstm"].colour


def test_lines_that_are_equal_for_all_models_are_background() -> None:
    chance = (0.5, 0.5, 0.5)
    plots = [
        plot(lines={"model": (1.0, 2.0, 3.0), "chance": chance}),
        plot(lines={"model": (2.0, 2.0, 3.0), "chance": chance}),
    ]
    assert background_lines(plots, ()) == {"chance"}


def test_the_background_of_a_single_plot_is_known_by_name() -> None:
    single = plot(lines={"Truth": (1.0,), "AR(2)": (1.0,), "forecast": (1.0,)})
    assert background_lines([single], {"truth", "AR(2)"}) == {"Truth", "AR(2)"}
