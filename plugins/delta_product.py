"""DeltaProduct: DeltaNet with several updates of the memory per step.

Equations for each head, for layer input x_t (D,), memory M_t (K, V), updates r = 1 to R,
``l2`` to unit length, ``rms`` the root mean square norm with a learned scale, ``conv`` a causal
depthwise convolution over the last 4 steps::

    q_t = l2(silu(conv(W_q x)_t))                                       query (K,)
    k_tr = l2(silu(conv(W_kr x)_t))                                     keys (K,)
    v_tr = silu(conv(W_vr x)_t)                                         values (V,)
    b_tr = sigmoid(w_br x_t)                                            writing rates, numbers
    M_t0 = M_{t-1}
    M_tr = (I - b_tr k_tr k_tr^T) M_{t,r-1} + b_tr k_tr v_tr^T          memory (K, V)
    M_t = M_tR
    y_t = W_o [rms(M_t^T q_t) of all heads]                             output (H,)

K = V = H / heads. The transition of a step is a product of R generalised Householder matrices.
With ``negative_eigenvalues`` b_tr = 2 sigmoid(w_br x_t), so that it approaches any product of R
reflections: two make a rotation. R = 1 is DeltaNet.

With ``forget_gate`` the layer is Gated DeltaProduct: a decay of the memory before the first update
of a step, M_t0 = a_t M_{t-1} with a_t = exp(-exp(A) softplus(w_a x_t + d)), and an output gate,
rms(.) * silu(W_g x_t), as in Gated DeltaNet.

Source: Siems et al. 2025. All steps are computed at once as a sequence of R T updates of the delta
rule, of which each R-th is read. Deviations: the published experiments use b in (0, 2), here the
option ``negative_eigenvalues``, off by default as in the other models of the family; Gated
DeltaProduct has K and V of DeltaProduct in place of .75 and 1.5 H / heads; ``l2`` adds 1e-6 below
its square root. Norm and residual around the layer are the residual block's.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import PositiveInt

from rnnbench import Citation, ParameterGroup, RegisterModel, hookimpl

from ._common.citations import NEGATIVE_EIGENVALUES
from ._common.delta_layer import DeltaCell
from ._common.heads import check_heads

CITATIONS = (
    Citation(
        "Siems et al. 2025",
        "DeltaProduct: improving state-tracking in linear RNNs via Householder products",
        "NeurIPS",
        "https://arxiv.org/abs/2502.10297",
    ),
    NEGATIVE_EIGENVALUES,
)


class DeltaProduct(DeltaCell):
    """DeltaProduct, a product of Householder matrices per step (Siems et al. 2025).

    Initialisation: matrices Glorot uniform with gain 2^-2.5, convolutions uniform in +-1/2, scale
    of the norm 1; with a forget gate exp(A) uniform in (0, 16] and softplus(d) log-uniform in
    [.001, .1], both without weight decay.

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        num_heads: heads, each with a memory of (H / heads) x (H / heads).
        num_householder: R, updates per step.
        forget_gate: a decaying memory and an output gate: Gated DeltaProduct.
        negative_eigenvalues: writing rates in (0, 2) in place of (0, 1).

    Raises:
        ValueError: ``num_heads`` does not divide ``hidden_size``.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_heads: PositiveInt = 4,
        num_householder: PositiveInt = 2,
        forget_gate: bool = False,
        negative_eigenvalues: bool = False,
    ) -> None:
        width = check_heads(hidden_size, num_heads, "hidden_size")
        super().__init__(
            input_size,
            hidden_size,
            num_heads=num_heads,
            key_size=width,
            value_size=width,
            updates=num_householder,
            forget_gate=forget_gate,
            output_gate=forget_gate,
            negative_eigenvalues=negative_eigenvalues,
        )

    def parameter_groups(self) -> Sequence[ParameterGroup]:
        """Exempt the parameters of the decay, where there is one, from weight decay."""
        if self.decay is None:
            return []
        return [ParameterGroup(["log_rate", "decay_bias"], weight_decay=0.0)]


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``delta-product``."""
    register("delta-product", DeltaProduct, citations=CITATIONS, family="matrix memory")
