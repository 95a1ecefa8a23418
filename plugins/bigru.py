"""The bidirectional GRU.

One GRU (equations in ``gru.py``) reads the sequence forward, a second one backward. The output at
a step is the concatenation of both::

    y_t = [h_t forward ; h_t backward]

Layers above the first read both directions of the layer below.

Source: Schuster & Paliwal 1997, Cho et al. 2014. The reset gate is applied after the product, as in
torch and cuDNN.
"""

from __future__ import annotations

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from rnnbench import Citation, RegisterModel, hookimpl, last_valid

from ._common.bidirectional_gru import run_bidirectional, unroll_bidirectional
from ._common.initialization import Initialisation, initialize_gru
from ._common.options import (
    PLAIN_LOOP,
    Bias,
    Implementation,
    Rate,
    check_dropout,
    check_update_bias,
)
from .gru import CITATIONS as GRU_CITATIONS

CITATIONS = (
    Citation(
        "Schuster & Paliwal 1997",
        "Bidirectional recurrent neural networks",
        "IEEE Transactions on Signal Processing 45(11)",
        "https://doi.org/10.1109/78.650093",
    ),
    *GRU_CITATIONS,
)


class BiGRU(nn.Module):
    """Bidirectional gated recurrent unit (Schuster & Paliwal 1997, Cho et al. 2014).

    Args:
        input_size: D.
        hidden_size: H of each direction; the output width is 2H.
        num_layers: L, stacked.
        dropout: rate between layers while training.
        init: ``orthogonal`` recurrent and Glorot uniform input weights per gate, zero biases;
            ``torch``: torch's own.
        update_bias: initial update gate bias, the sum of torch's two (with ``init=orthogonal``). A
            larger bias is a longer memory.
        impl: ``fused``: torch's kernel; ``reference``: one plain loop for each direction. Both are
            the same function of the same parameters.

    Raises:
        ValueError: dropout with a single layer; ``update_bias`` together with ``init=torch``,
            which sets it itself.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: PositiveInt = 1,
        dropout: Rate = 0.0,
        init: Initialisation = "orthogonal",
        update_bias: Bias = 0.0,
        impl: Implementation = "fused",
    ) -> None:
        super().__init__()
        check_dropout(num_layers, dropout)
        check_update_bias(init, update_bias)
        self.impl = impl
        self.output_size = 2 * hidden_size
        self.recurrence = nn.GRU(
            input_size,
            hidden_size,
            num_layers,
            batch_first=True,
            dropout=dropout,
            bidirectional=True,
        )
        initialize_gru(self.recurrence, init, update_bias)

    def forward(
        self, x: Tensor, state: Tensor | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Map x (B, T, D) to outputs (B, T, 2H), forward half first, and the state.

        The state (2L, B, H) holds per layer the forward direction after the last step and the
        backward direction after the first step. Passing it back continues the sequence in the
        forward direction only; the backward direction would have to read later steps first.

        With ``lengths`` (B,) no padded step is read, outputs beyond each sequence's end are zero,
        and the returned state is ``None``: the sequences are complete.

        Raises:
            ValueError: both a state and ``lengths`` are given.
        """
        if lengths is not None and state is not None:
            raise ValueError(
                "bigru takes either state or lengths: with lengths it reads complete sequences."
            )
        if self.impl == "reference":
            outputs, last = unroll_bidirectional(self.recurrence, x, state, lengths)
            return outputs, last if lengths is None else None
        if lengths is None:
            result: tuple[Tensor, Tensor] = self.recurrence(x, state)
            return result
        return run_bidirectional(self.recurrence, x, lengths), None

    def forward_last(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the final output of each direction: x (B, T, D) -> (B, 2H).

        The forward direction ends at the last valid step, the backward direction at the first.
        """
        outputs, _ = self(x, lengths=lengths)  # (B, T, 2H)
        width = self.recurrence.hidden_size
        ends = last_valid(outputs, lengths)  # (B, 2H)
        return torch.cat([ends[:, :width], outputs[:, 0, width:]], dim=-1)


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``bigru``."""
    register(
        "bigru", BiGRU, causal=False, citations=CITATIONS, plain_loop=PLAIN_LOOP, family="gated"
    )
