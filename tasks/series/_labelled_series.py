"""Labelled series: from a ``.ts`` file (the format of the UCR and UEA archives), or the generated
cylinder, bell, funnel.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from rnnbench.errors import DataError, one_line

from .._common.labels import Indices
from ..text._characters import read_bytes
from ._series import Series

if TYPE_CHECKING:
    from pathlib import Path

MISSING = "?"
_SWITCHES = {"true": True, "false": False}


@dataclass(frozen=True)
class LabelledSeries:
    """Series with their labels.

    Attributes:
        source: what a message calls them.
        series: each (T, D), T of its own, D of all alike; NaN where a value is missing.
        labels: one of each.
        lines: the line of each in its file, counted from 1; empty where they come from none.
    """

    source: str
    series: list[Series]
    labels: list[str]
    lines: list[int] = field(default_factory=list)

    @property
    def dimensions(self) -> int:
        """D, the values of a step."""
        return int(self.series[0].shape[1])

    def at(self, index: Indices) -> LabelledSeries:
        """Return those at ``index``."""
        chosen = index.tolist()
        lines = [self.lines[i] for i in chosen] if self.lines else []
        return LabelledSeries(
            self.source, [self.series[i] for i in chosen], [self.labels[i] for i in chosen], lines
        )

    def place(self, row: int) -> str:
        """Return where a message says that series ``row`` stands."""
        return (
            f"{self.source}, line {self.lines[row]}"
            if self.lines
            else f"{self.source}, row {row + 1}"
        )


def read_ts(path: Path) -> LabelledSeries:
    """Read a ``.ts`` file (Bagnall et al. 2018): headers ``@name value``, then a series per line,
    ``1,2,?:4,5,6:label``.

    Dimensions are separated by colons, their values by commas, missing ones are ``?`` or ``NaN``;
    the label comes last.

    Raises:
        DataError: unreadable, not UTF-8, no such file, without labels, or malformed at a line that
            the message names.
    """
    content = read_bytes(path)
    found = LabelledSeries(str(path), [], [])
    in_data = False
    for number, line in enumerate(content.split(b"\n"), start=1):
        try:
            text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        except UnicodeDecodeError:
            raise DataError(
                f"{path}, line {number}: not UTF-8 text; convert it, e.g. iconv -f LATIN1 -t UTF-8."
            ) from None
        if not text or text.startswith("#"):
            continue
        if in_data:
            series, label = _parsed(text, f"{path}, line {number}")
            if found.series and series.shape[1] != found.dimensions:
                _refuse(
                    f"{path}, line {number}",
                    f"{series.shape[1]} dimensions where the first series has {found.dimensions}",
                )
            found.series.append(series)
            found.labels.append(label)
            found.lines.append(number)
        elif text.startswith("@"):
            in_data = _is_data(text, f"{path}, line {number}")
        else:
            _refuse(
                f"{path}, line {number}",
                "neither a header (@name value) nor a comment (#) stands before @data",
            )
    if not found.series:
        raise DataError(
            f"{path} has no series{'' if in_data else ', nor the line @data that they follow'}."
        )
    return found


def _is_data(text: str, place: str) -> bool:
    """Return whether a header is the last; refuse what a header says that cannot be read."""
    name, *values = text.lower().split()
    says = _SWITCHES.get(values[0]) if values else None
    if name == "@timestamps" and says:
        _refuse(
            place,
            "series with time stamps are not read; give one with regular steps (@timeStamps false)",
        )
    if name in ("@targetlabel", "@classlabel") and says is (name == "@targetlabel"):
        _refuse(
            place,
            "its series have no class; give a data set for classification (@classLabel true ...)",
        )
    return name == "@data"


def _parsed(text: str, place: str) -> tuple[Series, str]:
    *dimensions, label = (part.strip() for part in text.split(":"))
    if not dimensions:
        _refuse(place, "no colon, hence no label after the values")
    if not label:
        _refuse(place, "the label, after the last colon, is missing")
    columns = [
        _numbers(part, f"{place}, dimension {number}")
        for number, part in enumerate(dimensions, start=1)
    ]
    for number, column in enumerate(columns, start=1):
        if len(column) != len(columns[0]):
            _refuse(
                place,
                f"dimension {number} has {len(column)} values where the first has {len(columns[0])}",
            )
    series = np.stack(columns, axis=1)
    if np.isnan(series).all():
        _refuse(place, "every value is missing")
    return series, label


def _numbers(text: str, place: str) -> Series:
    cells = text.replace(MISSING, "nan").split(",")
    try:
        numbers = np.array(cells, dtype=np.float64)
    except ValueError:
        numbers = np.array([_number(cell) for cell in cells])
        wrong = int(np.flatnonzero(np.isinf(numbers))[0])
        _refuse(
            place, f"value {wrong + 1}, {one_line(repr(cells[wrong].strip()), 40)}, is not a number"
        )
    if np.isinf(numbers).any():
        _refuse(place, f"value {int(np.flatnonzero(np.isinf(numbers))[0]) + 1} is not finite")
    return numbers


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return float("inf")


def _refuse(place: str, what: str) -> NoReturn:
    raise DataError(f"{place}: {what}.")


def cylinder_bell_funnel(count: int, seed: int, part: int) -> LabelledSeries:
    """Draw series of 128 steps of three shapes (Saito 1994), in turn; ``seed`` and ``part`` choose
    them.

    Noise is standard normal at every step. From step a, uniform in 16 .. 32, to step b, with b - a
    uniform in 32 .. 96, a cylinder rises by 6 + eta, a bell in a ramp up to that, a funnel down
    from it; eta is standard normal.
    """
    generator = np.random.Generator(np.random.PCG64([seed, part]))
    shape = np.arange(count) % 3
    start = generator.integers(16, 32, (count, 1), endpoint=True)
    width = generator.integers(32, 96, (count, 1), endpoint=True)
    height = 6 + generator.standard_normal((count, 1))
    step = np.arange(1, 129)
    ramp = (step - start) / width  # (N, 128)
    form = np.choose(shape[:, None], [np.ones_like(ramp), ramp, 1 - ramp])
    inside = (step >= start) & (step <= start + width)
    series = height * form * inside + generator.standard_normal((count, 128))
    names = ("cylinder", "bell", "funnel")
    return LabelledSeries(
        "generated series", list(series[..., None]), [names[kind] for kind in shape]
    )
