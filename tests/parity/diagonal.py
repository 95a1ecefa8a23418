"""Linear recurrences with a diagonal transition."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from torch import nn

from tests.parity import Array, layers_of, oracle, sigmoid, softplus

MINIMAL: tuple[dict[str, Any], ...] = ({}, {"candidate": "linear"}, {"num_layers": 2})


def scan(decay: Array, drive: Array) -> Array:
    """Return h_t = a_t h_{t-1} + b_t from zero, for arrays of time steps first."""
    h = np.zeros_like(drive[0])
    states = []
    for a, b in zip(np.broadcast_to(decay, drive.shape), drive, strict=True):
        h = a * h + b
        states.append(h)
    return np.stack(states)


def candidate(core: nn.Module, u: Array) -> Array:
    """G of the minimal units."""
    if core.layers[0].candidate == "linear":  # type: ignore[union-attr, index]
        return u
    return np.where(u >= 0, u + 0.5, sigmoid(u))


def gelu(x: Array) -> Array:
    result: Array = x * (0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2))))
    return result


def mixed(w: dict[str, Array], y: Array) -> Array:
    """The position-wise map after a recurrence of width H."""
    if "mixing.linear.weight" not in w:
        return y
    v = gelu(y)
    maps = v @ w["mixing.linear.weight"].T + w["mixing.linear.bias"]
    width = y.shape[-1]
    if maps.shape[-1] == width:
        return v * sigmoid(maps)
    return maps[..., :width] * sigmoid(maps[..., width:])


def encoded(w: dict[str, Array], x: Array) -> Array:
    if "encoder.weight" in w:
        return x @ w["encoder.weight"].T + w["encoder.bias"]
    return x


def complex_of(pair: Array) -> Array:
    result: Array = pair[..., 0] + 1j * pair[..., 1]
    return result


@oracle(
    "mingru",
    "Feng et al. 2024, section 3.1 and appendix",
    {},
    {"candidate": "linear"},
    {"num_layers": 2},
)
def mingru(core: nn.Module, x: Array) -> Array:
    h = x.swapaxes(0, 1)
    for w in layers_of(core):
        z, u = np.split(h @ w["input.weight"].T + w["input.bias"], 2, -1)
        z = sigmoid(z)
        h = scan(1 - z, z * candidate(core, u))
    return h.swapaxes(0, 1)


@oracle(
    "minlstm",
    "Feng et al. 2024, section 3.2 and appendix",
    {},
    {"candidate": "linear"},
    {"num_layers": 2},
)
def minlstm(core: nn.Module, x: Array) -> Array:
    h = x.swapaxes(0, 1)
    for w in layers_of(core):
        f, i, u = np.split(h @ w["input.weight"].T + w["input.bias"], 3, -1)
        f, i = sigmoid(f), sigmoid(i)
        h = scan(f / (f + i), i / (f + i) * candidate(core, u))
    return h.swapaxes(0, 1)


@oracle(
    "lru",
    "Orvieto et al. 2023, equations of section 3 and appendix A",
    {},
    {"mixing": "none"},
    {"state_size": 6, "num_layers": 2},
)
def lru(core: nn.Module, x: Array) -> Array:
    h = x.swapaxes(0, 1)
    for w in layers_of(core):
        u = encoded(w, h)
        eigenvalues = np.exp(-np.exp(w["nu"])) * np.exp(1j * np.exp(w["theta"]))
        states = scan(eigenvalues, np.exp(w["gamma"]) * (u @ complex_of(w["b"]).T))
        h = mixed(w, (states @ complex_of(w["c"]).T).real + w["d"] * u)
    return h.swapaxes(0, 1)


@oracle(
    "s4d",
    "Gu et al. 2022, equations of the zero-order hold and the recurrence",
    {},
    {"init": "inv"},
    {"mixing": "none", "state_size": 6},
    {"num_layers": 2},
)
def s4d(core: nn.Module, x: Array) -> Array:
    h = x.swapaxes(0, 1)
    for w in layers_of(core):
        u = encoded(w, h)
        rates = -np.exp(w["log_rate"]) + 1j * w["frequency"]
        step = np.exp(w["log_step"])[:, None]
        decay = np.exp(step * rates)
        states = scan(decay, (decay - 1) / rates * u[..., None])
        outputs = 2 * (complex_of(w["c"]) * states).sum(-1).real + w["d"] * u
        h = mixed(w, outputs)
    return h.swapaxes(0, 1)


@oracle(
    "s5",
    "Smith et al. 2023, the discretised state space and its activation",
    {},
    {"mixing": "glu", "num_blocks": 1, "state_size": 10},
    {"mixing": "none", "num_layers": 2},
)
def s5(core: nn.Module, x: Array) -> Array:
    h = x.swapaxes(0, 1)
    for w in layers_of(core):
        u = encoded(w, h)
        eigenvalues = w["rate"] + 1j * w["frequency"]
        decay = np.exp(eigenvalues * np.exp(w["log_step"]))
        b = ((decay - 1) / eigenvalues)[:, None] * complex_of(w["b"])
        states = scan(decay, u @ b.T)
        h = mixed(w, 2 * (states @ complex_of(w["c"]).T).real + w["d"] * u)
    return h.swapaxes(0, 1)


@oracle(
    "rg-lru",
    "De et al. 2024, equations 1 to 4 and figure 2",
    {},
    {"num_heads": 2},
    {"num_layers": 2},
)
def rg_lru(core: nn.Module, x: Array) -> Array:
    h = x.swapaxes(0, 1)
    for w in layers_of(core):
        into, gate = np.split(h @ w["input.weight"].T + w["input.bias"], 2, -1)
        kernel = w["conv.weight"]
        padded = np.concatenate([np.zeros((kernel.shape[1] - 1, *into.shape[1:])), into])
        u = w["conv.bias"] + sum(
            padded[k : k + len(into)] * kernel[:, k] for k in range(kernel.shape[1])
        )
        r, i = np.zeros_like(u), np.zeros_like(u)
        heads, block, _ = w["gate_weight"].shape
        for head in range(heads):
            units = slice(head * block, (head + 1) * block)
            maps = u[..., units] @ w["gate_weight"][head] + w["gate_bias"][head]
            r[..., units], i[..., units] = sigmoid(maps[..., :block]), sigmoid(maps[..., block:])
        a = np.exp(-8 * softplus(w["rate"]) * r)
        states = scan(a, np.sqrt(1 - a**2) * (i * u))
        h = (gelu(gate) * states) @ w["output.weight"].T + w["output.bias"]
    return h.swapaxes(0, 1)


@oracle(
    "qrnn",
    "Bradbury et al. 2017, section 2",
    {},
    {"pooling": "f"},
    {"pooling": "ifo", "window": 3},
    {"window": 1, "num_layers": 2},
)
def qrnn(core: nn.Module, x: Array) -> Array:
    h = x.swapaxes(0, 1)
    for w in layers_of(core):
        units, (steps, _, width) = core.layers[0].hidden_size, h.shape  # type: ignore[union-attr, index]
        window = w["weight"].shape[1] // width
        padded = np.concatenate([np.zeros((window - 1, *h.shape[1:])), h])
        seen = np.concatenate([padded[k : k + steps] for k in range(window)], -1)
        maps = seen @ w["weight"].T + w["bias"]
        z, f, *gates = (maps[..., k : k + units] for k in range(0, maps.shape[-1], units))
        z, f = np.tanh(z), sigmoid(f)
        add = sigmoid(gates[1]) if len(gates) == 2 else 1 - f
        h = scan(f, add * z)
        if gates:
            h = sigmoid(gates[0]) * h
    return h.swapaxes(0, 1)


@oracle(
    "linoss",
    "Rusch & Rus 2025, the discretised equations of motion",
    {},
    {"method": "imex", "state_size": 5},
    {"mixing": "none", "num_layers": 2},
)
def linoss(core: nn.Module, x: Array) -> Array:
    h = x.swapaxes(0, 1)
    implicit = core.layers[0].method == "im"  # type: ignore[union-attr, index]
    for w in layers_of(core):
        u = encoded(w, h)
        a, dt = np.maximum(w["rate"], 0), sigmoid(w["time_step"])
        y = z = np.zeros((u.shape[1], len(a)))
        outputs = []
        for each in u:
            force = each @ w["b"].T
            if implicit:
                # both equations of the implicit method, solved as a linear system
                y, z = (y + dt * z + dt**2 * force) / (1 + dt**2 * a), z
                z = z + dt * (force - a * y)
            else:
                z = z + dt * (force - a * y)
                y = y + dt * z
            outputs.append(y @ w["c"].T + w["d"] * each)
        h = mixed(w, np.stack(outputs))
    return h.swapaxes(0, 1)


@oracle("sru", "Lei et al. 2018, equations 1 to 4", {}, {"highway_bias": -2.0}, {"num_layers": 2})
def sru(core: nn.Module, x: Array) -> Array:
    h = x.swapaxes(0, 1)
    scale = core.layers[0].scale  # type: ignore[union-attr, index]
    for w in layers_of(core):
        v_f, v_r = np.split(w["state_weight"], 2)
        b_f, b_r = np.split(w["bias"], 2)
        units = len(v_f)
        w_f, w_r, w_c, *highway = (
            w["weight"][k : k + units] for k in range(0, len(w["weight"]), units)
        )
        c = np.zeros((h.shape[1], units))
        outputs = []
        for each in h:
            f = sigmoid(each @ w_f.T + v_f * c + b_f)
            r = sigmoid(each @ w_r.T + v_r * c + b_r)
            c = f * c + (1 - f) * (each @ w_c.T)
            carried = each @ highway[0].T if highway else each
            outputs.append(r * c + (1 - r) * scale * carried)
        h = np.stack(outputs)
    return h.swapaxes(0, 1)
