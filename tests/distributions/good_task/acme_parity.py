"""A third-party task: the parity of all bits so far."""

from dataclasses import dataclass
from typing import ClassVar

import torch
from pydantic import PositiveInt

import rnnbench
from rnnbench.metrics import ACCURACY


@dataclass(frozen=True)
class Parity(rnnbench.GeneratedTask):
    """Predict after every bit whether the number of ones so far is odd."""

    bits: PositiveInt = 8
    citations: ClassVar[tuple[rnnbench.Citation, ...]] = (
        rnnbench.Citation("Minsky & Papert 1969", "Perceptrons"),
    )
    presets: ClassVar[dict[str, rnnbench.Preset]] = {
        "quick": rnnbench.Preset(options={"bits": 4}, settings={"steps": 10})
    }

    inputs = rnnbench.Tokens(2)
    outputs = rnnbench.Tokens(2)
    steps = "every"
    metric = ACCURACY
    perfect = 1.0
    solved = 0.99

    @property
    def length(self) -> int:
        """T, the number of bits."""
        return self.bits

    @property
    def baseline(self) -> float:
        """The bit itself is the parity at the first step; later the parity is independent of it."""
        return (1 + 0.5 * (self.bits - 1)) / self.bits

    def sample(self, n: int, generator: torch.Generator) -> rnnbench.Batch:
        inputs = torch.randint(2, (n, self.bits), generator=generator, device=generator.device)
        return rnnbench.Batch(inputs=inputs, targets=inputs.cumsum(1) % 2)


@rnnbench.hookimpl
def register_tasks(register: rnnbench.RegisterTask) -> None:
    register("running-parity", Parity)
