"""Plots that tasks and models leave in a record for the report to draw."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from rnnbench.records.base import Data


class LinePlot(Data):
    """Curves over a shared axis, for the report to draw (e.g. truth against forecasts)."""

    kind: Literal["lines"] = "lines"
    title: str
    x_label: str
    y_label: str
    x: tuple[float, ...]
    lines: dict[str, tuple[float | None, ...]]
    """By name; ``None`` leaves a gap."""
    span: tuple[float, float] | None = None
    """A stretch of the axis to shade, such as the lengths trained on."""
    span_label: str = ""


class HeatmapPlot(Data):
    """A matrix for the report to draw (e.g. attention weights); ``values[row][column]``."""

    kind: Literal["heatmap"] = "heatmap"
    title: str
    x_label: str
    y_label: str
    values: tuple[tuple[float, ...], ...]


Plot: TypeAlias = Annotated[LinePlot | HeatmapPlot, Field(discriminator="kind")]
