"""A multilayer perceptron on the last k inputs: the baseline without recurrence.

Equations, for layer widths of H::

    u_t = relu(W_1 [x_{t-k+1} ; ... ; x_t] + b_1)     W_1 (H, k D), x_s = 0 before the first step
    u_t = relu(W_l u_t + b_l)                         l = 2 .. num_layers
    y_t = u_t

It is the time-delay network of Waibel et al. (1989) with delays at the input alone. What it cannot
do needs more than k steps; what it does needs no memory beyond them. The state holds the last k - 1
inputs.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from rnnbench import Citation, RegisterModel, hookimpl

from ._common.options import Rate, check_dropout

CITATIONS = (
    Citation(
        "Waibel et al. 1989",
        "Phoneme recognition using time-delay neural networks",
        "IEEE Transactions on Acoustics, Speech, and Signal Processing 37(3)",
        "https://doi.org/10.1109/29.21701",
    ),
)


class MLPWindow(nn.Module):
    """Multilayer perceptron on the last k inputs, after Waibel et al. (1989).

    Matrices are normal with variance 2 / inputs (He et al. 2015) and biases zero.

    Args:
        input_size: D.
        hidden_size: H, width of every layer.
        window: k, inputs that an output depends on; 1: only that of its own step.
        num_layers: layers of the perceptron; the first one reads the window.
        dropout: rate between layers while training.
        impl: ``parallel``: all steps at once; ``reference``: step by step, as in streaming.

    Attributes:
        receptive_field: k.

    Raises:
        ValueError: dropout with a single layer.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        window: Annotated[int, Field(ge=1, le=10_000)] = 16,
        num_layers: PositiveInt = 2,
        dropout: Rate = 0.0,
        impl: Literal["parallel", "reference"] = "parallel",
    ) -> None:
        super().__init__()
        check_dropout(num_layers, dropout)
        self.impl = impl
        self.dropout = dropout
        self.receptive_field = window
        self.first = nn.Linear(window * input_size, hidden_size)
        self.further = nn.ModuleList(
            nn.Linear(hidden_size, hidden_size) for _ in range(num_layers - 1)
        )
        for linear in (self.first, *self.further):
            nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
            nn.init.zeros_(linear.bias)

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Map x (B, T, D) and the inputs before (B, k - 1, D) to (B, T, H) and the last inputs."""
        if state is None:
            state = x.new_zeros(len(x), self.receptive_field - 1, x.shape[2])
        if self.impl == "parallel":
            return self._run(x, state)
        outputs = []
        for step in torch.split(x, 1, dim=1):
            output, state = self._run(step, state)
            outputs.append(output)
        return torch.cat(outputs, dim=1), state

    def _run(self, x: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        read = torch.cat([before, x], dim=1)  # (B, k - 1 + T, D)
        # (H, k D) -> (H, D, k): a convolution reads all windows without a copy of each
        kernel = self.first.weight.view(-1, self.receptive_field, x.shape[2]).transpose(1, 2)
        drive = F.conv1d(read.transpose(1, 2), kernel, self.first.bias)
        outputs = torch.relu(drive.transpose(1, 2))  # (B, T, H)
        for linear in self.further:
            if self.dropout:
                outputs = F.dropout(outputs, self.dropout, self.training)
            outputs = torch.relu(linear(outputs))
        return outputs, read[:, x.shape[1] :]


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``mlp-window``."""
    register(
        "mlp-window",
        MLPWindow,
        citations=CITATIONS,
        plain_loop={"impl": "reference"},
        family="baseline",
    )
