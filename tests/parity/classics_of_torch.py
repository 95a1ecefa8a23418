"""The networks that run torch's kernels, from the equations of their sources."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from torch import nn

from tests.parity import Array, arrays, oracle, sigmoid

_Step = Callable[[Array, tuple[Array, ...], dict[str, Array]], tuple[Array, ...]]


def _rnn(x: Array, state: tuple[Array, ...], w: dict[str, Array]) -> tuple[Array, ...]:
    (h,) = state
    return (np.tanh(x @ w["weight_ih"].T + w["bias_ih"] + h @ w["weight_hh"].T + w["bias_hh"]),)


def _lstm(x: Array, state: tuple[Array, ...], w: dict[str, Array]) -> tuple[Array, ...]:
    h, c = state
    gates = x @ w["weight_ih"].T + w["bias_ih"] + h @ w["weight_hh"].T + w["bias_hh"]
    i, f, g, o = np.split(gates, 4, axis=-1)
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def _gru(x: Array, state: tuple[Array, ...], w: dict[str, Array]) -> tuple[Array, ...]:
    (h,) = state
    xr, xz, xn = np.split(x @ w["weight_ih"].T + w["bias_ih"], 3, axis=-1)
    hr, hz, hn = np.split(h @ w["weight_hh"].T + w["bias_hh"], 3, axis=-1)
    r, z = sigmoid(xr + hr), sigmoid(xz + hz)
    return ((1 - z) * np.tanh(xn + r * hn) + z * h,)


def _run(step: _Step, x: Array, w: dict[str, Array], states: int) -> Array:
    """Run one direction of one layer over x (B, T, D)."""
    state = tuple(np.zeros((len(x), w["weight_hh"].shape[1])) for _ in range(states))
    outputs = []
    for t in range(x.shape[1]):
        state = step(x[:, t], state, w)
        outputs.append(state[0])
    return np.stack(outputs, axis=1)


def _weights(core: nn.Module, layer: int, direction: str = "") -> dict[str, Array]:
    suffix = f"_l{layer}{direction}"
    return {
        name.removeprefix("recurrence.").removesuffix(suffix): value
        for name, value in arrays(core).items()
        if name.startswith("recurrence.") and name.endswith(suffix)
    }


def _stacked(step: _Step, core: nn.Module, x: Array, states: int) -> Array:
    layer = 0
    while weights := _weights(core, layer):
        x = _run(step, x, weights, states)
        layer += 1
    return x


@oracle("rnn", "Elman 1990", {}, {"num_layers": 2})
def rnn(core: nn.Module, x: Array) -> Array:
    return _stacked(_rnn, core, x, 1)


@oracle("lstm", "Gers et al. 2000, equations 1 to 7", {}, {"num_layers": 2})
def lstm(core: nn.Module, x: Array) -> Array:
    return _stacked(_lstm, core, x, 2)


@oracle("gru", "Cho et al. 2014, with the reset gate after the product", {}, {"num_layers": 2})
def gru(core: nn.Module, x: Array) -> Array:
    return _stacked(_gru, core, x, 1)


@oracle("bilstm", "Graves & Schmidhuber 2005", {}, {"num_layers": 2})
def bilstm(core: nn.Module, x: Array) -> Array:
    layer = 0
    while weights := _weights(core, layer):
        reverse = _weights(core, layer, "_reverse")
        backward = _run(_lstm, x[:, ::-1], reverse, 2)[:, ::-1]
        x = np.concatenate([_run(_lstm, x, weights, 2), backward], axis=-1)
        layer += 1
    return x


@oracle("attention-lstm", "Bahdanau et al. 2015, section 3.1, with the query of the LSTM itself")
def attention_lstm(core: nn.Module, x: Array) -> Array:
    hidden = _stacked(_lstm, core, x, 2)  # (B, T, H)
    w = arrays(core)
    outputs = []
    for t in range(x.shape[1]):
        seen = hidden[:, : t + 1]
        query = (hidden[:, t] @ w["query.weight"].T)[:, None]
        scores = np.tanh(seen @ w["key.weight"].T + query) @ w["score.weight"][0]
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        context = (weights[..., None] * seen).sum(axis=1)
        outputs.append(np.concatenate([context, hidden[:, t]], axis=-1))
    return np.stack(outputs, axis=1)
