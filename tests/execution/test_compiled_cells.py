"""Trials of cells with a compiled step: recorded, shared by processes, and without a compiler."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

import rnnbench
from rnnbench.cells.compiler import NoCompilerError, require_compiler
from rnnbench.execution.lock import FOLDER_VARIABLE
from rnnbench.records.result import Record, Status
from rnnbench.records.store import Store

TASK = "adding[length=12]"
SMALL: dict[str, Any] = {
    "steps": 4,
    "batch_size": 4,
    "validation_size": 8,
    "test_size": 8,
    "hidden_size": 4,
    "jobs": 1,
    "accelerator": "cpu",
    "contract_checks": False,
    "probes": False,
    "progress": False,
}


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of compiled code, at first empty; the processes of a run inherit its name."""
    folder = tmp_path / "compiled"
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(folder))
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "locks"))
    return folder


@pytest.fixture
def compiler() -> None:
    """Skip the test on a machine without a compiler."""
    try:
        require_compiler(torch.device("cpu"))
    except NoCompilerError as reason:
        pytest.skip(str(reason))


def _run(model: str, store: Path, **settings: Any) -> list[Record]:
    rnnbench.run(TASK, model, store=store, **{**SMALL, **settings})
    with Store(store) as opened:
        return sorted(opened.records(), key=lambda each: each.spec.seed)


def _files(folder: Path) -> dict[str, int]:
    """Return the files of compiled code and of compiled graphs, with their times."""
    return {
        str(path.relative_to(folder)): path.stat().st_mtime_ns
        for path in folder.rglob("*")
        if path.is_file() and (path.suffix == ".so" or "fxgraph" in path.parts)
    }


@pytest.mark.slow
@pytest.mark.usefixtures("compiler")
def test_a_compiled_trial_says_so_and_the_next_process_compiles_nothing(
    cache: Path, tmp_path: Path
) -> None:
    store = tmp_path / "x.db"
    (first,) = _run("irnn[impl=compiled]", store, seeds=[0])
    assert first.result.status is Status.DONE
    made = _files(cache)
    assert any(name.endswith(".so") for name in made)
    _, second = _run("irnn[impl=compiled]", store, seeds=[1])
    assert second.result.status is Status.DONE
    assert _files(cache) == made
    for each in (first, second):
        assert each.result.learning is not None
        assert each.result.learning.implementation == "compiled step"
    shown = subprocess.run(
        [sys.executable, "-m", "rnnbench", "show", first.spec.trial_id, "--store", str(store)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "compiled step" in shown.stdout


@pytest.mark.usefixtures("cache")
def test_compiled_fails_in_one_line_without_a_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    (record,) = _run("irnn[impl=compiled]", tmp_path / "x.db", seeds=[0])
    assert record.result.status is Status.FAILED
    error = record.result.error or ""
    assert "compiler" in error
    assert "impl=reference" in error
    assert "\n" not in error


@pytest.mark.usefixtures("cache")
def test_auto_trains_by_the_plain_loop_without_a_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    # long enough to be compiled, and over after two validations
    settings = {"steps": 10**6, "validate_every": 1, "patience": 1, "learning_rate": 1e-12}
    (record,) = _run("irnn", tmp_path / "x.db", seeds=[0], **settings)
    assert record.result.status is Status.DONE, record.result.error
    assert record.result.learning is not None
    line = record.result.learning.implementation or ""
    assert line.startswith("plain loop: ")
    assert "compiler" in line
    print(capfd.readouterr())


PREPARING = """
import torch
from torch._dynamo.utils import counters
from rnnbench.contract import registry
core = registry.load().models["irnn"].build(2, 4, {"impl": "compiled"})
assert core.prepare(torch.zeros(4, 5, 2), None) == "compiled step"
found = counters["inductor"]
print(found["fxgraph_cache_hit"], found["fxgraph_cache_miss"])
"""


def _preparing() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", PREPARING],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # the C++ compiler is killed with it
        start_new_session=True,
    )


@pytest.mark.slow
@pytest.mark.usefixtures("compiler")
def test_a_process_killed_while_it_compiles_leaves_a_usable_cache(cache: Path) -> None:
    with _preparing() as killed:
        end = time.monotonic() + 120
        while killed.poll() is None and time.monotonic() < end:
            # the first file that the C++ compiler is given
            if any(cache.rglob("*.main.cpp")):
                break
            time.sleep(0.01)
        assert killed.poll() is None, killed.stderr and killed.stderr.read()
        os.killpg(killed.pid, signal.SIGKILL)
    counts = []
    for _ in range(2):
        with _preparing() as process:
            printed, errors = process.communicate(timeout=200)
        assert process.returncode == 0, errors
        counts.append(tuple(map(int, printed.split())))
    assert counts == [(0, 2), (2, 0)]
