"""torch's fused kernels, for sequences of equal and of different lengths."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence


def run_fused(
    recurrence: nn.RNNBase, x: Tensor, state: Any = None, lengths: Tensor | None = None
) -> tuple[Tensor, Any]:
    """Run a torch recurrent module without reading any padded step.

    Args:
        recurrence: batch-first module.
        x: (B, T, D), right-padded if ``lengths`` are given.
        state: the state as the module takes it; ``None`` starts fresh.
        lengths: (B,) int64, each from 1 to T; ``None`` if all are T.

    Returns:
        Outputs (B, T, O), zero beyond each sequence's end, and the state at each sequence's last
        valid step.
    """
    if lengths is None:
        outputs, last = recurrence(x, state)
        return outputs, last
    packed = pack_padded_sequence(x, lengths.cpu(), batch_first=True, enforce_sorted=False)
    packed_outputs, last = recurrence(packed, state)
    outputs, _ = pad_packed_sequence(packed_outputs, batch_first=True, total_length=x.shape[1])
    return outputs, last
