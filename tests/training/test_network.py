"""The network: encoder, core, decoder."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from rnnbench.contract.core import last_valid, map_state, state_size, state_tensors
from rnnbench.contract.task import Tokens, Vectors
from rnnbench.training.network import Network
from tests.support.toy_cores import TorchRNN
from tests.support.toy_tasks import FirstSymbol, RunningMean, network_for


class _Last(TorchRNN):
    """Defines ``forward_last``."""

    def forward_last(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        del lengths
        return torch.full((len(x), self.layer.hidden_size), 3.0)


class _NonCausal(nn.Module):
    """Keeps the lengths that it was called with; its outputs are twice as wide."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.output_size = 2 * hidden_size
        self.layer = nn.Linear(input_size, self.output_size)
        self.seen: Tensor | None = None

    def forward(
        self, x: Tensor, state: Any = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        self.seen = lengths
        return self.layer(x), state


def test_shapes_for_both_kinds_of_steps() -> None:
    assert network_for(FirstSymbol())(torch.zeros(3, 6, dtype=torch.int64)).shape == (3, 4)
    assert network_for(RunningMean())(torch.zeros(3, 7, 2)).shape == (3, 7, 2)


def test_the_encoder_embeds_tokens_and_leaves_vectors_alone() -> None:
    tokens, vectors = network_for(FirstSymbol(), hidden_size=3), network_for(RunningMean())
    assert isinstance(tokens.encoder, nn.Embedding)
    assert tokens.input_size == 3
    assert network_for(FirstSymbol(), embedding_size=9).input_size == 9
    assert isinstance(vectors.encoder, nn.Identity)
    assert vectors.input_size == 2


def test_the_last_prediction_is_read_at_each_sequences_own_end() -> None:
    network = network_for(FirstSymbol()).eval()
    inputs = torch.randint(4, (4, 6), generator=torch.Generator().manual_seed(0))
    lengths = torch.tensor([1, 3, 6, 2])
    together = network(inputs, lengths)
    for row, length in enumerate(lengths.tolist()):
        torch.testing.assert_close(together[row], network(inputs[row : row + 1, :length])[0])


def test_forward_last_replaces_the_last_valid_output() -> None:
    task = FirstSymbol()
    network = network_for(task, _Last)
    expected = network.decoder(torch.full((2, 8), 3.0))
    torch.testing.assert_close(network(torch.zeros(2, 6, dtype=torch.int64)), expected)


def test_a_non_causal_core_gets_the_lengths_and_declares_its_width() -> None:
    network = Network(
        lambda width: _NonCausal(width, 5),
        hidden_size=5,
        inputs=Vectors(2),
        outputs=Tokens(3),
        steps="every",
        causal=False,
    )
    lengths = torch.tensor([2, 4])
    assert network(torch.zeros(2, 4, 2), lengths).shape == (2, 4, 3)
    assert network.core.seen is lengths
    assert network.decoder.in_features == 10


def test_last_valid_without_lengths_is_the_last_step() -> None:
    outputs = torch.arange(12.0).view(2, 3, 2)
    assert torch.equal(last_valid(outputs, None), outputs[:, 2])
    assert torch.equal(
        last_valid(outputs, torch.tensor([1, 2])), torch.stack([outputs[0, 0], outputs[1, 1]])
    )


class _State(NamedTuple):
    h: Tensor
    more: dict[str, Any]


def test_states_of_any_nesting() -> None:
    state = _State(torch.ones(2, 3), {"b": [torch.ones(2)], "a": (torch.ones(2, 1, 4), None)})
    assert [tuple(t.shape) for t in state_tensors(state)] == [(2, 3), (2, 1, 4), (2,)]
    assert state_size(state, 2) == 3 + 4 + 1
    doubled = map_state(state, lambda tensor: 2 * tensor)
    assert isinstance(doubled, _State)
    assert all(bool((tensor == 2).all()) for tensor in state_tensors(doubled))
    assert doubled.more["a"][1] is None
