"""A causal Transformer, with its keys and values as the state.

Equations, per layer, for the stream s_t of width H, that starts as ``s_t = W_in x_t + b_in``::

    s_t = s_t + dropout(attention(layer_norm(s))_t)
    s_t = s_t + dropout(W_2 gelu(W_1 layer_norm(s_t) + b_1) + b_2)     W_1 (mlp * H, H)

A last layer norm follows the layers. The attention is causal, with equations in
``_common/self_attention.py``.

Vaswani et al. (2017) describe encoder and decoder, with the norm after the residual sum, ReLU and a
sinusoidal encoding of positions added to the input. This is the decoder alone in its present form:
norm before attention and MLP (Xiong et al. 2020), GELU, and rotary positions (Su et al. 2021). The
input projection is the place of the embedding, which rnnbench adds outside of the core. Dropout
acts on the results of attention and MLP, as published, and not on the projected input.

A step reads the keys and values of all steps before, so that streaming N steps costs O(N^2) and the
state grows by 2H numbers per layer and step. With ``window`` both are bounded.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from rnnbench import Citation, RegisterModel, Task, hookimpl

from ._common.options import Rate
from ._common.self_attention import Cache, Position, SelfAttention

CITATIONS = (
    Citation(
        "Vaswani et al. 2017",
        "Attention is all you need",
        "NeurIPS",
        "https://arxiv.org/abs/1706.03762",
    ),
    Citation(
        "Xiong et al. 2020",
        "On layer normalization in the Transformer architecture",
        "ICML",
        "https://arxiv.org/abs/2002.04745",
    ),
    Citation(
        "Su et al. 2021",
        "RoFormer: enhanced Transformer with rotary position embedding",
        "arXiv",
        "https://arxiv.org/abs/2104.09864",
    ),
    Citation(
        "Press et al. 2022",
        "Train short, test long: attention with linear biases enables input length extrapolation",
        "ICLR",
        "https://arxiv.org/abs/2108.12409",
    ),
)


class Transformer(nn.Module):
    """Causal pre-norm Transformer (Vaswani et al. 2017; Xiong et al. 2020).

    All matrices are Glorot uniform and biases zero; the matrices that add to the stream are divided
    by the square root of twice ``num_layers`` (Radford et al. 2019), so that the variance of the
    stream does not grow with depth.

    Args:
        input_size: D.
        hidden_size: H.
        num_layers: layers of attention and MLP each.
        num_heads: heads of each attention, of width ``hidden_size / num_heads``, rounded up to an
            even number.
        mlp: width between the two matrices of an MLP, as a multiple of H.
        position: ``rotary``: rotation of queries and keys; ``alibi``: a penalty on the score,
            linear in the distance; ``none``: causality alone.
        window: steps that a step attends to, its own included; ``none``: all. With a window the
            state has a fixed size, and the model can be trained with a state that is carried on.
        dropout: rate on what attention and MLP add to the stream, while training.
        impl: ``parallel``: all steps at once; ``reference``: step by step, as in streaming.

    Attributes:
        receptive_field: number of last inputs that an output depends on; ``None`` without a window.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: PositiveInt = 2,
        num_heads: PositiveInt = 4,
        mlp: Annotated[float, Field(gt=0, le=1_000)] = 4.0,
        position: Position = "rotary",
        window: Annotated[int, Field(ge=2)] | None = None,
        dropout: Rate = 0.0,
        impl: Literal["parallel", "reference"] = "parallel",
    ) -> None:
        super().__init__()
        self.impl = impl
        self.receptive_field = None if window is None else 1 + num_layers * (window - 1)
        self.input = nn.Linear(input_size, hidden_size)
        inner = max(1, round(mlp * hidden_size))
        self.layers = nn.ModuleList(
            _Layer(hidden_size, inner, num_heads, position, window, dropout)
            for _ in range(num_layers)
        )
        self.norm = nn.LayerNorm(hidden_size)
        nn.init.xavier_uniform_(self.input.weight)
        nn.init.zeros_(self.input.bias)
        with torch.no_grad():
            for layer in self.layers:
                for weight in (layer.attention.output.weight, layer.down.weight):  # type: ignore[union-attr]
                    weight.div_((2 * num_layers) ** 0.5)  # type: ignore[operator]

    def forward(
        self, x: Tensor, state: Sequence[Cache] | None = None
    ) -> tuple[Tensor, tuple[Cache, ...]]:
        """Map x (B, T, D) and the cache of each layer to outputs (B, T, H) and the new ones."""
        if self.impl == "parallel":
            return self._run(x, state)
        outputs = []
        for step in torch.split(x, 1, dim=1):
            output, state = self._run(step, state)
            outputs.append(output)
        assert state is not None
        return torch.cat(outputs, dim=1), tuple(state)

    def _run(self, x: Tensor, state: Sequence[Cache] | None) -> tuple[Tensor, tuple[Cache, ...]]:
        stream = self.input(x)
        caches = []
        for index, layer in enumerate(self.layers):
            stream, cache = layer(stream, None if state is None else state[index])
            caches.append(cache)
        outputs: Tensor = self.norm(stream)
        return outputs, tuple(caches)


class _Layer(nn.Module):
    """Attention and MLP, each with a norm before and a residual sum after it."""

    def __init__(
        self,
        width: int,
        inner: int,
        num_heads: int,
        position: Position,
        window: int | None,
        dropout: float,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.attention_norm = nn.LayerNorm(width)
        self.attention = SelfAttention(width, width, num_heads, position, window)
        self.mlp_norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, inner)
        self.down = nn.Linear(inner, width)
        for linear in (self.up, self.down):
            nn.init.xavier_uniform_(linear.weight)
            nn.init.zeros_(linear.bias)

    def forward(self, stream: Tensor, cache: Cache | None) -> tuple[Tensor, Cache]:
        read, cache = self.attention(self.attention_norm(stream), cache)
        stream = stream + self._dropped(read)
        stream = stream + self._dropped(self.down(F.gelu(self.up(self.mlp_norm(stream)))))
        return stream, cache

    def _dropped(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training) if self.dropout else x


def _declines(task: Task, options: dict[str, Any]) -> str | None:
    if task.stateful and options.get("window") is None:
        return (
            "its state grows with every step, without bound in stateful training; "
            "set stateful=false, or a window, e.g. transformer[window=64]."
        )
    return None


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``transformer``."""
    register(
        "transformer",
        Transformer,
        citations=CITATIONS,
        incompatible=_declines,
        plain_loop={"impl": "reference"},
        family="baseline",
    )
