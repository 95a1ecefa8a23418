"""The diagonal state space layer (S4D).

Each of the H channels has a state space of its own, of S = N/2 complex numbers that stand for N
conjugate ones. Equations, for layer input u_t (H), state x_t (H, S) and output y_t (H), ``*``
elementwise::

    A = -exp(log_rate) + i frequency                        (H, S)   continuous time, Re A < 0
    delta = exp(log_step)                                   (H)
    Abar = exp(delta A),   Bbar = (exp(delta A) - 1) / A    (H, S)   zero-order hold, B = 1
    x_t[h] = Abar[h] * x_{t-1}[h] + Bbar[h] u_t[h]
    y_t[h] = 2 Re(sum_n C[h, n] x_t[h, n]) + d[h] u_t[h]
    o_t = (W v_t + b) * sigmoid(U v_t + c),   v_t = GELU(y_t)        mixing=glu

Initialisation, for n = 0 ... S - 1: Re A = -1/2, and Im A = pi n (init=lin) or
(N / pi) (N / (2n + 1) - 1) (init=inv). delta is log-uniform in [init_step_min, init_step_max]. C is
complex normal of variance 1, d normal of variance 1. Weights of the mixing are torch's own.

All steps at once: sequences are cut into chunks. Inside a chunk the outputs are a product with the
Toeplitz matrix of the impulse response; from chunk to chunk runs the recurrence. This gives the
last state too. On a CPU it was 1.0 to 1.4 times as fast as the source's convolution by FFT at
T = 100 (H = 32 to 128), and 8 times at T = 2,000 (H = 64).

Source: Gu et al. 2022. A and delta have a learning rate of at most 0.001 there, and no weight
decay; 0.001 is rnnbench's default rate, so that their factor is 1 here, and ``lr_factor`` lowers it
at larger rates. The mixing belongs to the layer of the source; its normalisation, dropout and skip
connection are those of rnnbench's residual block. Inputs of another width than H first pass a
linear map, as the source's encoder does.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn

from rnnbench import Cell, Citation, ParameterGroup, RegisterModel, hookimpl, linear_recurrence

from ._common.complex_state import from_pairs, log_uniform, pairs
from ._common.mixing import OutputMixing, encoder

CITATIONS = (
    Citation(
        "Gu et al. 2022",
        "On the parameterization and initialization of diagonal state space models",
        "NeurIPS",
        "https://arxiv.org/abs/2206.11893",
    ),
)
_CHUNK = 64
"""Longest chunk. Shorter ones have more states, longer ones more products."""


class S4D(Cell):
    """Diagonal state space layer, one state space for each channel (Gu et al. 2022).

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        state_size: N of each channel, even: N/2 complex numbers.
        init: frequencies of the states: ``lin``: S4D-Lin, a Fourier series; ``inv``: S4D-Inv, an
            approximation of S4's.
        init_step_min: smallest initial time step.
        init_step_max: largest initial time step. The memory of a channel is about 2 / step.
        mixing: ``glu``: GELU and a gated linear unit, as in the source's layer; ``none``: the
            layer is linear.
        lr_factor: factor on the learning rate of A and the time step.

    Raises:
        ValueError: an odd ``state_size``; ``init_step_min`` above ``init_step_max``.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        state_size: PositiveInt = 64,
        init: Literal["lin", "inv"] = "lin",
        init_step_min: PositiveFloat = 1e-3,
        init_step_max: PositiveFloat = 1e-1,
        mixing: Literal["glu", "none"] = "glu",
        lr_factor: PositiveFloat = 1.0,
    ) -> None:
        super().__init__(input_size, hidden_size)
        if state_size % 2:
            raise ValueError(
                f"state_size={state_size} must be even; set state_size={state_size + 1}."
            )
        if init_step_min > init_step_max:
            raise ValueError(
                f"init_step_min={init_step_min} must not exceed init_step_max={init_step_max}; "
                "lower it."
            )
        self.lr_factor = lr_factor
        self.states = states = state_size // 2
        self.encoder = encoder(input_size, hidden_size)
        index = torch.arange(states, dtype=torch.get_default_dtype())
        frequency = math.pi * index
        if init == "inv":
            frequency = state_size / math.pi * (state_size / (2 * index + 1) - 1)
        self.log_step = nn.Parameter(log_uniform(hidden_size, init_step_min, init_step_max))
        self.log_rate = nn.Parameter(torch.full((hidden_size, states), math.log(0.5)))
        self.frequency = nn.Parameter(frequency.repeat(hidden_size, 1))
        self.c = nn.Parameter(torch.randn(hidden_size, states, 2) * math.sqrt(0.5))
        self.d = nn.Parameter(torch.randn(hidden_size))
        self.mixing = OutputMixing(hidden_size, mixing)

    def parameter_groups(self) -> list[ParameterGroup]:
        """Train the transition without decay."""
        names = ["log_step", "log_rate", "frequency"]
        return [ParameterGroup(names, learning_rate_factor=self.lr_factor, weight_decay=0.0)]

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to u (B, T, H)."""
        projected: Tensor = self.encoder(x)
        return projected

    def initial_state(self, projected: Tensor) -> Tensor:
        """Return zeros (B, H, S, 2), real and imaginary parts."""
        return projected.new_zeros(projected.shape[0], self.hidden_size, self.states, 2)

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map u (B, H) and the state (B, H, S, 2) to outputs (B, H) and the new state."""
        exponent, scale = self._discrete()
        x = torch.exp(exponent) * from_pairs(state) + scale * projected.unsqueeze(-1)
        y = 2 * (from_pairs(self.c) * x).real.sum(-1)
        return self._output(y, projected), pairs(x)

    def parallel(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map u (B, T, H) and the state (B, H, S, 2) to outputs (B, T, H) and the last state."""
        steps = projected.shape[1]
        chunks = -(-steps // _CHUNK)
        length = -(-steps // chunks)
        whole = steps // length * length
        x = from_pairs(state).transpose(0, 1)  # (H, B, S)
        outputs = []
        for part in (projected[:, :whole], projected[:, whole:]):
            if part.shape[1]:
                y, x = self._chunked(part, x, min(length, part.shape[1]))
                outputs.append(y)
        y = outputs[0] if len(outputs) == 1 else torch.cat(outputs, dim=1)
        return self._output(y, projected), pairs(x.transpose(0, 1))

    def _chunked(self, u: Tensor, start: Tensor, length: int) -> tuple[Tensor, Tensor]:
        """Map u (B, T, H) in chunks of a length that divides T.

        With K[k] = 2 Re(C Abar^k Bbar), and s the state before the chunk::

            y_t = sum_{k <= t} K[t - k] u_k + 2 Re(C Abar^(t + 1) s)
            next s = Abar^length s + sum_k Abar^(length - 1 - k) Bbar u_k

        Args:
            u: (B, T, H).
            start: (H, B, S), complex.
            length: Q.

        Returns:
            y (B, T, H) without ``d * u``, and the last state (H, B, S).
        """
        batch, steps, width = u.shape
        exponent, scale = self._discrete()
        index = torch.arange(length, device=u.device)
        powers = torch.exp(exponent.unsqueeze(-1) * index)  # (H, S, Q)
        c = 2 * from_pairs(self.c)
        impulse = powers * scale.unsqueeze(-1)
        kernel = torch.einsum("hs,hsq->hq", c, impulse).real
        lag = index - index.unsqueeze(1)  # from the step of the row to that of the column
        toeplitz = kernel[:, lag.clamp(min=0)] * (lag >= 0)  # (H, Q, Q)
        chunks = steps // length
        inputs = u.reshape(batch, chunks, length, width).permute(3, 1, 0, 2).flatten(1, 2)
        outputs = torch.bmm(inputs, toeplitz)  # (H, chunks * B, Q)
        gained = torch.bmm(inputs, torch.view_as_real(impulse.flip(-1).transpose(1, 2)).flatten(2))
        states = linear_recurrence(
            torch.exp(exponent * length)[:, None, None],
            from_pairs(gained.view(width, chunks, batch, self.states, 2)),
            start,
        )  # (H, chunks, B, S), after each chunk
        before = torch.cat([start.unsqueeze(1), states[:, :-1]], dim=1)
        response = (c * torch.exp(exponent)).unsqueeze(-1) * powers  # (H, S, Q)
        rows = torch.stack([response.real, -response.imag], dim=2).flatten(1, 2)  # (H, 2S, Q)
        outputs = torch.baddbmm(outputs, torch.view_as_real(before).flatten(3).flatten(1, 2), rows)
        y = outputs.view(width, chunks, batch, length).permute(2, 1, 3, 0)
        return y.reshape(batch, steps, width), states[:, -1]

    def _discrete(self) -> tuple[Tensor, Tensor]:
        """Return delta A and Bbar (H, S)."""
        rate = torch.complex(-torch.exp(self.log_rate), self.frequency)
        exponent = rate * torch.exp(self.log_step).unsqueeze(-1)
        return exponent, torch.expm1(exponent) / rate

    def _output(self, y: Tensor, u: Tensor) -> Tensor:
        mixed: Tensor = self.mixing(y + self.d * u)
        return mixed


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``s4d``."""
    register("s4d", S4D, citations=CITATIONS, family="linear recurrence")
