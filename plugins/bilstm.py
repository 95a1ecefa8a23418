"""The bidirectional LSTM.

One LSTM (equations in ``lstm.py``) reads the sequence forward and a second one backward; the output
at a step joins both::

    y_t = [h_t forward ; h_t backward]

Layers above the first read both directions of the layer below.
"""

from __future__ import annotations

from typing import Any

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from rnnbench import Citation, hookimpl, last_valid

from ._common import citations
from ._common.both_ways import run_both_ways
from ._common.initialization import Initialisation, initialize_lstm
from ._common.options import Bias, Rate, check_dropout, check_forget_bias

CITATIONS = (
    Citation(
        "Schuster & Paliwal 1997",
        "Bidirectional recurrent neural networks",
        "IEEE Transactions on Signal Processing 45(11)",
        "https://doi.org/10.1109/78.650093",
    ),
    Citation(
        "Graves & Schmidhuber 2005",
        "Framewise phoneme classification with bidirectional LSTM and other neural network architectures",
        "Neural Networks 18(5-6)",
        "https://doi.org/10.1016/j.neunet.2005.06.042",
    ),
    citations.LSTM,
    citations.FORGET_GATE,
)


class BiLSTM(nn.Module):
    """Bidirectional LSTM (Schuster & Paliwal 1997, Graves & Schmidhuber 2005).

    Args:
        input_size: D.
        hidden_size: H of each direction; the output width is 2H.
        num_layers: L, stacked.
        dropout: rate between layers while training.
        init: ``orthogonal`` recurrent and Glorot uniform input weights per gate, zero biases;
            ``torch``: torch's own.
        forget_bias: what the forget gates' biases sum to at the start (with ``init=orthogonal``).

    Raises:
        ValueError: dropout with a single layer; ``forget_bias`` beside ``init=torch``, which sets
            it itself.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: PositiveInt = 1,
        dropout: Rate = 0.0,
        init: Initialisation = "orthogonal",
        forget_bias: Bias = 1.0,
    ) -> None:
        super().__init__()
        check_dropout(num_layers, dropout)
        check_forget_bias(init, forget_bias)
        self.output_size = 2 * hidden_size
        self.recurrence = nn.LSTM(
            input_size,
            hidden_size,
            num_layers,
            batch_first=True,
            dropout=dropout,
            bidirectional=True,
        )
        initialize_lstm(self.recurrence, init, forget_bias)

    def forward(
        self, x: Tensor, state: tuple[Tensor, Tensor] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor] | None]:
        """Map x (B, T, D) to outputs (B, T, 2H), forward half first, and the state.

        The state (h, c), each (2L, B, H), holds per layer the forward direction after the last step
        and the backward direction after the first. Passing it back starts each direction from
        there: for the forward one that continues the sequence, for the backward one it does not,
        since what follows should have been read before.

        With ``lengths`` (B,) no padded step is read and outputs beyond each sequence's end are
        zero. There is no state then, neither taken nor returned: such sequences are whole, and
        nothing follows them.

        Raises:
            ValueError: a state beside ``lengths``.
        """
        if lengths is None:
            result: tuple[Tensor, tuple[Tensor, Tensor]] = self.recurrence(x, state)
            return result
        if state is not None:
            raise ValueError(
                "bilstm takes no state beside lengths: it has to read a padded sequence whole."
            )
        return run_both_ways(self.recurrence, x, lengths), None

    def forward_last(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Join the right ends, where each direction has read all: last valid step forward, first
        step backward.

        Maps x (B, T, D) to (B, 2H).
        """
        outputs, _ = self(x, lengths=lengths)  # (B, T, 2H)
        width = self.recurrence.hidden_size
        ends = last_valid(outputs, lengths)  # (B, 2H)
        return torch.cat([ends[:, :width], outputs[:, 0, width:]], dim=-1)


@hookimpl
def register_models(register: Any) -> None:
    """Register ``bilstm``."""
    register("bilstm", BiLSTM, causal=False, citations=CITATIONS)
