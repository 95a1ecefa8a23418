"""Checks by name, as the command line runs them."""

from __future__ import annotations

import pytest

from rnnbench.errors import OptionError, UsageError
from rnnbench.testing import CheckResult, check_model, check_task, run_checks


@pytest.mark.parametrize(("name", "options"), [("lstm", {"num_layers": "2"}), ("copy-memory", {})])
def test_models_and_tasks_are_found_by_name(name: str, options: dict[str, str]) -> None:
    results = run_checks(name, options)
    assert all(isinstance(result, CheckResult) and result.passed for result in results)
    assert len({result.name for result in results}) == len(results)


@pytest.mark.parametrize(("name", "near"), [("lsm", "lstm"), ("copy-memori", "copy-memory")])
def test_a_wrong_name_is_answered_with_the_near_one_of_both_kinds(name: str, near: str) -> None:
    with pytest.raises(
        UsageError, match=f"no model, no task and no claim called '{name}'. Did you mean '{near}'"
    ):
        run_checks(name)


def test_a_plugin_that_is_switched_off_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNBENCH_DISABLE_PLUGINS", "gru")
    with pytest.raises(UsageError, match="RNNBENCH_DISABLE_PLUGINS"):
        run_checks("gru")


def test_a_name_of_a_plugin_that_did_not_load_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNBENCH_DISABLE_PLUGINS", "gru")
    with pytest.raises(
        UsageError,
        match=r"no model, no task and no claim called 'my-gru'.* Type: rnnbench list. "
        r"Note: plugin gru \(rnnbench .*\) is not loaded: "
        r"it is disabled by RNNBENCH_DISABLE_PLUGINS",
    ):
        run_checks("my-gru")


def test_wrong_options_are_refused_by_name() -> None:
    with pytest.raises(OptionError, match=r"model 'lstm' has no option 'layers'"):
        check_model("lstm", {"layers": 2})
    with pytest.raises(OptionError, match=r"task 'copy-memory': .* is not an integer"):
        check_task("copy-memory", {"delay": "long"})
