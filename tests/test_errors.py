"""What the user sees: one printable line, with the near name."""

from __future__ import annotations

import inspect

from hypothesis import given
from hypothesis import strategies as st

from rnnbench import errors
from rnnbench.errors import RnnbenchError, did_you_mean, one_line
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
