"""The recurrent network with orthogonal recurrent weights.

Equations, for layer input x_t (D) and hidden state h_t (H), with W (H, D), c (H) and a
skew-symmetric matrix A (H, H), A = -A^T, held as its H (H - 1) / 2 entries above the diagonal::

    U   = exp(A)                       map=exp
    U   = (I - A)^-1 (I + A)           map=cayley
    h_t = modrelu(W x_t + U h_{t-1})   modrelu(z) = sign(z) relu(|z| + c), elementwise
    h_t = tanh(W x_t + c + U h_{t-1})  nonlinearity=tanh

U is orthogonal for every A, so that training needs no projection. It is computed once for a
sequence. exp reaches every rotation, the Cayley map those without eigenvalue -1.

Source: Lezcano-Casado & Martinez-Rubio 2019 (exp), Helfrich et al. 2018 (Cayley), Arjovsky et al.
2016 (modReLU). Deviation: the Cayley map is used without the diagonal scaling matrix of Helfrich et
al., whose signs are chosen before training. A has a tenth of the learning rate, as the defaults of
the code of Lezcano-Casado & Martinez-Rubio for copying and pixel MNIST, and no weight decay, which
is chosen here.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench import Cell, Citation, ParameterGroup, RegisterModel, hookimpl

from ._common.skew import skew_symmetric, upper_entries

CITATIONS = (
    Citation(
        "Lezcano-Casado & Martinez-Rubio 2019",
        "Cheap orthogonal constraints in neural networks: a simple parametrization of the "
        "orthogonal and unitary group",
        "ICML",
        "https://arxiv.org/abs/1901.08428",
    ),
    Citation(
        "Helfrich et al. 2018",
        "Orthogonal recurrent neural networks with scaled Cayley transform",
        "ICML",
        "https://arxiv.org/abs/1707.09520",
    ),
    Citation(
        "Arjovsky et al. 2016",
        "Unitary evolution recurrent neural networks",
        "ICML",
        "https://arxiv.org/abs/1511.06464",
    ),
    Citation(
        "Henaff et al. 2016",
        "Recurrent orthogonal networks and long-memory tasks",
        "ICML",
        "https://arxiv.org/abs/1602.06662",
    ),
)
_RATE_FACTOR = 0.1
_LARGEST_BIAS = 0.01


class OrthogonalRNN(Cell):
    """Recurrent network with orthogonal recurrent weights (Lezcano-Casado & Martinez-Rubio 2019).

    Initialisation: A as ``init`` says, W He normal, c uniform in +-0.01 (zero for tanh). A is
    trained with a tenth of the learning rate and without weight decay, as in the source.

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        map: how U follows from A: ``exp``, the matrix exponential, or ``cayley``, a linear solve.
        init: A starts with one entry s and -s in each of H // 2 planes, so that U is a rotation in
            each. ``cayley``: s = sqrt((1 - cos a) / (1 + cos a)) with a uniform in [0, pi/2]
            (Helfrich et al. 2018); ``henaff``: s uniform in [-pi, pi] (Henaff et al. 2016).
        nonlinearity: ``modrelu``, which keeps the sign and, at c = 0, the norm; ``tanh``, whose
            state is bounded, with a shrinking norm.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        map: Literal["exp", "cayley"] = "exp",
        init: Literal["cayley", "henaff"] = "cayley",
        nonlinearity: Literal["modrelu", "tanh"] = "modrelu",
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.map = map
        self.nonlinearity = nonlinearity
        self.into = nn.Linear(input_size, hidden_size, bias=False)
        self.skew = nn.Parameter(upper_entries(_rotations(hidden_size, init)))
        self.bias = nn.Parameter(torch.zeros(hidden_size))
        nn.init.kaiming_normal_(self.into.weight, nonlinearity="relu")
        if nonlinearity == "modrelu":
            nn.init.uniform_(self.bias, -_LARGEST_BIAS, _LARGEST_BIAS)

    def parameter_groups(self) -> list[ParameterGroup]:
        """Train A with a tenth of the learning rate, without weight decay."""
        return [ParameterGroup(["skew"], learning_rate_factor=_RATE_FACTOR, weight_decay=0.0)]

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to W x (B, T, H)."""
        return self.into(x)  # type: ignore[no-any-return]

    def weights(self) -> dict[str, Tensor]:
        """Return the orthogonal matrix U (H, H)."""
        skew = skew_symmetric(self.skew, self.hidden_size)
        if self.map == "exp":
            return {"recurrent": torch.matrix_exp(skew)}
        one = torch.eye(self.hidden_size, dtype=skew.dtype, device=skew.device)
        return {"recurrent": torch.linalg.solve(one - skew, one + skew)}

    def step(
        self, projected: Tensor, state: Tensor, recurrent: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Map W x_t (B, H) and h_{t-1} (B, H) to h_t, which is output and state."""
        if recurrent is None:
            recurrent = self.weights()["recurrent"]
        z = projected + F.linear(state, recurrent)
        if self.nonlinearity == "tanh":
            h = torch.tanh(z + self.bias)
        else:
            h = torch.sign(z) * torch.relu(z.abs() + self.bias)
        return h, h


def _rotations(size: int, init: str) -> Tensor:
    """Return a skew-symmetric matrix (H, H) of H // 2 blocks of two rows."""
    planes = size // 2
    if init == "henaff":
        entries = torch.empty(planes).uniform_(-math.pi, math.pi)
    else:
        cosine = torch.empty(planes).uniform_(0, math.pi / 2).cos()
        entries = torch.sqrt((1 - cosine) / (1 + cosine))
    first = 2 * torch.arange(planes)
    skew = torch.zeros(size, size)
    skew[first, first + 1] = entries
    return skew - skew.t()


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``orthogonal-rnn``."""
    register("orthogonal-rnn", OrthogonalRNN, citations=CITATIONS, family="simple")
