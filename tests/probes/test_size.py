"""Size against the formulas for torch's layers."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rnnbench.contract.task import Tokens, Vectors
from rnnbench.probes.size import measure_size
from tests.support.toy_cores import GrowingCore, MirroredCore, TorchCore, network_of, orthogonal

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}


def multiply_weights(
    kind: str, width: int, hidden: int, layers: int, directions: int
) -> tuple[int, int]:
    """Return (weights, biases) of torch's layers: c(HD + H^2) and 2cH per layer and direction."""
    c = GATES[kind]
    widths = [width] + [hidden * directions] * (layers - 1)
    return sum(
        directions * c * (hidden * d + hidden**2) for d in widths
    ), layers * directions * 2 * c * hidden


@given(
    kind=st.sampled_from(sorted(GATES)),
    width=st.integers(1, 9),
    hidden=st.integers(1, 9),
    layers=st.integers(1, 3),
    length=st.integers(1, 12),
)
@settings(deadline=None, max_examples=30)
def test_torchs_layers_follow_their_formulas(
    kind: str, width: int, hidden: int, layers: int, length: int
) -> None:
    network = network_of(
        partial(TorchCore, kind, hidden_size=hidden, num_layers=layers), hidden, Vectors(width)
    )
    size = measure_size(network, length)
    weights, biases = multiply_weights(kind, width, hidden, layers, 1)
    assert size.params_core == weights + biases
    assert size.matmul_flops_per_step == 2 * weights
    assert size.state_size == layers * hidden * (2 if kind == "LSTM" else 1)
    assert size.params_encoder == 0
    assert size.params_decoder == 3 * hidden + 3
    assert size.params_total == size.params_core + size.params_decoder


class Bidirectional(TorchCore):
    def forward(
        self, x: Tensor, state: Any = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        del lengths
        return super().forward(x, state)


@pytest.mark.parametrize("kind", sorted(GATES))
def test_both_directions_are_counted(kind: str) -> None:
    network = network_of(
        partial(Bidirectional, kind, hidden_size=6, num_layers=2, bidirectional=True),
        6,
        causal=False,
    )
    size = measure_size(network, 10)
    weights, biases = multiply_weights(kind, 4, 6, 2, 2)
    assert size.params_core == weights + biases
    assert size.matmul_flops_per_step == 2 * weights
    assert size.params_decoder == 3 * 12 + 3


def test_an_embedding_counts_as_the_encoder() -> None:
    size = measure_size(network_of(partial(TorchCore, "GRU", hidden_size=6), 6, Tokens(50)), 10)
    assert size.params_encoder == 50 * 6


def test_frozen_and_shared_parameters_are_not_counted_twice() -> None:
    network = network_of(
        lambda _: MirroredCore(orthogonal(4).float(), orthogonal(4).float()), 4, causal=False
    )
    core: Any = network.core
    core.again = core.one_way
    core.one_way.into.requires_grad_(False)
    assert measure_size(network, 10).params_core == 16


def test_a_growing_state_is_counted_at_the_given_length() -> None:
    network = network_of(GrowingCore, 4)
    assert measure_size(network, 10).state_size == 40
    assert measure_size(network, 25).state_size == 100


def test_a_core_without_state_has_a_state_size_of_zero() -> None:
    network = network_of(
        lambda _: MirroredCore(orthogonal(4).float(), orthogonal(4).float()), 4, causal=False
    )
    assert measure_size(network, 10).state_size == 0


def test_fused_attention_is_counted() -> None:
    class Attention(nn.Module):
        def __init__(self, input_size: int) -> None:
            super().__init__()
            self.layer = nn.TransformerEncoderLayer(input_size, 2, 16, batch_first=True)

        def forward(
            self, x: Tensor, state: None = None, lengths: Tensor | None = None
        ) -> tuple[Tensor, None]:
            del state, lengths
            return self.layer(x), None

    width, feedforward, length = 8, 16, 10
    size = measure_size(
        network_of(Attention, width, Vectors(width), steps="every", causal=False), length
    )
    projections = 2 * (4 * width**2 + 2 * width * feedforward)
    assert size.matmul_flops_per_step == projections + 2 * 2 * length * width


def test_forward_last_is_counted_where_it_is_used() -> None:
    class ReadOut(TorchCore):
        def forward_last(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
            del lengths
            return self.forward(x)[0].mean(1) @ torch.eye(6, dtype=x.dtype)

    build = partial(ReadOut, "GRU", hidden_size=6)
    every = measure_size(network_of(build, 6, steps="every"), 10).matmul_flops_per_step
    last = measure_size(network_of(build, 6, steps="last"), 10).matmul_flops_per_step
    assert last == every + 2 * 6 * 6 / 10


def test_the_network_is_left_unchanged() -> None:
    network = network_of(partial(TorchCore, "LSTM", hidden_size=5), 5).train()
    measure_size(network, 5)
    assert network.training
    assert all(p.dtype == torch.float32 and p.requires_grad for p in network.parameters())
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize(("kind", "per_unit"), [("RNN", 2), ("GRU", 10), ("LSTM", 13)])
def test_elementwise_operations_of_torchs_layers_follow_their_equations(
    kind: str, per_unit: int
) -> None:
    """LSTM: 4 sums of projections, 5 activations, 3 products and 1 sum per unit."""
    network = network_of(partial(TorchCore, kind, hidden_size=6, num_layers=2), 6)
    assert measure_size(network, 10).elementwise_per_step == 2 * per_unit * 6


def test_the_elementwise_operations_of_an_attention_are_counted() -> None:
    """Bahdanau's scores take one sum and one tanh for each query, key and unit."""

    class Attention(nn.Module):
        def forward(
            self, x: Tensor, state: None = None, lengths: Tensor | None = None
        ) -> tuple[Tensor, None]:
            del state, lengths
            scores = torch.tanh(x.unsqueeze(2) + x.unsqueeze(1)).sum(-1)  # (B, T, T)
            return scores.softmax(-1) @ x, None

    network = network_of(lambda _: Attention(), 4, steps="every", causal=False)
    size = measure_size(network, 10)
    assert size.elementwise_per_step == 10 * (2 * 4 + 1)
    assert size.matmul_flops_per_step == 2 * 10 * 4
