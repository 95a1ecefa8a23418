"""Oracles of the continuous-time models, in numpy, and the authors' package ncps if installed."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.parity import Array, arrays, layers_of, oracle, sigmoid


@oracle(
    "cfc",
    "Hasani et al. 2022; no-gate and pure as in their package",
    {},
    {"mode": "pure", "backbone_units": 5},
    {"mode": "no-gate", "backbone_layers": 0},
    {"backbone_layers": 2, "time_step": 0.3, "num_layers": 2},
)
def cfc(core: Any, x: Array) -> Array:
    first = core.layers[0]
    for w in layers_of(core):
        joint = np.concatenate([w["input_weight"], w["state_weight"]], axis=1)
        matrices = [(joint, w["first_bias"])]
        matrices += [
            (w[f"further.{i}.weight"], w[f"further.{i}.bias"]) for i in range(len(first.further))
        ]
        h = np.zeros((len(x), first.hidden_size))
        outputs = []
        for t in range(x.shape[1]):
            z = np.concatenate([x[:, t], h], axis=1)
            for matrix, bias in matrices[:-1]:
                z = 1.7159 * np.tanh(2 / 3 * (z @ matrix.T + bias))
            heads = z @ matrices[-1][0].T + matrices[-1][1]
            if first.mode == "pure":
                decay = np.exp(-(np.abs(w["rate"]) + np.abs(heads)) * first.time_step)
                h = -w["rest"] * decay * heads + w["rest"]
            else:
                f, g, k = np.split(heads, 3, axis=1)
                gate = sigmoid(-f * first.time_step)
                rest = 1 if first.mode == "no-gate" else 1 - gate
                h = gate * np.tanh(g) + rest * np.tanh(k)
            outputs.append(h)
        x = np.stack(outputs, axis=1)
    return x


@oracle(
    "ltc",
    "Hasani et al. 2021, equations 1 and 3; Lechner et al. 2020, conductance-based synapses",
    {},
    {"unfolds": 2, "num_layers": 2},
)
def ltc(core: Any, x: Array) -> Array:
    unfolds = core.layers[0].unfolds
    for layer in core.layers:
        w = arrays(layer)
        outputs = np.zeros((*x.shape[:2], len(w["leak"])))
        for row in range(len(x)):
            v = np.zeros(len(w["leak"]))
            for t in range(x.shape[1]):
                u = w["input_scale"] * x[row, t] + w["input_shift"]
                for _ in range(unfolds):
                    v = _solved(w, u, v, 1 / unfolds)
                outputs[row, t] = w["output_scale"] * v + w["output_shift"]
        x = outputs
    return x


def _solved(w: dict[str, Array], u: Array, v: Array, length: float) -> Array:
    """Take one semi-implicit Euler step, one synapse at a time."""
    new = np.zeros_like(v)
    for j in range(len(v)):
        current = w["leak"][j] * w["leak_potential"][j]
        conductance = w["leak"][j] + 1e-8
        for name, sources in (("sensory", u), ("recurrent", v)):
            for i, potential in enumerate(sources):
                open_ = w[f"{name}.weight"][i, j] * sigmoid(
                    w[f"{name}.steepness"][i, j] * (potential - w[f"{name}.threshold"][i, j])
                )
                conductance += open_
                current += open_ * w[f"{name}.potential"][i, j]
        inert = w["capacitance"][j] / length
        new[j] = (inert * v[j] + current) / (inert + conductance)
    return new
