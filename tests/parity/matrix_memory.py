"""Models with a matrix as their memory, and the sLSTM, from the equations of their papers."""

from __future__ import annotations

import numpy as np
from torch import nn

from tests.parity import Array, oracle, sigmoid
from tests.parity.selective import convolved, silu, stacked


def centred(x: Array, weight: Array) -> Array:
    """Layer norm of each head of x (B, T, heads, width), heads joined."""
    variance = x.var(-1, keepdims=True)
    scaled = (x - x.mean(-1, keepdims=True)) / np.sqrt(variance + 1e-5)
    joined: Array = scaled.reshape(*x.shape[:2], -1) * weight
    return joined


def recalled(q: Array, k: Array, v: Array, a: Array) -> Array:
    """Outputs of S_t = diag(a_t) S_{t-1} + k_t v_t^T for (B, T, heads, width), step by step."""
    out = np.zeros_like(v)
    for b, head in np.ndindex(v.shape[0], v.shape[2]):
        memory = np.zeros((k.shape[-1], v.shape[-1]))
        for t in range(v.shape[1]):
            memory = np.diag(a[b, t, head]) @ memory + np.outer(k[b, t, head], v[b, t, head])
            out[b, t, head] = memory.T @ q[b, t, head]
    return out


def heads_of(x: Array, heads: int) -> Array:
    return x.reshape(*x.shape[:-1], heads, -1)


@oracle("gla", "Yang et al. 2024, section 4", {}, {"num_layers": 2, "num_heads": 2, "gate_rank": 3})
def gla(core: nn.Module, x: Array) -> Array:
    for layer, w in stacked(core):
        heads = layer.keys[0]
        low_rank = x @ w["decay.0.weight"].T @ w["decay.1.weight"].T + w["decay.1.bias"]
        y = recalled(
            heads_of(x @ w["query.weight"].T, heads),
            heads_of(x @ w["key.weight"].T, heads),
            heads_of(x @ w["value.weight"].T, heads),
            heads_of(sigmoid(low_rank) ** (1 / 16), heads),
        )
        gate = silu(x @ w["gate.weight"].T + w["gate.bias"])
        x = (gate * centred(y, w["norm.weight"])) @ w["out.weight"].T
    return x


@oracle(
    "hgrn2", "Qin et al. 2024; lower bound Qin et al. 2023", {}, {"num_layers": 3, "num_heads": 2}
)
def hgrn2(core: nn.Module, x: Array) -> Array:
    for level, (layer, w) in enumerate(stacked(core)):
        heads = layer.heads[0]
        gate, q, v = np.split(x @ w["into.weight"].T, 3, axis=-1)
        bound = np.zeros(gate.shape[-1])
        if level:
            shares = np.exp(w["bound"]) / np.exp(w["bound"]).sum(0)
            bound = shares[:level].sum(0)
        f = bound + (1 - bound) * sigmoid(gate)
        y = recalled(*(heads_of(each, heads) for each in (silu(q), 1 - f, v, f))).reshape(v.shape)
        scale = np.sqrt((y**2).mean(-1, keepdims=True) + 1e-5)
        x = (y / scale * w["norm"]) @ w["out.weight"].T
    return x


def by_blocks(x: Array, weight: Array) -> Array:
    size = weight.shape[-1]
    parts = [x[..., i * size : (i + 1) * size] @ block.T for i, block in enumerate(weight)]
    return np.concatenate(parts, axis=-1)


@oracle(
    "mlstm",
    "Beck et al. 2024, equations 19 to 27 without the stabiliser",
    {},
    {"num_layers": 2, "num_heads": 2, "expand": 1, "block_size": 2, "conv_width": 2},
)
def mlstm(core: nn.Module, x: Array) -> Array:
    for layer, w in stacked(core):
        heads, width = layer.heads
        u, z = np.split(x @ w["up.weight"].T, 2, axis=-1)
        c = silu(convolved(u, w["conv.weight"], w["conv.bias"]))
        q, k, v = by_blocks(c, w["query"]), by_blocks(c, w["key"]), by_blocks(u, w["value"])
        gates = np.concatenate([q, k, v], axis=-1) @ w["gates.weight"].T + w["gates.bias"]
        i, f = np.exp(gates[..., :heads]), sigmoid(gates[..., heads:])
        q, k, v = heads_of(q, heads), heads_of(k, heads) / np.sqrt(width), heads_of(v, heads)
        a = np.broadcast_to(f[..., None], k.shape)
        numerator = recalled(q, k * i[..., None], v, a)
        normaliser = recalled(q, k * i[..., None], np.ones_like(v[..., :1]), a)
        h = numerator / np.maximum(np.abs(normaliser), 1)
        x = ((centred(h, w["norm.weight"]) + w["skip"] * c) * silu(z)) @ w["down.weight"].T
    return x


@oracle(
    "slstm",
    "Beck et al. 2024, equations 8 to 14 without the stabiliser",
    {},
    {"num_layers": 2, "num_heads": 2, "conv_width": 0},
)
def slstm(core: nn.Module, x: Array) -> Array:
    for layer, w in stacked(core):
        heads, width = layer.heads
        size = heads * width
        seen = x
        if layer.conv is not None:
            seen = silu(convolved(x, w["conv.weight"], w["conv.bias"]))
        # i, f, z, o
        gates = np.concatenate([seen @ w["gates.weight"].T, x @ w["cells.weight"].T], axis=-1)
        h, c, n = (np.zeros((len(x), size)) for _ in range(3))
        outputs = np.zeros((*x.shape[:2], size))
        for t in range(x.shape[1]):
            pre = [gates[:, t, g * size : (g + 1) * size] + w["bias"][g] for g in range(4)]
            for head in range(heads):
                own = slice(head * width, (head + 1) * width)
                for g in range(4):
                    block = w["recurrent"][head][:, g * width : (g + 1) * width]
                    pre[g][:, own] += h[:, own] @ block
            i, f, z, o = np.exp(pre[0]), sigmoid(pre[1]), np.tanh(pre[2]), sigmoid(pre[3])
            c, n = f * c + i * z, f * n + i
            h = o * c / n
            outputs[:, t] = h
        x = centred(heads_of(outputs, heads), w["norm.weight"])
    return x
