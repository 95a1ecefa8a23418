"""Run checks: a check is a function that raises, its result is data."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeVar

from rnnbench.contract.faults import in_words, place_of
from rnnbench.errors import PluginError, one_line

_MESSAGE_LIMIT = 600

_Subject = TypeVar("_Subject")


@dataclass(frozen=True)
class CheckResult:
    """Result of one check.

    Attributes:
        name: the property that is checked, e.g. ``"the input is left unchanged"``.
        passed: whether the property holds.
        message: one line. For a passed check the property in full; for a failed check the
            observation and what to change.
    """

    name: str
    passed: bool
    message: str


class ContractError(Exception):
    """Failed check; the message states the observation and what to change."""


def require(holds: object, message: str) -> None:
    """Raise :class:`ContractError` with ``message`` unless ``holds`` is true."""
    if not holds:
        raise ContractError(message)


def run_all(checks: Iterable[Callable[[_Subject], None]], subject: _Subject) -> list[CheckResult]:
    """Run every check on ``subject``, whether or not others fail or raise.

    The name of a check is the name of its function, its description that function's docstring.
    """
    return [_run(check, subject) for check in checks]


def _run(check: Callable[[_Subject], None], subject: _Subject) -> CheckResult:
    name = check.__name__.replace("_", " ")
    try:
        check(subject)
    except (ContractError, PluginError) as broken:
        return CheckResult(name, False, one_line(broken, _MESSAGE_LIMIT))
    # an error of the plugin is a failed check like any other
    except Exception as error:
        message = f"raised {in_words(error)}{place_of(error)}"
        return CheckResult(name, False, one_line(message, _MESSAGE_LIMIT))
    description = (inspect.getdoc(check) or "").split("\n\n")[0]
    return CheckResult(name, True, one_line(description, _MESSAGE_LIMIT))


def failures(results: Iterable[CheckResult]) -> str:
    """Return one line for each failed check; an empty string when all passed."""
    return "\n".join(
        f"- {result.name}: {result.message}" for result in results if not result.passed
    )
