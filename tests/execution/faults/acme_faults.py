"""Models with one fault each, and a task that takes no time."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from pydantic import PositiveFloat
from torch import Tensor, nn

import rnnbench
from rnnbench import Batch, Citation, GeneratedTask, Metric, Tokens
from rnnbench.metrics import ACCURACY


class Good(nn.Module):
    """A plain recurrent network that works."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.RNN(input_size, hidden_size, batch_first=True)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        if self.training and torch.is_grad_enabled():
            self.misbehave()
        outputs, state = self.cell(x, state)
        return outputs, state

    def misbehave(self) -> None:
        """Do nothing; a faulty model overrides it."""


class Segfault(Good):
    """Reads a null pointer."""

    def misbehave(self) -> None:
        ctypes.string_at(0)


class SegfaultAnywhere(Good):
    """Reads a null pointer in evaluation too."""

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        ctypes.string_at(0)
        return super().forward(x, state)


class Hangs(Good):
    """Sleeps without end."""

    def misbehave(self) -> None:
        time.sleep(3600)


class IgnoresSigterm(Good):
    """Sleeps without end and ignores SIGTERM."""

    def misbehave(self) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(3600)


class ForksChildren(Good):
    """Starts children and hangs; the children write their process ids."""

    def misbehave(self) -> None:
        for _ in range(3):
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
        time.sleep(3600)


class ExitsZero(Good):
    """Ends its process with exit code 0."""

    def misbehave(self) -> None:
        os._exit(0)


class Raises(Good):
    """Raises an exception with a hostile text."""

    def misbehave(self) -> None:
        raise KeyError("<script>alert(1)</script>\n=cmd|' /C calc'!A0\x1b[31m")


class LeavesBySystemExit(Good):
    """Calls ``sys.exit(0)``."""

    def misbehave(self) -> None:
        sys.exit(0)


class MemoryHog(Good):
    """Allocates more memory than there is."""

    def misbehave(self) -> None:
        self.kept = [torch.empty(1 << 28) for _ in range(1000)]


class WrongShape(Good):
    """Returns outputs of a width that it did not declare."""

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        outputs, state = super().forward(x, state)
        return outputs[..., :-1], state


class NanLoss(Good):
    """Its outputs become NaN in training."""

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        outputs, state = super().forward(x, state)
        return (outputs * float("nan"), state) if self.training else (outputs, state)


class NanValidation(Good):
    """Its outputs become NaN in evaluation."""

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        outputs, state = super().forward(x, state)
        return (outputs, state) if self.training else (outputs * float("nan"), state)


class Slow(Good):
    """Sleeps in every step."""

    def __init__(self, input_size: int, hidden_size: int, pause: PositiveFloat = 0.01) -> None:
        super().__init__(input_size, hidden_size)
        self.pause = pause

    def misbehave(self) -> None:
        time.sleep(self.pause)


class Talkative(Good):
    """Prints 100 kB of text, more than a log keeps."""

    def misbehave(self) -> None:
        print("x" * 100_000)
        print("the last words", file=sys.stderr)


class SpeaksBinary(Good):
    """Prints bytes that are not UTF-8."""

    def misbehave(self) -> None:
        os.write(1, bytes(range(256)) * 100)


class Scribbles(Good):
    """Writes garbage to every open file descriptor."""

    def misbehave(self) -> None:
        for descriptor in range(3, 256):
            with contextlib.suppress(OSError):
                os.set_blocking(descriptor, False)
                os.write(
                    descriptor,
                    os.urandom(1000) + b'\n{"result": [1]}\n{"progress": "far"}\n7\n{"result"',
                )
                os.set_blocking(descriptor, True)


class ClosesEverything(Good):
    """Closes every file that its process has open."""

    def misbehave(self) -> None:
        os.closerange(3, 256)


class EscapesItsGroup(Good):
    """Starts children in sessions of their own, one of them an orphan at once, and hangs."""

    def misbehave(self) -> None:
        sleep = [sys.executable, "-c", "import time; time.sleep(3600)"]
        subprocess.Popen(sleep, start_new_session=True)
        if os.fork() == 0:
            subprocess.Popen(sleep, start_new_session=True)
            os._exit(0)
        time.sleep(3600)


class KillsItsParent(Good):
    """Kills the process that it was forked from."""

    def misbehave(self) -> None:
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(3600)


class DrawsMuch(Good):
    """Records a plot of several megabytes."""

    def plots(self, inputs: Tensor, lengths: Tensor | None) -> list[Any]:
        values = tuple(
            tuple(float(row * column) / 7 for column in range(500)) for row in range(500)
        )
        return [rnnbench.HeatmapPlot(title="much", x_label="x", y_label="y", values=values)]


class Declines(Good):
    """Works, but is registered as declining every task."""


@dataclass(frozen=True)
class Instant(GeneratedTask):
    """Classify which of two symbols came first; a step takes no time."""

    citations: ClassVar = (Citation("Nobody 2000", "A task for tests"),)

    inputs = Tokens(2)
    outputs = Tokens(2)
    steps = "last"
    length = 4
    metric: ClassVar[Metric] = ACCURACY
    baseline = 0.5
    perfect = 1.0
    solved = 0.95

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        inputs = torch.randint(2, (n, self.length), generator=generator, device=generator.device)
        return Batch(inputs, inputs[:, 0])


FAULTS = {
    "good": Good,
    "segfault": Segfault,
    "segfault-anywhere": SegfaultAnywhere,
    "hangs": Hangs,
    "ignores-sigterm": IgnoresSigterm,
    "forks-children": ForksChildren,
    "exits-zero": ExitsZero,
    "raises": Raises,
    "leaves-by-system-exit": LeavesBySystemExit,
    "memory-hog": MemoryHog,
    "wrong-shape": WrongShape,
    "nan-loss": NanLoss,
    "nan-validation": NanValidation,
    "slow": Slow,
    "talkative-model": Talkative,
    "speaks-binary": SpeaksBinary,
    "scribbles": Scribbles,
    "closes-everything": ClosesEverything,
    "escapes-its-group": EscapesItsGroup,
    "kills-its-parent": KillsItsParent,
    "draws-much": DrawsMuch,
}


@rnnbench.hookimpl
def register_models(register: Any) -> None:
    for name, core in FAULTS.items():
        register(name, core)
    register("declines", Declines, incompatible=lambda *_: "it takes nothing on")


@rnnbench.hookimpl
def register_tasks(register: Any) -> None:
    register("instant", Instant)
