"""A temporal convolutional network: dilated causal convolutions with residual blocks.

Equations, per level l = 0 .. L - 1, kernel size k and dilation d = 2^l, for channels y_t that start
as y_t = x_t::

    conv(W, b, y)_t = b + sum_i W_i y_{t - i d}      i = 0 .. k - 1, y_s = 0 before the first step
    W               = g * V / |V|                    per output channel
    u_t = dropout(relu(conv(W_1, b_1, y)_t))         (H)
    u_t = dropout(relu(conv(W_2, b_2, u)_t))         (H)
    y_t = relu(u_t + P y_t)                          P: a matrix where the widths differ, else 1

Source: Bai, Kolter & Koltun (2018), with weight normalisation of Salimans & Kingma (2016). An
output depends on the last ``1 + 2 (k - 1) (2^L - 1)`` inputs. Dropout removes single values here.
The text of the source has spatial dropout, which removes a channel at all steps; its masks would
have to be carried from chunk to chunk.

The state holds the last ``(k - 1) d`` inputs of each convolution, so that a step costs the same at
any length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Literal, TypeAlias

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from rnnbench import Citation, RegisterModel, hookimpl

from ._common.options import Rate

CITATIONS = (
    Citation(
        "Bai et al. 2018",
        "An empirical evaluation of generic convolutional and recurrent networks for sequence "
        "modeling",
        "arXiv",
        "https://arxiv.org/abs/1803.01271",
    ),
    Citation(
        "Salimans & Kingma 2016",
        "Weight normalization: a simple reparameterization to accelerate training of deep neural "
        "networks",
        "NeurIPS",
        "https://arxiv.org/abs/1602.07868",
    ),
)
State: TypeAlias = tuple[tuple[Tensor, Tensor], ...]
"""Per level, the inputs before of its two convolutions, (B, C, (k - 1) d), oldest first."""


class TCN(nn.Module):
    """Temporal convolutional network (Bai et al. 2018).

    Directions V and biases are uniform in +-1/sqrt(k C) for C input channels, lengths g those of V,
    which is torch's own initialisation; the paper states none.

    Args:
        input_size: D.
        hidden_size: H, channels of every level.
        num_layers: L, levels of two convolutions; the dilation doubles from level to level.
        kernel_size: k, inputs of each convolution.
        dropout: rate on the result of each convolution while training.
        impl: ``parallel``: all steps at once; ``reference``: step by step, as in streaming.

    Attributes:
        receptive_field: number of last inputs that an output depends on.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: Annotated[int, Field(ge=1, le=16)] = 6,
        kernel_size: PositiveInt = 3,
        dropout: Rate = 0.0,
        impl: Literal["parallel", "reference"] = "parallel",
    ) -> None:
        super().__init__()
        self.impl = impl
        self.receptive_field = 1 + 2 * (kernel_size - 1) * (2**num_layers - 1)
        self.levels = nn.ModuleList(
            _Level(
                hidden_size if level else input_size, hidden_size, kernel_size, 2**level, dropout
            )
            for level in range(num_layers)
        )

    def forward(self, x: Tensor, state: State | None = None) -> tuple[Tensor, State]:
        """Map x (B, T, D) and the inputs before to outputs (B, T, H) and the last inputs."""
        channels = x.transpose(1, 2)  # (B, D, T)
        if self.impl == "parallel":
            channels, new = self._run(channels, state)
            return channels.transpose(1, 2), new
        outputs = []
        for step in torch.split(channels, 1, dim=2):
            output, state = self._run(step, state)
            outputs.append(output)
        assert state is not None
        return torch.cat(outputs, dim=2).transpose(1, 2), state

    def _run(
        self, channels: Tensor, state: Sequence[tuple[Tensor, Tensor]] | None
    ) -> tuple[Tensor, State]:
        buffers = []
        for index, level in enumerate(self.levels):
            channels, buffer = level(channels, None if state is None else state[index])
            buffers.append(buffer)
        return channels, tuple(buffers)


class _Level(nn.Module):
    """Two convolutions of one dilation, with dropout, and a residual sum."""

    def __init__(
        self, channels: int, width: int, kernel_size: int, dilation: int, dropout: float
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.one = _Convolution(channels, width, kernel_size, dilation)
        self.two = _Convolution(width, width, kernel_size, dilation)
        self.project = nn.Identity() if channels == width else nn.Conv1d(channels, width, 1)

    def forward(
        self, x: Tensor, before: tuple[Tensor, Tensor] | None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        inner, first = self.one(x, None if before is None else before[0])
        inner = self._dropped(torch.relu(inner))
        inner, second = self.two(inner, None if before is None else before[1])
        inner = self._dropped(torch.relu(inner))
        return torch.relu(inner + self.project(x)), (first, second)

    def _dropped(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training) if self.dropout else x


class _Convolution(nn.Module):
    """Dilated causal convolution with weight normalisation."""

    def __init__(self, channels: int, width: int, kernel_size: int, dilation: int) -> None:
        super().__init__()
        made = nn.Conv1d(channels, width, kernel_size)
        self.dilation = dilation
        self.direction = nn.Parameter(made.weight.detach().clone())  # V (O, C, k), oldest first
        self.length = nn.Parameter(_norm(self.direction.detach()).flatten())  # g (O)
        assert made.bias is not None
        self.bias = nn.Parameter(made.bias.detach().clone())

    def forward(self, x: Tensor, before: Tensor | None) -> tuple[Tensor, Tensor]:
        """Map x (B, C, T) and the inputs before it to (B, O, T) and the last inputs."""
        reach = (self.direction.shape[2] - 1) * self.dilation
        if before is None:
            before = x.new_zeros(len(x), x.shape[1], reach)
        window = torch.cat([before, x], dim=2)
        weight = self.direction * (self.length.view(-1, 1, 1) / _norm(self.direction))
        output = F.conv1d(window, weight, self.bias, dilation=self.dilation)
        return output, window[:, :, x.shape[2] :]


def _norm(weight: Tensor) -> Tensor:
    """Return the length of each output channel's weights, (O, 1, 1)."""
    norm: Tensor = torch.linalg.vector_norm(weight, dim=(1, 2), keepdim=True)
    return norm


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``tcn``."""
    register(
        "tcn",
        TCN,
        citations=CITATIONS,
        plain_loop={"impl": "reference"},
        family="baseline",
    )
