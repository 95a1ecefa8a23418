"""A check is a function that raises; its outcome is data."""

from __future__ import annotations

import inspect
import pathlib
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from rnnbench.errors import one_line

_Subject = TypeVar("_Subject")


@dataclass(frozen=True)
class CheckResult:
    """The outcome of one check.

    Attributes:
        name: what ought to hold, in a few words.
        passed: whether it holds.
        message: one line; where it does not hold, what was seen and what to change.
    """

    name: str
    passed: bool
    message: str


class ContractError(Exception):
    """Raised by a check: the text says what was seen and what to change."""


def require(holds: object, message: str) -> None:
    """Raise :class:`ContractError` with ``message`` unless ``holds``."""
    if not holds:
        raise ContractError(message)


def run_all(checks: Iterable[Callable[[_Subject], None]], subject: _Subject) -> list[CheckResult]:
    """Run every check on ``subject``; one that fails, or in which the plugin raises, does not stop
    the others.
    """
    return [_run(check, subject) for check in checks]


def _run(check: Callable[[_Subject], None], subject: _Subject) -> CheckResult:
    name = check.__name__.replace("_", " ")
    try:
        check(subject)
    except ContractError as broken:
        return CheckResult(name, False, one_line(broken, 600))
    except Exception as error:  # the plugin's own: a failed check like any other
        return CheckResult(
            name, False, one_line(f"raised {type(error).__name__}: {error}{_place(error)}", 600)
        )
    return CheckResult(name, True, one_line((inspect.getdoc(check) or "").split("\n\n")[0], 600))


def _place(error: BaseException) -> str:
    here = str(pathlib.Path(__file__).parent)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if not frame.filename.startswith(here) and "site-packages" not in frame.filename:
            return f" [{pathlib.Path(frame.filename).name}:{frame.lineno}]"
    return ""


def failures(results: Iterable[CheckResult]) -> str:
    """Return one line for each check that failed; an empty text when none did."""
    return "\n".join(
        f"- {result.name}: {result.message}" for result in results if not result.passed
    )
