"""Train small networks with and without memory on a task."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from rnnbench.contract.task import Diagnosis, Task
from rnnbench.records.settings import Settings
from rnnbench.training.data import Source, source_of
from rnnbench.training.evaluation import evaluate, predict
from rnnbench.training.loop import Learner, fit
from rnnbench.training.network import Network

CPU = torch.device("cpu")


class Gated(nn.Module):
    """A network with memory: a GRU."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.gru = nn.GRU(input_size, hidden_size, batch_first=True)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        outputs, state = self.gru(x, state)
        return outputs, state


class OneStep(nn.Module):
    """A network without memory: a perceptron at each step."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(input_size, hidden_size), nn.ReLU(), nn.Linear(hidden_size, hidden_size)
        )

    def forward(self, x: Tensor, state: None = None) -> tuple[Tensor, None]:
        return self.layers(x), state


@dataclass(frozen=True)
class Trained:
    """A network with its best-validation weights, and the data it was trained on."""

    network: Network
    task: Task
    source: Source

    @property
    def score(self) -> float:
        return evaluate(self.network, self.task, self.source.test)[1]

    @property
    def diagnosis(self) -> Diagnosis:
        return self.task.diagnose(
            lambda inputs, lengths: predict(self.network, inputs, lengths), self.source.test
        )


def train(
    task: Task, core: Callable[[int, int], nn.Module], hidden_size: int = 32, **settings: Any
) -> Trained:
    """Train a network with this core, on one thread."""
    chosen = Settings(
        **{
            "batch_size": 32,
            "learning_rate": 3e-3,
            "validation_size": 200,
            "test_size": 1000,
            **settings,
        }
    )
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            network = Network(
                lambda width: core(width, hidden_size),
                hidden_size=hidden_size, inputs=task.inputs, outputs=task.outputs, steps=task.steps,
            )  # fmt: skip
            source = source_of(task, chosen, 0, CPU)
            learner = Learner(network, task, source, chosen)
            fit(learner, device=CPU)
    finally:
        torch.set_num_threads(threads)
    network.load_state_dict(learner.best_weights)
    return Trained(network, task, source)
