"""Generated text: the distribution drawn from, the state, and refused inputs."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from rnnbench.contract import registry
from rnnbench.contract.task import Tokens
from rnnbench.contract.text import TextTask
from rnnbench.errors import DataError, UsageError
from rnnbench.execution.jobs.messages import TrialJob
from rnnbench.execution.jobs.trial import run_trial
from rnnbench.execution.options import TrialOptions
from rnnbench.plan.planning import Request, make_plan
from rnnbench.records.result import Status
from rnnbench.records.spec import TrialSpec
from rnnbench.training.generation import (
    generate_text,
    load_weights,
    sample,
    sample_sets,
    vocabulary,
)
from rnnbench.training.network import Network, build_network

KNOWN = registry.load()
ASKED: dict[str, Any] = {"prompt": "anna saw ", "length": 30, "temperature": 0.8, "seed": 1}


def planned(
    task: str = "char-lm[sentences=100]", model: str = "lstm", **settings: Any
) -> TrialSpec:
    settings = {"steps": 3, "batch_size": 4, "validate_every": 3, **settings}
    (spec,) = make_plan(Request([task], [model], seeds=1, hidden_size=8, settings=settings), KNOWN)
    return spec


def trained(spec: TrialSpec, folder: Path) -> Path:
    weights = folder / "weights.safetensors"
    result = run_trial(
        TrialJob(spec=spec, options=TrialOptions(probes=False), weights=weights), KNOWN
    )
    assert result.status is Status.DONE, result.error
    return weights


@pytest.fixture(scope="module")
def spec() -> TrialSpec:
    return planned()


@pytest.fixture(scope="module")
def weights(spec: TrialSpec, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trained(spec, tmp_path_factory.mktemp("weights"))


def network_of(spec: TrialSpec) -> Network:
    return build_network(
        spec, KNOWN.model(spec.model.name), KNOWN.task(spec.task.name).build(spec.task.options)
    ).eval()


def test_a_seed_chooses_the_text(spec: TrialSpec, weights: Path) -> None:
    text = generate_text(spec, weights, KNOWN, **ASKED)
    assert text.startswith("anna saw ")
    assert len(text) == 9 + 30
    assert generate_text(spec, weights, KNOWN, **ASKED) == text
    assert generate_text(spec, weights, KNOWN, **{**ASKED, "seed": 2}) != text


def test_greedy_needs_no_seed_and_is_the_limit_of_a_low_temperature(
    spec: TrialSpec, weights: Path
) -> None:
    greedy = {
        generate_text(spec, weights, KNOWN, **{**ASKED, "temperature": 0, "seed": seed})
        for seed in range(3)
    }
    assert len(greedy) == 1
    assert generate_text(spec, weights, KNOWN, **{**ASKED, "temperature": 1e-6}) in greedy


RECIPE: dict[str, Any] = {
    "tied_embedding": True,
    "embedding_init": "normal[std=0.5]",
    "block": "residual[depth=2,dropout=0.1,mlp=1]",
    "word_dropout": 0.2,
    "embedding_dropout": 0.2,
    "decoder_dropout": 0.2,
}
"""Whatever changes the network between embedding and decoder."""


@pytest.mark.parametrize("settings", [{}, RECIPE], ids=["plain", "recipe"])
@pytest.mark.parametrize("model", ["rnn", "lstm", "gru", "attention-lstm"])
def test_step_by_step_is_the_whole_sequence(model: str, settings: dict[str, Any]) -> None:
    spec = planned("char-lm[sentences=100,stateful=false]", model, **settings)
    network = network_of(spec)
    prompt = [1, 5, 2]
    drawn = list(sample(network, prompt, 12, 0.0, frozenset({0}), torch.Generator()))
    with torch.no_grad():
        outputs = network(torch.tensor([[*prompt, *drawn[:-1]]]))[0, len(prompt) - 1 :]
    outputs[:, 0] = -torch.inf
    assert outputs.argmax(-1).tolist() == drawn


def test_draws_follow_the_softmax_at_the_temperature(spec: TrialSpec) -> None:
    network = network_of(spec)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        logits = network(torch.tensor([[3]]))[0, -1]
    logits[0] = -torch.inf
    counts = torch.zeros(len(logits))
    for _ in range(500):
        counts[next(sample(network, [3], 1, 0.5, frozenset({0}), generator))] += 1
    expected = (logits / 0.5).softmax(0)
    assert counts[0] == 0
    assert (
        (counts / 500 - expected).abs() < 5 * (expected * (1 - expected) / 500).sqrt() + 0.01
    ).all()


def test_weights_of_a_tied_network_in_a_block_are_stored_and_read(tmp_path: Path) -> None:
    spec = planned(**RECIPE)
    stored = trained(spec, tmp_path)
    weights = load_file(stored)
    assert "encoder.weight" in weights
    assert "decoder.weight" not in weights
    network = network_of(spec)
    load_weights(network, stored, spec.trial_id)
    assert torch.equal(network.decoder.weight, weights["encoder.weight"])
    assert len(generate_text(spec, stored, KNOWN, **ASKED)) == 39


MUSIC = "polyphonic-music[notes=4,pieces=10]"


@pytest.mark.parametrize("model", ["rnn", "lstm", "gru"])
def test_sets_step_by_step_are_the_whole_sequence(model: str) -> None:
    network = network_of(planned(MUSIC, model))
    with torch.no_grad():
        network.decoder.weight.mul_(20)
    prompt: list[list[int]] = [[0, 3], [], [1]]
    drawn = list(sample_sets(network, prompt, 12, 0.0, torch.Generator()))
    inputs = torch.zeros(1, 14, 4)
    for step, bits in enumerate([*prompt, *drawn[:-1]]):
        for bit in bits:
            inputs[0, step, bit] = 1
    with torch.no_grad():
        outputs = network(inputs)[0, 2:]
    assert [step.nonzero().flatten().tolist() for step in outputs > 0] == drawn
    assert len({tuple(bits) for bits in drawn}) > 1


def test_each_bit_is_drawn_with_its_own_probability_at_the_temperature() -> None:
    network = network_of(planned(MUSIC))
    with torch.no_grad():
        network.decoder.bias.copy_(torch.tensor([-2.0, 0, 1, 3]))
        logits = network(torch.tensor([[[0.0, 1, 0, 0]]]))[0, -1]
    source = torch.Generator().manual_seed(0)
    drawn = torch.zeros(800, 4)
    for row in range(800):
        drawn[row, next(sample_sets(network, [[1]], 1, 0.5, source))] = 1
    expected = (logits / 0.5).sigmoid()
    slack = 5 * (expected * (1 - expected) / 800).sqrt()
    assert ((drawn.mean(0) - expected).abs() < slack).all()
    centred = drawn - drawn.mean(0)
    joint = (centred.T @ centred / 800).abs()
    assert joint.fill_diagonal_(0).max() < 5 * 0.25 / 800**0.5


def test_music_is_generated_as_note_numbers(tmp_path: Path) -> None:
    spec = planned(MUSIC)
    given = {**ASKED, "prompt": "21 24, -", "length": 5}
    weights = trained(spec, tmp_path)
    text = generate_text(spec, weights, KNOWN, **given)
    lines = text.splitlines()
    assert lines[:2] == ["21 24", "-"]
    assert len(lines) == 7
    assert {note for line in lines for note in line.split()} <= {"-", "21", "22", "23", "24"}
    assert generate_text(spec, weights, KNOWN, **given) == text
    assert vocabulary(spec, KNOWN) == ["21", "22", "23", "24"]
    for prompt, message in (("", "prompt is empty"), ("25", "'25' is not a note")):
        with pytest.raises((UsageError, DataError), match=message):
            generate_text(spec, weights, KNOWN, **{**given, "prompt": prompt})


def test_double_precision_is_kept(tmp_path: Path) -> None:
    spec = planned(precision="64")
    assert len(generate_text(spec, trained(spec, tmp_path), KNOWN, **ASKED)) == 39


@pytest.mark.parametrize(("prompt", "message"), [("", "prompt is empty"), ("Ångström", "'Å'.*'ö'")])
def test_prompts_that_cannot_be_encoded_are_refused(
    spec: TrialSpec, weights: Path, prompt: str, message: str
) -> None:
    with pytest.raises((UsageError, DataError), match=message):
        generate_text(spec, weights, KNOWN, **{**ASKED, "prompt": prompt})


@pytest.mark.parametrize(
    ("task", "words"), [("char-lm[sentences=100]", False), ("word-lm[sentences=100]", True)]
)
def test_the_vocabulary_is_what_a_prompt_may_have(task: str, words: bool) -> None:
    spec = planned(task)
    symbols = vocabulary(spec, KNOWN)
    built = KNOWN.task(spec.task.name).build(spec.task.options)
    assert isinstance(built, TextTask)
    assert isinstance(built.inputs, Tokens)
    assert len(symbols) == built.inputs.vocab - len(built.special_tokens)
    assert [built.encode(symbol) for symbol in symbols] == [
        [number] for number in range(1, len(symbols) + 1)
    ]
    assert max(map(len, symbols)) > 1 if words else max(map(len, symbols)) == 1


def test_a_task_without_text_is_refused(weights: Path) -> None:
    with pytest.raises(UsageError, match="'copy-memory' has no text"):
        generate_text(planned("copy-memory"), weights, KNOWN, **ASKED)


def test_a_file_changed_since_the_training_is_refused(tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("abc anna saw " * 100)
    spec = planned(f"char-lm[path={text}]")
    weights = trained(spec, tmp_path)
    assert generate_text(spec, weights, KNOWN, **ASKED).startswith("anna")
    text.write_text("abd anna saw " * 100)
    with pytest.raises(DataError, match="no longer the file"):
        generate_text(spec, weights, KNOWN, **ASKED)


def tampered(weights: Path, folder: Path, how: str) -> Path:
    tensors, metadata = load_file(weights), {"trial_id": planned().trial_id}
    name = next(iter(tensors))
    path = folder / "tampered.safetensors"
    if how == "pickle":
        path.write_bytes(pickle.dumps({"harmful": print}))
    elif how == "truncated":
        path.write_bytes(weights.read_bytes()[:-7])
    elif how != "absent":
        changes: dict[str, dict[str, torch.Tensor]] = {
            "missing": {key: value for key, value in tensors.items() if key != name},
            "another": {**tensors, "extra": torch.zeros(1)},
            "shape": {**tensors, name: torch.zeros(2, 2)},
            "nan": {**tensors, name: tensors[name] * torch.nan},
            "owner": tensors,
        }
        save_file(
            changes[how], path, metadata={"trial_id": "0" * 16} if how == "owner" else metadata
        )
    return path


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("absent", "no such file"),
        ("pickle", "not a readable file of safetensors"),
        ("truncated", "not a readable file of safetensors"),
        ("missing", "is missing"),
        ("another", "'extra' is not of this network"),
        ("shape", r"has shape \(2, 2\)"),
        ("nan", "not finite"),
        ("owner", "holds the weights of trial '0000000000000000'"),
    ],
)
def test_damaged_or_foreign_weights_are_refused_in_one_line(
    spec: TrialSpec, weights: Path, tmp_path: Path, how: str, message: str
) -> None:
    network = network_of(spec)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(DataError, match=message) as raised:
        load_weights(network, tampered(weights, tmp_path, how), spec.trial_id)
    assert "\n" not in str(raised.value)
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())


def test_an_older_version_of_the_task_is_refused(spec: TrialSpec, weights: Path) -> None:
    older = spec.model_copy(update={"task": spec.task.model_copy(update={"version": 99})})
    with pytest.raises(DataError, match="version 99"):
        generate_text(older, weights, KNOWN, **ASKED)
