"""The liquid time-constant network, with conductance-based synapses.

Equations, for input x_t (D) and membrane potentials v (H); i is the source of a synapse and j its
target, and time is counted in steps::

    u_t      = a * x_t + c                                             affine map of the inputs (D)
    s_ij(v)  = w_ij sigmoid(beta_ij (v_i - mu_ij))                     conductance of a synapse
    C_j dv_j/dt = g_j (e_j - v_j) + sum_i s_ij(v) (E_ij - v_j)         all i of v, and all of u_t
    y_t      = p * v + q                                               affine map of the state (H)

so that the time constant ``C_j / (g_j + sum_i s_ij)`` of a unit depends on input and state. One
step is solved by N semi-implicit Euler steps of length 1/N, in which v_j is taken at the end and s
at the beginning::

    v_j <- (N C_j v_j + g_j e_j + sum_i s_ij E_ij) / (N C_j + g_j + sum_i s_ij)

Source: Hasani et al. (2021), whose f is this sum of synapses in the neuron model of Lechner et al.
(2020); wired fully. Capacitances C, leaks g and weights w are set to at least 0 after each
optimizer step, as the authors do: v then stays between the smallest and the largest of the
potentials e and E. A step takes O(N H^2) sigmoids, and a backward pass keeps them all.
"""

from __future__ import annotations

import torch
from pydantic import PositiveInt
from torch import Tensor, nn

from rnnbench import Cell, Citation, RegisterModel, hookimpl

CITATIONS = (
    Citation(
        "Hasani et al. 2021",
        "Liquid time-constant networks",
        "AAAI",
        "https://arxiv.org/abs/2006.04439",
    ),
    Citation(
        "Lechner et al. 2020",
        "Neural circuit policies enabling auditable autonomy",
        "Nature Machine Intelligence 2",
        "https://doi.org/10.1038/s42256-020-00237-3",
    ),
)
_SMALLEST = 1e-8
"""Added to the denominator, which is 0 where all conductances of a unit are."""
_INHIBITORY = 1 / 3
"""Share of the synapses with E = -1, as in the fully connected wiring of the authors' code."""


class LTC(Cell):
    """Liquid time-constant network, fully wired (Hasani et al. 2021).

    Initial values are those of the authors' code, uniform in the ranges: C [.4, .6], g and w
    [.001, 1], e [-.2, .2], beta [3, 8], mu [.3, .8]; E is 1 with probability 2/3, else -1, and
    trained; a = p = 1 and c = q = 0.

    Args:
        input_size: D.
        hidden_size: H.
        unfolds: N, steps of the solver per time step.
    """

    def __init__(self, input_size: int, hidden_size: int, unfolds: PositiveInt = 6) -> None:
        super().__init__(input_size, hidden_size)
        self.unfolds = unfolds
        self.capacitance = _uniform(0.4, 0.6, hidden_size)
        self.leak = _uniform(0.001, 1.0, hidden_size)
        self.leak_potential = _uniform(-0.2, 0.2, hidden_size)
        self.input_scale = nn.Parameter(torch.ones(input_size))
        self.input_shift = nn.Parameter(torch.zeros(input_size))
        self.output_scale = nn.Parameter(torch.ones(hidden_size))
        self.output_shift = nn.Parameter(torch.zeros(hidden_size))
        self.sensory = _Synapses(input_size, hidden_size)
        self.recurrent = _Synapses(hidden_size, hidden_size)

    def after_step(self) -> None:
        """Set negative conductances and capacitances to 0."""
        for positive in (
            self.capacitance, self.leak, self.sensory.weight, self.recurrent.weight
        ):  # fmt: skip
            positive.clamp_(min=0)

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to current and conductance of its synapses and the leak, (B, T, 2H)."""
        current, conductance = self.sensory(x * self.input_scale + self.input_shift)
        current = current + self.leak * self.leak_potential
        return torch.cat([current, conductance + self.leak + _SMALLEST], dim=-1)

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map current and conductance (B, 2H) and v (B, H) to the output and the new v."""
        driven, open_ = projected.chunk(2, dim=-1)  # 2 x (B, H)
        inert = self.unfolds * self.capacitance
        for _ in range(self.unfolds):
            current, conductance = self.recurrent(state)
            state = (inert * state + driven + current) / (inert + open_ + conductance)
        return self.output_scale * state + self.output_shift, state


class _Synapses(nn.Module):
    """Synapses from each of I sources to each of H targets."""

    def __init__(self, sources: int, targets: int) -> None:
        super().__init__()
        self.weight = _uniform(0.001, 1.0, sources, targets)
        self.steepness = _uniform(3.0, 8.0, sources, targets)  # beta
        self.threshold = _uniform(0.3, 0.8, sources, targets)  # mu
        inhibits = torch.rand(sources, targets) < _INHIBITORY
        self.potential = nn.Parameter(1 - 2.0 * inhibits)  # E

    def forward(self, sources: Tensor) -> tuple[Tensor, Tensor]:
        """Map potentials (..., I) to the sums of s E and of s, (..., H) each."""
        open_ = torch.sigmoid(self.steepness * (sources.unsqueeze(-1) - self.threshold))
        conductance = self.weight * open_  # (..., I, H)
        return (conductance * self.potential).sum(-2), conductance.sum(-2)


def _uniform(low: float, high: float, *shape: int) -> nn.Parameter:
    return nn.Parameter(torch.empty(shape).uniform_(low, high))


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``ltc``."""
    register("ltc", LTC, citations=CITATIONS, family="continuous time")
