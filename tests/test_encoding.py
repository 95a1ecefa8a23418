"""Plain characters in place of those that an encoding lacks."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.encoding import PLAIN, plain, plain_output


@pytest.mark.parametrize(
    ("text", "encoding", "expected"),
    [
        ("1.5× … 3–4 −2 ±1 ∞ a† b‡", "ascii", "1.5x ... 3-4 -2 +-1 inf a* b**"),
        ("1.5× … 3–4 −2 ±1 ∞ a† b‡", "latin-1", "1.5× ... 3-4 -2 ±1 inf a* b**"),
        ("1.5× … 3–4 −2 ±1 ∞ a† b‡", "cp1252", "1.5× … 3–4 -2 ±1 inf a† b‡"),
        ("1.5× … 3–4 −2 ±1 ∞ a† b‡", "utf-8", "1.5× … 3–4 −2 ±1 ∞ a† b‡"),
        ("café 東\U0001f600", "ascii", r"caf\xe9 \u6771\U0001f600"),
        ("\udcff", "utf-8", r"\udcff"),
        ("é", None, "é"),
        ("é", "nothing", "é"),
    ],
)
def test_only_what_an_encoding_lacks_is_replaced(
    text: str, encoding: str | None, expected: str
) -> None:
    assert plain(text, encoding) == expected


def test_every_replacement_is_ascii() -> None:
    assert all(each.isascii() and len(character) == 1 for character, each in PLAIN.items())


@given(st.text(st.characters(codec=None)), st.sampled_from(["ascii", "latin-1", "cp1252", "utf-8"]))
def test_any_text_can_be_written(text: str, encoding: str) -> None:
    assert plain(text, encoding).encode(encoding)[:0] == b""
    assert plain(plain(text, encoding), encoding) == plain(text, encoding)


def test_streams_are_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", errors="strict", newline="\n")
    monkeypatch.setattr("sys.stdout", stream)
    monkeypatch.setattr("sys.stderr", io.StringIO())
    with plain_output():
        stream.write("∞\n")
    with pytest.raises(UnicodeEncodeError):
        stream.write("∞\n")
    stream.flush()
    assert raw.getvalue() == b"inf\n"
