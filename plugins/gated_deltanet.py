"""Gated DeltaNet: DeltaNet whose memory decays by a gate, and whose output is gated.

Equations for each head, for layer input x_t (D,), memory M_t (K, V), ``*`` elementwise, ``l2`` to
unit length, ``rms`` the root mean square norm with a learned scale, ``conv`` a causal depthwise
convolution over the last 4 steps::

    q_t = l2(silu(conv(W_q x)_t))                                       query (K,)
    k_t = l2(silu(conv(W_k x)_t))                                       key (K,)
    v_t = silu(conv(W_v x)_t)                                           value (V,)
    b_t = sigmoid(w_b x_t)                                              writing rate, a number
    a_t = exp(-exp(A) softplus(w_a x_t + d))                            decay, a number in (0, 1)
    M_t = a_t (I - b_t k_t k_t^T) M_{t-1} + b_t k_t v_t^T               memory (K, V)
    y_t = W_o [rms(M_t^T q_t) * silu(W_g x_t) of all heads]             output (H,)

K = .75 H / heads, rounded, and V = 2 K, the widths of the published layer. With
``negative_eigenvalues`` b_t = 2 sigmoid(w_b x_t) (Grazzi et al. 2025).

Source: Yang, Kautz & Hatamizadeh 2025. Written from the equations of the paper. Deviations: q is
not scaled by 1/sqrt(K), which the norm of the output undoes; ``l2`` adds 1e-6 below its square
root. Norm and residual around the layer are the residual block's.
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import PositiveInt

from rnnbench import Citation, ParameterGroup, RegisterModel, hookimpl

from ._common.citations import NEGATIVE_EIGENVALUES
from ._common.delta_layer import DeltaCell

CITATIONS = (
    Citation(
        "Yang et al. 2025",
        "Gated delta networks: improving Mamba2 with delta rule",
        "ICLR",
        "https://arxiv.org/abs/2412.06464",
    ),
    NEGATIVE_EIGENVALUES,
)
_KEY_SHARE = 0.75
_VALUES_PER_KEY = 2


class GatedDeltaNet(DeltaCell):
    """Gated DeltaNet, the delta rule with a decaying memory (Yang et al. 2025).

    Initialisation: matrices Glorot uniform with gain 2^-2.5, convolutions uniform in +-1/2, scale
    of the norm 1; exp(A) uniform in (0, 16] and softplus(d) log-uniform in [.001, .1], both without
    weight decay.

    Args:
        input_size: D.
        hidden_size: H, also the output width.
        num_heads: heads, each with a memory of K x 2K, K = .75 H / heads rounded.
        negative_eigenvalues: writing rates in (0, 2) in place of (0, 1).

    Raises:
        ValueError: more heads than units.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_heads: PositiveInt = 4,
        negative_eigenvalues: bool = False,
    ) -> None:
        if num_heads > hidden_size:
            raise ValueError(
                f"num_heads={num_heads} is more than hidden_size={hidden_size}; "
                f"type at most num_heads={hidden_size}."
            )
        key_size = max(1, round(_KEY_SHARE * hidden_size / num_heads))
        super().__init__(
            input_size,
            hidden_size,
            num_heads=num_heads,
            key_size=key_size,
            value_size=_VALUES_PER_KEY * key_size,
            forget_gate=True,
            output_gate=True,
            negative_eigenvalues=negative_eigenvalues,
        )

    def parameter_groups(self) -> Sequence[ParameterGroup]:
        """Exempt the parameters of the decay from weight decay."""
        return [ParameterGroup(["log_rate", "decay_bias"], weight_decay=0.0)]


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``gated-deltanet``."""
    register("gated-deltanet", GatedDeltaNet, citations=CITATIONS, family="matrix memory")
