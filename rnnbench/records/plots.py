"""Plots that a task or model adds to a record and the report draws."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from rnnbench.records.base import Data


class LinePlot(Data):
    """Curves over a shared axis, e.g. truth and forecast."""

    kind: Literal["lines"] = "lines"
    title: str
    x_label: str
    y_label: str
    x: tuple[float, ...]
    lines: dict[str, tuple[float | None, ...]]
    """Values by name; ``None`` leaves a gap."""
    span: tuple[float, float] | None = None
    """An interval of the axis to shade, e.g. the lengths trained on."""
    span_label: str = ""


class HeatmapPlot(Data):
    """A matrix ``values[row][column]``, e.g. of attention weights."""

    kind: Literal["heatmap"] = "heatmap"
    title: str
    x_label: str
    y_label: str
    values: tuple[tuple[float, ...], ...]


Plot: TypeAlias = Annotated[LinePlot | HeatmapPlot, Field(discriminator="kind")]
