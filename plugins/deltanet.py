"""DeltaNet: linear attention whose memory corrects what it holds under a key.

Equations for each head, for layer input x_t (D,), memory M_t (K, V), ``*`` elementwise, ``l2`` to
unit length, ``rms`` the root mean square norm with a learned scale, ``conv`` a causal depthwise
convolution over the last 4 steps::

    q_t = l2(silu(conv(W_q x)_t))                                       query (K,)
    k_t = l2(silu(conv(W_k x)_t))                                       key (K,)
    v_t = silu(conv(W_v x)_t)                                           value (V,)
    b_t = sigmoid(w_b x_t)                                              writing rate, a number
    M_t = M_{t-1} + b_t k_t (v_t - M_{t-1}^T k_t)^T
        = (I - b_t k_t k_t^T) M_{t-1} + b_t k_t v_t^T                   memory (K, V)
    y_t = W_o [rms(M_t^T q_t) of all heads]                             output (H,)

K = V = H / heads. The transition I - b k k^T has the eigenvalue 1 - b along k, in (0, 1). With
``negative_eigenvalues`` b_t = 2 sigmoid(w_b x_t), and the eigenvalue lies in (-1, 1): the memory
can change its sign at each step, which parity needs (Grazzi et al. 2025).

Sources: the delta rule Schlag et al. 2021; layer and parallel form Yang et al. 2024, whose chunks
train here too, in ``_common/delta_rule.py``. As in the layer of Yang et al. there is no output
gate. Deviations: q is not scaled by 1/sqrt(K), which the norm of the output undoes; ``l2`` adds
1e-6 below its square root. Norm and residual around the layer are the residual block's.
"""

from __future__ import annotations

from pydantic import PositiveInt

from rnnbench import Citation, RegisterModel, hookimpl

from ._common.citations import NEGATIVE_EIGENVALUES
from ._common.delta_layer import DeltaCell
from ._common.heads import check_heads

CITATIONS = (
    Citation(
        "Schlag et al. 2021",
        "Linear transformers are secretly fast weight programmers",
        "ICML",
        "https://arxiv.org/abs/2102.11174",
    ),
    Citation(
        "Yang et al. 2024",
        "Parallelizing linear transformers with the delta rule over sequence length",
        "NeurIPS",
        "https://arxiv.org/abs/2406.06484",
    ),
    NEGATIVE_EIGENVALUES,
)


class DeltaNet(DeltaCell):
    """DeltaNet, a matrix memory with the delta rule (Schlag et al. 2021, Yang et al. 2024).

    Initialisation: matrices Glorot uniform with gain 2^-2.5, convolutions uniform in +-1/2, scale
    of the norm 1.

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        num_heads: heads, each with a memory of (H / heads) x (H / heads).
        negative_eigenvalues: writing rates in (0, 2) in place of (0, 1).

    Raises:
        ValueError: ``num_heads`` does not divide ``hidden_size``.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_heads: PositiveInt = 4,
        negative_eigenvalues: bool = False,
    ) -> None:
        width = check_heads(hidden_size, num_heads, "hidden_size")
        super().__init__(
            input_size,
            hidden_size,
            num_heads=num_heads,
            key_size=width,
            value_size=width,
            negative_eigenvalues=negative_eigenvalues,
        )


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``deltanet``."""
    register("deltanet", DeltaNet, citations=CITATIONS, family="matrix memory")
