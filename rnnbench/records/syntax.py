"""The syntax ``lstm[hidden_size=64,128],gru``: write it, read it, compare what it says."""

from __future__ import annotations

import fnmatch
import itertools
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rnnbench.errors import UsageError, did_you_mean, one_line

OptionValue: TypeAlias = bool | int | float | str | None

QUOTES = "\"'"
"""Either may enclose an option's value that holds commas, brackets or spaces at its ends."""
EVERYTHING = "all"
_WORD = re.compile(r"[^\[\]]+")


@dataclass(frozen=True)
class Choice:
    """One pattern with the values given for each of its options; several values of an option are a
    grid.
    """

    pattern: str
    options: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def size(self) -> int:
        """How many combinations the grid has."""
        return math.prod(len(values) for _, values in self.options)

    def grid(self) -> list[dict[str, str]]:
        """Return every combination of the options' values."""
        names = [name for name, _ in self.options]
        return [
            dict(zip(names, values, strict=True))
            for values in itertools.product(*(values for _, values in self.options))
        ]


def parse_choices(texts: Iterable[str]) -> list[Choice]:
    """Read choices from command-line words; commas separate them,
    ``[option=value,value,option=value]`` follows a name.

    Values with commas or brackets are quoted, ``[path="a,b.csv"]``, with either quote; inside, that
    quote is written twice.

    Raises:
        UsageError: unbalanced brackets or quotes, a value without an option, an empty name.
    """
    found = [_choice(part.strip(), text) for text in texts for part in _split(text) if part.strip()]
    if not found:
        raise UsageError("nothing was named; type rnnbench list to see the models and tasks.")
    return found


def _choice(part: str, text: str) -> Choice:
    name, bracket, rest = part.partition("[")
    name = name.strip()
    if not name or not _WORD.fullmatch(name):
        raise UsageError(f"{one_line(text, 80)!r} cannot be read: a name is missing before '['.")
    if not bracket:
        return Choice(name)
    if not rest.endswith("]"):
        raise UsageError(
            f"{one_line(text, 80)!r} cannot be read: the bracket after {name!r} is not closed. Quote it in a shell."
        )
    options: dict[str, list[str]] = {}
    current = ""
    for item in _split(rest[:-1]):
        key, equals, value = item.partition("=")
        if equals and re.fullmatch(r"\s*[A-Za-z_]\w*\s*", key):
            current = key.strip()
            if current in options:
                raise UsageError(
                    f"option {current!r} of {name!r} is given twice; give several values as {current}=1,2."
                )
            options[current] = [_unquoted(value)]
        elif current:
            options[current].append(_unquoted(item))
        elif item.strip():
            raise UsageError(f"{one_line(item, 80)!r} in {name!r} is not option=value.")
    return Choice(name, tuple((key, tuple(values)) for key, values in options.items()))


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) < 2 or value[0] != value[-1] or value[0] not in QUOTES:
        return value
    return value[1:-1].replace(2 * value[0], value[0])


def _split(text: str) -> list[str]:
    """Split at commas outside brackets and quotes. A quote opens only where a value begins:
    elsewhere it is a letter.
    """
    parts, depth, quote, start = [], 0, "", 0
    before, closed = "", -2
    for position, character in enumerate(text):
        if quote:
            if character == quote:
                quote, closed = "", position
        elif character in QUOTES and (
            before in ("=", ",") or (closed == position - 1 and character == text[closed])
        ):
            # the second of two in a row opens the quote again: a quote inside a quote
            quote = character
        elif character == "[":
            depth += 1
        elif character == "]":
            depth -= 1
            if depth < 0:
                raise UsageError(f"{one_line(text, 80)!r} cannot be read: ']' without '['.")
        elif character == "," and not depth:
            parts.append(text[start:position])
            start = position + 1
        before = before if character.isspace() else character
    if depth or quote:
        what = "quote" if quote else "bracket"
        raise UsageError(
            f"{one_line(text, 80)!r} cannot be read: a {what} is not closed. Quote the word in a shell."
        )
    return [*parts, text[start:]]


def matching(kind: str, pattern: str, known: Sequence[str]) -> list[str]:
    """Return the names that a pattern stands for: itself, a glob's matches, or everything for
    ``all``.

    Raises:
        UsageError: a glob that matches nothing. A plain name is returned as it is, for the registry
            to know or refuse.
    """
    if pattern == EVERYTHING:
        return list(known)
    if not any(mark in pattern for mark in "*?"):
        return [pattern]
    names = fnmatch.filter(known, pattern)
    if not names:
        near = did_you_mean(pattern.strip("*?"), known)
        raise UsageError(
            f"no {kind} matches {one_line(pattern, 80)!r}.{near} Type: rnnbench list {kind}s"
        )
    return names


def with_options(name: str, options: dict[str, OptionValue]) -> str:
    """Return ``name[a=1,b=x]``, or ``name`` when there are no options."""
    if not options:
        return name
    return f"{name}[{','.join(f'{key}={_typed(value)}' for key, value in sorted(options.items()))}]"


def _typed(value: OptionValue) -> str:
    """Quote a text that would be read otherwise; :func:`rnnbench.records.syntax.parse_choices`
    reads it back.
    """
    text = option_text(value)
    if text == text.strip() and not any(mark in text for mark in ",[]" + QUOTES):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def option_text(value: OptionValue) -> str:
    """Return an option's value as it is typed on the command line (``true``, ``none``, ``0.1``)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "none" if value is None else str(value)


def canonical(text: str) -> str:
    """Return choices in one spelling, by which they are compared.

    Options are in alphabetical order, spaces around names and values are gone, and only the values
    that need quotes have them. A text that cannot be read as choices is returned unchanged.
    """
    try:
        choices = parse_choices([text])
    except UsageError:
        return text
    spelled = []
    for choice in choices:
        options = [f"{key}={','.join(map(_typed, values))}" for key, values in choice.options]
        spelled.append(f"{choice.pattern}[{','.join(sorted(options))}]" if options else choice.pattern)
    return ",".join(spelled)
