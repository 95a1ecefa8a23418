"""An LSTM with causal attention to its own past hidden states.

Equations, for the hidden states h_1 .. h_T of an LSTM (``lstm.py``) and a query state s::

    alpha_t  = softmax_t(v . tanh(W_h h_t + W_s s))
    context  = sum_t alpha_t h_t
    output   = [context ; s]

At every step k the query is s = h_k and attention is causal: t runs from 1 to k. For a single
prediction at the end, s is the hidden state of the last valid step and t runs over all valid steps.
In Bahdanau, Cho & Bengio (2015) s is the state of a second, decoding RNN; with one prediction per
step the LSTM's own state takes its place. Context and query are concatenated, so that the decoder
reads both directly.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from rnnbench import (
    Citation,
    HeatmapPlot,
    RegisterModel,
    Task,
    hookimpl,
    last_valid,
    padding_mask,
)

from ._common import citations
from ._common.additive_attention import attend, attention_weights
from ._common.fused import run_fused
from ._common.initialization import Initialisation, initialize_lstm
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
    Citation(
        "Bahdanau et al. 2015",
        "Neural machine translation by jointly learning to align and translate",
        "ICLR",
        "https://arxiv.org/abs/1409.0473",
    ),
    citations.LSTM,
    citations.FORGET_GATE,
)
_PLOTTED_STEPS = 100


class AttentionState(NamedTuple):
    """State of the LSTM and the past steps to attend to; it grows by H + A numbers per step.

    Attributes:
        h: (L, B, H), hidden state of the LSTM.
        c: (L, B, H), cell state of the LSTM.
        hidden: (B, N, H), hidden states of the top layer at the N past steps.
        keys: (B, N, A), W_h applied to ``hidden``.
        absent: (B, N) bool, padded steps; ``None`` if there are none.
    """

    h: Tensor
    c: Tensor
    hidden: Tensor
    keys: Tensor
    absent: Tensor | None


class AttentionLSTM(nn.Module):
    """LSTM with causal additive attention over its own past states (Bahdanau et al. 2015).

    Args:
        input_size: D.
        hidden_size: H; the output width is 2H, context and query.
        num_layers: L, stacked; attention reads the top layer.
        dropout: rate between layers while training.
        init: ``orthogonal`` recurrent and Glorot uniform input and attention weights, zero biases;
            ``torch``: torch's own.
        forget_bias: initial forget gate bias, the sum of torch's two (with ``init=orthogonal``).
        attention_size: A, width of queries and keys; H when ``None``.
        impl: of the recurrence, ``fused``: torch's kernel; ``reference``: the plain loop. Both are
            the same function of the same parameters. The attention reads all steps at once in both.

    Raises:
        ValueError: dropout with a single layer; ``forget_bias`` together with ``init=torch``,
            which sets it itself.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: PositiveInt = 1,
        dropout: Rate = 0.0,
        init: Initialisation = "orthogonal",
        forget_bias: Bias = 1.0,
        attention_size: PositiveInt | None = None,
        impl: Implementation = "fused",
    ) -> None:
        super().__init__()
        check_dropout(num_layers, dropout)
        check_forget_bias(init, forget_bias)
        self.impl = impl
        self.output_size = 2 * hidden_size
        self.recurrence = nn.LSTM(
            input_size, hidden_size, num_layers, batch_first=True, dropout=dropout
        )
        initialize_lstm(self.recurrence, init, forget_bias)
        self.key = nn.Linear(hidden_size, attention_size or hidden_size, bias=False)  # W_h
        self.query = nn.Linear(hidden_size, attention_size or hidden_size, bias=False)  # W_s
        self.score = nn.Linear(attention_size or hidden_size, 1, bias=False)  # v
        if init != "torch":
            for linear in (self.key, self.query, self.score):
                nn.init.xavier_uniform_(linear.weight)

    def forward(
        self, x: Tensor, state: AttentionState | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, AttentionState]:
        """Map x (B, T, D) to outputs (B, T, 2H), context first, and the new state.

        With ``lengths`` (B,), outputs beyond each sequence's end are zero and padded steps get no
        attention.
        """
        before = None if state is None else (state.h, state.c)
        unroll = unroll_lstm if self.impl == "reference" else run_fused
        hidden, (h, c) = unroll(self.recurrence, x, before, lengths)  # (B, T, H)
        padded = None if lengths is None else padding_mask(lengths, x.shape[1])
        now = AttentionState(h, c, hidden, self.key(hidden), padded)
        if state is not None:
            now = _continued(state, now)
        context = attend(
            self.query(hidden), now.keys, now.hidden, self.score.weight.squeeze(0), now.absent
        )
        outputs = torch.cat([context, hidden], dim=-1)  # (B, T, 2H)
        return outputs if padded is None else outputs.masked_fill(padded.unsqueeze(-1), 0.0), now

    def forward_last(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Attend from the last valid step to all valid steps: x (B, T, D) -> (B, 2H)."""
        hidden, padded = self._read(x, lengths)
        last = last_valid(hidden, lengths).unsqueeze(1)  # (B, 1, H)
        context = attend(
            self.query(last), self.key(hidden), hidden, self.score.weight.squeeze(0), padded
        )
        return torch.cat([context, last], dim=-1).squeeze(1)

    @torch.no_grad()
    def attention(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the attention weights alpha (B, T, T) for x (B, T, D).

        Rows are querying steps, columns the steps attended to; rows of padded steps are zero.
        """
        hidden, padded = self._read(x, lengths)
        weights = attention_weights(
            self.query(hidden), self.key(hidden), self.score.weight.squeeze(0), padded
        )
        return weights if padded is None else weights.masked_fill(padded.unsqueeze(-1), 0.0)

    def plots(self, x: Tensor, lengths: Tensor | None = None) -> tuple[HeatmapPlot, ...]:
        """Plot the attention weights of the first sequence of x (B, T, D).

        Of a long sequence the last 100 valid steps are shown.
        """
        steps = x.shape[1] if lengths is None else int(lengths[0])
        first = max(0, steps - _PLOTTED_STEPS)
        weights = self.attention(x[:1, :steps])[0, first:, first:]
        span = f"steps {first + 1} to {steps}"
        return (
            HeatmapPlot(
                title=f"Attention weights of one sequence, {span}",
                x_label=f"step attended to ({span})",
                y_label=f"querying step ({span})",
                values=tuple(tuple(row) for row in weights.tolist()),
            ),
        )

    def _read(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return hidden states (B, T, H) and the mask (B, T) of padded steps.

        The hidden states of padded steps are arbitrary but finite.
        """
        padded = None if lengths is None else padding_mask(lengths, x.shape[1])
        clean = x if padded is None else x.masked_fill(padded.unsqueeze(-1), 0.0)
        if self.impl == "reference":
            return unroll_lstm(self.recurrence, clean)[0], padded
        return self.recurrence(clean)[0], padded


def _continued(state: AttentionState, new: AttentionState) -> AttentionState:
    """Append the steps of ``new`` to those of ``state``."""
    absent = None
    if state.absent is not None or new.absent is not None:
        absent = torch.cat([_absence(state), _absence(new)], dim=1)
    hidden = torch.cat([state.hidden, new.hidden], dim=1)
    return AttentionState(new.h, new.c, hidden, torch.cat([state.keys, new.keys], dim=1), absent)


def _absence(state: AttentionState) -> Tensor:
    if state.absent is not None:
        return state.absent
    return torch.zeros(state.hidden.shape[:2], dtype=torch.bool, device=state.hidden.device)


def _declines(task: Task, options: dict[str, Any]) -> str | None:
    del options
    if task.stateful:
        return (
            "its state grows with every step, without bound in stateful training; "
            "set stateful=false."
        )
    return None


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``attention-lstm``."""
    register(
        "attention-lstm",
        AttentionLSTM,
        citations=CITATIONS,
        incompatible=_declines,
        plain_loop=PLAIN_LOOP,
        family="gated",
    )
