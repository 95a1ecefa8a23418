"""Pairs of an input and an output, as the methods ``relevant_lags`` of tasks return them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


def pairs_of(read: Tensor, written: Tensor) -> Tensor:
    """Return pairs (N, 3) int64 of sequence, step of the input and step of the output.

    Args:
        read: (B, K) int64, steps of K inputs in each sequence; negative ones are left out.
        written: int64, broadcast to (B, K), the step of the output that needs each.
    """
    written = written.expand_as(read)
    sequence = torch.arange(len(read), device=read.device)[:, None].expand_as(read)
    kept = (read >= 0) & (written >= 0)
    return torch.stack([sequence[kept], read[kept], written[kept]], 1)


def marked_pairs(marked: Tensor, written: Tensor) -> Tensor:
    """Return pairs (N, 3) int64 of all marked inputs with one output per sequence.

    Args:
        marked: (B, T) bool.
        written: (B,) int64, the step of the output.
    """
    sequence, read = marked.nonzero().unbind(1)
    return torch.stack([sequence, read, written[sequence]], 1)
