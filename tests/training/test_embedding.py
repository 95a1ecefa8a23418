"""Dropout on the embedding and before the decoder, and tied embeddings."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load, save
from torch import nn

from rnnbench.contract.core import copied, to_double
from rnnbench.contract.task import Tokens
from rnnbench.errors import UsageError
from rnnbench.probes.size import count_parameters, measure_size
from rnnbench.training.embedding import DroppedEmbedding, TiedDecoder, kept_words
from rnnbench.training.network import Network
from tests.support.toy_cores import TorchRNN

VOCAB = 7


def network(**options: Any) -> Network:
    """Build a network that reads and predicts seven symbols."""
    torch.manual_seed(0)
    return Network(
        lambda width: TorchRNN(width, 6),
        hidden_size=6,
        inputs=Tokens(VOCAB),
        outputs=Tokens(VOCAB),
        steps="every",
        **options,
    )


def symbols(batch: int, steps: int, seed: int = 1) -> torch.Tensor:
    return torch.randint(VOCAB, (batch, steps), generator=torch.Generator().manual_seed(seed))


# -- whole words


@settings(deadline=None, max_examples=60)
@given(
    batch=st.integers(1, 5),
    steps=st.integers(1, 12),
    p=st.floats(0, 0.9),
    seed=st.integers(0, 999),
)
def test_a_word_is_kept_at_all_its_positions_or_at_none(
    batch: int, steps: int, p: float, seed: int
) -> None:
    inputs = symbols(batch, steps, seed)
    torch.manual_seed(seed)
    kept = kept_words(inputs, p)
    assert kept.shape == inputs.shape
    for row, words in enumerate(inputs):
        for word in set(words.tolist()):
            assert len(set(kept[row, words == word].tolist())) == 1


def test_words_are_dropped_independently_between_words_and_sequences() -> None:
    inputs = torch.tensor([[0, 1, 0]]).expand(20_000, 3)
    torch.manual_seed(0)
    kept = kept_words(inputs, 0.3).double()
    assert torch.equal(kept[:, 0], kept[:, 2])
    # five standard errors of a share of 20,000
    assert abs(float(kept[:, 0].mean()) - 0.7) < 0.0162
    assert abs(float((kept[:, 0] * kept[:, 1]).mean()) - 0.49) < 0.0177
    assert abs(float((kept[1:, 0] * kept[:-1, 0]).mean()) - 0.49) < 0.0177


@pytest.mark.parametrize(("words", "elements"), [(0.4, 0.0), (0.0, 0.4), (0.2, 0.3)])
def test_the_expectation_is_that_of_evaluation(words: float, elements: float) -> None:
    torch.manual_seed(0)
    embedding = DroppedEmbedding(VOCAB, 3, words=words, elements=elements)
    inputs = torch.tensor([[2, 5, 2, 1]]).expand(40_000, 4)
    with torch.no_grad():
        exact = embedding.eval()(inputs[:1])[0]
        dropped = embedding.train()(inputs)
    torch.testing.assert_close(exact, embedding.weight[inputs[0]].detach(), rtol=0, atol=0)
    # a value is x / (keep) with probability keep: its variance is x^2 (1 / keep - 1)
    keep = (1 - words) * (1 - elements)
    error = exact.abs() * ((1 / keep - 1) / 40_000) ** 0.5
    assert ((dropped.mean(0) - exact).abs() < 5 * error).all()
    assert abs(float((dropped == 0).double().mean()) - (1 - keep)) < 0.01
    kept = dropped != 0
    torch.testing.assert_close(dropped[kept], (exact / keep).expand_as(dropped)[kept])


def test_elements_are_dropped_one_by_one() -> None:
    embedding = DroppedEmbedding(VOCAB, 50, words=0.0, elements=0.5).train()
    dropped = embedding(torch.zeros(1, 40, dtype=torch.int64))[0] == 0
    assert 0 < int(dropped[0].sum()) < 50
    assert not torch.equal(dropped[0], dropped[1])


# -- the network


@pytest.mark.parametrize("setting", ["word_dropout", "embedding_dropout", "decoder_dropout"])
def test_dropout_changes_training_and_neither_weights_nor_evaluation(setting: str) -> None:
    plain, dropping = network(), network(**{setting: 0.5})
    for (name, one), (other_name, other) in zip(
        plain.state_dict().items(), dropping.state_dict().items(), strict=True
    ):
        assert name == other_name
        assert torch.equal(one, other)
    inputs = symbols(3, 8)
    assert torch.equal(plain.eval()(inputs), dropping.eval()(inputs))
    assert torch.equal(plain.forward_stateful(inputs)[0], dropping.forward_stateful(inputs)[0])
    plain.train()
    dropping.train()
    assert not torch.equal(dropping(inputs), plain(inputs))
    assert not torch.equal(dropping.forward_stateful(inputs)[0], plain(inputs))
    assert torch.equal(plain.features(plain.encoder(inputs)), plain.features(plain.encoder(inputs)))


def test_dropout_before_the_decoder_drops_its_inputs() -> None:
    dropping = network(decoder_dropout=0.5).train()
    with torch.no_grad():
        dropping.decoder.weight.copy_(torch.eye(VOCAB, 6))
        dropping.decoder.bias.zero_()
        inputs = symbols(40, 9)
        features = dropping.features(dropping.encoder(inputs))
        seen = dropping(inputs)[..., :6]
    kept = seen != 0
    torch.testing.assert_close(seen[kept], 2 * features[kept])
    # five standard errors of 2,160 draws
    assert abs(float(kept.double().mean()) - 0.5) < 0.054


def test_a_network_without_dropout_draws_no_random_number() -> None:
    plain = network().train()
    before = torch.get_rng_state()
    plain(symbols(2, 5))
    assert torch.equal(torch.get_rng_state(), before)


# -- tied embeddings


def test_a_tied_decoder_multiplies_by_the_embedding() -> None:
    tied = network(tied=True)
    inputs = symbols(3, 8)
    features = tied.features(tied.encoder(inputs))
    expected = features @ tied.encoder.weight.T + tied.decoder.bias  # type: ignore[operator]
    torch.testing.assert_close(tied(inputs), expected)
    assert isinstance(tied.decoder, TiedDecoder)
    assert tied.input_size == 6


def test_the_gradient_of_a_tied_matrix_is_the_sum_of_both_uses() -> None:
    tied, untied = to_double(network(tied=True)), to_double(network(embedding_size=6))
    with torch.no_grad():
        for name, parameter in untied.named_parameters():
            source = "encoder.weight" if name == "decoder.weight" else name
            parameter.copy_(dict(tied.named_parameters())[source])
    inputs = symbols(2, 5)
    for each in (tied, untied):
        each(inputs).square().sum().backward()
    of = {name: parameter.grad for name, parameter in untied.named_parameters()}
    expected = of["encoder.weight"] + of["decoder.weight"]  # type: ignore[operator]
    torch.testing.assert_close(tied.encoder.weight.grad, expected)


def test_a_tied_matrix_is_counted_in_the_encoder_alone() -> None:
    tied = network(tied=True)
    size = measure_size(tied, 5)
    assert size.params_encoder == VOCAB * 6
    assert size.params_decoder == VOCAB
    assert size.params_total == count_parameters(tied)


def test_a_tied_matrix_is_saved_once_and_restored() -> None:
    one, other = network(tied=True), network(tied=True)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    saved = save(dict(one.state_dict()))
    assert "decoder.weight" not in load(saved)
    other.load_state_dict(load(saved))
    inputs = symbols(2, 5)
    torch.testing.assert_close(other(inputs), one(inputs), rtol=0, atol=0)


def test_a_copy_of_a_tied_network_is_tied_to_its_own_embedding() -> None:
    tied = network(tied=True)
    twin = to_double(copied(tied))
    assert twin.decoder.weight is twin.encoder.weight
    assert twin.decoder.weight.dtype == torch.float64
    with torch.no_grad():
        twin.encoder.weight.zero_()
    assert float(tied.decoder.weight.detach().abs().sum()) > 0


def test_widths_that_differ_cannot_be_tied() -> None:
    with pytest.raises(UsageError, match=r"3 wide .* 6; type --embedding-size 6"):
        network(tied=True, embedding_size=3)


def test_an_untied_network_keeps_torchs_classes() -> None:
    plain = network()
    assert type(plain.encoder) is nn.Embedding
    assert type(plain.decoder) is nn.Linear
