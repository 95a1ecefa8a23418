"""A third party's task: the parity of all bits so far."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from pydantic import PositiveInt

import rnnbench
from rnnbench.metrics import ACCURACY


@dataclass(frozen=True)
class Parity(rnnbench.GeneratedTask):
    """Say after every bit whether the number of ones so far is odd."""

    bits: PositiveInt = 8
    citations: ClassVar[tuple[rnnbench.Citation, ...]] = (
        rnnbench.Citation("Minsky & Papert 1969", "Perceptrons"),
    )
    presets: ClassVar[dict[str, rnnbench.Preset]] = {
        "quick": rnnbench.Preset(options={"bits": 4}, settings={"steps": 10})
    }

    @property
    def inputs(self) -> rnnbench.Tokens:
        return rnnbench.Tokens(2)

    @property
    def outputs(self) -> rnnbench.Tokens:
        return rnnbench.Tokens(2)

    @property
    def steps(self) -> Literal["every"]:
        return "every"

    @property
    def length(self) -> int:
        return self.bits

    @property
    def metric(self) -> rnnbench.Metric:
        return ACCURACY

    @property
    def baseline(self) -> float:
        """The bit itself is the parity at the first step, and a coin's toss afterwards."""
        return (1 + 0.5 * (self.bits - 1)) / self.bits

    @property
    def perfect(self) -> float:
        return 1.0

    @property
    def solved(self) -> float:
        return 0.99

    def sample(self, n: int, generator: torch.Generator) -> rnnbench.Batch:
        inputs = torch.randint(2, (n, self.bits), generator=generator, device=generator.device)
        return rnnbench.Batch(inputs=inputs, targets=inputs.cumsum(1) % 2)


@rnnbench.hookimpl
def register_tasks(register: rnnbench.RegisterTask) -> None:
    register("running-parity", Parity)
