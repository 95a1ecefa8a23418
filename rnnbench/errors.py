"""Errors that a user can correct, and functions that make foreign text safe to print.

Every error that a user can cause derives from :class:`RnnbenchError`. The command line prints its
message on one line, without a traceback. Any other exception is a bug of rnnbench or of a plugin.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

MESSAGE_LIMIT = 1000
"""Maximum length of an error message; a longer one loses its middle."""


class RnnbenchError(Exception):
    """Base of all errors that a user can correct.

    The message is made printable, folded into one line and bounded here, so that code that raises
    an error need not do so. The beginning is kept, and the end, which states what to type next.
    ``exit_code`` is the exit code of the command line.
    """

    exit_code = 2

    def __init__(self, message: object = "") -> None:
        super().__init__(message_line(message))


class UsageError(RnnbenchError):
    """A wrong name, option, flag or combination of them."""


class OptionError(UsageError):
    """An unknown option of a model or task, or a value of the wrong type or range."""


class PluginError(RnnbenchError):
    """A plugin that breaks the contract; raised at the author's call, where the traceback ends."""


class DataError(RnnbenchError):
    """A data file that cannot be read or is malformed; the message names the file and the row."""


class StoreError(RnnbenchError):
    """A store that cannot be opened, read or written."""


class OutputError(RnnbenchError):
    """A folder or file that cannot be written."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest known name, or an empty string."""
    near = near_name(name, known)
    return "" if near is None else f" Did you mean {near!r}?"


def near_name(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is nearest to ``name``; ``None`` if none is near.

    Names are compared without case, with ``_`` as ``-``, and also by the last part of a dotted
    name: ``torch.nn.LSTM`` is near to ``lstm``.
    """
    names = [str(each) for each in known]
    if name in names:
        return name
    spelled = {_folded(each): each for each in reversed(names)}
    words = dict.fromkeys((_folded(name), _folded(name.rpartition(".")[2])))
    # gru is nearer to nn.GRU than mingru is
    if same := [word for word in words if word in spelled]:
        return spelled[same[0]]
    for word in words:
        near = difflib.get_close_matches(word, spelled, n=1, cutoff=0.6)
        if near:
            return spelled[near[0]]
    return None


def _folded(name: str) -> str:
    return name.casefold().replace("_", "-")


def one_line(text: object, limit: int = 500, *, keep_end: bool = False) -> str:
    """Fold ``text`` into one printable line of at most ``limit`` characters.

    Control characters become spaces, and runs of spaces become one. A longer text is cut at its
    end or, with ``keep_end``, in its middle.
    """
    line = str(text)
    if not line.isprintable():
        line = "".join(c if c.isprintable() else " " for c in line)
    folded = " ".join(line.split())
    if len(folded) <= limit:
        return folded
    end = limit // 2 if keep_end else 0
    return f"{folded[: limit - 1 - end]}…{folded[len(folded) - end :]}"


def message_line(text: object) -> str:
    """Fold an error message into one printable line that keeps its beginning and its end."""
    return one_line(text, MESSAGE_LIMIT, keep_end=True)


def printable(text: str) -> str:
    """Replace every character but line breaks and tabs that could control a terminal."""
    return "".join(c if c.isprintable() or c in "\n\t" else "�" for c in text)


# C0 and C1 but tab and line feed, a carriage return that no line feed follows, and the marks that
# reorder text
_OBEYED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]|\r(?!\n)")


def for_terminal(text: str) -> str:
    r"""Return text with escapes, e.g. ``\x1b``, for the characters that a terminal could obey.

    These are control characters and those that change the direction of text. All others are kept,
    such as spaces of any width, joiners, and line breaks.
    """
    return _OBEYED.sub(lambda match: ascii(match[0])[1:-1], text)
