"""Stateful training and evaluation: the recurrent state crosses window boundaries (truncated BPTT).

A data set is one long sequence, cut into consecutive windows. It is read in parallel *streams*: row
r of every batch is the next window of stream r.
"""

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

MIN_STREAMS = 8
"""Streams that an evaluation reads in parallel, unless there are fewer windows."""
MAX_WINDOWS_PER_STREAM = 256
"""Consecutive windows per stream in an evaluation.

The limit bounds the evaluation time. Each further stream costs one start from a fresh state.
"""


class StatefulForward:
    """Forward pass over consecutive batches, each started from the final state of the last one.

    A batch with ``continues=False`` starts from a fresh state. The state is detached between
    batches, so gradients do not cross the edge of a window.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._state: Any = None

    def __call__(self, batch: Batch) -> Tensor:
        """Return the predictions (B, T, V|dim) for the batch and keep the final state."""
        state = self._state if batch.continues else None
        outputs, state = self._network.forward_stateful(batch.inputs, state)
        self._state = map_state(state, Tensor.detach)
        return outputs


def predict_streams(network: Network, data: Batch) -> Iterator[tuple[Tensor, Batch, Tensor]]:
    """Yield predictions, windows and their places, one time window of all streams at a time.

    The N windows of ``data`` (N, T) are split into streams of consecutive windows. The number of
    streams S depends on N alone, so a score does not depend on the batch size. Each window is
    yielded once.

    Yields:
        Predictions (S, T, V|dim), the S windows that they belong to, and the places (S,) of these
        in ``data``. The last item holds only the streams that are one window longer, if there are
        any.
    """
    n = len(data)
    streams = min(n, max(MIN_STREAMS, -(-n // MAX_WINDOWS_PER_STREAM)))
    # the first `longer` streams have one window more than the others
    shortest, longer = divmod(n, streams)
    stream = torch.arange(streams, device=data.inputs.device)
    first = stream * shortest + stream.clamp(max=longer)
    forward = StatefulForward(network)
    for position in range(shortest + bool(longer)):
        # finished streams read any window, so that the batch keeps its size; it is discarded below
        rows = (first + position).clamp(max=n - 1)
        active = slice(0, streams if position < shortest else longer)
        block = data.rows(rows)
        outputs = forward(replace(block, continues=position > 0))
        yield outputs[active], block.rows(active), rows[active]
