"""Contract checks for models, tasks and claims, to run in the tests of a plugin.

In a plugin's own tests::

    from rnnbench.testing import check_model

    def test_contract() -> None:
        check_model("my-model")

or from a shell: ``rnnbench check my-model``. A failed check states what to change.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rnnbench.contract import registry
from rnnbench.contract.entries import RegisteredClaim, RegisteredModel, RegisteredTask
from rnnbench.contract.options import resolve
from rnnbench.errors import UsageError
from rnnbench.testing.claim import checks as claim_checks
from rnnbench.testing.claim.subject import ClaimUnderTest
from rnnbench.testing.model import checks as model_checks
from rnnbench.testing.model.subject import ModelUnderTest
from rnnbench.testing.outcome import CheckResult, failures
from rnnbench.testing.task import checks as task_checks
from rnnbench.testing.task.subject import TaskUnderTest

__all__ = [
    "CheckResult",
    "check_claim",
    "check_model",
    "check_task",
    "claim_results",
    "model_results",
    "run_checks",
    "task_results",
]


def check_model(
    model: str | RegisteredModel, options: Mapping[str, Any] | None = None, *, hidden_size: int = 16
) -> None:
    """Assert that a model keeps the contract.

    Args:
        model: its registered name, or its entry in the registry.
        options: values of options by name, in their types or as text; the others keep their
            defaults.
        hidden_size: width H of the core that is checked.

    Raises:
        AssertionError: a check failed. The message has one line per failed check and states what to
            change.
        rnnbench.errors.UsageError: the model is unknown, its plugin could not be loaded, or an
            option is wrong.
    """
    _assert_passed("model", model, model_results(model, options, hidden_size=hidden_size))


def check_task(task: str | RegisteredTask, options: Mapping[str, Any] | None = None) -> None:
    """Assert that a task keeps the contract.

    Args:
        task: its registered name, or its entry in the registry.
        options: values of options by name, in their types or as text; the others keep their
            defaults.

    Raises:
        AssertionError: a check failed. The message has one line per failed check and states what to
            change.
        rnnbench.errors.UsageError: the task is unknown, its plugin could not be loaded, or an
            option is wrong.
    """
    _assert_passed("task", task, task_results(task, options))


def model_results(
    model: str | RegisteredModel, options: Mapping[str, Any] | None = None, *, hidden_size: int = 16
) -> list[CheckResult]:
    """Run every check of a model and return the results, failed ones included.

    Args:
        model: its registered name, or its entry in the registry.
        options: values of options by name; the others keep their defaults.
        hidden_size: width H of the core that is checked.

    Raises:
        rnnbench.errors.UsageError: the model is unknown, its plugin could not be loaded, or an
            option is wrong.
    """
    found = registry.load().model(model) if isinstance(model, str) else model
    resolved = resolve(f"model {found.name!r}", found.options, options or {})
    return model_checks.results(ModelUnderTest(found, resolved, hidden_size=hidden_size))


def task_results(
    task: str | RegisteredTask, options: Mapping[str, Any] | None = None
) -> list[CheckResult]:
    """Run every check of a task and return the results, failed ones included.

    Args:
        task: its registered name, or its entry in the registry.
        options: values of options by name; the others keep their defaults.

    Raises:
        rnnbench.errors.UsageError: the task is unknown, its plugin could not be loaded, or an
            option is wrong.
    """
    found = registry.load().task(task) if isinstance(task, str) else task
    resolved = resolve(f"task {found.name!r}", found.options, options or {})
    return task_checks.results(TaskUnderTest(found, resolved))


def check_claim(claim: str | RegisteredClaim) -> None:
    """Assert that a claim's rule decides simulated records as it should.

    Args:
        claim: its registered name, or its entry in the registry.

    Raises:
        AssertionError: a check failed. The message has one line per failed check and states what to
            change.
        rnnbench.errors.UsageError: the claim is unknown, or its plugin could not be loaded.
    """
    _assert_passed("claim", claim, claim_results(claim))


def claim_results(claim: str | RegisteredClaim) -> list[CheckResult]:
    """Run every check of a claim and return the results, failed ones included.

    Args:
        claim: its registered name, or its entry in the registry.

    Raises:
        rnnbench.errors.UsageError: the claim is unknown, or its plugin could not be loaded.
    """
    loaded = registry.load()
    found = loaded.claim(claim) if isinstance(claim, str) else claim
    return claim_checks.results(ClaimUnderTest(found.claim, loaded))


def run_checks(name: str, options: Mapping[str, Any] | None = None) -> list[CheckResult]:
    """Run every check of the model, task or claim of that name and return the results.

    Args:
        name: a registered name. If a model and a task or a claim have it, the model is checked.
        options: values of options by name; the others keep their defaults.

    Raises:
        rnnbench.errors.UsageError: the name is unknown, its plugin could not be loaded, or an
            option is wrong.
    """
    found = registry.load().member(name)
    if isinstance(found, RegisteredModel):
        return model_results(found, options)
    if isinstance(found, RegisteredTask):
        return task_results(found, options)
    if options:
        raise UsageError(f"a claim has no options; type: rnnbench check {name}")
    return claim_results(found)


def _assert_passed(
    kind: str,
    subject: str | RegisteredModel | RegisteredTask | RegisteredClaim,
    results: list[CheckResult],
) -> None:
    name = subject if isinstance(subject, str) else subject.name
    if failed := failures(results):
        raise AssertionError(f"{kind} {name!r} breaks the contract:\n{failed}")
