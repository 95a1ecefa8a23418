"""A short causal convolution over time, as a whole and step by step."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class CausalConv(nn.Module):
    """Depthwise convolution of each channel with its last K inputs.

    Args:
        channels: C.
        width: K, the number of steps that an output sees, its own included.
        bias: whether a bias is added.

    Its initialisation is torch's own for ``nn.Conv1d``: uniform in +-1/sqrt(K).
    """

    def __init__(self, channels: int, width: int, *, bias: bool = True) -> None:
        super().__init__()
        made = nn.Conv1d(channels, channels, width, groups=channels, bias=bias)
        self.weight = nn.Parameter(made.weight.detach().squeeze(1).clone())  # (C, K), oldest first
        self.bias = nn.Parameter(made.bias.detach().clone()) if made.bias is not None else None

    def initial_state(self, x: Tensor) -> Tensor:
        """Return the K - 1 inputs before the first step: zeros (B, K - 1, C), for x (B, ...)."""
        channels, width = self.weight.shape
        return x.new_zeros(x.shape[0], width - 1, channels)

    def step(self, x: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Map one step x (B, C) and the inputs before (B, K - 1, C) to (B, C) and the new ones."""
        window = torch.cat([before, x.unsqueeze(1)], dim=1)  # (B, K, C)
        output = (window * self.weight.t()).sum(1)
        return output if self.bias is None else output + self.bias, window[:, 1:]

    def parallel(self, x: Tensor, before: Tensor) -> tuple[Tensor, Tensor]:
        """Map all steps x (B, T, C) and the inputs before them to (B, T, C) and the last ones."""
        window = torch.cat([before, x], dim=1)  # (B, K - 1 + T, C)
        kernel = self.weight.unsqueeze(1)  # (C, 1, K)
        output = F.conv1d(window.transpose(1, 2), kernel, self.bias, groups=len(kernel))
        return output.transpose(1, 2), window[:, x.shape[1] :]
