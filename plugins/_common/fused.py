"""Sequences of different lengths in one right-padded batch."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def run_padded(
    recurrence: nn.RNNBase, x: Tensor, state: Any, lengths: Tensor
) -> tuple[Tensor, Any]:
    """Run a torch recurrent module so that it never reads a padded step.

    Args:
        recurrence: batch-first module.
        x: (B, T, D).
        state: as the module takes it, or ``None``.
        lengths: (B,) int64, each from 1 to T.

    Returns:
        Outputs (B, T, O), zero beyond each end, and the state at each sequence's last valid step.
    """
    packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
    packed_outputs, last = recurrence(packed, state)
    outputs, _ = pad_packed_sequence(packed_outputs, batch_first=True, total_length=x.shape[1])
    return outputs, last
