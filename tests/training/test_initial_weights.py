"""Initial weights of embedding and decoder, and settings that cannot act on a task."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from rnnbench.contract import registry
from rnnbench.contract.task import Task
from rnnbench.errors import UsageError
from rnnbench.records.recipe import OrthogonalInit, XavierInit
from rnnbench.records.settings import Settings
from rnnbench.records.spec import TrialSpec
from rnnbench.training.initial_weights import draw
from rnnbench.training.network import Network, build_network
from rnnbench.training.randomness import seed_for
from tests.support.factory import trial_spec

KNOWN = registry.load()
TASK: Task = KNOWN.task("copy-memory").build()
"""Reads 10 symbols and predicts 9."""


def spec_with(model: str = "lstm", *, seed: int = 0, **settings: Any) -> TrialSpec:
    return trial_spec(model=model, hidden_size=32, seed=seed, settings=Settings(**settings))


def built(model: str = "lstm", task: Task = TASK, **settings: Any) -> Network:
    return build_network(spec_with(model, **settings), KNOWN.model(model), task)


def test_the_defaults_draw_what_torch_draws_bit_for_bit() -> None:
    network = built(seed=3)
    torch.manual_seed(seed_for(3, "init"))
    embedding = nn.Embedding(10, 10)
    core = KNOWN.model("lstm").build(10, 32)
    decoder = nn.Linear(32, 9)
    expected = [*embedding.parameters(), *core.parameters(), *decoder.parameters()]
    for one, other in zip(network.parameters(), expected, strict=True):
        assert torch.equal(one, other)


@pytest.mark.parametrize(
    ("part", "deviation"),
    [
        ("normal", lambda _: 0.02),
        ("normal[std=0.5]", lambda _: 0.5),
        ("uniform[bound=0.3]", lambda _: 0.3 / math.sqrt(3)),
        ("xavier", lambda fans: math.sqrt(2 / fans)),
        ("xavier[gain=2]", lambda fans: 2 * math.sqrt(2 / fans)),
    ],
)
def test_weights_have_the_deviation_of_their_part(
    part: str, deviation: Callable[[int], float]
) -> None:
    network = built(embedding_init=part, decoder_init=part)
    for weight in (network.encoder.weight, network.decoder.weight):
        assert isinstance(weight, torch.Tensor)
        scale, n = deviation(sum(weight.shape)), weight.numel()
        # five standard errors: of a mean, and at most that of a normal's deviation
        assert abs(float(weight.detach().mean())) < 5 * scale / math.sqrt(n)
        assert abs(float(weight.detach().std()) / scale - 1) < 5 / math.sqrt(2 * n)
    assert not network.decoder.bias.any()


def test_a_uniform_weight_stays_within_its_bound_and_xavier_within_its_own() -> None:
    network = built(embedding_init="uniform[bound=0.3]")
    largest = float(network.encoder.weight.detach().abs().max())  # type: ignore[operator]
    assert 0.28 < largest <= 0.3
    weight = torch.empty(20, 40, dtype=torch.float64)
    draw(weight, XavierInit(gain=1.5), torch.Generator().manual_seed(0))
    bound = 1.5 * math.sqrt(6 / 60)
    assert 0.95 * bound < float(weight.abs().max()) <= bound


@pytest.mark.parametrize("shape", [(7, 4), (4, 7)])
def test_orthogonal_rows_or_columns(shape: tuple[int, int]) -> None:
    weight = torch.empty(shape, dtype=torch.float64)
    draw(weight, OrthogonalInit(gain=3.0), torch.Generator().manual_seed(0))
    gram = weight.T @ weight if shape[0] > shape[1] else weight @ weight.T
    torch.testing.assert_close(gram, 9 * torch.eye(4, dtype=torch.float64))


def test_a_decoder_of_zeros_predicts_evenly() -> None:
    network = built(decoder_init="zeros")
    assert not network(torch.zeros(1, 3, dtype=torch.int64)).any()


def test_the_core_starts_alike_whatever_is_around_it() -> None:
    plain = built()
    other = built(
        embedding_init="normal", decoder_init="uniform", word_dropout=0.1, decoder_dropout=0.1
    )
    for one, same in zip(plain.core.parameters(), other.core.parameters(), strict=True):
        assert torch.equal(one, same)
    assert not torch.equal(plain.encoder.weight, other.encoder.weight)  # type: ignore[arg-type]


def test_models_share_the_embedding_of_a_seed_and_seeds_do_not() -> None:
    lstm, gru = built("lstm", embedding_init="normal"), built("gru", embedding_init="normal")
    assert torch.equal(lstm.encoder.weight, gru.encoder.weight)  # type: ignore[arg-type]
    again, other = (built(embedding_init="normal", seed=seed) for seed in (0, 1))
    assert torch.equal(lstm.encoder.weight, again.encoder.weight)  # type: ignore[arg-type]
    assert not torch.equal(lstm.encoder.weight, other.encoder.weight)  # type: ignore[arg-type]


def test_a_network_on_the_meta_device_is_built_without_values() -> None:
    with torch.device("meta"):
        network = built(embedding_init="orthogonal", decoder_init="normal", block="residual")
    assert all(parameter.is_meta for parameter in network.parameters())


# -- settings that cannot act

ADDING = KNOWN.task("adding").build()
CHARACTERS = KNOWN.task("char-lm").build()


@pytest.mark.parametrize(
    ("task", "name", "settings", "message"),
    [
        (ADDING, "adding", {"word_dropout": 0.1}, "leave out --word-dropout"),
        (ADDING, "adding", {"embedding_dropout": 0.1}, "leave out --embedding-dropout"),
        (ADDING, "adding", {"tied_embedding": True}, "leave out --tied-embedding"),
        (ADDING, "adding", {"embedding_size": 4}, "leave out --embedding-size"),
        (
            ADDING,
            "adding",
            {"embedding_init": "normal", "word_dropout": 0.2},
            "leave out --word-dropout and --embedding-init",
        ),
        (TASK, "copy-memory", {"tied_embedding": True}, "reads 10 symbols and predicts 9"),
        (
            CHARACTERS,
            "char-lm",
            {"tied_embedding": True, "decoder_init": "normal"},
            "leave out --decoder-init",
        ),
        (
            CHARACTERS,
            "char-lm",
            {"tied_embedding": True, "embedding_size": 8},
            "lstm: .* type --embedding-size 32",
        ),
    ],
)
def test_a_setting_that_cannot_act_is_refused(
    task: Task, name: str, settings: dict[str, Any], message: str
) -> None:
    spec = trial_spec(task=name, hidden_size=32, settings=Settings(**settings))
    with pytest.raises(UsageError, match=message):
        build_network(spec, KNOWN.model("lstm"), task)


def test_settings_that_act_on_every_task_are_not_refused() -> None:
    settings = Settings(decoder_dropout=0.1, decoder_init="zeros", block="residual[depth=2]")
    spec = trial_spec(task="adding", hidden_size=8, settings=settings)
    network = build_network(spec, KNOWN.model("lstm"), ADDING)
    assert network(torch.zeros(2, 5, 2)).shape == (2, 1)
