"""The syntax ``lstm[hidden_size=64,128],gru`` of models, tasks and their options."""

from __future__ import annotations

import fnmatch
import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from rnnbench.errors import UsageError, did_you_mean, near_name

OptionValue: TypeAlias = bool | int | float | str | None

ALL = "all"
"""The word that selects every model or task."""
OTHER = "other"
"""The family of models that name none, in lists and in selections."""
FAMILY = "family:"
"""Before the name of a family it selects the models of that family."""
QUOTES = "\"'"
"""Either encloses an option value that contains commas or brackets, or spaces at its ends."""
_QUOTE_IT = "Quote the word in a shell."


@dataclass(frozen=True)
class Selector:
    """A name or glob pattern with option values; several values of an option form a grid."""

    pattern: str
    options: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def size(self) -> int:
        """The number of combinations in the grid."""
        return math.prod(len(values) for _, values in self.options)

    def grid(self) -> list[dict[str, str]]:
        """Return every combination of the option values."""
        names = [name for name, _ in self.options]
        return [
            dict(zip(names, values, strict=True))
            for values in itertools.product(*(values for _, values in self.options))
        ]


def parse_selectors(texts: Iterable[str]) -> list[Selector]:
    """Parse command-line words; commas separate selectors and the values of an option.

    A value with commas or brackets is quoted, ``[path="a,b.csv"]``, with either quote. Inside, that
    quote is doubled.

    Raises:
        UsageError: unbalanced brackets or quotes, a value without an option, an empty name.
    """
    found = [
        _selector(part.strip(), text) for text in texts for part in _split(text) if part.strip()
    ]
    if not found:
        raise UsageError("no name was given; to see the models and tasks, type: rnnbench list")
    return found


def _selector(part: str, text: str) -> Selector:
    name, bracket, rest = part.partition("[")
    name = name.strip()
    if any(mark in name for mark in "(){}"):
        raise UsageError(f"{text!r} cannot be read: options are in brackets: {_bracketed(text)!r}.")
    if not name or "]" in name:
        raise UsageError(f"{text!r} cannot be read: a name is missing before '['.")
    if not bracket:
        return Selector(name)
    if not rest.endswith("]"):
        raise UsageError(
            f"{text!r} cannot be read: the bracket after {name!r} is not closed. {_QUOTE_IT}"
        )
    options: dict[str, list[str]] = {}
    current = ""
    for item in _split(rest[:-1]):
        key, equals, value = item.partition("=")
        if equals and re.fullmatch(r"\s*[A-Za-z_]\w*\s*", key):
            current = key.strip()
            if current in options:
                raise UsageError(
                    f"option {current!r} of {name!r} is given twice; "
                    f"give several values as {current}=1,2."
                )
            options[current] = [_unquoted(value)]
        elif current:
            options[current].append(_unquoted(item))
        elif item.strip():
            raise UsageError(f"{item!r} in {name!r} is not option=value.")
    return Selector(name, tuple((key, tuple(values)) for key, values in options.items()))


def _bracketed(text: str) -> str:
    """Return ``lstm(num_layers=2)`` as ``lstm[num_layers=2]``."""
    changed = text.translate(str.maketrans("(){}", "[][]"))
    return changed.replace("[]", "").replace(": ", "=").replace("'", "")


def _unquoted(value: str) -> str:
    value = value.strip()
    if len(value) < 2 or value[0] != value[-1] or value[0] not in QUOTES:
        return value
    return value[1:-1].replace(2 * value[0], value[0])


def _split(text: str) -> list[str]:
    """Split at commas outside brackets and quotes; a quote opens only where a value begins."""
    parts, depth, quote, start = [], 0, "", 0
    before, closed = "", -2
    for position, character in enumerate(text):
        if quote:
            if character == quote:
                quote, closed = "", position
        elif character in QUOTES and (
            before in ("=", ",") or (closed == position - 1 and character == text[closed])
        ):
            # The second of two quotes in a row reopens the quoted text: a doubled quote.
            quote = character
        elif character == "[":
            depth += 1
        elif character == "]":
            depth -= 1
            if depth < 0:
                raise UsageError(f"{text!r} cannot be read: ']' without '['.")
        elif character == "," and not depth:
            parts.append(text[start:position])
            start = position + 1
        before = before if character.isspace() else character
    if depth or quote:
        open_mark = "quote" if quote else "bracket"
        raise UsageError(f"{text!r} cannot be read: a {open_mark} is not closed. {_QUOTE_IT}")
    return [*parts, text[start:]]


def expand(
    kind: str,
    pattern: str,
    known: Sequence[str],
    families: Mapping[str, Sequence[str]] | None = None,
) -> list[str]:
    """Return the known names that a pattern selects: all, a family, a glob's matches, or one name.

    A plain name is returned unchecked; the registry reports an unknown one.

    Raises:
        UsageError: a glob without a match, or an unknown family.
    """
    if pattern == ALL:
        return list(known)
    if families is not None and (found := of_family(pattern, known, families)) is not None:
        return found
    if not any(mark in pattern for mark in "*?"):
        return [pattern]
    return matches(kind, pattern, known)


def of_family(
    pattern: str, known: Sequence[str], families: Mapping[str, Sequence[str]]
) -> list[str] | None:
    """Return the names of the models of a family; ``None`` for a pattern of another kind.

    Raises:
        UsageError: an unknown family, or a family in another spelling.
    """
    if pattern.startswith(FAMILY):
        family = pattern.removeprefix(FAMILY)
        if not family:
            raise UsageError(f"family: needs a name: {', '.join(sorted(families))}.")
        if family not in families:
            raise UsageError(
                f"no family of models is called {family!r}.{did_you_mean(family, families)} "
                "Type: rnnbench list models"
            )
        return list(families[family])
    word = pattern.rpartition(":")[2]
    meant = near_name(word.strip().replace(" ", "-"), families)
    if pattern not in known and meant and (":" in pattern or word in families):
        raise UsageError(f"no model called {pattern!r}. For the family, type: {FAMILY}{meant}")
    return None


def matches(kind: str, pattern: str, known: Sequence[str]) -> list[str]:
    """Return the known names that match a glob.

    Raises:
        UsageError: no name matches.
    """
    names = fnmatch.filter(known, pattern)
    if not names:
        near = did_you_mean(pattern.strip("*?"), known)
        raise UsageError(f"no {kind} matches {pattern!r}.{near} Type: rnnbench list {kind}s")
    return names


def with_options(name: str, options: dict[str, OptionValue]) -> str:
    """Return ``name[a=1,b=x]``, or ``name`` when there are no options."""
    if not options:
        return name
    pairs = (f"{key}={_quoted(option_text(value))}" for key, value in sorted(options.items()))
    return f"{name}[{','.join(pairs)}]"


def _quoted(text: str) -> str:
    """Quote a value that :func:`parse_selectors` would otherwise read differently."""
    if text == text.strip() and not any(mark in text for mark in ",[]" + QUOTES):
        return text
    doubled = text.replace('"', '""')
    return f'"{doubled}"'


def option_text(value: OptionValue) -> str:
    """Return an option value as typed on the command line (``true``, ``none``, ``0.1``)."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "none" if value is None else str(value)


def canonical(text: str) -> str:
    """Return selectors in one spelling, by which they are compared.

    Options are in alphabetical order, spaces around names and values are gone, and only the values
    that need quotes have them. A text that cannot be read as selectors is returned unchanged.
    """
    try:
        selectors = parse_selectors([text])
    except UsageError:
        return text
    return ",".join(spelled(selector.pattern, sorted(selector.options)) for selector in selectors)


def spelled(name: str, options: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Return ``name[a=1,2]`` for a name and the texts of each option's values."""
    pairs = ",".join(f"{key}={','.join(map(_quoted, values))}" for key, values in options)
    return f"{name}[{pairs}]" if pairs else name
