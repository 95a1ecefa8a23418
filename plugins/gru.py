"""The gated recurrent unit.

Equations, for layer input x_t and hidden state h_t, ``*`` elementwise::

    r_t = sigmoid(W_r x_t + b_r + U_r h_{t-1} + b'_r)          reset
    z_t = sigmoid(W_z x_t + b_z + U_z h_{t-1} + b'_z)          update
    n_t = tanh(W_n x_t + b_n + r_t * (U_n h_{t-1} + b'_n))     candidate
    h_t = (1 - z_t) * n_t + z_t * h_{t-1}

This is the variant of torch and cuDNN: the reset gate is applied after the product with U_n, so
that all gates share one matrix product. In the published form (Cho et al. 2014) it is applied
before: ``U_n (r_t * h_{t-1})``. As published, z = 1 keeps the state; some texts and libraries
exchange z and 1 - z.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from torch import Tensor, nn

from rnnbench import Cell, CellCore, Citation, RegisterModel, hookimpl

from ._common.fused import run_fused
from ._common.initialization import Initialisation, initialize_gru
from ._common.layout import LayerWeights, layer_weights
from ._common.options import (
    PLAIN_LOOP,
    Bias,
    Rate,
    check_dropout,
    check_update_bias,
)
from ._common.plain_loop import State, unroll_hidden

CITATIONS = (
    Citation(
        "Cho et al. 2014",
        "Learning phrase representations using RNN encoder-decoder for statistical machine "
        "translation",
        "EMNLP",
        "https://arxiv.org/abs/1406.1078",
    ),
)


class GRU(nn.Module):
    """Gated recurrent unit, reset gate after the matrix product (Cho et al. 2014).

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        num_layers: L, stacked.
        dropout: rate between layers while training.
        init: ``orthogonal`` recurrent and Glorot uniform input weights per gate, zero biases;
            ``torch``: torch's own.
        update_bias: initial update gate bias, the sum of torch's two (with ``init=orthogonal``).
            The gate keeps the state where it is open, so that a larger bias is a longer memory, as
            with an LSTM's ``forget_bias``; 0: the state is halved at every step.
        impl: ``fused``: torch's layer; ``compiled``: the step of the plain loop, compiled, which on
            a CPU is faster than torch's layer; ``reference``: the plain loop, written from the
            equations. All are the same function of the same parameters. ``compiled`` needs a C++
            compiler, and runs sequences of different lengths by the plain loop.

    Raises:
        ValueError: dropout with a single layer; ``update_bias`` with ``init=torch``, which sets it
            itself.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: PositiveInt = 1,
        dropout: Rate = 0.0,
        init: Initialisation = "orthogonal",
        update_bias: Bias = 0.0,
        impl: Literal["fused", "compiled", "reference"] = "fused",
    ) -> None:
        super().__init__()
        check_dropout(num_layers, dropout)
        check_update_bias(init, update_bias)
        self.impl = impl
        self.recurrence = nn.GRU(
            input_size, hidden_size, num_layers, batch_first=True, dropout=dropout
        )
        initialize_gru(self.recurrence, init, update_bias)
        self.compiled: CellCore | None = None
        if impl == "compiled":
            layers = [_Layer(self.recurrence, level) for level in range(num_layers)]
            self.compiled = CellCore(layers, dropout=dropout, impl=impl)

    def prepare(self, x: Tensor, steps: int | None) -> str | None:
        """Compile the step for inputs of the size of x (B, T, D), with ``impl=compiled``."""
        return None if self.compiled is None else self.compiled.prepare(x, steps)

    def forward(
        self, x: Tensor, state: Tensor | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Map x (B, T, D) and state (L, B, H) to outputs (B, T, H) and the new state.

        With ``lengths`` (B,), outputs beyond each sequence's end are zero and the state is that of
        its last valid step.
        """
        if self.compiled is not None and lengths is None:
            outputs, after = self.compiled(x, None if state is None else state.unbind(0))
            return outputs, torch.stack(after)
        if self.impl == "fused":
            return run_fused(self.recurrence, x, state, lengths)
        return unroll_hidden(_step, self.recurrence, x, state, lengths)


class _Layer(Cell):
    """One layer of an ``nn.GRU`` as a cell, without parameters of its own.

    Args:
        recurrence: has the parameters.
        level: of the layer, from 0.
    """

    def __init__(self, recurrence: nn.GRU, level: int) -> None:
        width = recurrence.hidden_size if level else recurrence.input_size
        super().__init__(width, recurrence.hidden_size)
        # in a tuple, torch takes it for no part of this module
        self._recurrence = (recurrence,)
        self._level = level

    def _layer_weights(self) -> LayerWeights:
        return layer_weights(self._recurrence[0])[self._level]

    def project(self, x: Tensor) -> Tensor:
        weights = self._layer_weights()
        return F.linear(x, weights.input, weights.input_bias)

    def weights(self) -> dict[str, Tensor]:
        weights = self._layer_weights()
        return {"recurrent": weights.recurrent, "bias": weights.recurrent_bias}

    def step(
        self,
        projected: Tensor,
        state: Tensor,
        recurrent: Tensor | None = None,
        bias: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        if recurrent is None or bias is None:
            recurrent, bias = self.weights().values()
        h = _next(projected, state, recurrent, bias)
        return h, h


def _step(projected: Tensor, state: State, weights: LayerWeights) -> State:
    (h,) = state
    return (_next(projected, h, weights.recurrent, weights.recurrent_bias),)


def _next(projected: Tensor, h: Tensor, recurrent: Tensor, bias: Tensor) -> Tensor:
    input_r, input_z, input_n = projected.chunk(3, dim=-1)  # (B, 3H) -> 3 x (B, H)
    hidden_r, hidden_z, hidden_n = F.linear(h, recurrent, bias).chunk(3, dim=-1)
    reset = torch.sigmoid(input_r + hidden_r)
    update = torch.sigmoid(input_z + hidden_z)
    candidate = torch.tanh(input_n + reset * hidden_n)
    return (1 - update) * candidate + update * h


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``gru``."""
    register("gru", GRU, citations=CITATIONS, plain_loop=PLAIN_LOOP, family="gated")
