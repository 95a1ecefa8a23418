"""RWKV-7, the time mixing of the "Goose" architecture: a generalised delta rule.

Equations, for layer input x_t (D,), ``*`` elementwise, ``mix_s(x)_t = x_t + m_s * (x_{t-1} - x_t)``
the token shift with shares m_s (D,), x_0 = 0::

    r_t = W_r mix_r(x)_t                                                receptance (H,)
    w_t = exp(-e^-1/2 sigmoid(w0 + tanh(mix_w(x)_t W1) W2))             decay (H,), .545 to 1
    a_t = sigmoid(a0 + mix_a(x)_t A1 A2)                                in-context rate (H,)
    g_t = sigmoid(mix_g(x)_t G1) G2                                     output gate (H,)
    k_t = W_k mix_k(x)_t,  v_t = W_v mix_v(x)_t                         key, value (H,)
    e_t = unit(k_t * k_k) in each head                                  key that is removed (H,)
    k'_t = k_t * (1 + (a_t - 1) * k_a)                                  key that is written (H,)
    S_t = S_{t-1} (diag(w_t) - e_t (a_t * e_t)^T) + v_t k'_t^T          memory of a head (N, N)
    o_t = norm(S_t r_t) + (sum(r_t * k'_t * r_k)) v_t                   of a head (N,)
    y_t = W_o (g_t * [o_t of all heads])                                output (H,)

N is the size of a head, and ``norm`` a group norm with one group for each head. All steps are
computed at once in chunks, see ``_common/delta_rule.py``.

Source: Peng et al. 2025. Deviations:

- In the source a value is mixed with the value of the first layer of the network. A core does not
  see other cores, so that each is a first layer, which has no such residual.
- The output projection starts as the other projections do. In the source it starts at zero, which
  leaves a core outside a residual block without a signal.
- The ranks of W1, A1 and G1 are 2.5, 2.5 and 5 times the square root of H, at most H; the source
  rounds them to multiples of 32. The source has D = H.
- ``unit`` adds 1e-12 to the square of the length, so that a key of zeros has a finite gradient; the
  source divides by at least 1e-12.
- For a network of one core the place of the layer is 0 where the source divides by zero.
- The authors' script for language models draws W_r, W_k and W_v again, orthogonal, and starts the
  weight of the norm at ((layer + 1) / depth)^0.7. Here the constructor's values stay.

The norm of the input, residual and channel mixing are not part of this layer; the residual block
has their like.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from rnnbench import Cell, Citation, ParameterGroup, RegisterModel, hookimpl

from ._common.delta_rule import generalized_delta_rule, generalized_delta_step, read

CITATIONS = (
    Citation(
        "Peng et al. 2025",
        'RWKV-7 "Goose" with expressive dynamic state evolution',
        "COLM",
        "https://arxiv.org/abs/2503.14456",
    ),
)
_LOWEST_LOG_DECAY = -math.exp(-0.5)
_NORM_EPSILON = 64e-5
_LENGTH_EPSILON = 1e-12
_LOW_RANK_SCALE = 0.1
_RANK_OF_RATES, _RANK_OF_GATE = 2.5, 5.0
_SHARE_POWERS = (0.2, 0.9, 0.7, 0.7, 0.9, 0.2)
"""How fast the share of the step before grows over the channels, for r, w, k, v, a, g."""

RwkvState: TypeAlias = tuple[Tensor, Tensor]
"""The last input (B, D), and the memory (B, heads, N, N), keys before values."""


class RWKV7(Cell):
    """RWKV-7, a matrix memory with a generalised delta rule (Peng et al. 2025).

    Initialisation, as in the constructor of the layer in the authors' code: the shares of the token
    shift grow with the channel, from layer to layer less; decay biases w0 from slow to fast over
    the channels and in a zigzag over each head; W1, A1, G1 zero and W2, A2, G2 orthogonal with gain
    .1; W_r and W_v uniform in +-.5/sqrt(D), W_k in +-.05/sqrt(D); k_k about .71, k_a 1.02, r_k
    -.04. W_o is uniform in +-.5/sqrt(H). Training, as in the source: w0 has twice the learning
    rate; vectors and low-rank matrices have no weight decay.

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        head_size: N; a smaller hidden size has one head of its own size.
        depth: number of cores in the network.
        layer: place of this one, from 0.

    Raises:
        ValueError: ``head_size`` does not divide a larger ``hidden_size``; heads of one number.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        head_size: PositiveInt = 64,
        *,
        depth: int,
        layer: int,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.head_size = min(head_size, hidden_size)
        if hidden_size % self.head_size:
            raise ValueError(
                f"head_size={head_size} does not divide hidden_size={hidden_size}; "
                f"type a size that does, e.g. head_size={hidden_size}."
            )
        if self.head_size == 1:
            raise ValueError(
                f"head_size={head_size} with hidden_size={hidden_size} makes heads of one number, "
                "whose norm is always 0; set both to 2 or more."
            )
        self.num_heads = hidden_size // self.head_size
        rates, gate = (
            min(hidden_size, max(1, round(factor * math.sqrt(hidden_size))))
            for factor in (_RANK_OF_RATES, _RANK_OF_GATE)
        )
        self.shares = nn.Parameter(torch.empty(len(_SHARE_POWERS), input_size))
        self.receptance = nn.Linear(input_size, hidden_size, bias=False)
        self.key = nn.Linear(input_size, hidden_size, bias=False)
        self.value = nn.Linear(input_size, hidden_size, bias=False)
        self.output = nn.Linear(hidden_size, hidden_size, bias=False)
        self.w0 = nn.Parameter(torch.empty(hidden_size))
        self.w1 = nn.Parameter(torch.zeros(input_size, rates))
        self.w2 = nn.Parameter(torch.empty(rates, hidden_size))
        self.a0 = nn.Parameter(torch.empty(hidden_size))
        self.a1 = nn.Parameter(torch.zeros(input_size, rates))
        self.a2 = nn.Parameter(torch.empty(rates, hidden_size))
        self.g1 = nn.Parameter(torch.zeros(input_size, gate))
        self.g2 = nn.Parameter(torch.empty(gate, hidden_size))
        self.k_k = nn.Parameter(torch.empty(hidden_size))
        self.k_a = nn.Parameter(torch.full((hidden_size,), 1.02))
        self.r_k = nn.Parameter(torch.full((hidden_size,), -0.04))
        self.norm = nn.GroupNorm(self.num_heads, hidden_size, eps=_NORM_EPSILON)
        self._initialize(layer / max(1, depth - 1), 1 - layer / depth)

    @torch.no_grad()
    def _initialize(self, place: float, remaining: float) -> None:
        """Set the weights of a layer at a ``place`` from 0 to 1, with ``remaining`` from 1 to 0."""
        position = torch.arange(self.input_size) / self.input_size
        for share, power in zip(self.shares, _SHARE_POWERS, strict=True):
            share.copy_(1 - position ** (power * remaining))
        channel = torch.arange(self.hidden_size)
        ramp = channel / max(1, self.hidden_size - 1)
        middle = max(1.0, self.head_size - 1) / 2
        zigzag = (channel % self.head_size - (self.head_size - 1) / 2) / middle
        zigzag = zigzag * zigzag.abs()
        self.w0.copy_(-5.5 + 6 * ramp ** (1 + place**0.3) + 2.5 * zigzag)
        self.a0.copy_(-0.19 + 0.3 * zigzag + 0.4 * (ramp - 0.5))
        self.k_k.copy_(0.71 - 0.1 * (ramp - 0.5))
        for matrix in (self.w2, self.a2, self.g2):
            nn.init.orthogonal_(matrix, gain=_LOW_RANK_SCALE)
        for module, scale in (
            (self.receptance, 0.5),
            (self.key, 0.05),
            (self.value, 0.5),
            (self.output, 0.5),
        ):
            bound = scale / math.sqrt(module.in_features)
            nn.init.uniform_(module.weight, -bound, bound)

    def initial_state(self, projected: Tensor) -> RwkvState:
        """Return an input of zeros and an empty memory."""
        size = self.head_size
        memory = projected.new_zeros(len(projected), self.num_heads, size, size)
        return torch.zeros_like(projected), memory

    def step(self, projected: Tensor, state: RwkvState) -> tuple[Tensor, RwkvState]:
        """Advance by one step."""
        before, memory = state
        r, k, v, log_decay, removal, erased, gate = self._parts(projected, before)
        memory = generalized_delta_step(k, v, log_decay.exp(), removal, erased, memory)
        return self._read_out(read(r, memory), r, k, v, gate), (projected, memory)

    def parallel(self, projected: Tensor, state: RwkvState) -> tuple[Tensor, RwkvState]:
        """Map all steps at once, in chunks."""
        before, memory = state
        shifted = torch.cat([before.unsqueeze(1), projected[:, :-1]], dim=1)
        r, k, v, log_decay, removal, erased, gate = self._parts(projected, shifted)
        outputs, memory = generalized_delta_rule(
            r, k, v, log_decay, removal, erased, memory, lowest=_LOWEST_LOG_DECAY
        )
        return self._read_out(outputs, r, k, v, gate), (projected[:, -1], memory)

    def _parts(self, x: Tensor, before: Tensor) -> tuple[Tensor, ...]:
        """Map inputs (..., D) and those before to the parts of the update, and the gate.

        The parts are r, k', v, log w, a * e, e, each (..., heads, N), and g (..., H).
        """
        shift = before - x
        xr, xw, xk, xv, xa, xg = (x + share * shift for share in self.shares)
        decay = torch.sigmoid(self.w0 + torch.tanh(xw @ self.w1) @ self.w2)
        rate = torch.sigmoid(self.a0 + xa @ self.a1 @ self.a2)
        gate = torch.sigmoid(xg @ self.g1) @ self.g2
        k = self.key(xk)
        erased = self._heads(k * self.k_k)
        erased = erased * torch.rsqrt(erased.square().sum(-1, keepdim=True) + _LENGTH_EPSILON)
        k = k * (1 + (rate - 1) * self.k_a)
        heads = [
            self._heads(each)
            for each in (self.receptance(xr), k, self.value(xv), _LOWEST_LOG_DECAY * decay, rate)
        ]
        return (*heads[:4], heads[4] * erased, erased, gate)

    def _heads(self, x: Tensor) -> Tensor:
        return x.reshape(*x.shape[:-1], self.num_heads, self.head_size)

    def _read_out(self, outputs: Tensor, r: Tensor, k: Tensor, v: Tensor, gate: Tensor) -> Tensor:
        """Map (..., heads, N) to (..., H)."""
        flat = outputs.flatten(-2)
        normed = self.norm(flat.flatten(0, -2)).reshape(flat.shape)
        bonus = (r * k * self._heads(self.r_k)).sum(-1, keepdim=True) * v
        return self.output((normed + bonus.flatten(-2)) * gate)  # type: ignore[no-any-return]

    def parameter_groups(self) -> Sequence[ParameterGroup]:
        """Give w0 twice the learning rate; exempt it and the low-rank matrices from decay."""
        return [
            ParameterGroup(["w0"], learning_rate_factor=2.0, weight_decay=0.0),
            ParameterGroup(
                ["shares", "w1", "w2", "a0", "a1", "a2", "g1", "g2", "k_k", "k_a", "r_k"],
                weight_decay=0.0,
            ),
        ]


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``rwkv7``."""
    register("rwkv7", RWKV7, citations=CITATIONS, family="matrix memory")
