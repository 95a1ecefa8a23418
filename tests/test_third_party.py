"""Third-party plugins, installed with pip: good ones work, broken ones affect no others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.support.installing import answer, install

DISTRIBUTIONS = Path(__file__).parent / "distributions"

LOOK = """
import json, os
from dataclasses import asdict
from rnnbench.contract import registry
from rnnbench.testing import run_checks

def listing(switched_off):
    os.environ["RNNBENCH_DISABLE_PLUGINS"] = switched_off
    known = registry.load()
    plugins = {p.name: {**asdict(p), "provider": p.provider.model_dump()} for p in known.plugins}
    return {"plugins": plugins, "models": list(known.models), "tasks": list(known.tasks)}

listings = {words: listing(words) for words in ["exits, Acme_Leaky,gru", "all", ""]}
names = ["leaky", "talkative", "running-parity", "looks-ahead", "forgetful"]
failed = {name: {r.name: r.message for r in run_checks(name) if not r.passed} for name in names}
print(json.dumps({"listings": listings, "failed": failed}))
"""

COMMAND = """
import contextlib, io, json
from rnnbench.cli.main import main

out = io.StringIO()
try:
    with contextlib.redirect_stdout(out):
        main(["plugins"])
except SystemExit as end:
    print(json.dumps({"code": end.code, "out": out.getvalue()}))
"""

BROKEN = {
    "import-error": ("acme-import-error", "0.1", "No module named 'a_package_that_nobody_has'"),
    "exits": ("acme-exits", "0.2", "SystemExit: 3"),
    "hook-typo": (
        "acme-hook-typo",
        "0.3",
        "no hook called 'register_model'. Did you mean 'register_models'?",
    ),
    "duplicate": ("acme-duplicate", "0.4", "'lstm' is provided twice: by rnnbench"),
    "raising-hook": ("acme-raising-hook", "0.5", "ValueError: two lines, and a"),
}
WORKING = {"leaky", "running-parity", "looks-ahead", "forgetful", "talkative"}


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with every distribution installed."""
    projects = sorted(path.parent for path in DISTRIBUTIONS.glob("*/pyproject.toml"))
    return install(projects, tmp_path_factory.mktemp("shelf"), tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="module")
def seen(shelf: Path) -> dict[str, Any]:
    """Results from one fresh interpreter."""
    found: dict[str, Any] = answer(LOOK, shelf=shelf)
    return found


@pytest.fixture(scope="module")
def listing(seen: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = seen["listings"][""]
    return found


@pytest.fixture(scope="module")
def failed(seen: dict[str, Any]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = seen["failed"]
    return found


def test_every_distribution_is_listed(listing: dict[str, Any]) -> None:
    assert {*BROKEN, *WORKING, "lstm", "gru"} <= set(listing["plugins"])


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_broken_plugin_is_reported_with_its_distribution_and_version(
    listing: dict[str, Any], name: str
) -> None:
    distribution, version, reason = BROKEN[name]
    report = listing["plugins"][name]
    assert report["provider"] == {"distribution": distribution, "version": version}
    assert reason in report["error"]
    assert report["error"].isprintable()
    assert report["models"] == []


@pytest.mark.parametrize("name", ["import-error", "exits", "duplicate", "raising-hook"])
def test_the_report_names_the_line_of_the_author(listing: dict[str, Any], name: str) -> None:
    assert f"[acme_{name.replace('-', '_')}.py:" in listing["plugins"][name]["error"]


def test_the_others_still_load(listing: dict[str, Any]) -> None:
    assert {"rnn", "lstm", "gru", "leaky", "talkative", "looks-ahead", "forgetful"} <= set(
        listing["models"]
    )
    assert {"copy-memory", "running-parity"} <= set(listing["tasks"])
    assert [name for name, report in listing["plugins"].items() if report["error"]] == sorted(
        BROKEN
    )


def test_a_duplicate_names_both_providers_and_leaves_nothing_behind(
    listing: dict[str, Any],
) -> None:
    error = listing["plugins"]["duplicate"]["error"]
    assert "rnnbench" in error
    assert "acme-duplicate 0.4" in error
    assert "lstm-of-a-third-party" not in listing["models"]


def test_output_and_warnings_of_a_plugin_stay_off_stdout(seen: dict[str, Any]) -> None:
    # The output could be parsed as JSON, so "hello from a plugin" did not reach stdout. The warning
    # is recorded when the module is imported, by the first listing.
    first = next(iter(seen["listings"].values()))
    (warning,) = first["plugins"]["talkative"]["warnings"]
    assert warning.startswith("UserWarning: this plugin is old (acme_talkative.py:")


def test_the_command_line_lists_faults_and_warnings(shelf: Path) -> None:
    listed = answer(COMMAND, shelf=shelf)
    assert listed["code"] == 1
    warning = "warning of talkative (acme-talkative"
    assert any(line.startswith(warning) for line in listed["out"].splitlines())
    assert "No module named" in listed["out"]


@pytest.mark.parametrize("name", ["leaky", "talkative", "running-parity"])
def test_a_good_plugin_keeps_the_contract(failed: dict[str, dict[str, str]], name: str) -> None:
    assert failed[name] == {}


def test_a_model_that_looks_ahead_is_caught(failed: dict[str, dict[str, str]]) -> None:
    assert "causal=False" in failed["looks-ahead"]["the future does not reach the past"]


def test_a_model_that_drops_its_state_is_caught(failed: dict[str, dict[str, str]]) -> None:
    message = failed["forgetful"]["the returned state continues the sequence"]
    assert "start from state" in message
    assert "the future does not reach the past" not in failed["forgetful"]


def test_plugins_can_be_switched_off_by_name_and_by_distribution(seen: dict[str, Any]) -> None:
    listing = seen["listings"]["exits, Acme_Leaky,gru"]
    switched_off = {name for name, report in listing["plugins"].items() if report["disabled"]}
    assert switched_off == {"exits", "leaky", "gru"}
    assert not {"leaky", "gru"} & set(listing["models"])
    assert listing["plugins"]["exits"]["error"] is None


def test_all_leaves_only_rnnbench_itself(seen: dict[str, Any]) -> None:
    listing = seen["listings"]["all"]
    loaded = {
        report["provider"]["distribution"]
        for report in listing["plugins"].values()
        if not report["disabled"]
    }
    assert loaded == {"rnnbench"}
    assert "lstm" in listing["models"]
    assert "leaky" not in listing["models"]
