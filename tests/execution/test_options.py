"""Options of a run as they are typed, in a shell or in Python."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.errors import UsageError
from rnnbench.execution.options import RunOptions
from rnnbench.execution.run import pick_device
from rnnbench.records.result import Status

ALL_BUT_DONE = frozenset(Status) - {Status.DONE}


@pytest.mark.parametrize(
    ("name", "given_", "value"),
    [
        ("timeout", "90", 90.0),
        ("timeout", "90s", 90.0),
        ("timeout", "1.5m", 90.0),
        ("timeout", "2h", 7200.0),
        ("timeout", "1 d", 86400.0),
        ("max_time", "0.5", 0.5),
        ("max_time", 12, 12.0),
        ("max_time", None, None),
        ("memory", "4GiB", 4 << 30),
        ("memory", "4G", 4_000_000_000),
        ("memory", "1.5k", 1500),
        ("memory", "500 MB", 500_000_000),
        ("memory", "100B", 100),
        ("memory", 1 << 20, 1 << 20),
        ("jobs", "auto", None),
        ("jobs", "3", 3),
        ("jobs", 3, 3),
        ("loggers", ["csv", "csv"], ("csv",)),
        ("loggers", "csv", ("csv",)),
        ("retry", "failed", {Status.FAILED}),
        ("retry", ["failed, oom", "crashed"], {Status.FAILED, Status.OOM, Status.CRASHED}),
        ("retry", [Status.DONE], {Status.DONE}),
        ("retry", ["all"], ALL_BUT_DONE),
        ("retry", (), set()),
    ],
)
def test_a_value_is_read(name: str, given_: Any, value: object) -> None:
    assert getattr(RunOptions(**{name: given_}), name) == value


@pytest.mark.parametrize(
    ("name", "given_"),
    [
        *(
            ("timeout", text)
            for text in ("", "0", "-1", "m", "10x", "1e3", "٣", "9" * 400, "inf", "1m30s", "0.0h")
        ),
        ("timeout", -1),
        ("timeout", float("nan")),
        ("max_time", 0),
        *(
            ("memory", text)
            for text in ("", "0", "0.5", "-4G", "G", "4X", "9" * 5000, "9" * 30, "9999999T", "4GG")
        ),
        *(("jobs", text) for text in ("", "0", "-1", "1.5", "²", "9" * 5000, "Auto", "none", 0)),
        ("threads", 0),
        ("accelerator", "tpu"),
        ("loggers", ["csvv"]),
        ("retry", ""),
        ("retry", ["faild"]),
        ("retry", 3),
        ("fail_fast", "perhaps"),
        ("no_such_option", 1),
    ],
)
def test_a_wrong_value_is_refused_with_the_name_of_the_option(name: str, given_: Any) -> None:
    with pytest.raises(UsageError) as raised:
        RunOptions(**{name: given_})
    text = str(raised.value)
    assert name.removesuffix("s") in text
    assert text.isprintable()
    assert len(text) < 300


@pytest.mark.parametrize(
    ("word", "near"), [("cuda", "gpu"), ("GPU", "gpu"), ("cup", "cpu"), (None, "auto")]
)
def test_a_wrong_accelerator_is_answered_with_the_one_meant(word: Any, near: str) -> None:
    with pytest.raises(UsageError, match=f"accelerator=.*Did you mean '{near}'"):
        RunOptions(accelerator=word)


def test_only_the_words_of_the_option_choose_a_device() -> None:
    assert pick_device("cpu") == "cpu"
    with pytest.raises(UsageError, match="accelerator='cuda' is not one of auto, cpu, gpu"):
        pick_device("cuda")


@pytest.mark.parametrize("name", ["timeout", "memory", "jobs", "retry"])
@given(text=st.text(max_size=20) | st.text("0123456789.smhdKMGTiB ", max_size=12))
def test_any_text_is_read_or_refused(name: str, text: str) -> None:
    try:
        value = getattr(RunOptions(**{name: text}), name)
    except UsageError:
        return
    assert value is None or name == "retry" or 0 < value < float("inf")
