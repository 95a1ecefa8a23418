"""Error messages: one printable line that suggests the near name."""

from __future__ import annotations

import inspect

from hypothesis import given
from hypothesis import strategies as st

from rnnbench import errors
from rnnbench.errors import (
    MESSAGE_LIMIT,
    RnnbenchError,
    UsageError,
    did_you_mean,
    one_line,
    printable,
)
from rnnbench.records.result import Status


@given(st.text(st.characters(), max_size=200), st.integers(1, 50))
def test_any_text_becomes_one_printable_line(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert line.isprintable()
    assert len(line) <= limit
    assert one_line(line, limit) == line


def test_a_line_is_cut_visibly_and_only_when_it_must() -> None:
    assert one_line("a  b\n\tc\x1b[31m") == "a b c [31m"
    assert one_line("abcde", 5) == "abcde"
    assert one_line("abcdef", 5) == "abcd…"
    assert one_line(ValueError("x")) == "x"


def test_a_message_is_one_printable_line_with_its_hint() -> None:
    message = str(UsageError(f"no model {'x' * 5000!r}.\n\x1b[31m Type: rnnbench list"))
    assert message.isprintable()
    assert len(message) <= MESSAGE_LIMIT
    assert message.startswith("no model 'xxx")
    assert message.endswith("Type: rnnbench list")


@given(st.text(st.characters(), max_size=200))
def test_printable_text_keeps_lines_and_nothing_that_controls_a_terminal(text: str) -> None:
    shown = printable(text)
    assert shown.replace("\n", "").replace("\t", "").isprintable()
    assert shown.count("\n") == text.count("\n")
    assert printable(shown) == shown


def test_the_near_name_is_suggested_and_a_far_one_is_not() -> None:
    assert did_you_mean("lsmt", ["gru", "lstm"]) == " Did you mean 'lstm'?"
    assert did_you_mean("transformer", ["gru", "lstm"]) == ""
    assert did_you_mean("x", []) == ""
    assert did_you_mean("faild", Status) == " Did you mean 'failed'?"


def test_every_error_ends_the_command_line_with_2() -> None:
    kinds = [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if kind.__module__ == errors.__name__
    ]
    assert len(kinds) >= 7
    for kind in kinds:
        assert issubclass(kind, RnnbenchError)
        assert kind.exit_code == 2
