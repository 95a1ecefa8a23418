"""What the user sees: errors that say what happened, where, and what to type next.

Every error a user can cause derives from :class:`RnnbenchError`; the command line prints its text
on one line and never a traceback. Anything else that escapes is a bug of rnnbench or of a plugin.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

MESSAGE_LIMIT = 1000
"""Characters of an error message at most; a longer one loses its middle."""


class RnnbenchError(Exception):
    """Base of all errors that a user can correct.

    The message is made printable, folded into one line and bounded here, so that code that raises
    an error need not do so. Its beginning and its end, which says what to type next, are kept.
    ``exit_code`` is the exit code of the command line.
    """

    exit_code = 2

    def __init__(self, message: object = "") -> None:
        super().__init__(one_line(message, MESSAGE_LIMIT, keep_end=True))


class UsageError(RnnbenchError):
    """A wrong name, option, flag or combination of them."""


class OptionError(UsageError):
    """An option of a model or a task that does not exist, or whose value has the wrong type or
    range.
    """


class PluginError(RnnbenchError):
    """A plugin that broke the contract; raised at the author's call, so that the traceback points
    there.
    """


class DataError(RnnbenchError):
    """A data file that cannot be read or does not say what it should; the text names the file and
    the row.
    """


class StoreError(RnnbenchError):
    """A store that cannot be opened, read or written."""


class OutputError(RnnbenchError):
    """A folder or file that cannot be written."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return ``" Did you mean 'x'?"`` for the nearest of ``known``, or an empty string when nothing
    is near.
    """
    near = difflib.get_close_matches(name, [str(each) for each in known], n=1, cutoff=0.6)
    return f" Did you mean {near[0]!r}?" if near else ""


def one_line(text: object, limit: int = 500, *, keep_end: bool = False) -> str:
    """Fold ``text`` into one printable line of at most ``limit`` characters.

    Control characters become spaces, and runs of spaces become one. A longer text is cut at its
    end or, with ``keep_end``, in its middle.
    """
    folded = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    if len(folded) <= limit:
        return folded
    end = limit // 2 if keep_end else 0
    return f"{folded[: limit - 1 - end]}…{folded[len(folded) - end :]}"
