"""The bare training loop that rnnbench is compared with: plain, lean PyTorch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rnnbench.contract.task import GeneratedTask, Tokens

LEARNING_RATE = 1e-3
CLIP_NORM = 1.0


class BareLSTM(nn.Module):
    """An embedding, torch's LSTM and a linear layer: tokens (B, T) -> logits (B, T, V)."""

    def __init__(self, symbols: int, classes: int, hidden_size: int) -> None:
        super().__init__()
        width = min(symbols, hidden_size)
        self.embedding = nn.Embedding(symbols, width)
        self.lstm = nn.LSTM(width, hidden_size, batch_first=True)
        self.linear = nn.Linear(hidden_size, classes)

    def forward(self, tokens: Tensor) -> Tensor:
        outputs, _ = self.lstm(self.embedding(tokens))
        logits: Tensor = self.linear(outputs)
        return logits


def bare_lstm(task: GeneratedTask, hidden_size: int) -> BareLSTM:
    """Build the network of the bare loop for a task of tokens."""
    assert isinstance(task.inputs, Tokens)
    assert isinstance(task.outputs, Tokens)
    torch.manual_seed(0)
    return BareLSTM(task.inputs.vocab, task.outputs.vocab, hidden_size)


def bare_training(
    network: nn.Module, task: GeneratedTask, batch_size: int, seed: int = 0
) -> Callable[[int], None]:
    """Return a function that takes a number of training steps.

    Batches are drawn by the task, the optimizer is fused Adam, gradients are clipped.
    """
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, fused=True)
    generator = torch.Generator().manual_seed(seed)

    def train(steps: int) -> None:
        for _ in range(steps):
            batch = task.sample(batch_size, generator)
            loss = F.cross_entropy(network(batch.inputs).flatten(0, 1), batch.targets.flatten())
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(network.parameters(), CLIP_NORM)
            optimizer.step()

    return train
