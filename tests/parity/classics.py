"""The simple and the matrix memory classics, written from their papers."""

from __future__ import annotations

import numpy as np
import torch
from scipy.linalg import expm
from torch import nn

from tests.parity import Array, layers_of, oracle


@oracle("irnn", "Le et al. 2015", {}, {"init_scale": 0.01, "num_layers": 2})
def irnn(core: nn.Module, x: Array) -> Array:
    for weights in layers_of(core):
        h = np.zeros((len(x), len(weights["recurrent"])))
        outputs = []
        for t in range(x.shape[1]):
            z = x[:, t] @ weights["into.weight"].T + weights["into.bias"]
            h = np.maximum(0, z + h @ weights["recurrent"].T)
            outputs.append(h)
        x = np.stack(outputs, 1)
    return x


@oracle(
    "radius-rnn",
    "Elman 1990, one sequence at a time",
    {},
    {"nonlinearity": "relu", "num_layers": 2},
    {"nonlinearity": "linear", "init": "gaussian", "init_radius": 0.9},
)
def radius_rnn(core: nn.Module, x: Array) -> Array:
    for cell, weights in zip(core.layers, layers_of(core), strict=True):  # type: ignore[arg-type]
        batch, steps, _ = x.shape
        outputs = np.zeros((batch, steps, len(weights["recurrent"])))
        for b in range(batch):
            h = np.zeros(outputs.shape[2])
            for t in range(steps):
                h = weights["into.weight"] @ x[b, t] + weights["recurrent"] @ h
                h = h + weights["into.bias"]
                if cell.nonlinearity != "linear":
                    h = np.tanh(h) if cell.nonlinearity == "tanh" else np.maximum(0, h)
                outputs[b, t] = h
        x = outputs
    return x


@oracle("indrnn", "Li et al. 2018, equation 2", {}, {"num_layers": 2, "init": "memory"})
def indrnn(core: nn.Module, x: Array) -> Array:
    for weights in layers_of(core):
        batch, steps, _ = x.shape
        outputs = np.zeros((batch, steps, len(weights["recurrent"])))
        for b in range(batch):
            h = np.zeros(outputs.shape[2])
            for t in range(steps):
                h = weights["into.weight"] @ x[b, t] + weights["recurrent"] * h
                h = np.maximum(0, h + weights["into.bias"])
                outputs[b, t] = h
        x = outputs
    return x


def skew(entries: Array, size: int) -> Array:
    """Return the skew-symmetric matrix of the entries above its diagonal."""
    matrix = np.zeros((size, size))
    found = iter(entries)
    for row in range(size):
        for column in range(row + 1, size):
            matrix[row, column] = next(found)
            matrix[column, row] = -matrix[row, column]
    return matrix


@oracle(
    "orthogonal-rnn",
    "Lezcano-Casado & Martinez-Rubio 2019, Helfrich et al. 2018, modReLU Arjovsky et al. 2016",
    {},
    {"map": "cayley", "num_layers": 2},
    {"init": "henaff"},
    {"nonlinearity": "tanh"},
)
def orthogonal_rnn(core: nn.Module, x: Array) -> Array:
    for cell, weights in zip(core.layers, layers_of(core), strict=True):  # type: ignore[arg-type]
        size = len(weights["bias"])
        a, one = skew(weights["skew"], size), np.eye(size)
        u = expm(a) if cell.map == "exp" else np.linalg.inv(one - a) @ (one + a)
        assert np.allclose(u @ u.T, one)
        h = np.zeros((len(x), size))
        outputs = []
        for t in range(x.shape[1]):
            z = x[:, t] @ weights["into.weight"].T + h @ u.T
            if cell.nonlinearity == "tanh":
                h = np.tanh(z + weights["bias"])
            else:
                size_after = np.abs(z) + weights["bias"]
                h = np.where(size_after >= 0, size_after * z / np.abs(z), 0)
            outputs.append(h)
        x = np.stack(outputs, 1)
    return x


@oracle(
    "clockwork-rnn",
    "Koutnik et al. 2014, group by group",
    {},
    {"num_groups": 3},
    {"num_groups": 1, "num_layers": 2},
)
def clockwork_rnn(core: nn.Module, x: Array) -> Array:
    for weights in layers_of(core):
        blocks = [value for name, value in weights.items() if name.startswith("recurrent.")]
        size = len(weights["into.bias"])
        h = np.zeros((len(x), size))
        outputs = []
        for t in range(x.shape[1]):
            new, first = h.copy(), 0
            for group, block in enumerate(blocks):
                rows = slice(first, first + len(block))
                if t % 2**group == 0:
                    z = x[:, t] @ weights["into.weight"][rows].T + weights["into.bias"][rows]
                    new[:, rows] = np.tanh(z + h[:, first:] @ block.T)
                first += len(block)
            assert first == size
            h = new
            outputs.append(h)
        x = np.stack(outputs, 1)
    return x


@oracle(
    "fast-weights",
    "Ba et al. 2016, with the products of the past states in place of the matrix A",
    {},
    {"inner_steps": 3, "decay": 0.8, "rate": 0.3, "num_layers": 2},
)
def fast_weights(core: nn.Module, x: Array) -> Array:
    for cell, weights in zip(core.layers, layers_of(core), strict=True):  # type: ignore[arg-type]
        outputs = np.zeros((*x.shape[:2], len(weights["into.bias"])))
        for b in range(len(x)):
            past = [np.zeros(outputs.shape[2])]
            for t in range(x.shape[1]):
                sustained = weights["into.weight"] @ x[b, t] + weights["into.bias"]
                sustained = sustained + weights["recurrent"] @ past[-1]
                h = np.maximum(0, sustained)
                for _ in range(cell.inner_steps):
                    z = sustained.copy()
                    for age, then in enumerate(reversed(past)):
                        z += cell.rate * cell.decay**age * then * (then @ h)
                    z = (z - z.mean()) / np.sqrt(z.var() + 1e-5)
                    h = np.maximum(0, z * weights["norm.weight"] + weights["norm.bias"])
                past.append(h)
                outputs[b, t] = h
        x = outputs
    return x


@oracle("bigru", "torch's nn.GRU with bidirectional=True, fused", {"num_layers": 2})
def bigru(core: nn.Module, x: Array) -> Array:
    given: nn.GRU = core.recurrence  # type: ignore[assignment]
    made = nn.GRU(
        given.input_size, given.hidden_size, given.num_layers, batch_first=True, bidirectional=True
    ).double()
    made.load_state_dict(given.state_dict())
    with torch.no_grad():
        outputs: Array = made(torch.from_numpy(x))[0].numpy()
    return outputs


@oracle("bigru", "Cho et al. 2014, reset after the product, both ways", {}, {"impl": "reference"})
def bigru_equations(core: nn.Module, x: Array) -> Array:
    weights = {name.removeprefix("recurrence."): v.numpy() for name, v in core.state_dict().items()}
    halves = []
    for suffix, order in (("_l0", slice(None)), ("_l0_reverse", slice(None, None, -1))):
        w, u, b, c = (
            weights[name + suffix] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        )
        h = np.zeros((len(x), u.shape[1]))
        outputs = []
        for step in x[:, order].swapaxes(0, 1):
            xr, xz, xn = np.split(step @ w.T + b, 3, axis=1)
            hr, hz, hn = np.split(h @ u.T + c, 3, axis=1)
            r, z = 1 / (1 + np.exp(-xr - hr)), 1 / (1 + np.exp(-xz - hz))
            h = (1 - z) * np.tanh(xn + r * hn) + z * h
            outputs.append(h)
        halves.append(np.stack(outputs, 1)[:, order])
    return np.concatenate(halves, 2)
