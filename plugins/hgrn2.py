"""HGRN2, a gated linear recurrence with an outer product as its state.

Equations, for layer input x_t (D), in heads of K = H / heads numbers, ``*`` elementwise::

    f_t = g + (1 - g) * sigmoid(W_f x_t)                    (K) for each head, forget gate
    S_t = diag(f_t) S_{t-1} + (1 - f_t) v_t^T               (K, K) for each head, v_t = W_v x_t
    y_t = S_t^T silu(W_q x_t)                               (K) for each head
    o_t = W_o norm(y_t)                                     (H)

``norm`` divides by the root mean square of all H numbers and multiplies by a weight. g (H) is the
lower bound of the gate, for layer l of L, from 0::

    g = sum over i < l of softmax(bound)_i                  bound (L, H)

so that it is 0 in the first layer and (L - 1) / L in the last at the start: lower layers forget,
upper layers remember. The state is S. All steps at once are computed in chunks, see
``_common/chunked_decay.py``. Source: Qin et al. (2024), and Qin et al. (2023) for the lower bound.

Deviations: ``bound`` is one parameter of the whole network in the source; here each layer has a
copy of its own, except the first, which needs none. In the paper the input v is gated by SiLU; as
in the later implementation that its authors refer to, v is linear and the query has SiLU.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from torch import Tensor, nn

from rnnbench import Cell, Citation, ParameterGroup, RegisterModel, hookimpl

from ._common.chunked_decay import chunked_decay, decayed_step
from ._common.heads import check_heads

CITATIONS = (
    Citation(
        "Qin et al. 2024",
        "HGRN2: gated linear RNNs with state expansion",
        "arXiv:2404.07904",
        "https://arxiv.org/abs/2404.07904",
    ),
    Citation(
        "Qin et al. 2023",
        "Hierarchically gated recurrent neural network for sequence modeling",
        "NeurIPS",
        "https://arxiv.org/abs/2311.04823",
    ),
)
_GAIN = 2**-2.5


class HGRN2(Cell):
    """Gated linear recurrence with keys tied to the forget gate (Qin et al. 2024).

    Initialisation: matrices Glorot uniform with gain 2^-2.5; ``bound`` and the weight of the norm
    1. ``bound`` has no weight decay.

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        num_heads: heads; each has a state of H / heads rows and columns.
        depth: number of cores in the network.
        layer: place of this one, from 0; it sets the lower bound of the forget gate.

    Raises:
        ValueError: ``num_heads`` does not divide ``hidden_size``.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_heads: PositiveInt = 4,
        *,
        depth: int,
        layer: int,
    ) -> None:
        super().__init__(input_size, hidden_size)
        self.layer = layer
        self.heads = (num_heads, check_heads(hidden_size, num_heads, "hidden_size"))
        self.into = nn.Linear(input_size, 3 * hidden_size, bias=False)  # W_f, W_q, W_v
        self.bound = nn.Parameter(torch.ones(depth, hidden_size)) if layer else None
        self.norm = nn.Parameter(torch.ones(hidden_size))
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)  # W_o
        for matrix in (*self.into.weight.chunk(3), self.out.weight):
            nn.init.xavier_uniform_(matrix, _GAIN)

    def lower_bound(self) -> Tensor | None:
        """Return g (H), or ``None`` where it is 0."""
        if self.bound is None:
            return None
        return self.bound.softmax(0)[: self.layer].sum(0)

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to log forget gates, keys, queries and values (B, T, 4H)."""
        gate, query, value = self.into(x).chunk(3, dim=-1)
        bound = self.lower_bound()
        log_forget = F.logsigmoid(gate)
        key = torch.sigmoid(-gate)  # 1 - f, without the loss of digits near f = 1
        if bound is not None:
            log_forget = torch.logaddexp(bound.log(), torch.log1p(-bound) + log_forget)
            key = (1 - bound) * key
        return torch.cat([log_forget, key, F.silu(query), value], dim=-1)

    def initial_state(self, projected: Tensor) -> Tensor:
        """Return zeros: S (B, heads, K, K)."""
        return projected.new_zeros(len(projected), *self.heads, self.heads[1])

    def _parts(self, projected: Tensor) -> tuple[Tensor, ...]:
        """Split (..., 4H) into log decays, keys, queries and values by head."""
        return tuple(torch.unflatten(each, -1, self.heads) for each in projected.chunk(4, dim=-1))

    def _read(self, y: Tensor) -> Tensor:
        y = F.rms_norm(y.flatten(-2), self.norm.shape, self.norm, 1e-5)
        return self.out(y)  # type: ignore[no-any-return]

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Advance by one step: (B, 4H) -> (B, H)."""
        log_forget, key, query, value = self._parts(projected)
        y, state = decayed_step(query, key, value, log_forget.exp(), state)
        return self._read(y), state

    def parallel(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map all steps at once: (B, T, 4H) -> (B, T, H)."""
        log_forget, key, query, value = self._parts(projected)
        y, state = chunked_decay(query, key, value, log_forget, state)
        return self._read(y), state

    def parameter_groups(self) -> list[ParameterGroup]:
        """Exempt the lower bound from weight decay: it is no matrix of weights."""
        return [ParameterGroup(["bound"], weight_decay=0.0)] if self.bound is not None else []


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``hgrn2``."""
    register("hgrn2", HGRN2, citations=CITATIONS, family="matrix memory")
