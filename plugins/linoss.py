"""The linear oscillatory state space layer (LinOSS).

P forced harmonic oscillators, with positions y (P) and velocities z (P), read all channels.
Equations, for layer input u_t (H) and output o_t (H), ``*`` elementwise::

    A = relu(rate),   delta = sigmoid(time_step)                        (P)  y'' = -A y + B u
    z_t = z_{t-1} + delta * (B u_t - A * y_t),     y_t = y_{t-1} + delta * z_t      method=im
    z_t = z_{t-1} + delta * (B u_t - A * y_{t-1}), y_t = y_{t-1} + delta * z_t      method=imex
    v_t = GELU(C y_t + d * u_t)                                         (H)
    o_t = (W v_t + b) * sigmoid(U v_t + c)                              (H)  mixing=glu

``im`` is implicit in y_t and solved for it::

    S = 1 / (1 + delta^2 A)
    z_t = S * (z_{t-1} + delta * (B u_t - A * y_{t-1}))

so that both are z_t = S * (...) with S = 1 for ``imex``, and one step is a 2 x 2 matrix for each
oscillator. With ``im`` the energy of the oscillators decays, at a rate that A and delta set
(eigenvalues of magnitude sqrt(S)); with ``imex`` it is kept (magnitude 1 while delta^2 A < 4).

All steps at once: sequences are cut into chunks of Q steps. Inside a chunk the states are a product
with powers of the step's matrix M. The states at the ends of chunks are those of a recurrence with
the matrix M^Q, computed in the same way.

Initialisation: A uniform in [0, 1], delta = sigmoid of a value uniform in [0, 1]. B is uniform in
+-1/sqrt(H), C in +-1/sqrt(P), d normal of variance 1. Weights of the mixing are torch's own.

Source: Rusch & Rus 2025. B and C are real, as in its equations. The mixing belongs to the layer of
the source; its normalisation, dropout and skip connection are those of rnnbench's residual block.
Inputs of another width than H first pass a linear map, as the source's encoder does. Deviation:
with ``imex`` A is kept below 4 after each optimizer step, so that no oscillator becomes unstable.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from torch import Tensor, nn

from rnnbench import Cell, Citation, RegisterModel, hookimpl

from ._common.mixing import OutputMixing, encoder

CITATIONS = (
    Citation(
        "Rusch & Rus 2025",
        "Oscillatory state-space models",
        "ICLR",
        "https://arxiv.org/abs/2410.03943",
    ),
)
_STIFFEST = 4.0
_CHUNK = 16


class LinOSS(Cell):
    """State space layer of harmonic oscillators (Rusch & Rus 2025).

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        state_size: P, oscillators.
        method: how time is discretised: ``im``: implicit, which forgets; ``imex``: implicit and
            explicit in turn, which does not.
        mixing: ``glu``: GELU and a gated linear unit, as in the source's layer; ``none``: the
            layer is linear.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        state_size: PositiveInt = 64,
        method: Literal["im", "imex"] = "im",
        mixing: Literal["glu", "none"] = "glu",
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.state_size = state_size
        self.method = method
        self.encoder = encoder(input_size, hidden_size)
        into, out = 1 / math.sqrt(hidden_size), 1 / math.sqrt(state_size)
        self.rate = nn.Parameter(torch.rand(state_size))
        self.time_step = nn.Parameter(torch.rand(state_size))
        self.b = nn.Parameter(torch.empty(state_size, hidden_size).uniform_(-into, into))
        self.c = nn.Parameter(torch.empty(hidden_size, state_size).uniform_(-out, out))
        self.d = nn.Parameter(torch.randn(hidden_size))
        self.mixing = OutputMixing(hidden_size, mixing)

    @torch.no_grad()
    def after_step(self) -> None:
        """Keep the explicit method stable."""
        if self.method == "imex":
            self.rate.clamp_(max=_STIFFEST)

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to u (B, T, H)."""
        projected: Tensor = self.encoder(x)
        return projected

    def initial_state(self, projected: Tensor) -> Tensor:
        """Return velocities and positions (B, P, 2), zero."""
        return projected.new_zeros(projected.shape[0], self.state_size, 2)

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map u (B, H) and the state (B, P, 2) to outputs (B, H) and the new state."""
        stiffness, step, damping = self._discrete()
        z, y = state.unbind(-1)
        z = damping * (z + step * (F.linear(projected, self.b) - stiffness * y))
        y = y + step * z
        return self._output(y, projected), torch.stack([z, y], dim=-1)

    def parallel(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map u (B, T, H) and the state (B, P, 2) to outputs (B, T, H) and the last state."""
        stiffness, step, damping = self._discrete()
        to_z = torch.stack([damping, -damping * step * stiffness], dim=-1)  # (P, 2)
        to_y = step.unsqueeze(-1) * to_z + to_z.new_tensor([0.0, 1.0])
        added = damping * step * F.linear(projected, self.b)
        drive = torch.stack([added, step * added], dim=-1)  # (B, T, P, 2)
        states = _recurrence(
            torch.stack([to_z, to_y], dim=-2),
            drive.permute(2, 0, 1, 3),
            state.transpose(0, 1),
        ).permute(1, 2, 0, 3)
        return self._output(states[..., 1], projected), states[:, -1]

    def _discrete(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return A, delta and S (P)."""
        stiffness, step = torch.relu(self.rate), torch.sigmoid(self.time_step)
        if self.method == "imex":
            return stiffness, step, torch.ones_like(step)
        return stiffness, step, 1 / (1 + step * step * stiffness)

    def _output(self, y: Tensor, u: Tensor) -> Tensor:
        mixed: Tensor = self.mixing(F.linear(y, self.c) + self.d * u)
        return mixed


def _recurrence(matrix: Tensor, drive: Tensor, start: Tensor) -> Tensor:
    """Return s_t = M s_{t-1} + drive_t for all steps.

    Args:
        matrix: M (P, 2, 2), one for each oscillator.
        drive: (P, B, T, 2).
        start: (P, B, 2), the state before the first step.

    Returns:
        (P, B, T, 2).
    """
    count, batch, steps, _ = drive.shape
    length = min(steps, _CHUNK)
    chunks = -(-steps // length)
    drive = F.pad(drive, (0, 0, 0, chunks * length - steps))
    made = [torch.eye(2, dtype=matrix.dtype, device=matrix.device).expand_as(matrix)]
    for _ in range(length):
        made.append(matrix @ made[-1])
    # M^0 to M^Q, transposed: states are rows
    powers = torch.stack(made, dim=1).mT  # (P, Q + 1, 2, 2)
    index = torch.arange(length, device=drive.device)
    lag = index - index.unsqueeze(1)  # from the step of the row to that of the column
    toeplitz = powers[:, lag.clamp(min=0)] * (lag >= 0)[..., None, None]  # (P, Q, Q, 2, 2)
    toeplitz = toeplitz.transpose(2, 3).reshape(count, 2 * length, 2 * length)
    local = torch.bmm(drive.reshape(count, batch * chunks, 2 * length), toeplitz)
    before = start.unsqueeze(2)
    if chunks > 1:
        ends = local.view(count, batch, chunks, length, 2)[:, :, :-1, -1]
        before = torch.cat([before, _recurrence(made[-1], ends, start)], dim=2)  # (P, B, chunks, 2)
    response = powers[:, 1:].transpose(1, 2).reshape(count, 2, 2 * length)
    states = torch.baddbmm(local, before.reshape(count, batch * chunks, 2), response)
    return states.view(count, batch, chunks * length, 2)[:, :, :steps]


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``linoss``."""
    register("linoss", LinOSS, citations=CITATIONS, family="linear recurrence")
