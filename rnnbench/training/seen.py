"""Count the test sequences that were drawn in training too, by hashes of their exact inputs."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from rnnbench.contract.task import Batch

_AT_ONCE = 1 << 16
"""Training inputs, in numbers, that are hashed together: few operations, each within the cache."""
_FEWEST_MULTIPLIERS = 1024


class SeenRows:
    """The share of test sequences that training batches contained.

    Two sequences are equal if they have the same length and the same inputs, bit for bit, at their
    valid steps. They are compared by hashes of 64 bits. The count needs no value from the device
    before :attr:`share` is read, and the operations for several batches are done together.

    Args:
        test: the test sequences.
    """

    def __init__(self, test: Batch) -> None:
        self._known, self._copies = torch.unique(hashes(test), return_counts=True)
        self._drawn = torch.zeros_like(self._known)
        self._waiting: list[Batch] = []
        self._numbers = 0

    def add(self, batch: Batch) -> None:
        """Take a training batch into account; its tensors must not be changed afterwards."""
        self._waiting.append(batch)
        self._numbers += batch.inputs.numel()
        if self._numbers >= _AT_ONCE:
            self._count()

    @property
    def share(self) -> float:
        """Share of the test sequences that equal a sequence of the batches so far."""
        self._count()
        return int(self._copies[self._drawn > 0].sum()) / int(self._copies.sum())

    def _count(self) -> None:
        for batch in _joined(self._waiting):
            found = hashes(batch)
            place = torch.searchsorted(self._known, found).clamp_(max=len(self._known) - 1)
            self._drawn.index_add_(0, place, (self._known[place] == found).to(self._drawn.dtype))
        self._waiting.clear()
        self._numbers = 0


def hashes(batch: Batch) -> Tensor:
    """Return a hash of each sequence's inputs, padding left out: (N,) int64.

    It is a sum of the inputs times fixed random multipliers, modulo 2^64. Two different sequences
    have equal hashes with a probability of about 2^-48.
    """
    bits = _as_integers(batch.inputs)  # (N, T) or (N, T, D)
    width = bits[0, 0].numel()
    bits = bits.flatten(1)  # (N, T * D)
    multipliers = _multipliers(_power_of_two(bits.shape[1] + 1), bits.device)
    if batch.lengths is None:
        of_length: Tensor | int = bits.shape[1]
    else:
        of_length = batch.lengths * width
        valid = torch.arange(bits.shape[1], device=bits.device) < of_length[:, None]
        bits = bits * valid
    # the first multiplier is that of the length
    return (bits * multipliers[1 : bits.shape[1] + 1]).sum(1) + multipliers[0] * of_length


def _as_integers(inputs: Tensor) -> Tensor:
    if not inputs.is_floating_point():
        return inputs.long()
    if inputs.dtype == torch.float64:
        bits = inputs.contiguous().view(torch.int64)
        bits = bits ^ (bits >> 32)
    else:
        bits = inputs.float().contiguous().view(torch.int32).long()
    # the low bits of a round number are 0, and the hash modulo 2^64 keeps fewer of the high ones
    return bits ^ (bits >> 16)


@lru_cache(maxsize=4)
def _multipliers(count: int, device: torch.device) -> Tensor:
    """Return odd random numbers (count,) int64, of which the first n are the same for any count."""
    drawn = np.random.Generator(np.random.PCG64(0)).integers(1 << 64, size=count, dtype=np.uint64)
    return torch.from_numpy((drawn | np.uint64(1)).view(np.int64)).to(device)


def _power_of_two(least: int) -> int:
    return max(_FEWEST_MULTIPLIERS, 1 << (least - 1).bit_length())


def _joined(batches: list[Batch]) -> list[Batch]:
    """Return the batches as one if they have one length, else as they are."""
    shapes = {(batch.inputs.shape[1:], batch.lengths is None) for batch in batches}
    if len(shapes) != 1:
        return batches
    inputs = torch.cat([batch.inputs for batch in batches])
    lengths = [batch.lengths for batch in batches if batch.lengths is not None]
    return [Batch(inputs, inputs, lengths=torch.cat(lengths) if lengths else None)]
