"""The layer around the delta rule: projections, short convolution, norms, gates."""

from __future__ import annotations

from typing import TypeAlias

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench import Cell

from .causal_conv import CausalConv
from .delta_rule import delta_rule, delta_step, read
from .step_size import step_size_bias

DeltaState: TypeAlias = tuple[Tensor, Tensor]
"""The last inputs of the convolution (B, 3, C), and the memory (B, heads, K, V)."""

_CONV_WIDTH = 4
_GAIN = 2**-2.5
_NORM_EPSILON = 1e-5
_LENGTH_EPSILON = 1e-6
_LARGEST_RATE = 16.0


class DeltaCell(Cell):
    """One layer with a matrix memory that the delta rule updates.

    For one head, with x_t (D,), and R updates per step::

        q_t = l2(silu(conv(W_q x)_t))                            (K,)
        k_tr = l2(silu(conv(W_kr x)_t))                          (K,), r = 1 to R
        v_tr = silu(conv(W_vr x)_t)                              (V,)
        b_tr = sigmoid(w_br x_t)                                 doubled for negative eigenvalues
        a_t = exp(-exp(A) softplus(w_a x_t + d))                 with a forget gate, else 1
        M_t = prod_r (I - b_tr k_tr k_tr^T) a_t M_{t-1} + ...    see _common/delta_rule.py
        o_t = rms(M_t^T q_t) * silu(W_g x_t)                     with an output gate, else rms alone
        y_t = W_o [o_t of all heads]                             (H,)

    Args:
        input_size: D.
        hidden_size: H.
        num_heads: number of heads.
        key_size: K of each head.
        value_size: V of each head.
        updates: R.
        forget_gate: whether the memory decays.
        output_gate: whether what is read is gated.
        negative_eigenvalues: whether b_t lies in (0, 2) in place of (0, 1).
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        num_heads: int,
        key_size: int,
        value_size: int,
        updates: int = 1,
        forget_gate: bool = False,
        output_gate: bool = False,
        negative_eigenvalues: bool = False,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.num_heads, self.updates = num_heads, updates
        self.key_size, self.value_size = key_size, value_size
        self.highest_rate = 2.0 if negative_eigenvalues else 1.0
        keys, values = num_heads * key_size, num_heads * value_size
        self.query = nn.Linear(input_size, keys, bias=False)
        self.key = nn.Linear(input_size, updates * keys, bias=False)
        self.value = nn.Linear(input_size, updates * values, bias=False)
        self.rate = nn.Linear(input_size, updates * num_heads, bias=False)
        self.decay = nn.Linear(input_size, num_heads, bias=False) if forget_gate else None
        self.gate = nn.Linear(input_size, values, bias=False) if output_gate else None
        self.output = nn.Linear(values, hidden_size, bias=False)
        self.conv = CausalConv(keys + updates * (keys + values), _CONV_WIDTH, bias=False)
        self.norm = nn.Parameter(torch.ones(value_size))
        for module in self.children():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight, gain=_GAIN)
        if forget_gate:
            # in (0, 16]: its logarithm is finite
            self.log_rate = nn.Parameter((_LARGEST_RATE * (1 - torch.rand(num_heads))).log())
            self.decay_bias = nn.Parameter(step_size_bias(num_heads))  # d

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to queries, keys, values, rates, decays and gates (B, T, P)."""
        parts = (self.query, self.key, self.value, self.rate, self.decay, self.gate)
        return F.linear(x, torch.cat([each.weight for each in parts if each is not None]))

    def initial_state(self, projected: Tensor) -> DeltaState:
        """Return an empty convolution and an empty memory."""
        return (
            self.conv.initial_state(projected),
            projected.new_zeros(len(projected), self.num_heads, self.key_size, self.value_size),
        )

    def step(self, projected: Tensor, state: DeltaState) -> tuple[Tensor, DeltaState]:
        """Advance by one step, one update after the other."""
        before, memory = state
        mixed, rates, gate = self._split(projected)
        mixed, before = self.conv.step(mixed, before)
        q, k, v = self._heads(mixed)
        rate, log_decay = self._rates(rates)
        for update in range(self.updates):
            decay = log_decay.exp() if log_decay is not None and update == 0 else None
            memory = delta_step(k[:, update], v[:, update], rate[:, update], decay, memory)
        return self._read_out(read(q, memory), gate), (before, memory)

    def parallel(self, projected: Tensor, state: DeltaState) -> tuple[Tensor, DeltaState]:
        """Map all steps at once, in chunks."""
        before, memory = state
        mixed, rates, gate = self._split(projected)
        mixed, before = self.conv.parallel(mixed, before)
        q, k, v = self._heads(mixed)
        rate, log_decay = self._rates(rates)
        outputs, memory = delta_rule(q, k, v, rate, log_decay, memory)
        return self._read_out(outputs, gate), (before, memory)

    def _split(self, projected: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return what the convolution mixes, the rates and decays, and the gates."""
        channels = len(self.conv.weight)
        gates = 0 if self.gate is None else self.num_heads * self.value_size
        sizes = [channels, projected.shape[-1] - channels - gates, gates]
        mixed, rates, gate = torch.split(projected, sizes, dim=-1)
        return mixed, rates, gate

    def _heads(self, mixed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Map (..., C) to q (..., heads, K), k (..., R, heads, K) and v (..., R, heads, V)."""
        leading, heads = mixed.shape[:-1], self.num_heads
        keys = (1 + self.updates) * heads * self.key_size
        mixed = F.silu(mixed)
        directions = mixed[..., :keys].reshape(*leading, 1 + self.updates, heads, self.key_size)
        directions = _unit(directions)
        v = mixed[..., keys:].reshape(*leading, self.updates, heads, self.value_size)
        return directions[..., 0, :, :], directions[..., 1:, :, :], v

    def _rates(self, rates: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return b (..., R, heads), and the log decay (..., heads) with a forget gate."""
        count = self.updates * self.num_heads
        rate = self.highest_rate * torch.sigmoid(rates[..., :count])
        rate = rate.reshape(*rates.shape[:-1], self.updates, self.num_heads)
        if self.decay is None:
            return rate, None
        return rate, -self.log_rate.exp() * F.softplus(rates[..., count:] + self.decay_bias)

    def _read_out(self, outputs: Tensor, gate: Tensor) -> Tensor:
        """Map (..., heads, V) to (..., H)."""
        outputs = F.rms_norm(outputs, (self.value_size,), self.norm, _NORM_EPSILON).flatten(-2)
        if self.gate is not None:
            outputs = outputs * F.silu(gate)
        return self.output(outputs)  # type: ignore[no-any-return]


def _unit(x: Tensor) -> Tensor:
    """Scale the last axis to unit length; a vector near zero stays short."""
    return x * torch.rsqrt(x.square().sum(-1, keepdim=True) + _LENGTH_EPSILON)
