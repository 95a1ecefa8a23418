"""The long short-term memory.

Equations, for layer input x_t, hidden state h_t and cell state c_t, ``*`` elementwise::

    f, i, g, o = split(W x_t + b + U h_{t-1} + b')            one projection to 4H for all gates
    c_t = sigmoid(f) * c_{t-1} + sigmoid(i) * tanh(g)          forget, input, candidate
    h_t = sigmoid(o) * tanh(c_t)                               output
    h_t = P h_t                                                with proj_size only (Sak et al. 2014)

torch has two bias vectors, of which only the sum matters, and stacks the gates as i, f, g, o.
"""

from __future__ import annotations

import warnings

from pydantic import NonNegativeInt, PositiveInt
from torch import Tensor, nn

from rnnbench import Citation, RegisterModel, hookimpl

from ._common import citations
from ._common.fused import run_fused
from ._common.initialization import Initialisation, initialize_chrono, initialize_lstm
from ._common.lstm_cell import unroll_lstm
from ._common.options import (
    PLAIN_LOOP,
    Bias,
    Implementation,
    Rate,
    check_dropout,
    check_forget_bias,
)

CITATIONS = (
    citations.LSTM,
    citations.FORGET_GATE,
    Citation(
        "Jozefowicz et al. 2015",
        "An empirical exploration of recurrent network architectures",
        "ICML",
        "https://proceedings.mlr.press/v37/jozefowicz15.html",
    ),
    Citation(
        "Sak et al. 2014",
        "Long short-term memory recurrent neural network architectures for large scale acoustic "
        "modeling",
        "Interspeech",
        "https://doi.org/10.21437/Interspeech.2014-80",
    ),
    Citation(
        "Gal & Ghahramani 2016",
        "A theoretically grounded application of dropout in recurrent neural networks",
        "NeurIPS",
        "https://arxiv.org/abs/1512.05287",
    ),
    Citation(
        "Tallec & Ollivier 2018",
        "Can recurrent neural networks warp time?",
        "ICLR",
        "https://arxiv.org/abs/1804.11188",
    ),
)
_SHORTEST_CHRONO = 3


class LSTM(nn.Module):
    """Long short-term memory with forget gate (Hochreiter & Schmidhuber 1997, Gers et al. 2000).

    Args:
        input_size: D.
        hidden_size: H.
        num_layers: L, stacked.
        dropout: rate between layers while training.
        init: ``orthogonal`` recurrent and Glorot uniform input weights per gate, zero biases;
            ``torch``: torch's own.
        forget_bias: initial forget gate bias, the sum of torch's two (with ``init=orthogonal``).
        chrono: longest expected dependency in steps; initialises the gate biases so that the
            units' time scales spread from 1 to that many steps (Tallec & Ollivier 2018). 0: off.
        proj_size: P, width of a projection of the hidden state, then also the output width
            (Sak et al. 2014). 0: off.
        recurrent_dropout: rate on the hidden state that the gates read, while training; one mask
            per sequence and layer, the same at every step (Gal & Ghahramani 2016; Keras's
            ``recurrent_dropout``). A sequence continued from a returned state draws a new mask. No
            fused kernel supports it, so that training runs the plain loop.
        impl: ``fused``: torch's kernel; ``reference``: the plain loop, written from the equations.
            Both are the same function of the same parameters.

    Raises:
        ValueError: dropout with a single layer; ``proj_size`` not less than ``hidden_size``;
            ``chrono`` of 1 or 2, which leaves no range to draw from; ``forget_bias`` together with
            ``chrono`` or ``init=torch``, which set it themselves.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: PositiveInt = 1,
        dropout: Rate = 0.0,
        init: Initialisation = "orthogonal",
        forget_bias: Bias = 1.0,
        chrono: NonNegativeInt = 0,
        proj_size: NonNegativeInt = 0,
        recurrent_dropout: Rate = 0.0,
        impl: Implementation = "fused",
    ) -> None:
        super().__init__()
        check_dropout(num_layers, dropout)
        check_forget_bias(init, forget_bias)
        if proj_size >= hidden_size:
            raise ValueError(
                f"proj_size={proj_size} must be less than hidden_size={hidden_size}; "
                f"0 means no projection."
            )
        if 0 < chrono < _SHORTEST_CHRONO:
            raise ValueError(
                f"chrono={chrono} leaves no range of time scales; give at least "
                f"{_SHORTEST_CHRONO} steps, or 0 for none."
            )
        if chrono and forget_bias != 1.0:
            raise ValueError(
                f"chrono={chrono} sets the forget biases itself; omit forget_bias={forget_bias}."
            )
        if proj_size:  # the warning is correct, and no user can act on it
            warnings.filterwarnings(
                "ignore", message="LSTM with projections is not supported with oneDNN"
            )
        self.impl = impl
        self.recurrent_dropout = recurrent_dropout
        self.output_size = proj_size or hidden_size
        self.recurrence = nn.LSTM(
            input_size,
            hidden_size,
            num_layers,
            batch_first=True,
            dropout=dropout,
            proj_size=proj_size,
        )
        initialize_lstm(self.recurrence, init, forget_bias)
        if chrono:
            initialize_chrono(self.recurrence, chrono)

    def forward(
        self, x: Tensor, state: tuple[Tensor, Tensor] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Map x (B, T, D) and the state to outputs (B, T, O) and the new state.

        The state is h (L, B, O) and c (L, B, H); O is P with a projection, H without.

        With ``lengths`` (B,), outputs beyond each sequence's end are zero and the state is that of
        its last valid step.
        """
        if self.impl == "reference" or (self.recurrent_dropout and self.training):
            return unroll_lstm(
                self.recurrence, x, state, lengths, recurrent_dropout=self.recurrent_dropout
            )
        return run_fused(self.recurrence, x, state, lengths)


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``lstm``."""
    register("lstm", LSTM, citations=CITATIONS, plain_loop=PLAIN_LOOP, family="gated")
