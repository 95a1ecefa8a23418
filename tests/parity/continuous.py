"""Discretised differential equations, written from their papers."""

from __future__ import annotations

import numpy as np
from torch import nn

from tests.parity import Array, layers_of, oracle, sigmoid
from tests.parity.classics import skew


@oracle(
    "antisymmetric-rnn",
    "Chang et al. 2019, with and without gate",
    {},
    {"gated": True, "num_layers": 2},
    {"step_size": 0.5, "diffusion": 0.2},
)
def antisymmetric_rnn(core: nn.Module, x: Array) -> Array:
    for cell, weights in zip(core.layers, layers_of(core), strict=True):  # type: ignore[arg-type]
        size = cell.hidden_size
        matrix = skew(weights["skew"], size) - cell.diffusion * np.eye(size)
        h = np.zeros((len(x), size))
        outputs = []
        for t in range(x.shape[1]):
            z = x[:, t] @ weights["into.weight"].T + weights["into.bias"]
            change = np.tanh(h @ matrix.T + z[:, :size])
            if cell.gated:
                change = change * sigmoid(h @ matrix.T + z[:, size:])
            h = h + cell.step_size * change
            outputs.append(h)
        x = np.stack(outputs, 1)
    return x


@oracle(
    "cornn",
    "Rusch & Mishra 2021, discretised system",
    {},
    {"step_size": 0.06, "frequency": 66.0, "damping": 15.0, "num_layers": 2},
)
def cornn(core: nn.Module, x: Array) -> Array:
    for cell, weights in zip(core.layers, layers_of(core), strict=True):  # type: ignore[arg-type]
        size, dt = cell.hidden_size, cell.step_size
        of_y, of_z = weights["recurrent"][:, :size], weights["recurrent"][:, size:]
        y = z = np.zeros((len(x), size))
        outputs = []
        for t in range(x.shape[1]):
            drive = x[:, t] @ weights["into.weight"].T + weights["into.bias"]
            force = np.tanh(y @ of_y.T + z @ of_z.T + drive)
            z = (1 - dt * cell.damping) * z + dt * force - dt * cell.frequency * y
            y = y + dt * z
            outputs.append(y)
        x = np.stack(outputs, 1)
    return x


@oracle("lem", "Rusch et al. 2022, discretised system", {}, {"step_size": 0.3, "num_layers": 2})
def lem(core: nn.Module, x: Array) -> Array:
    for cell, weights in zip(core.layers, layers_of(core), strict=True):  # type: ignore[arg-type]
        u1, u2, uz = np.split(weights["recurrent"], 3)
        y = z = np.zeros((len(x), cell.hidden_size))
        outputs = []
        for t in range(x.shape[1]):
            drive = x[:, t] @ weights["into.weight"].T + weights["into.bias"]
            x1, x2, xz, xy = np.split(drive, 4, axis=1)
            dt1 = cell.step_size * sigmoid(y @ u1.T + x1)
            dt2 = cell.step_size * sigmoid(y @ u2.T + x2)
            z = z + dt1 * (np.tanh(y @ uz.T + xz) - z)
            y = y + dt2 * (np.tanh(z @ weights["between"].T + xy) - y)
            outputs.append(y)
        x = np.stack(outputs, 1)
    return x
