"""Selective state-space models, from the equations of their papers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch import nn

from tests.parity import Array, layers_of, oracle, sigmoid, softplus


def silu(x: Array) -> Array:
    result: Array = x * sigmoid(x)
    return result


def stacked(core: nn.Module) -> Iterator[tuple[Any, dict[str, Array]]]:
    """Yield each layer with its parameters."""
    layers: Any = core.layers
    yield from zip(layers, layers_of(core), strict=True)


def convolved(x: Array, weight: Array, bias: Array | float = 0.0) -> Array:
    """Convolve each channel of x (B, T, C) with its last inputs; weight (C, K), oldest first."""
    out = np.zeros_like(x) + bias
    width = weight.shape[1]
    for t in range(x.shape[1]):
        for back in range(min(width, t + 1)):
            out[:, t] += weight[:, width - 1 - back] * x[:, t - back]
    return out


@oracle(
    "mamba",
    "Gu & Dao 2023, algorithm 2 and section 3.4; Grazzi et al. 2025",
    {},
    {"negative_eigenvalues": True},
    {"num_layers": 2, "expand": 1, "state_size": 3, "conv_width": 2},
)
def mamba(core: nn.Module, x: Array) -> Array:
    for layer, w in stacked(core):
        states, channels = w["log_rate"].shape
        u, z = np.split(x @ w["into.weight"].T, 2, axis=-1)
        v = silu(convolved(u, w["conv.weight"], w["conv.bias"]))
        rank = w["step_size.weight"].shape[1]
        chosen = v @ w["select.weight"].T
        r, b, c = np.split(chosen, [rank, rank + states], axis=-1)
        d = softplus(r @ w["step_size.weight"].T + w["step_size.bias"])
        h = np.zeros((len(x), channels, states))
        y = np.zeros_like(v)
        for t in range(x.shape[1]):
            a = np.exp(d[:, t, :, None] * -np.exp(w["log_rate"].T))
            if layer.low:
                a = 2 * a - 1
            h = a * h + d[:, t, :, None] * b[:, t, None, :] * v[:, t, :, None]
            y[:, t] = np.einsum("ben,bn->be", h, c[:, t]) + w["skip"] * v[:, t]
        x = (y * silu(z)) @ w["out.weight"].T
    return x


@oracle(
    "mamba2",
    "Dao & Gu 2024, sections 6 and 7",
    {},
    {"num_layers": 2, "num_heads": 2, "expand": 1, "state_size": 3, "conv_width": 2},
)
def mamba2(core: nn.Module, x: Array) -> Array:
    for layer, w in stacked(core):
        (heads, width), states = layer.heads, layer.sizes[1]
        channels = heads * width
        mapped = x @ w["into.weight"].T
        z, inputs, e = np.split(mapped, [channels, 2 * channels + 2 * states], axis=-1)
        joint = silu(convolved(inputs, w["conv.weight"], w["conv.bias"]))
        v, b, c = np.split(joint, [channels, channels + states], axis=-1)
        v = v.reshape(*v.shape[:2], heads, width)
        d = softplus(e + w["step_bias"])
        y = np.zeros_like(v)
        for head in range(heads):
            memory = np.zeros((len(x), states, width))
            for t in range(x.shape[1]):
                a = np.exp(-d[:, t, head] * np.exp(w["log_rate"][head]))
                written = d[:, t, head, None] * v[:, t, head]
                memory = a[:, None, None] * memory + b[:, t, :, None] * written[:, None, :]
                y[:, t, head] = np.einsum("bnp,bn->bp", memory, c[:, t])
            y[:, :, head] += w["skip"][head] * v[:, :, head]
        gated = y.reshape(z.shape) * silu(z)
        scale = np.sqrt((gated**2).mean(-1, keepdims=True) + 1e-5)
        x = (gated / scale * w["norm"]) @ w["out.weight"].T
    return x
