"""An echo state network: a fixed random reservoir of which only the readout is trained.

Equations, for input x_t (D) and state h_t (H)::

    u_t = tanh(W_in x_t + b + W h_{t-1})
    h_t = (1 - leak) h_{t-1} + leak u_t
    y_t = h_t

W, W_in and b are drawn once and never trained. W has ``connections`` entries in each row, at random
places, uniform in [-1, 1], and is scaled to the given spectral radius. W_in and b are uniform in
+-``input_scale`` / sqrt(D + 1).

Source: Jaeger (2001), with the leak of Jaeger et al. (2007) and the constants that Lukosevicius
(2012) recommends. Deviations:

- W_in is divided by sqrt(D + 1). The sources tune its scale for each task; without the division the
  units would saturate with the wide embeddings of rnnbench.
- The readout is rnnbench's decoder, trained by the optimizer like that of every other model, and
  not by ridge regression.
- rnnbench's embedding of symbols lies before the core and is trained as well, by the gradient
  through the reservoir. Tasks with vectors as inputs have no embedding: there the readout alone is
  trained, as in the source.
"""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt
from torch import Tensor

from rnnbench import Cell, Citation, RegisterModel, hookimpl

CITATIONS = (
    Citation(
        "Jaeger 2001",
        'The "echo state" approach to analysing and training recurrent neural networks',
        "GMD Report 148",
        "",
    ),
    Citation(
        "Jaeger et al. 2007",
        "Optimization and applications of echo state networks with leaky-integrator neurons",
        "Neural Networks 20(3)",
        "https://doi.org/10.1016/j.neunet.2007.04.016",
    ),
    Citation(
        "Lukosevicius 2012",
        "A practical guide to applying echo state networks",
        "Neural Networks: Tricks of the Trade, 2nd edition",
        "https://doi.org/10.1007/978-3-642-35289-8_36",
    ),
)

_MOST_UNITS = 2048


class EchoState(Cell):
    """Echo state network with leaky units, its weights fixed (Jaeger 2001; Jaeger et al. 2007).

    The core has no trained parameter. Its weights are buffers, drawn from the seed of the initial
    weights, and do not count as size.

    Args:
        input_size: D.
        hidden_size: H, units of the reservoir.
        spectral_radius: largest modulus of the eigenvalues of W. Below 1 the influence of an input
            fades in practice; larger values are a longer memory.
        leak: share of the state that a step replaces; 1: no leak, as in Jaeger (2001).
        input_scale: scale of W_in and b; larger is less linear.
        connections: entries other than 0 in each row of W; at most H are used.

    Raises:
        ValueError: H above 2,048. The spectral radius takes H^3 operations, and W H^2 numbers.
    """

    input_weight: Tensor
    bias: Tensor
    recurrent_weight: Tensor

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        spectral_radius: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 0.9,
        leak: Annotated[float, Field(gt=0, le=1)] = 1.0,
        input_scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0,
        connections: PositiveInt = 10,
    ) -> None:
        super().__init__(input_size, hidden_size)
        if hidden_size > _MOST_UNITS:
            raise ValueError(
                f"hidden_size={hidden_size} is too large for the reservoir of echo-state, whose "
                f"spectral radius is computed; give at most {_MOST_UNITS}."
            )
        self.leak = leak
        scale = input_scale / (input_size + 1) ** 0.5
        self.register_buffer(
            "input_weight", torch.empty(hidden_size, input_size).uniform_(-scale, scale)
        )
        self.register_buffer("bias", torch.empty(hidden_size).uniform_(-scale, scale))
        self.register_buffer(
            "recurrent_weight",
            _reservoir(hidden_size, min(connections, hidden_size), spectral_radius),
        )

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to W_in x + b (B, T, H)."""
        return F.linear(x, self.input_weight, self.bias)

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map the drive (B, H) and h (B, H) to the new h, which is the output too."""
        candidate = torch.tanh(projected + F.linear(state, self.recurrent_weight))
        h = (1 - self.leak) * state + self.leak * candidate
        return h, h


def _reservoir(units: int, connections: int, radius: float) -> Tensor:
    """Return W (H, H) with so many entries in each row and the given spectral radius."""
    chosen = torch.rand(units, units).topk(connections, dim=1).indices
    weight = torch.zeros(units, units).scatter_(
        1, chosen, torch.empty(units, connections).uniform_(-1, 1)
    )
    if weight.is_meta:
        return weight
    # above 0: an entry in each row makes a cycle, so that no power of W vanishes
    found = torch.linalg.eigvals(weight.double()).abs().max()
    scale: Tensor = radius / found
    return weight * scale.to(weight.dtype)


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``echo-state``."""
    register("echo-state", EchoState, citations=CITATIONS, family="baseline")
