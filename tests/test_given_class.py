"""``rnnbench.run(task, MyCore)`` in a script: a class of ``__main__``, run in other processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rnnbench.execution.lock import FOLDER_VARIABLE
from rnnbench.records.store import Store

SCRIPT = """
import rnnbench
from torch import nn

COUNT = {unused}
SCALE = {scale}

def scaled(x):
    return SCALE * x

class MyGRU(nn.Module):
    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1) -> None:
        super().__init__()
        self.cell = nn.GRU(input_size, hidden_size, num_layers, batch_first=True)

    def forward(self, x, state=None):
        return self.cell(scaled(x), state)

class Forgot(nn.GRU):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)  # without batch_first=True

rows = rnnbench.run(
    "copy-memory[delay=2,symbols=2]", {models}, seeds=1, steps=3, batch_size=4, hidden_size=4,
    validation_size=8, test_size=8, probes=False, progress=False, dry_run={dry_run},
)
print(rows.to_json(orient="records"))
"""


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "locks"))

    def execute(models: str, *, dry_run: bool = False, scale: float = 0.5, unused: int = 1) -> Any:
        script = tmp_path / "script.py"
        script.write_text(
            SCRIPT.format(models=models, dry_run=dry_run, scale=scale, unused=unused),
            encoding="utf-8",
        )
        done = subprocess.run(
            [sys.executable, script],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return execute


def test_a_class_of_a_script_is_trained_and_its_source_is_stored(tmp_path: Path, run: Any) -> None:
    rows = run('[MyGRU, "my-gru[num_layers=2]", Forgot]')
    by_model = {(row["model"], row["model_options"]): row for row in rows}
    statuses = {row["model"]: row["status"] for row in rows}
    assert len(rows) == len(by_model) == 3
    assert statuses == {"my-gru": "done", "forgot": "failed"}
    (forgot,) = [row for row in rows if row["model"] == "forgot"]
    assert forgot["error"].startswith("breaks the contract: sequences do not mix:")
    assert forgot["score"] is None
    with Store(tmp_path / "rnnbench.db") as store:
        record = next(each for each in store.records() if each.spec.model.name == "my-gru")
    assert record.command.startswith(
        "rnnbench.run('copy-memory[delay=2,symbols=2]', [MyGRU, 'my-gru[num_layers=2]', Forgot], "
    )
    code = record.spec.model.code
    assert code is not None
    assert "SCALE = 0.5" in code
    assert code.rstrip().endswith("return self.cell(scaled(x), state)")
    # The identity is that of the code, in whatever script it stands.
    (same,) = run("MyGRU", dry_run=True, unused=2)
    (other,) = run("MyGRU", dry_run=True, scale=0.25)
    assert same["status"] == "done"
    assert other["status"] == "to run"
