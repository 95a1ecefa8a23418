"""The output of every command in encodings that lack its characters."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from rnnbench.cli.main import commands, main
from rnnbench.records.store import Store
from tests.cli.conftest import TINY
from tests.support.calling import Answer
from tests.support.factory import record

ENCODINGS = ["ascii", "latin-1", "cp1252"]


def encoded(encoding: str, *words: str) -> tuple[int, str, str]:
    """Call the command line with streams of an encoding; return the exit code and the texts."""
    raw = io.BytesIO(), io.BytesIO()
    code: object = None
    kept = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (io.TextIOWrapper(each, encoding=encoding) for each in raw)
    try:
        main(words)
    except SystemExit as end:
        code = end.code
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        out, err = (each.getvalue().decode(encoding) for each in raw)
        sys.stdout, sys.stderr = kept
    assert isinstance(code, int)
    return code, out, err


@pytest.fixture
def symbols(store: Path) -> Path:
    """A store whose tables need an infinity, dashes and letters that ASCII lacks."""
    with Store(store) as opened:
        for seed in range(3):
            made = record(0.9, model="endless", seed=seed, slope=0.0)
            opened.add(made.spec, made.result, started_at="", seconds=1.0, log="läuft … ∞ 東\n")
    return store


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    "words",
    [
        ("compare", "lstm", "endless"),
        ("compare", "lstm", "endless", "--markdown"),
        ("report", "-o", "é∞"),
        ("export", "é∞.csv"),
        ("show", "TRIAL"),
        ("show", "TRIAL", "--log"),
        ("list",),
        ("plugins",),
        ("new", "model", "my-cell", "ö→"),
        ("new", "suite", "mine", "ö→.yaml"),
        ("new", "suite", "--schema"),
        ("check", "rnn"),
        ("run", "--dry-run", "-t", "copy-memory", "-m", "rnn"),
        ("nobody→",),
        ("run", "→"),
    ],
)
def test_every_command_prints_in_any_encoding(
    symbols: Path, encoding: str, words: tuple[str, ...]
) -> None:
    with Store(symbols) as store:
        trial = next(r.trial_id for r in store.records() if r.spec.model.name == "endless")
    code, out, err = encoded(encoding, *(trial if word == "TRIAL" else word for word in words))
    assert code == (2 if "→" in words[-1] and words[0] != "new" else 0), (out, err)
    assert "Traceback" not in out + err
    if words[0] == "show":
        assert "..." in out or encoding == "cp1252"
        assert r"\u6771" in out
    if words[0] == "export":
        assert out.endswith("inf.csv\n")
        assert Path("é∞.csv").is_file()


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_columns_stay_straight(symbols: Path, encoding: str) -> None:
    del symbols
    _, out, _ = encoded(encoding, "compare", "lstm", "endless")
    head, *rows = out.splitlines()[1:]
    start = head.index("endless")
    for row in rows:
        if row.lstrip().startswith(("score", "gradient", "parameters")):
            assert row[start - 2 : start] == "  ", row
            assert row[start] != " ", row
    assert "inf" in out


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_run_prints_its_table_in_any_encoding(
    swept: tuple[Path, Answer], folder: Path, monkeypatch: pytest.MonkeyPatch, encoding: str
) -> None:
    monkeypatch.setenv("RNNBENCH_LOCK_DIR", str(folder / "locks"))
    store = str(swept[0] / "rnnbench.db")
    code, out, err = encoded(encoding, *TINY, "--no-report", "--store", store)
    assert (code, err) == (0, "")
    assert "one seed: no interval" in out
    assert "baseline 0.125, perfect 1" in out


@pytest.mark.parametrize("name", ["", *commands.commands])
def test_help_is_ascii(name: str) -> None:
    words = [name] if name else []
    with commands.make_context("rnnbench", [*words, "--help"], resilient_parsing=True) as context:
        command: click.Command = commands.commands[name] if name else commands
        assert command.get_help(context).isascii()


@pytest.mark.parametrize(
    "variables",
    [
        {"PYTHONIOENCODING": "latin-1"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
)
def test_a_process_in_another_locale_prints_its_table(
    symbols: Path, variables: dict[str, str]
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rnnbench", "compare", "lstm", "endless", "--store", symbols.name],
        cwd=symbols.parent,
        env={**os.environ, **variables},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"inf" in done.stdout
