"""Rows in order of time: sorted by a column, or refused; duplicates, gaps and missing values."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.errors import DataError, OptionError
from tests.tasks.builders import build, helper, write

N = 150
VALUES = np.round(np.random.Generator(np.random.PCG64(0)).standard_normal(N), 3)
START = datetime.datetime(2019, 12, 30)
filled = helper("series._filling").filled


def day(number: int) -> str:
    return str((START + datetime.timedelta(days=number)).date())


def month(number: int) -> str:
    return f"{1949 + number // 12}-{number % 12 + 1:02d}"


def table(name: str, times: list[str], values: list[str]) -> str:
    rows = (f"{time},{value}" for time, value in zip(times, values, strict=True))
    return "\n".join([f"{name},x", *rows])


def read(folder: Path, content: str, **options: Any) -> np.ndarray:
    path = write(folder, "a.csv", content)
    return np.asarray(build("forecasting", path=str(path), column="x", **options)._read.numbers)


def in_order(of: Callable[[int], str]) -> tuple[list[str], list[str]]:
    return [of(k) for k in range(N)], list(map(str, VALUES))


SHUFFLE = np.random.Generator(np.random.PCG64(1)).permutation(N).tolist()


@pytest.mark.parametrize(
    "of",
    [
        day,
        month,
        lambda k: str(1900 + k),
        lambda k: f"{START + datetime.timedelta(hours=k)}",
        lambda k: f"{START + datetime.timedelta(hours=k):%Y-%m-%dT%H:%M:%SZ}",
        lambda k: f"{START + datetime.timedelta(days=k):%d.%m.%Y %H:%M}",
        lambda k: f"{START + datetime.timedelta(days=k):%m/%d/%Y}",
        lambda k: f"{START + datetime.timedelta(days=k):%Y/%m/%d}",
    ],
)
@pytest.mark.parametrize("order", [list(range(N))[::-1], SHUFFLE], ids=["descending", "shuffled"])
def test_rows_out_of_order_are_refused_or_sorted(
    tmp_path: Path, of: Callable[[int], str], order: list[int]
) -> None:
    times, values = in_order(of)
    assert read(tmp_path, table("date", times, values))[:, 0].tolist() == VALUES.tolist()
    mixed = table("date", [times[k] for k in order], [values[k] for k in order])
    with pytest.raises(DataError, match=r"line \d+: its time in column 'date', .* add time=date"):
        read(tmp_path, mixed)
    assert read(tmp_path, mixed, time="date")[:, 0].tolist() == VALUES.tolist()
    taken = read(tmp_path, mixed, time="none")[:, 0].tolist()
    assert taken == [VALUES[k] for k in order]


def test_a_date_is_found_whatever_its_column_is_called(tmp_path: Path) -> None:
    times, values = in_order(day)
    with pytest.raises(DataError, match="line 3: its time in column 'Tag', '2020-05-26', is befo"):
        read(tmp_path, table("Tag", times[::-1], values))


def test_dates_that_begin_with_day_or_month_are_refused(tmp_path: Path) -> None:
    times = [f"{k % 12 + 1:02d}/{(k * 7) % 12 + 1:02d}/{2000 + k % 5}" for k in range(60)]
    times = list(dict.fromkeys(times))
    content = table("date", times, list(map(str, VALUES[: len(times)])))
    with pytest.raises(DataError, match="may begin with the day or with the month; write them as"):
        read(tmp_path, content, time="date")


def test_a_time_that_occurs_twice_is_refused(tmp_path: Path) -> None:
    times, values = in_order(day)
    times[7] = times[6]
    for options in ({}, {"time": "date"}):
        with pytest.raises(DataError, match=r"line 9: its time .* is that of line 8; keep"):
            read(tmp_path, table("date", times, values), **options)
    hours = [f"{k % 24}:00:00".rjust(8, "0") for k in range(N)]
    dates = [day(k // 24) for k in range(N)]
    content = "date,clock,x\n" + "\n".join(map(",".join, zip(dates, hours, values, strict=True)))
    with pytest.raises(DataError, match=r"time='DATE\|TIME'"):
        read(tmp_path, content)
    assert read(tmp_path, content, time="date|clock")[:, 0].tolist() == VALUES.tolist()


def test_a_time_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    times, values = in_order(day)
    times[4] = "soon"
    with pytest.raises(DataError, match="line 6: 'soon' in column 'date' is not a time like the"):
        read(tmp_path, table("date", times, values), time="date")
    with pytest.raises(DataError, match="no column 'when'"):
        read(tmp_path, table("date", times, values), time="when")


def without(rows: list[int], of: Callable[[int], str]) -> str:
    times, values = in_order(of)
    kept = [k for k in range(N) if k not in rows]
    return table("date", [times[k] for k in kept], [values[k] for k in kept])


@pytest.mark.parametrize("of", [day, month, lambda k: str(1900 + k)])
def test_gaps_are_refused_kept_or_filled(tmp_path: Path, of: Callable[[int], str]) -> None:
    content = without([10, 11, 40], of)
    with pytest.raises(DataError, match=r"3 rows are missing .* between lines 11 .* and 12 "):
        read(tmp_path, content)
    kept = np.delete(VALUES, [10, 11, 40])
    assert read(tmp_path, content, gaps="keep")[:, 0].tolist() == kept.tolist()
    expected = VALUES.copy()
    expected[[10, 11, 40]] = VALUES[[9, 9, 39]]
    for time in ("date", "auto"):
        found = read(tmp_path, content, gaps="fill", fill="forward", time=time)
        assert found[:, 0].tolist() == expected.tolist()
    with pytest.raises((OptionError, ValueError), match="add fill=forward"):
        read(tmp_path, content, gaps="fill")


def test_working_days_are_equal_steps(tmp_path: Path) -> None:
    days = [day(k) for k in range(N * 2) if k % 7 < 5][:N]  # 30 December 2019 is a Monday
    content = table("date", days, list(map(str, VALUES)))
    assert read(tmp_path, content)[:, 0].tolist() == VALUES.tolist()
    rows = content.split("\n")
    with pytest.raises(DataError, match="1 rows are missing"):
        read(tmp_path, "\n".join(rows[:20] + rows[21:]))


@pytest.mark.parametrize("cell", ["", "NA", "NaN", "null"])
def test_missing_values_are_refused_or_filled(tmp_path: Path, cell: str) -> None:
    times, values = in_order(day)
    for row in (0, 5, 6, 100, 149):
        values[row] = cell
    content = table("date", times, values)
    with pytest.raises(DataError, match=r"line 2: .* in column 'x'; .* add fill=forward"):
        read(tmp_path, content)
    known = np.delete(VALUES[:90], [0, 5, 6])
    expected = VALUES.copy()
    expected[[0, 5, 6, 100, 149]] = [known.mean(), *VALUES[[4, 4, 99, 148]]]
    np.testing.assert_allclose(read(tmp_path, content, fill="forward")[:, 0], expected)
    expected[[0, 5, 6, 100, 149]] = known.mean()
    np.testing.assert_allclose(read(tmp_path, content, fill="mean")[:, 0], expected)
    third = (VALUES[7] - VALUES[4]) / 3
    expected[[0, 5, 6]] = [VALUES[1], VALUES[4] + third, VALUES[4] + 2 * third]
    expected[[100, 149]] = VALUES[[99, 148]]
    np.testing.assert_allclose(read(tmp_path, content, fill="linear")[:, 0], expected)


@given(
    missing=st.lists(st.integers(0, 39), max_size=25),
    method=st.sampled_from(["forward", "mean", "linear"]),
    changed=st.integers(24, 39),
    seed=st.integers(0, 5),
)
@settings(deadline=None, max_examples=150)
def test_no_filled_value_depends_on_a_later_part(
    missing: list[int], method: str, changed: int, seed: int
) -> None:
    """Another future, from row ``changed`` on, alters no value before it."""
    values = np.random.Generator(np.random.PCG64(seed)).standard_normal((40, 1))
    values[missing] = np.nan
    if np.isnan(values[:24]).all():
        return
    other = values.copy()
    other[changed:] = 1e6
    first, second = (filled(each, method, 24, ["x"]) for each in (values, other))
    assert not np.isnan(first).any()
    np.testing.assert_array_equal(first[:changed], second[:changed])
    known = ~np.isnan(values)
    np.testing.assert_array_equal(first[known], values[known])


def test_a_column_without_training_values_is_refused(tmp_path: Path) -> None:
    times, values = in_order(day)
    values[:90] = [""] * 90
    content = table("date", times, values)
    with pytest.raises(DataError, match=r"column 'x' has no value in its training part"):
        read(tmp_path, content, fill="mean", header="true")


def test_many_filled_targets_solve_nothing(tmp_path: Path) -> None:
    times, values = in_order(day)
    values[141:144] = [""] * 3
    task = build(
        "forecasting",
        path=str(write(tmp_path, "a.csv", table("date", times, values))),
        column="x",
        fill="forward",
    )
    assert task.filled_share == 0.3  # the test has 30 rows, of which the first 20 are no targets
    assert task.unsolvable.startswith("30 % of the values of the test part are missing")
    scores = task.diagnose(lambda inputs, _lengths: inputs[:, -1], task.splits().test).scores
    assert scores["filled values, share of the test targets"] == 0.3
