"""Durations, sizes, counts and seeds as people type them."""

from __future__ import annotations

from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.cli.parameters import Bytes, CountOrAuto, Duration, NumberOrNone, parse_seeds
from rnnbench.errors import UsageError

READERS: dict[str, click.ParamType[Any]] = {
    "duration": Duration(), "bytes": Bytes(), "count": CountOrAuto(), "number": NumberOrNone(),
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("duration", "90", 90.0),
        ("duration", "90s", 90.0),
        ("duration", "1.5m", 90.0),
        ("duration", "2h", 7200.0),
        ("duration", "1 d", 86400.0),
        ("duration", "0.5", 0.5),
        ("bytes", "4G", 4 << 30),
        ("bytes", "4GiB", 4 << 30),
        ("bytes", "1.5k", 1536),
        ("bytes", "500 MB", 500 << 20),
        ("bytes", "1048576", 1 << 20),
        ("bytes", "100B", 100),
        ("count", "auto", None),
        ("count", "3", 3),
        ("number", "none", "none"),
        ("number", "1e-3", 0.001),
    ],
)
def test_what_is_typed_is_read(kind: str, text: str, value: object) -> None:
    assert READERS[kind].convert(text, None, None) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *(
            ("duration", text)
            for text in ("", "0", "-1", "m", "10x", "1e3", "٣", "9" * 400, "inf", "1m30s", "0.0h")
        ),
        *(
            ("bytes", text)
            for text in (
                "",
                "0",
                "0.5",
                "-4G",
                "G",
                "4X",
                "9" * 5000,
                "9" * 30,
                "9999999T",
                "٣G",
                "4GG",
            )
        ),
        *(("count", text) for text in ("", "0", "-1", "1.5", "²", "٣", "9" * 5000, "Auto", "none")),
        *(("number", text) for text in ("", "x", "1,5", "None")),
    ],
)
def test_what_cannot_be_read_is_refused(kind: str, text: str) -> None:
    with pytest.raises(click.BadParameter) as caught:
        READERS[kind].convert(text, None, None)
    assert len(caught.value.message) < 200


@pytest.mark.parametrize("kind", READERS)
@given(text=st.text(max_size=20) | st.text("0123456789.smhdKMGTiB ", max_size=12))
def test_any_text_is_read_or_refused(kind: str, text: str) -> None:
    try:
        value = READERS[kind].convert(text, None, None)
    except click.BadParameter:
        value = "refused"
    assert value in ("refused", "none", None) or kind == "number" or 0 < value < float("inf")


@pytest.mark.parametrize(
    ("text", "seeds"),
    [(None, None), ("5", 5), ("0", 0), ("0,1,7", [0, 1, 7]), ("4,", [4]), (" 1 , 2 ", [1, 2])],
)
def test_seeds_are_a_count_or_a_list(text: str | None, seeds: int | list[int] | None) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    "text", ["", ",", "-1", "1.5", "x", "1;2", "²", "٣", "9" * 11, "9" * 5000, "1\n2"]
)
def test_seeds_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="neither a count such as 5 nor a list") as caught:
        parse_seeds(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200
