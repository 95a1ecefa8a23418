"""``bf16-mixed`` on a processor without bfloat16 instructions is refused before any trial."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from rnnbench.execution.lock import FOLDER_VARIABLE

SIZES = ["--steps", "2", "--batch-size", "4", "--hidden-size", "4", "--validation-size", "8"]


@pytest.mark.skipif(
    platform.machine() != "x86_64" or not torch.backends.mkldnn.is_available(),  # type: ignore[no-untyped-call]
    reason="the kernels in question are oneDNN's on x86",
)
def test_a_processor_without_bfloat16_is_told_what_to_type(tmp_path: Path) -> None:
    done = subprocess.run(
        [
            *(sys.executable, "-m", "rnnbench", "run", "-t", "copy-memory[delay=2]", "-m"),
            *("gru,lstm", "--precision", "bf16-mixed", "--seeds", "1", *SIZES, "--test-size", "8"),
            *("--no-report", "--no-probes", "--accelerator", "cpu", "--store", "x.db"),
        ],
        cwd=tmp_path,
        # oneDNN then takes the kernels of a processor with AVX2 only.
        env={
            **os.environ,
            "ONEDNN_MAX_CPU_ISA": "AVX2",
            FOLDER_VARIABLE: str(tmp_path / "locks"),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("rnnbench: --precision bf16-mixed: lstm does not run in bfloat16 on")
    assert line.endswith("type --precision 32.")
    assert done.stdout == ""
