"""The contract of models and tasks, stated as checks that every plugin can run.

In a plugin's own tests::

    from rnnbench.testing import check_model

    def test_contract() -> None:
        check_model("my-model")

or from a shell: ``rnnbench check my-model``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnnbench.contract import registry
from rnnbench.contract.entries import RegisteredModel, RegisteredTask
from rnnbench.contract.options import resolve
from rnnbench.errors import UsageError, did_you_mean, one_line
from rnnbench.testing.model import checks as model_checks
from rnnbench.testing.model.subject import ModelUnderTest
from rnnbench.testing.outcome import CheckResult, failures
from rnnbench.testing.task import checks as task_checks
from rnnbench.testing.task.subject import TaskUnderTest

__all__ = [
    "CheckResult",
    "check_model",
    "check_task",
    "model_results",
    "run_checks",
    "task_results",
]


def check_model(
    model: str | RegisteredModel, options: Mapping[str, Any] | None = None, *, hidden_size: int = 16
) -> None:
    """Check that an architecture keeps the contract.

    Args:
        model: its registered name, or what the registry holds under it.
        options: options to check it at; defaults for the rest.
        hidden_size: for an architecture that cannot be built with 16 units.

    Raises:
        AssertionError: it does not; one line for each check that failed, saying what to change.
            rnnbench.errors.UsageError: there is no such model, or its plugin could not be loaded;
            the text says why.
    """
    _assert_passed("model", model, model_results(model, options, hidden_size=hidden_size))


def check_task(task: str | RegisteredTask, options: Mapping[str, Any] | None = None) -> None:
    """Check that a task keeps the contract.

    Args:
        task: its registered name, or what the registry holds under it.
        options: options to check it at; defaults for the rest.

    Raises:
        AssertionError: it does not; one line for each check that failed, saying what to change.
            rnnbench.errors.UsageError: there is no such task, or its plugin could not be loaded;
            the text says why.
    """
    _assert_passed("task", task, task_results(task, options))


def model_results(
    model: str | RegisteredModel, options: Mapping[str, Any] | None = None, *, hidden_size: int = 16
) -> list[CheckResult]:
    """Return the outcome of every check of a model; see :func:`check_model`."""
    found = registry.load().model(model) if isinstance(model, str) else model
    resolved = resolve(f"model {found.name!r}", found.options, options or {})
    return model_checks.results(ModelUnderTest(found, resolved, hidden_size=hidden_size))


def task_results(
    task: str | RegisteredTask, options: Mapping[str, Any] | None = None
) -> list[CheckResult]:
    """Return the outcome of every check of a task; see :func:`check_task`."""
    found = registry.load().task(task) if isinstance(task, str) else task
    resolved = resolve(f"task {found.name!r}", found.options, options or {})
    return task_checks.results(TaskUnderTest(found, resolved))


def run_checks(name: str, options: Mapping[str, Any] | None = None) -> list[CheckResult]:
    """Return the outcome of every check of the model or the task of that name (a model, where there
    are both).

    Raises:
        rnnbench.errors.UsageError: there is neither, or an option is wrong; the text says what to
        type.
    """
    known = registry.load()
    if name in known.models:
        return model_results(known.models[name], options)
    if name in known.tasks:
        return task_results(known.tasks[name], options)
    if any(plugin.name == name for plugin in known.plugins):
        known.model(name)  # raises, saying why that plugin is not loaded
    near = did_you_mean(name, [*known.models, *known.tasks])
    raise UsageError(
        f"no model and no task called {one_line(name, 80)!r}.{near} Type: rnnbench list"
    )


def _assert_passed(
    kind: str, subject: str | RegisteredModel | RegisteredTask, results: list[CheckResult]
) -> None:
    name = subject if isinstance(subject, str) else subject.name
    if failed := failures(results):
        raise AssertionError(f"{kind} {name!r} breaks the contract:\n{failed}")
