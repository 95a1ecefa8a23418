"""The command line as a whole: light help, exit codes, and one line for every error."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import rnnbench
from rnnbench.cli.main import commands
from tests.support.calling import call, spawn

HEAVY = ("torch", "pytorch_lightning", "pandas", "matplotlib", "scipy", "rich")


@pytest.mark.parametrize(
    "words", [["--help"], ["--version"], ["run", "--help"], ["nobody"], ["run", "--nothing"]]
)
def test_help_loads_no_heavy_module(words: list[str]) -> None:
    code = (
        "import json, sys\n"
        "from rnnbench.cli.main import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout.splitlines()[-1]) == []


def test_a_process_prints_the_version_and_exits_with_0(folder: Path) -> None:
    answer = spawn("--version", cwd=folder)
    assert (answer.code, answer.err) == (0, "")
    assert rnnbench.__version__ in answer.out


def test_a_process_reports_wrong_usage_in_one_line_and_exits_with_2(folder: Path) -> None:
    assert "Did you mean 'run'?" in spawn("rnu", cwd=folder).complaint


@pytest.mark.parametrize("name", ["", *commands.commands])
def test_every_command_has_help(name: str) -> None:
    answer = call(*filter(None, [name]), "--help")
    assert answer.code == 0
    assert answer.out.startswith("Usage: rnnbench")
    assert answer.err == ""
    assert max(map(len, answer.out.splitlines())) <= 110


def test_help_is_shown_without_arguments() -> None:
    answer = call()
    assert answer.code == 2
    assert answer.err.startswith("Usage: rnnbench")
    assert "rnnbench run --task copy-memory --preset quick" in answer.err


def test_a_closed_pipe_and_a_full_disk_are_reported_without_a_traceback(folder: Path) -> None:
    command = [sys.executable, "-m", "rnnbench", "list", "suites"]
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as unread, Path("/dev/full").open("wb") as full:
        gone = subprocess.run(
            command, cwd=folder, stdout=unread, stderr=subprocess.PIPE, text=True, check=False
        )
        filled = subprocess.run(
            command, cwd=folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (gone.returncode, gone.stderr) == (1, "")
    assert (filled.returncode, filled.stderr) == (
        2,
        "rnnbench: the output cannot be used: No space left on device.\n",
    )


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nobody"], "rnnbench --help"),
        (["exprot"], "Did you mean 'export'?"),
        (["a\x1b[31m\nb"], "no command called"),
        (["--nothing"], "No such option"),
        (["run"], "rnnbench run --task copy-memory"),
        (["run", "extra", "-t", "copy-memory"], "unexpected extra argument"),
        (["run", "extra", "-t", "copy-memory"], "rnnbench run --help"),
        (["run", "--nothing", "-t", "copy-memory"], "rnnbench run --help"),
        (["run", "-t", "copy-memory", "--stesp", "5"], "--steps"),
        (["list", "modles"], "'modles' is not one of"),
        (
            ["list", "models", "lsmt"],
            "Did you mean 'lstm'? Type: rnnbench list models",
        ),
        (["list", "tasks", "x*"], "rnnbench list tasks"),
        (["list", "suites", "memry"], "Did you mean 'memory'?"),
        (["plugins", "extra"], "unexpected extra argument"),
        (["show"], "Missing argument 'TRIAL'"),
        (["show", "abc"], "rnnbench run"),
        (["report"], "no such store"),
        (["export"], "Missing argument 'OUTPUT'"),
        (["export", "out.csv"], "no such store"),
        (["export", "out.csv", "--store", "."], "is a folder, not a store"),
        (["compare", "lstm"], "Missing argument 'B'"),
        (["compare", "lstm", "gru"], "no such store"),
        (["compare", "old.db", "new.db"], "old.db: no such store"),
        (["check"], "Missing argument 'NAME'"),
        (["check", "nobody"], "rnnbench list"),
        (["check", "copy-memoy"], "Did you mean 'copy-memory'?"),
        (["check", "lstm[num_layers=0]"], "num_layers=0"),
        (["check", "lstm[num_layers"], "is not closed"),
        (["check", ""], "rnnbench list"),
        (["new", "modle", "x"], "'modle' is not one of"),
        (["new", "model"], "rnnbench new model my-model"),
        (["new", "suite"], "rnnbench new suite my-suite"),
        (["new", "suite", "a", "a.txt"], "type 'a.txt.yaml'"),
        (["new", "suite", "a", "/proc/a.yaml"], "cannot be written"),
        (["new", "suite", "Not_A_Name"], "lower-case letters, digits and single hyphens"),
        (["new", "model", "--schema"], "rnnbench new suite --schema"),
        (["new", "model", "Not_A_Name"], "lower-case letters, digits and single hyphens"),
        (["new", "model", "lstm"], "is installed already"),
        (["new", "task", "mine", "/proc/mine"], "cannot be written"),
        (["doctor", "extra"], "unexpected extra argument"),
    ],
)
def test_a_wrong_word_is_refused_in_one_line(words: list[str], message: str) -> None:
    assert message in call(*words).complaint


PLAUSIBLE = """
run list report compare export show new models tasks suites model lstm rnnbench.db out.csv
out.parquet out.jsonl -t -m --store -o --title --curves --markdown --fail-on-regression --log
--help -- copy-memory all 0 * .
"""
WORDS = st.one_of(
    st.sampled_from([*PLAUSIBLE.split(), ""]),
    st.text(st.characters(exclude_characters="/\0"), max_size=12),
    st.text("9", min_size=4000, max_size=5000),
)


@settings(
    deadline=None, max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    command=st.sampled_from(["list", "plugins", "compare", "export", "show", "new", "nobody"]),
    words=st.lists(WORDS, max_size=4),
)
def test_any_arguments_end_with_a_documented_exit_code(
    store: Path, command: str, words: list[str]
) -> None:
    answer = call(command, *words)
    assert answer.code in (0, 1, 2, 3)
    if answer.code == 2:
        assert answer.complaint
    assert "\x1b" not in answer.out
    assert store.exists()
