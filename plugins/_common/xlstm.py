"""What the two cells of the xLSTM share."""

from __future__ import annotations

import math

from torch import Tensor, nn

from rnnbench import Citation

XLSTM = Citation(
    "Beck et al. 2024",
    "xLSTM: extended long short-term memory",
    "NeurIPS",
    "https://arxiv.org/abs/2405.04517",
)


def small_init_(weight: Tensor, width: int) -> None:
    """Draw weights from a normal distribution with deviation sqrt(2 / (5 width))."""
    nn.init.normal_(weight, std=math.sqrt(2 / (5 * width)))
