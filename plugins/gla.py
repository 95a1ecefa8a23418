"""Gated linear attention.

Equations, for layer input x_t (D), in heads with keys of K = H / (2 heads) and values of V = H /
heads numbers, ``*`` elementwise::

    q_t, k_t, v_t = W_q x_t, W_k x_t, W_v x_t               (K), (K), (V) for each head
    a_t = sigmoid(W_2 W_1 x_t + b_a)^(1 / 16)               (K) for each head
    S_t = diag(a_t) S_{t-1} + k_t v_t^T                     (K, V) for each head
    y_t = norm(S_t^T q_t)                                   (V) for each head
    o_t = W_o (silu(W_r x_t + b_r) * y_t)                   (H)

``norm`` is a layer norm of each head, without shift. The state is S. All steps at once are computed
in chunks, see ``_common/chunked_decay.py``. Source: Yang et al. (2024), section 4. The authors'
code differs from the paper, and so from this layer: its norm does not subtract the mean, q is
scaled by 1/sqrt(K), and W_r has no bias. The norm undoes the scale, but for the 1e-5 below its
root.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from torch import Tensor, nn

from rnnbench import Cell, Citation, RegisterModel, hookimpl

from ._common.chunked_decay import chunked_decay, decayed_step
from ._common.heads import HeadNorm, check_heads

CITATIONS = (
    Citation(
        "Yang et al. 2024",
        "Gated linear attention transformers with hardware-efficient training",
        "ICML",
        "https://arxiv.org/abs/2312.06635",
    ),
)
_GAIN = 2**-2.5
_TEMPERATURE = 16


class GatedLinearAttention(Cell):
    """Linear attention with a decay for each row of its memory (Yang et al. 2024).

    Initialisation: matrices Glorot uniform with gain 2^-2.5, biases 0, so that all decays start
    near 0.957; weights of the norm 1.

    Args:
        input_size: D.
        hidden_size: H, also the output width and that of all values; keys have half of it.
        num_heads: heads.
        gate_rank: width between W_1 and W_2.

    Raises:
        ValueError: ``num_heads`` does not divide half of ``hidden_size``.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_heads: PositiveInt = 4,
        gate_rank: PositiveInt = 16,
    ) -> None:
        super().__init__(input_size, hidden_size)
        if hidden_size % 2:
            raise ValueError(
                f"hidden_size={hidden_size} is odd; set hidden_size={hidden_size + 1}."
            )
        keys = hidden_size // 2
        self.keys = (num_heads, check_heads(keys, num_heads, "half of hidden_size,"))
        self.values = (num_heads, hidden_size // num_heads)
        self.split = [keys, keys, keys, hidden_size, hidden_size]
        self.query = nn.Linear(input_size, keys, bias=False)
        self.key = nn.Linear(input_size, keys, bias=False)
        self.value = nn.Linear(input_size, hidden_size, bias=False)
        self.decay = nn.Sequential(  # W_1, W_2 and b_a
            nn.Linear(input_size, gate_rank, bias=False), nn.Linear(gate_rank, keys)
        )
        self.gate = nn.Linear(input_size, hidden_size)  # W_r, b_r
        self.norm = HeadNorm(*self.values, centred=True)
        self.out = nn.Linear(hidden_size, hidden_size, bias=False)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight, _GAIN)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to queries, keys, log decays, values and gates (B, T, P)."""
        decay = F.logsigmoid(self.decay(x)) / _TEMPERATURE
        # one tensor, as a cell's projected input is
        return torch.cat([self.query(x), self.key(x), decay, self.value(x), self.gate(x)], dim=-1)

    def initial_state(self, projected: Tensor) -> Tensor:
        """Return zeros: S (B, heads, K, V)."""
        return projected.new_zeros(len(projected), *self.keys, self.values[1])

    def _parts(self, projected: Tensor) -> tuple[Tensor, ...]:
        """Split (..., P) into queries, keys, values, log decays by head, and the gate."""
        query, key, decay, value, gate = torch.split(projected, self.split, dim=-1)
        query, key, decay = (torch.unflatten(each, -1, self.keys) for each in (query, key, decay))
        return query, key, torch.unflatten(value, -1, self.values), decay, gate

    def _read(self, y: Tensor, gate: Tensor) -> Tensor:
        return self.out(F.silu(gate) * self.norm(y))  # type: ignore[no-any-return]

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Advance by one step: (B, P) -> (B, H)."""
        query, key, value, log_decay, gate = self._parts(projected)
        y, state = decayed_step(query, key, value, log_decay.exp(), state)
        return self._read(y, gate), state

    def parallel(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Map all steps at once: (B, T, P) -> (B, T, H)."""
        query, key, value, log_decay, gate = self._parts(projected)
        y, state = chunked_decay(query, key, value, log_decay, state)
        return self._read(y, gate), state


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``gla``."""
    register("gla", GatedLinearAttention, citations=CITATIONS, family="matrix memory")
