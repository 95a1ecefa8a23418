"""The simplified state space layer (S5).

One state space reads all channels. S = P/2 complex numbers stand for P conjugate ones. Equations,
for layer input u_t (H), state x_t (S) and output y_t (H), ``*`` elementwise::

    Lambda = rate + i frequency                                            (S)   continuous time
    delta = exp(log_step)                                                  (S)
    Lbar = exp(delta * Lambda),   Bbar = (exp(delta * Lambda) - 1) / Lambda * B    zero-order hold
    x_t = Lbar * x_{t-1} + Bbar u_t                                        (S)   B complex (S, H)
    y_t = 2 Re(C x_t) + d * u_t                                            (H)   C complex (H, S)
    o_t = v_t * sigmoid(U v_t + c),   v_t = GELU(y_t)                      (H)   mixing=half-glu

Initialisation: Lambda holds the eigenvalues with positive imaginary part of HiPPO-N, the normal
part of HiPPO-LegS, for each of num_blocks blocks of P / num_blocks states. V are its eigenvectors.
B = V^H B_0 with B_0 real normal of variance 1/H. C = C_0 V with real and imaginary part of C_0
normal of variance 1/P. d is normal of variance 1, delta log-uniform in
[init_step_min, init_step_max]. Weights of the mixing are torch's own.

Source: Smith et al. 2023. Lambda, delta and B have a smaller learning rate and no weight decay, the
``standard`` setting of the source's code. The factor between the rates is a setting of each task
there, 1/4.5 for pixel CIFAR; 1/4 is chosen here. After each optimizer step Re Lambda is at most
-0.0001, which is an option of the source's code (clip_eigs); without it the state may grow without
bound. Deviation: normal distributions are not truncated. The mixing belongs to the layer of the
source; its normalisation, dropout and skip connection are those of rnnbench's residual block.
Inputs of another width than H first pass a linear map, as the source's encoder does.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from pydantic import PositiveFloat, PositiveInt
from torch import Tensor, nn

from rnnbench import Cell, Citation, ParameterGroup, RegisterModel, hookimpl, linear_recurrence

from ._common.complex_state import from_pairs, into_state, log_uniform, out_of_state, pairs
from ._common.mixing import OutputMixing, encoder

CITATIONS = (
    Citation(
        "Smith et al. 2023",
        "Simplified state space layers for sequence modeling",
        "ICLR",
        "https://arxiv.org/abs/2208.04933",
    ),
)
_HIGHEST_RATE = -1e-4


class S5(Cell):
    """State space layer of many inputs and outputs with diagonal state (Smith et al. 2023).

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        state_size: P: P/2 complex numbers.
        num_blocks: blocks of the initial transition; ``state_size`` is a multiple of twice as many.
        init_step_min: smallest initial time step.
        init_step_max: largest initial time step. The memory of a state is about 2 / step.
        mixing: ``half-glu``: GELU and a gate, as in the source; ``glu``: its other choice, a gated
            linear unit; ``none``: the layer is linear.
        lr_factor: factor on the learning rate of Lambda, delta and B.

    Raises:
        ValueError: ``state_size`` not a multiple of ``2 * num_blocks``; ``init_step_min`` above
            ``init_step_max``.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        state_size: PositiveInt = 64,
        num_blocks: PositiveInt = 4,
        init_step_min: PositiveFloat = 1e-3,
        init_step_max: PositiveFloat = 1e-1,
        mixing: Literal["half-glu", "glu", "none"] = "half-glu",
        lr_factor: PositiveFloat = 0.25,
    ) -> None:
        super().__init__(input_size, hidden_size)
        if state_size % (2 * num_blocks):
            raise ValueError(
                f"state_size={state_size} must be a multiple of 2 * num_blocks={2 * num_blocks}; "
                "change one of them."
            )
        if init_step_min > init_step_max:
            raise ValueError(
                f"init_step_min={init_step_min} must not exceed init_step_max={init_step_max}; "
                "lower it."
            )
        self.lr_factor = lr_factor
        self.states = states = state_size // 2
        self.encoder = encoder(input_size, hidden_size)
        frequency, vectors = _hippo_normal(state_size // num_blocks)
        # (P, S)
        vectors = torch.block_diag(*[vectors] * num_blocks)  # type: ignore[no-untyped-call]
        self.rate = nn.Parameter(torch.full((states,), -0.5))
        self.frequency = nn.Parameter(frequency.repeat(num_blocks))
        self.log_step = nn.Parameter(log_uniform(states, init_step_min, init_step_max))
        b = torch.randn(state_size, hidden_size) / math.sqrt(hidden_size)
        c = torch.randn(2, hidden_size, state_size) / math.sqrt(state_size)
        self.b = nn.Parameter(pairs(vectors.mH @ b.to(vectors.dtype)))
        self.c = nn.Parameter(pairs(torch.complex(*c) @ vectors))
        self.d = nn.Parameter(torch.randn(hidden_size))
        self.mixing = OutputMixing(hidden_size, mixing)

    def parameter_groups(self) -> list[ParameterGroup]:
        """Train the recurrence more slowly and without decay."""
        names = ["rate", "frequency", "log_step", "b"]
        return [ParameterGroup(names, learning_rate_factor=self.lr_factor, weight_decay=0.0)]

    @torch.no_grad()
    def after_step(self) -> None:
        """Keep the continuous transition stable."""
        self.rate.clamp_(max=_HIGHEST_RATE)

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to u (B, T, H)."""
        projected: Tensor = self.encoder(x)
        return projected

    def initial_state(self, projected: Tensor) -> Tensor:
        """Return zeros (B, S, 2), real and imaginary parts."""
        return projected.new_zeros(projected.shape[0], self.states, 2)

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map u (B, H) and the state (B, S, 2) to outputs (B, H) and the new state."""
        decay, b = self._discrete()
        states = decay * from_pairs(state) + into_state(projected, b)
        return self._output(states, projected), pairs(states)

    def parallel(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map u (B, T, H) and the state (B, S, 2) to outputs (B, T, H) and the last state."""
        decay, b = self._discrete()
        states = linear_recurrence(decay, into_state(projected, b), from_pairs(state))
        return self._output(states, projected), pairs(states[:, -1])

    def _discrete(self) -> tuple[Tensor, Tensor]:
        """Return Lbar (S) and Bbar (S, H)."""
        eigenvalues = torch.complex(self.rate, self.frequency)
        exponent = eigenvalues * torch.exp(self.log_step)
        scale = torch.expm1(exponent) / eigenvalues
        return torch.exp(exponent), scale.unsqueeze(-1) * from_pairs(self.b)

    def _output(self, states: Tensor, u: Tensor) -> Tensor:
        y: Tensor = self.mixing(2 * out_of_state(states, from_pairs(self.c)) + self.d * u)
        return y


def _hippo_normal(size: int) -> tuple[Tensor, Tensor]:
    """Return frequencies (size / 2) and eigenvectors (size, size / 2) of HiPPO-N.

    Its matrix is -1/2 on the diagonal, plus the antisymmetric one whose entries below the diagonal
    are -sqrt((2n + 1)(2k + 1)) / 2; all eigenvalues have the real part -1/2.
    """
    root = torch.sqrt(2 * torch.arange(size, dtype=torch.float64) + 1)
    below = -torch.tril(torch.outer(root, root) / 2, diagonal=-1)
    frequency, vectors = torch.linalg.eigh(-1j * (below - below.mT))
    kind = torch.get_default_dtype()
    half = size // 2  # the eigenvalues ascend and are symmetric about 0
    return frequency[half:].to(kind), vectors[:, half:].to(kind.to_complex())


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``s5``."""
    register("s5", S5, citations=CITATIONS, family="linear recurrence")
