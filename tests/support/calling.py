"""Call the command line, in this process or in one of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from rnnbench.cli.main import main


@dataclass(frozen=True)
class Answer:
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    @property
    def complaint(self) -> str:
        """The one line on stderr of a command that was refused."""
        assert self.code == 2, self
        assert self.err.startswith("rnnbench: "), self
        assert self.err.count("\n") == 1, self
        assert self.err.removesuffix("\n").isprintable(), self
        return self.err


def call(*words: str) -> Answer:
    """Call the command line in this process."""
    out = io.TextIOWrapper(io.BytesIO(), encoding="utf-8", newline="")  # takes bytes too
    err = io.StringIO()
    code: object = None
    with redirect_stdout(out), redirect_stderr(err):
        try:
            main(words)
        except SystemExit as end:
            code = end.code
    assert isinstance(code, int)
    out.flush()
    return Answer(code, out.buffer.getvalue().decode(), err.getvalue())


def spawn(*words: str, cwd: Path) -> Answer:
    """Call the command line in a process of its own, with its own lock on the machine."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "RNNBENCH_LOCK_DIR": str(cwd / "locks")}
    environment.pop("RNNBENCH_STORE", None)
    done = subprocess.run(
        [sys.executable, "-m", "rnnbench", *words],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return Answer(done.returncode, done.stdout, done.stderr)
