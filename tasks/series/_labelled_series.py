"""Labelled series: ``.ts`` files of the UCR and UEA archives, and generated shapes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import numpy as np

from rnnbench.errors import DataError

from .._common.encodings import AUTO
from .._common.files import read_utf8
from .._common.labels import LabelledRows, taken
from ._series import Series

if TYPE_CHECKING:
    from pathlib import Path

    from .._common.labels import Indices

MISSING = "?"
_SWITCHES = {"true": True, "false": False}


@dataclass(frozen=True)
class LabelledSeries(LabelledRows):
    """Series with their labels.

    Attributes:
        series: N series (T, D), with individual T and equal D; NaN where a value is missing.
    """

    series: list[Series]

    @property
    def dimensions(self) -> int:
        """D, the values of a step."""
        return int(self.series[0].shape[1])

    def at(self, index: Indices) -> LabelledSeries:
        """Return the series at ``index`` (n,)."""
        series, labels, lines = (
            taken(self.series, index),
            taken(self.labels, index),
            taken(self.lines, index),
        )
        return LabelledSeries(self.source, labels, series, lines=lines)


def read_ts(path: Path, encoding: str = AUTO) -> LabelledSeries:
    """Read a ``.ts`` file (Bagnall et al. 2018).

    After headers ``@name value`` there is one series per line, ``1,2,?:4,5,6:label``: dimensions
    are separated by colons, their values by commas, missing ones are ``?`` or ``NaN``, and the
    label is last.

    Args:
        path: the file, gzipped or not.
        encoding: ``auto``: UTF-8, or by a byte order mark.

    Raises:
        DataError: unreadable, of another encoding or format, without labels, or malformed; the
            message names the line.
    """
    content = read_utf8(path, encoding)
    found = LabelledSeries(str(path), [], [])
    in_data = False
    # line by line, since a str of it all may need four times more memory
    for number, line in enumerate(content.split(b"\n"), start=1):
        text = line.decode("utf-8-sig" if number == 1 else "utf-8").strip()
        place = f"{path}, line {number}"
        if not text or text.startswith("#"):
            continue
        if in_data:
            series, label = _parsed(text, place)
            if found.series and series.shape[1] != found.dimensions:
                _refuse(
                    place,
                    f"{series.shape[1]} dimensions where the first series has {found.dimensions}",
                )
            found.series.append(series)
            found.labels.append(label)
            found.lines.append(number)
        elif text.startswith("@"):
            in_data = _is_data(text, place)
        else:
            _refuse(
                place,
                "neither a header (@name value) nor a comment (#) before @data; series are read "
                "from .ts files, the format of the UCR and UEA archives",
            )
    if not found.series:
        raise DataError(f"{path} has no series{'' if in_data else ' and no line @data'}.")
    return found


def _is_data(text: str, place: str) -> bool:
    """Return whether a header is the last one; raise for data that cannot be read."""
    name, *values = text.lower().split()
    switch = _SWITCHES.get(values[0]) if values else None
    if name == "@timestamps" and switch:
        _refuse(
            place,
            "time stamps are not supported; give series with regular steps (@timeStamps false)",
        )
    if name in ("@targetlabel", "@classlabel") and switch is (name == "@targetlabel"):
        _refuse(
            place,
            "the series have no class; give a data set for classification (@classLabel true ...)",
        )
    return name == "@data"


def _parsed(text: str, place: str) -> tuple[Series, str]:
    *dimensions, label = (part.strip() for part in text.split(":"))
    if not dimensions:
        _refuse(place, "there is no colon, hence no label after the values")
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
                f"dimension {number} has {len(column)} values where the first has "
                f"{len(columns[0])}",
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
        _refuse(place, f"value {wrong + 1}, {cells[wrong].strip()[:40]!r}, is not a number")
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
    """Draw ``count`` series of 128 steps with three shapes in turn (Saito 1994).

    Noise is standard normal at every step. From step a, uniform in 16 .. 32, to step b, with b - a
    uniform in 32 .. 96, 6 + eta is added to a cylinder, a ramp up to that to a bell, and a ramp
    down from it to a funnel; eta is standard normal. ``seed`` and ``part`` seed the generator.
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
        "generated series", [names[kind] for kind in shape], list(series[..., None])
    )
