"""The gated classics, written from their papers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import nn

from tests.parity import Array, layers_of, oracle, sigmoid

_Step = Callable[[Array, Array, Array, dict[str, Array]], tuple[Array, Array]]
"""``(W x_t + b, h, c, weights) -> h, c``; a cell without c leaves it."""


def run(core: nn.Module, x: Array, step: _Step) -> Array:
    """Run a stack of layers with the state (h, c) step by step."""
    for weights in layers_of(core):
        h = c = np.zeros((len(x), weights["recurrent"].shape[1]))
        outputs = []
        for t in range(x.shape[1]):
            z = x[:, t] @ weights["into.weight"].T + weights["into.bias"]
            h, c = step(z, h, c, weights)
            outputs.append(h)
        x = np.stack(outputs, 1)
    return x


def by_gate(*stacked: Array, gates: int) -> list[list[Array]]:
    """Split inputs (B, G * H) along the gates, and weights (G * H, H) along their rows."""
    inputs, recurrent = stacked
    return [np.split(inputs, gates, axis=1), np.split(recurrent, gates)]


@oracle("mgu", "Zhou et al. 2016", {}, {"num_layers": 2, "gate_bias": -1.0})
def mgu(core: nn.Module, x: Array) -> Array:
    def step(z: Array, h: Array, c: Array, weights: dict[str, Array]) -> tuple[Array, Array]:
        (xf, xn), (uf, un) = by_gate(z, weights["recurrent"], gates=2)
        f = sigmoid(xf + h @ uf.T)
        return (1 - f) * h + f * np.tanh(xn + (f * h) @ un.T), c

    return run(core, x, step)


@oracle("ugrnn", "Collins et al. 2017", {}, {"num_layers": 2, "nonlinearity": "relu"})
def ugrnn(core: nn.Module, x: Array) -> Array:
    relu = core.layers[0].phi(-core.layers[0].into.bias.new_ones(1)).item() == 0  # type: ignore[index,union-attr]

    def step(z: Array, h: Array, c: Array, weights: dict[str, Array]) -> tuple[Array, Array]:
        (xg, xc), (ug, uc) = by_gate(z, weights["recurrent"], gates=2)
        g = sigmoid(xg + h @ ug.T)
        new = xc + h @ uc.T
        return g * h + (1 - g) * (np.maximum(0, new) if relu else np.tanh(new)), c

    return run(core, x, step)


@oracle("gru-reset-before", "Cho et al. 2014, equations 5 to 8", {}, {"num_layers": 2})
def gru_reset_before(core: nn.Module, x: Array) -> Array:
    def step(z: Array, h: Array, c: Array, weights: dict[str, Array]) -> tuple[Array, Array]:
        (xr, xz, xn), (ur, uz, un) = by_gate(z, weights["recurrent"], gates=3)
        reset, update = sigmoid(xr + h @ ur.T), sigmoid(xz + h @ uz.T)
        return update * h + (1 - update) * np.tanh(xn + (reset * h) @ un.T), c

    return run(core, x, step)


@oracle("peephole-lstm", "Greff et al. 2017, section II", {}, {"num_layers": 2})
def peephole_lstm(core: nn.Module, x: Array) -> Array:
    def step(z: Array, h: Array, c: Array, weights: dict[str, Array]) -> tuple[Array, Array]:
        (xi, xf, xg, xo), (ui, uf, ug, uo) = by_gate(z, weights["recurrent"], gates=4)
        pi, pf, po = weights["peephole"]
        i = sigmoid(xi + h @ ui.T + pi * c)
        f = sigmoid(xf + h @ uf.T + pf * c)
        new = np.tanh(xg + h @ ug.T) * i + c * f
        return np.tanh(new) * sigmoid(xo + h @ uo.T + po * new), new

    return run(core, x, step)


@oracle("coupled-lstm", "Greff et al. 2017, CIFG without peepholes", {}, {"num_layers": 2})
def coupled_lstm(core: nn.Module, x: Array) -> Array:
    def step(z: Array, h: Array, c: Array, weights: dict[str, Array]) -> tuple[Array, Array]:
        (xf, xg, xo), (uf, ug, uo) = by_gate(z, weights["recurrent"], gates=3)
        f = sigmoid(xf + h @ uf.T)
        new = np.tanh(xg + h @ ug.T) * (1 - f) + c * f
        return np.tanh(new) * sigmoid(xo + h @ uo.T), new

    return run(core, x, step)


@oracle("no-forget-lstm", "Greff et al. 2017, NFG without peepholes", {}, {"num_layers": 2})
def no_forget_lstm(core: nn.Module, x: Array) -> Array:
    def step(z: Array, h: Array, c: Array, weights: dict[str, Array]) -> tuple[Array, Array]:
        (xi, xg, xo), (ui, ug, uo) = by_gate(z, weights["recurrent"], gates=3)
        new = np.tanh(xg + h @ ug.T) * sigmoid(xi + h @ ui.T) + c
        return np.tanh(new) * sigmoid(xo + h @ uo.T), new

    return run(core, x, step)


def norm(x: Array) -> Array:
    """Return x (B, ...) with mean 0 and variance 1 in each row."""
    centred = x - x.mean(1, keepdims=True)
    result: Array = centred / np.sqrt((centred**2).mean(1, keepdims=True) + 1e-5)
    return result


@oracle("layer-norm-lstm", "Ba et al. 2016, equations 20 to 22", {}, {"num_layers": 2})
def layer_norm_lstm(core: nn.Module, x: Array) -> Array:
    def step(z: Array, h: Array, c: Array, weights: dict[str, Array]) -> tuple[Array, Array]:
        z = norm(z - weights["into.bias"]) * weights["input_gain"] + weights["into.bias"]
        z = z + norm(h @ weights["recurrent"].T) * weights["recurrent_gain"]
        i, f, g, o = np.split(z, 4, axis=1)
        new = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        shown = norm(new) * weights["cell_norm.weight"] + weights["cell_norm.bias"]
        return sigmoid(o) * np.tanh(shown), new

    return run(core, x, step)
