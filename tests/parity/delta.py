"""The delta rule and RWKV-7, from the equations of the papers, in loops over time and heads."""

from __future__ import annotations

import numpy as np
from torch import nn

from tests.parity import Array, layers_of, oracle, sigmoid, softplus


def silu(x: Array) -> Array:
    result: Array = x * sigmoid(x)
    return result


def unit(x: Array) -> Array:
    result: Array = x / np.sqrt((x**2).sum() + 1e-6)
    return result


def convolved(x: Array, weight: Array) -> Array:
    """Return the causal depthwise convolution of x (T, C) with weight (C, K), oldest first."""
    width = weight.shape[1]
    outputs = np.zeros_like(x)
    for t in range(len(x)):
        for lag in range(min(width, t + 1)):
            outputs[t] += weight[:, width - 1 - lag] * x[t - lag]
    return outputs


def delta_layer(
    weights: dict[str, Array], x: Array, *, heads: int, updates: int, rate_scale: float
) -> Array:
    """Return the outputs (T, H) of one layer for one sequence x (T, D)."""
    steps = len(x)
    q, k, v = (x @ weights[f"{name}.weight"].T for name in ("query", "key", "value"))
    splits = np.split(weights["conv.weight"], np.cumsum([q.shape[1], k.shape[1]]))
    q, k, v = (silu(convolved(each, part)) for each, part in zip((q, k, v), splits, strict=True))
    q = q.reshape(steps, heads, -1)
    k = k.reshape(steps, updates, heads, -1)
    v = v.reshape(steps, updates, heads, -1)
    rate = rate_scale * sigmoid(x @ weights["rate.weight"].T).reshape(steps, updates, heads)
    outputs = np.zeros((steps, heads, v.shape[-1]))
    for head in range(heads):
        memory = np.zeros((v.shape[-1], q.shape[-1]))  # values x keys, as the papers write it
        for t in range(steps):
            if "decay.weight" in weights:
                drive = x[t] @ weights["decay.weight"][head] + weights["decay_bias"][head]
                memory = memory * np.exp(-np.exp(weights["log_rate"][head]) * softplus(drive))
            for r in range(updates):
                key, beta = unit(k[t, r, head]), rate[t, r, head]
                reflection = np.eye(len(key)) - beta * np.outer(key, key)
                memory = memory @ reflection + beta * np.outer(v[t, r, head], key)
            read = memory @ unit(q[t, head])
            outputs[t, head] = read / np.sqrt((read**2).mean() + 1e-5) * weights["norm"]
    flat = outputs.reshape(steps, -1)
    if "gate.weight" in weights:
        flat = flat * silu(x @ weights["gate.weight"].T)
    result: Array = flat @ weights["output.weight"].T
    return result


def delta_network(core: nn.Module, x: Array) -> Array:
    for layer, weights in zip(core.layers, layers_of(core), strict=True):  # type: ignore[arg-type]
        x = np.stack(
            [
                delta_layer(
                    weights,
                    each,
                    heads=layer.num_heads,
                    updates=layer.updates,
                    rate_scale=layer.highest_rate,
                )
                for each in x
            ]
        )
    return x


@oracle(
    "deltanet",
    "the equations of Schlag et al. 2021, Yang et al. 2024 and Grazzi et al. 2025",
    {},
    {"negative_eigenvalues": True},
    {"num_heads": 1, "num_layers": 2},
)
def deltanet(core: nn.Module, x: Array) -> Array:
    return delta_network(core, x)


@oracle(
    "gated-deltanet",
    "the equations of Yang et al. 2025 and Grazzi et al. 2025",
    {},
    {"negative_eigenvalues": True},
    {"num_heads": 3, "num_layers": 2},
)
def gated_deltanet(core: nn.Module, x: Array) -> Array:
    return delta_network(core, x)


@oracle(
    "delta-product",
    "the equations of Siems et al. 2025 and Grazzi et al. 2025",
    {},
    {"negative_eigenvalues": True},
    {"num_householder": 1},
    {"num_householder": 3, "forget_gate": True, "num_layers": 2},
)
def delta_product(core: nn.Module, x: Array) -> Array:
    return delta_network(core, x)


@oracle(
    "rwkv7",
    "the equations of Peng et al. 2025, compared by eye with BlinkDL/RWKV-LM rwkv_v7_numpy.py",
    {},
    {"head_size": 4, "num_layers": 2},
    {"head_size": 2},
)
def rwkv7(core: nn.Module, x: Array) -> Array:
    for layer, weights in zip(core.layers, layers_of(core), strict=True):  # type: ignore[arg-type]
        x = np.stack([time_mixing(weights, each, heads=layer.num_heads) for each in x])
    return x


def time_mixing(p: dict[str, Array], x: Array, *, heads: int) -> Array:
    """Return the outputs (T, H) of RWKV-7's time mixing for one sequence x (T, D)."""
    width = p["receptance.weight"].shape[0]
    size = width // heads
    memory = np.zeros((heads, size, size))
    last = np.zeros(x.shape[1])
    outputs = []
    for now in x:
        shifted = [now + share * (last - now) for share in p["shares"]]
        last = now
        xr, xw, xk, xv, xa, xg = shifted
        r, k, v = (
            p[f"{name}.weight"] @ each
            for name, each in (("receptance", xr), ("key", xk), ("value", xv))
        )
        w = np.exp(-np.exp(-0.5) * sigmoid(np.tanh(xw @ p["w1"]) @ p["w2"] + p["w0"]))
        a = sigmoid(xa @ p["a1"] @ p["a2"] + p["a0"])
        g = sigmoid(xg @ p["g1"]) @ p["g2"]
        erased = k * p["k_k"]
        k = k * (1 + (a - 1) * p["k_a"])
        mixed = np.zeros(width)
        for h in range(heads):
            own = slice(h * size, (h + 1) * size)
            kappa = erased[own] / np.sqrt((erased[own] ** 2).sum() + 1e-12)
            transition = np.diag(w[own]) - np.outer(kappa, a[own] * kappa)
            memory[h] = memory[h] @ transition + np.outer(v[own], k[own])
            y = memory[h] @ r[own]
            y = (y - y.mean()) / np.sqrt(y.var() + 64e-5)
            bonus = (r[own] * k[own] * p["r_k"][own]).sum() * v[own]
            mixed[own] = y * p["norm.weight"][own] + p["norm.bias"][own] + bonus
        outputs.append(p["output.weight"] @ (mixed * g))
    return np.stack(outputs)
