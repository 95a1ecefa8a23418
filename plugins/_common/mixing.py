"""Input and output of layers whose states are mixed outside of the recurrence."""

from __future__ import annotations

from typing import Literal, TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Mixing: TypeAlias = Literal["glu", "half-glu", "none"]


def encoder(input_size: int, hidden_size: int) -> nn.Module:
    """Return the map of the inputs to the width of a layer, none where they have it."""
    return nn.Identity() if input_size == hidden_size else nn.Linear(input_size, hidden_size)


class OutputMixing(nn.Module):
    """The position-wise map behind a linear recurrence, y (..., H) -> (..., H).

    With v = GELU(y)::

        (W v + b) * sigmoid(U v + c)      glu
        v * sigmoid(U v + c)              half-glu
        y                                 none

    Weights are initialised as torch does for a linear layer.
    """

    def __init__(self, width: int, kind: Mixing) -> None:
        super().__init__()
        self.kind = kind
        if kind != "none":
            self.linear = nn.Linear(width, 2 * width if kind == "glu" else width)

    def forward(self, y: Tensor) -> Tensor:
        if self.kind == "none":
            return y
        v = F.gelu(y)
        if self.kind == "glu":
            return F.glu(self.linear(v), dim=-1)
        return v * torch.sigmoid(self.linear(v))
