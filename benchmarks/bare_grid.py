"""The trainings of the grid, in turn in one process: ``python -m benchmarks.bare_grid STEPS``."""

from __future__ import annotations

import sys

import torch
from torch import Tensor, nn

from benchmarks.bare import bare_training
from benchmarks.subjects import copy_memory, network_of
from rnnbench.contract.task import Batch, GeneratedTask

MODELS = ("attention-lstm", "bilstm", "gru", "lstm", "rnn")
SEEDS = 3
HIDDEN_SIZE = 64
BATCH_SIZE = 32
LENGTH = 30
VALIDATION_SIZE = 500
TEST_SIZE = 2000
VALIDATIONS = 20
ROWS_AT_ONCE = 256


@torch.no_grad()
def recall(network: nn.Module, data: Batch) -> float:
    """Return the fraction of symbols recalled."""
    network.eval()
    logits = torch.cat(
        [
            network(data.inputs[start : start + ROWS_AT_ONCE])
            for start in range(0, len(data), ROWS_AT_ONCE)
        ]
    )
    network.train()
    return (logits[:, -5:].argmax(-1) == data.targets[:, -5:]).double().mean().item()


def train(model: str, task: GeneratedTask, steps: int, seed: int) -> float:
    """Train one network with twenty validations, and return the test score of the best."""
    network = network_of(model, task, HIDDEN_SIZE)
    validation, test = (
        task.sample(n, torch.Generator().manual_seed(key))
        for n, key in ((VALIDATION_SIZE, 1), (TEST_SIZE, 2))
    )
    take_steps = bare_training(network, task, BATCH_SIZE, seed)
    best, weights = -1.0, dict[str, Tensor]()
    for _ in range(VALIDATIONS):
        take_steps(steps // VALIDATIONS)
        score = recall(network, validation)
        if score > best:
            best, weights = (
                score,
                {name: tensor.clone() for name, tensor in network.state_dict().items()},
            )
    network.load_state_dict(weights)
    return recall(network, test)


if __name__ == "__main__":
    for model in MODELS:
        for seed in range(SEEDS):
            print(model, seed, train(model, copy_memory(LENGTH), int(sys.argv[1]), seed))
