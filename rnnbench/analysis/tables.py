"""Records as tidy tables: one row per trial, per validation, or per lag; and as files."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from rnnbench.analysis.columns import (
    COLUMNS,
    CURVE_COLUMNS,
    IDENTITY,
    LAG,
    POINT,
    PROFILE_COLUMNS,
    TRIAL,
    Column,
    json_safe,
)
from rnnbench.analysis.groups import latest
from rnnbench.errors import OutputError, UsageError
from rnnbench.files import replacing
from rnnbench.records.gradient import Influence, Profile
from rnnbench.records.gradient_history import GradientPoint
from rnnbench.records.result import CurvePoint, Record

__all__ = [
    "COLUMNS",
    "CURVE_COLUMNS",
    "PROFILE_COLUMNS",
    "curves",
    "export",
    "profiles",
    "tidy",
]

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""A spreadsheet takes a cell that begins with one of these for a formula."""


class _Point(NamedTuple):
    step: int
    validation: CurvePoint | None
    gradient: GradientPoint | None


class _Lag(NamedTuple):
    of: str
    when: str
    direction: str
    lag: int
    value: float
    step: int | None = None


def tidy(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row per trial with the columns of :data:`COLUMNS`, in that order.

    The types of the columns are the same even where every value is missing.
    """
    return _frame(TRIAL, latest(records))


def curves(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row per trial and validation, with the columns of :data:`CURVE_COLUMNS`.

    A training whose gradients were recorded has further rows: before its first step, and at the
    step at which it diverged.
    """
    return _long_frame(records, POINT, _points)


def profiles(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row per trial, profile and lag, with the columns of :data:`PROFILE_COLUMNS`."""
    return _long_frame(records, LAG, _lags)


def export(frame: pd.DataFrame, path: Path) -> None:
    """Write a table to ``path``: ``.csv``, ``.parquet`` or ``.jsonl`` by its suffix.

    The file appears whole or not at all. In CSV, text that a spreadsheet would take for a formula
    gets a leading apostrophe. Missing values are empty in CSV and ``null`` in JSON lines, where an
    infinity is the text ``"Infinity"``, as in the records.

    Raises:
        UsageError: another suffix.
        OutputError: the file cannot be written.
    """
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise UsageError(
            f"the format of '{path}' is unknown: name a file ending in "
            f"{', '.join(sorted(_WRITERS))}, e.g. rnnbench export results.csv"
        )
    if path.is_dir():
        raise OutputError(f"'{path}' is a folder; name a file in it, e.g. {path / 'results.csv'}")
    try:
        with replacing(path) as part:
            write(frame, part)
    except OSError as error:
        raise OutputError(
            f"cannot write '{path}': {error.strerror or error}. "
            "Name a file in a folder that exists and can be written."
        ) from None


def _frame(columns: Sequence[Column], rows: Sequence[object]) -> pd.DataFrame:
    # Row by row: twice as fast as by column, since a record's parts stay in the processor's cache.
    values = [[column.value(row) for column in columns] for row in rows]
    by_column = zip(*values, strict=True) if values else [()] * len(columns)
    return pd.DataFrame(
        {
            column.name: pd.Series(list(of_rows), dtype=column.dtype)
            for column, of_rows in zip(columns, by_column, strict=True)
        }
    )


def _long_frame(
    records: Sequence[Record],
    columns: Sequence[Column],
    rows_of: Callable[[Record], Sequence[object]],
) -> pd.DataFrame:
    """Return a frame of the rows of each record, with the identity of its trial before them."""
    last = latest(records)
    rows = [rows_of(record) for record in last]
    trials = [place for place, of_trial in enumerate(rows) for _ in of_trial]
    identity = _frame(IDENTITY, last).iloc[trials].reset_index(drop=True)
    return identity.join(_frame(columns, [row for of_trial in rows for row in of_trial]))


def _points(record: Record) -> Sequence[_Point]:
    """Return the validations, each with the gradients until then, and further points of these."""
    learning, history = record.result.learning, record.result.gradient_history
    validations = {} if learning is None else {each.step: each for each in learning.curve}
    gradients = {} if history is None else {each.step: each for each in history.points}
    return [
        _Point(step, validations.get(step), gradients.get(step))
        for step in sorted({*validations, *gradients})
    ]


def _lags(record: Record) -> Sequence[_Lag]:
    return [*_profile_lags(record), *_history_lags(record)]


def _history_lags(record: Record) -> Iterator[_Lag]:
    history = record.result.gradient_history
    if history is None:
        return
    for point in history.points:
        for direction, values in (("past", point.past), ("future", point.future)):
            for lag, value in zip(history.lags, values, strict=False):
                yield _Lag("input", "training", direction, lag, value, point.step)


def _profile_lags(record: Record) -> Sequence[_Lag]:
    gradient = record.result.gradient
    if gradient is None:
        return []
    measured: list[tuple[str, str, Profile | Influence]] = [
        *((each.of, each.when, each) for each in gradient.profiles),
        *(("influence", "trained", each) for each in gradient.influence),
    ]
    return [
        _Lag(of, when, each.direction, lag, value)
        for of, when, each in measured
        for lag, value in zip(each.lags, each.values, strict=False)
    ]


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    safe = frame.copy()
    for name in safe.columns:
        if not (
            pd.api.types.is_numeric_dtype(safe[name]) or pd.api.types.is_bool_dtype(safe[name])
        ):
            safe[name] = safe[name].map(_defused, na_action="ignore")
    safe.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def _defused(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell


def _write_jsonl(frame: pd.DataFrame, path: Path) -> None:
    plain = frame.astype(object).where(frame.notna(), None)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in plain.to_dict("records"):
            file.write(json.dumps(json_safe(row), ensure_ascii=False, allow_nan=False) + "\n")


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    frame.to_parquet(path, index=False)


_WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    ".csv": _write_csv,
    ".jsonl": _write_jsonl,
    ".parquet": _write_parquet,
}
