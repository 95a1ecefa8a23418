"""Claims from the command line: listed, shown, checked, run, gated, and judged from a store."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.calling import call
from tests.support.installing import environment_with, install

DISTRIBUTION = Path(__file__).parents[1] / "distributions" / "good_claim"
NAME = "rnn-gradient-reaches-further"

Shell = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Shell:
    """Run ``rnnbench`` in a fresh interpreter in which the plugin is installed."""
    shelf = install(
        [DISTRIBUTION], tmp_path_factory.mktemp("shelf"), tmp_path_factory.mktemp("sources")
    )
    folder = tmp_path_factory.mktemp("runs")
    environment = environment_with(shelf) | {"RNNBENCH_LOCK_DIR": str(folder / "locks")}

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "rnnbench", *words],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    run.folder = folder  # type: ignore[attr-defined]
    return run


@pytest.mark.slow
def test_a_claim_of_a_third_party_is_checked_run_and_gated(shell: Shell) -> None:
    listed = shell("claims")
    assert listed.returncode == 0, listed
    assert NAME in listed.stdout
    assert "acme-claims 0.3" in listed.stdout
    shown = shell("info", NAME)
    assert "supported if it is above 0" in shown.stdout
    assert "Acme 2026" in shown.stdout
    checked = shell("check", NAME)
    assert checked.returncode == 0, checked
    ran = shell("run", "--claim", NAME, "--store", "a.db", "--report", "report", "--gate")
    assert ran.returncode == 3, ran
    assert "contradicted" in ran.stdout
    assert ran.stderr.splitlines()[-1] == f"rnnbench: contradicted: {NAME}."
    # no claim here is about speed, so that none is measured
    assert "measuring the speed" not in ran.stdout
    folder: Path = shell.folder  # type: ignore[attr-defined]
    page = (folder / "report" / "index.html").read_text(encoding="utf-8")
    assert "1 contradicted" in page
    verdicts = (folder / "report" / "verdicts.csv").read_text(encoding="utf-8")
    assert f"{NAME},contradicted," in verdicts
    assert [each.suffix for each in (folder / "report" / "figures").iterdir()].count(".svg") == 1
    judged = shell("claims", "rnn-*", "--store", "a.db")
    assert judged.returncode == 0, judged
    assert "contradicted" in judged.stdout
    assert shell("claims", "--store", "a.db", "--gate").returncode == 3


def test_claims_are_listed_with_what_they_say() -> None:
    answer = call("claims", "lstm-gradient-*")
    assert answer.code == 0, answer
    assert answer.out.startswith("lstm-gradient-")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("claims", "nothing-like-this"), "no claim called 'nothing-like-this'"),
        (("claims", "--store", "missing.db"), "missing.db"),
        (("run", "--claim", "nothing-like-this"), "no claim called"),
        (("run", "--gate", "-t", "parity"), "--gate needs claims"),
        (("run", "--claim", "lstm-*", "-m", "gru"), "models"),
        (("check", "lstm-gradient-decays-more-slowly[a=1]"), "no options"),
    ],
)
def test_a_mistake_is_one_line(words: tuple[str, ...], message: str, folder: Path) -> None:
    answer = call(*words)
    assert answer.code == 2, answer
    assert message in answer.err
    assert len(answer.err.splitlines()) == 1
    assert not list(folder.glob("*.db"))
