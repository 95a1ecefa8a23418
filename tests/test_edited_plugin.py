"""A plugin installed with ``pip install -e``, edited between two runs."""

from __future__ import annotations

import site
import sqlite3
import sys
import venv
from pathlib import Path

import pytest

from rnnbench.execution.lock import FOLDER_VARIABLE
from tests.support.installing import run_python

PROJECT = {
    "pyproject.toml": """
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "acme-edited"
version = "1.0"

[project.entry-points.rnnbench]
edited = "acme_edited"

[tool.setuptools]
py-modules = ["acme_edited", "acme_equation"]
""",
    "acme_edited.py": """
from pathlib import Path

import rnnbench
import torch
from torch import nn

from acme_equation import LEAK


class Edited(nn.GRU):
    def __init__(self, input_size: int, hidden_size: int, scale: Path | None = None) -> None:
        super().__init__(input_size, hidden_size, batch_first=True)
        self.scale = LEAK if scale is None else float(scale.read_text())

    def forward(self, x, state=None):
        return super().forward(self.scale * x, state)


@rnnbench.hookimpl
def register_models(register: rnnbench.RegisterModel) -> None:
    register("edited", Edited)
""",
    "acme_equation.py": "LEAK = 0.5\n",
}


class Bench:
    """An environment of its own, in which the plugin is installed editable."""

    def __init__(self, folder: Path) -> None:
        self.project = folder / "project"
        self.project.mkdir()
        for name, text in PROJECT.items():
            (self.project / name).write_text(text, encoding="utf-8")
        builder = venv.EnvBuilder(with_pip=False, symlinks=True)
        builder.create(folder / "venv")
        self.python = folder / "venv" / "bin" / "python"
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = folder / "venv" / "lib" / version / "site-packages"
        # The packages of these tests, with their own .pth files.
        lines = [f"import site; site.addsitedir({path!r})" for path in site.getsitepackages()]
        (packages / "parent.pth").write_text("\n".join(lines), encoding="utf-8")
        options = ["--quiet", "--no-deps", "--no-index", "--no-build-isolation"]
        run_python(
            ["-m", "pip", "install", *options, "--editable", str(self.project)], python=self.python
        )
        self.store = folder / "x.db"

    def run(self, model: str, *flags: str) -> str:
        """Run one small trial of the model; return what is printed."""
        sizes = ["--steps", "3", "--batch-size", "4", "--hidden-size", "4", "--test-size", "8"]
        small = ["--validation-size", "8", "--seeds", "1", "--no-probes", "--no-report"]
        task = "copy-memory[delay=2,symbols=2]"
        words = ["run", "-t", task, "-m", model, "--store", str(self.store), *sizes, *small]
        return run_python(["-m", "rnnbench", *words, *flags], python=self.python).stdout

    def attempts(self) -> list[tuple[str, int]]:
        """Return (trial, number of its last attempt) in the order of the trials' first attempts."""
        connection = sqlite3.connect(self.store)
        rows = connection.execute(
            "SELECT trial_id, max(attempt) FROM attempts GROUP BY trial_id ORDER BY min(started_at)"
        ).fetchall()
        connection.close()
        return rows


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "locks"))
    return Bench(tmp_path)


def test_an_edited_equation_or_file_is_run_again_and_an_equal_one_is_not(bench: Bench) -> None:
    bench.run("edited")
    (bench.project / "acme_equation.py").write_text("LEAK = 0.25\n", encoding="utf-8")
    assert "already stored" not in bench.run("edited")
    assert "1 of them already stored" in bench.run("edited")
    assert "already stored" not in bench.run("edited", "--retry", "done")
    assert [last for _, last in bench.attempts()] == [1, 2]

    file = bench.project / "scale.txt"
    model = f"edited[scale={file}]"
    file.write_text("2", encoding="utf-8")
    assert "edited[scale=scale.txt]" in bench.run(model)
    moved = file.rename(bench.project.parent / "scale.txt")
    assert "1 of them already stored" in bench.run(f"edited[scale={moved}]")
    moved.write_text("3", encoding="utf-8")
    assert "already stored" not in bench.run(f"edited[scale={moved}]")
    assert len(bench.attempts()) == 4
