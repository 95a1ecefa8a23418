"""Oracles of the baselines: Transformer, temporal convolution, reservoir, window perceptron."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from torch import nn

from tests.parity import Array, arrays, layers_of, oracle

_erf = np.vectorize(math.erf)


def _layer_norm(x: Array, weight: Array, bias: Array) -> Array:
    centred = x - x.mean(-1, keepdims=True)
    scale = np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    result: Array = centred / scale * weight + bias
    return result


def _rotated(vector: Array, step: int) -> Array:
    """Rotate pairs (i, i + d/2) of a vector (d,) as complex numbers."""
    half = len(vector) // 2
    frequencies = 10_000.0 ** (-2 * np.arange(half) / len(vector))
    turned = (vector[:half] + 1j * vector[half:]) * np.exp(1j * step * frequencies)
    return np.concatenate([turned.real, turned.imag])


def _attention(
    stream: Array, w: dict[str, Array], heads: int, position: str, window: int | None
) -> Array:
    """Attend for one sequence (T, H), one head and one step at a time."""
    steps, width = stream.shape
    size = w["output.weight"].shape[1] // heads
    read = np.zeros((steps, heads * size))
    maps = w["query_key_value.weight"].reshape(3, heads, size, width)
    shifts = w["query_key_value.bias"].reshape(3, heads, size)
    for head in range(heads):
        q, k, v = (stream @ maps[i, head].T + shifts[i, head] for i in range(3))
        for t in range(steps):
            first = 0 if window is None else max(0, t - window + 1)
            scores = []
            for s in range(first, t + 1):
                if position == "rotary":
                    score = _rotated(q[t], t) @ _rotated(k[s], s) / math.sqrt(size)
                else:
                    score = q[t] @ k[s] / math.sqrt(size)
                if position == "alibi":
                    score -= 2.0 ** (-8 * (head + 1) / heads) * (t - s)
                scores.append(score)
            weights = np.exp(np.array(scores) - max(scores))
            weights /= weights.sum()
            read[t, head * size : (head + 1) * size] = weights @ v[first : t + 1]
    result: Array = read @ w["output.weight"].T + w["output.bias"]
    return result


def _part(weights: dict[str, Array], prefix: str) -> dict[str, Array]:
    return {
        name.removeprefix(prefix): value
        for name, value in weights.items()
        if name.startswith(prefix)
    }


@oracle(
    "transformer",
    "Vaswani et al. 2017; Xiong et al. 2020, pre-norm; Su et al. 2021; Press et al. 2022",
    {},
    {"window": 4},
    {"position": "alibi", "num_heads": 2},
    {"position": "alibi", "window": 5},
    {"position": "none", "num_layers": 1, "mlp": 1.5},
    {"num_heads": 3},
)
def transformer(core: Any, x: Array) -> Array:
    weights = arrays(core)
    attention = core.layers[0].attention
    results = []
    for sequence in x:
        stream = sequence @ weights["input.weight"].T + weights["input.bias"]
        for index in range(len(core.layers)):
            w = _part(weights, f"layers.{index}.")
            normed = _layer_norm(stream, w["attention_norm.weight"], w["attention_norm.bias"])
            stream = stream + _attention(
                normed,
                _part(w, "attention."),
                attention.num_heads,
                attention.position,
                attention.window,
            )
            normed = _layer_norm(stream, w["mlp_norm.weight"], w["mlp_norm.bias"])
            inner = normed @ w["up.weight"].T + w["up.bias"]
            inner = inner * 0.5 * (1 + _erf(inner / math.sqrt(2)))
            stream = stream + inner @ w["down.weight"].T + w["down.bias"]
        results.append(_layer_norm(stream, weights["norm.weight"], weights["norm.bias"]))
    return np.stack(results)


def _dilated(x: Array, w: dict[str, Array], dilation: int) -> Array:
    """Convolve (B, T, C) with the past: the last column of the kernel is the present step."""
    v = w["direction"]
    kernel = v * (w["length"] / np.sqrt((v**2).sum((1, 2))))[:, None, None]
    outputs = np.zeros((*x.shape[:2], len(v)))
    size = v.shape[2]
    for t in range(x.shape[1]):
        outputs[:, t] = w["bias"]
        for i in range(size):
            if t - i * dilation >= 0:
                outputs[:, t] += x[:, t - i * dilation] @ kernel[:, :, size - 1 - i].T
    return outputs


@oracle(
    "tcn",
    "Bai et al. 2018, section 3; Salimans & Kingma 2016, equation 2",
    {},
    {"num_layers": 2, "kernel_size": 4},
    {"num_layers": 3, "kernel_size": 1},
)
def tcn(core: Any, x: Array) -> Array:
    weights = arrays(core)
    for level in range(len(core.levels)):
        w = _part(weights, f"levels.{level}.")
        inner = np.maximum(0, _dilated(x, _part(w, "one."), 2**level))
        inner = np.maximum(0, _dilated(inner, _part(w, "two."), 2**level))
        if "project.weight" in w:
            x = x @ w["project.weight"][:, :, 0].T + w["project.bias"]
        x = np.maximum(0, inner + x)
    return x


@oracle(
    "echo-state",
    "Lukosevicius 2012, equations 2 and 3",
    {},
    {"leak": 0.3, "num_layers": 2, "connections": 2},
)
def echo_state(core: nn.Module, x: Array) -> Array:
    leak = core.layers[0].leak  # type: ignore[index, union-attr]
    for w in layers_of(core):
        h = np.zeros((len(x), len(w["bias"])))
        outputs = []
        for t in range(x.shape[1]):
            update = np.tanh(
                x[:, t] @ w["input_weight"].T + w["bias"] + h @ w["recurrent_weight"].T
            )
            h = (1 - leak) * h + leak * update
            outputs.append(h)
        x = np.stack(outputs, axis=1)
    return x


@oracle(
    "mlp-window",
    "a perceptron on the concatenated window",
    {},
    {"window": 3, "num_layers": 3},
    {"window": 1, "num_layers": 1},
)
def mlp_window(core: Any, x: Array) -> Array:
    w = arrays(core)
    window = core.receptive_field
    outputs = []
    for t in range(x.shape[1]):
        steps = [
            x[:, s] if s >= 0 else np.zeros_like(x[:, 0]) for s in range(t - window + 1, t + 1)
        ]
        u = np.maximum(0, np.concatenate(steps, axis=1) @ w["first.weight"].T + w["first.bias"])
        for layer in range(len(core.further)):
            u = np.maximum(0, u @ w[f"further.{layer}.weight"].T + w[f"further.{layer}.bias"])
        outputs.append(u)
    return np.stack(outputs, axis=1)
