"""Windows that follow each other: the state of one is where the next begins."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rnnbench.contract.core import map_state

if TYPE_CHECKING:
    from rnnbench.contract.task import Batch
    from rnnbench.training.network import Network

FEWEST_LANES = 8
LONGEST_LANE = 256
"""Windows that evaluation reads one after the other at most: bounds the time, at the price of one
fresh start per lane.
"""


class Carrying:
    """Runs a network on one batch after another, from the state that the batch before ended in
    where a batch continues.

    The state is handed on without its gradient, which ends at the window's edge.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._state: Any = None

    def __call__(self, batch: Batch) -> Tensor:
        """Return the predictions (B, T, V|dim) for the batch."""
        outputs, state = self._network.carry(batch.inputs, self._state if batch.continues else None)
        self._state = map_state(state, Tensor.detach)
        return outputs


def in_lanes(network: Network, data: Batch) -> Iterator[tuple[Tensor, Batch]]:
    """Yield the predictions for every window of a stream once, with the windows, the state carried
    along each lane.

    The windows (N, T) are cut into lanes of consecutive ones; their number depends on N alone.
    """
    n = len(data)
    lanes = min(n, max(FEWEST_LANES, -(-n // LONGEST_LANE)))
    shortest, longer = divmod(n, lanes)  # the first `longer` lanes have a window more
    lane = torch.arange(lanes, device=data.inputs.device)
    first = lane * shortest + lane.clamp(max=longer)
    carrying = Carrying(network)
    for position in range(shortest + bool(longer)):
        rows = (first + position).clamp(
            max=n - 1
        )  # lanes that have ended read on, and what they say is left out
        counted = slice(0, lanes if position < shortest else longer)
        block = data.rows(rows)
        outputs = carrying(replace(block, continues=position > 0))
        yield outputs[counted], block.rows(counted)
