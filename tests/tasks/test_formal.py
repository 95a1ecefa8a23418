"""Formal-language tasks against naive definitions, string by string."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.contract.task import Batch
from rnnbench.errors import OptionError
from rnnbench.records.settings import Settings
from rnnbench.training.data import source_of
from tests.support.scoring import weighted_mean
from tests.tasks.builders import build, helper

TIMES, MINUS, PLUS = 7, 6, 5


def value(expression: list[int]) -> int:
    """Evaluate numbers and operators the way Python does."""
    words = {PLUS: "+", MINUS: "-", TIMES: "*"}
    text = " ".join(words.get(symbol, str(symbol)) for symbol in expression)
    return int(eval(text)) % 5


def changes(bits: list[int]) -> int:
    return sum(a != b for a, b in itertools.pairwise(bits))


CLASSES: dict[str, Callable[[list[int]], int]] = {
    "parity": lambda bits: bits.count(1) % 2,
    "even-pairs": lambda bits: changes(bits) % 2,
    "cycle-navigation": lambda walk: (walk.count(2) - walk.count(0)) % 5,
    "modular-arithmetic": value,
}
TARGETS: dict[str, Callable[[list[int]], list[int]]] = {
    "reverse-string": lambda string: string[::-1],
    "duplicate-string": lambda string: string + string,
    "bucket-sort": sorted,
}
NAMES = [*CLASSES, *TARGETS]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def strings_of(batch: Batch, empty: int) -> list[list[int]]:
    """Return each sequence up to its end, which must be where its empty symbols begin."""
    return [row[: row.index(empty)] for row in batch.inputs.tolist()]


@given(
    trained=st.integers(1, 12),
    more=st.integers(1, 12),
    n=st.integers(1, 8),
    seed=st.integers(0, 2**31),
    test=st.booleans(),
)
@settings(deadline=None, max_examples=25)
@pytest.mark.parametrize("name", CLASSES)
def test_classes_follow_the_definition(
    name: str, trained: int, more: int, n: int, seed: int, test: bool
) -> None:
    task = build(name, train_length=trained, test_length=trained + more)
    batch = (task.sample_test if test else task.sample)(n, generator(seed))
    longest = trained + more if test else trained
    assert batch.inputs.shape == (n, longest + 1)
    found = strings_of(batch, task.symbols)
    assert batch.lengths is not None
    assert batch.lengths.tolist() == [len(string) + 1 for string in found]
    assert batch.targets.tolist() == [CLASSES[name](string) for string in found]
    for row, string in zip(batch.inputs.tolist(), found, strict=True):
        assert set(row[len(string) :]) == {task.symbols}


@given(
    trained=st.integers(1, 9),
    more=st.integers(1, 9),
    symbols=st.integers(2, 6),
    n=st.integers(1, 8),
    seed=st.integers(0, 2**31),
    test=st.booleans(),
)
@settings(deadline=None, max_examples=25)
@pytest.mark.parametrize("name", TARGETS)
def test_target_strings_follow_the_definition(
    name: str, trained: int, more: int, symbols: int, n: int, seed: int, test: bool
) -> None:
    task = build(name, train_length=trained, test_length=trained + more, symbols=symbols)
    batch = (task.sample_test if test else task.sample)(n, generator(seed))
    assert batch.lengths is not None
    assert batch.mask is not None
    for row, string in enumerate(strings_of(batch, symbols)):
        answer = TARGETS[name](string)
        end = len(string) + len(answer)
        assert batch.lengths[row] == end
        assert set(batch.inputs[row, len(string) :].tolist()) == {symbols}
        assert batch.mask[row].nonzero().flatten().tolist() == list(range(len(string), end))
        assert batch.targets[row, len(string) : end].tolist() == answer


def test_the_sources_sizes_are_the_defaults() -> None:
    for name in NAMES:
        task = build(name)
        assert (task.train_length, task.test_length) == (40, 500)
    sizes = {name: (build(name).inputs.vocab, build(name).outputs.vocab) for name in NAMES}
    assert sizes == {
        "parity": (3, 2),
        "even-pairs": (3, 2),
        "cycle-navigation": (4, 5),
        "modular-arithmetic": (9, 5),
        "reverse-string": (3, 2),
        "duplicate-string": (3, 2),
        "bucket-sort": (6, 5),
    }


def test_training_lengths_are_uniform_and_the_test_holds_every_longer_length_equally_often() -> (
    None
):
    task = build("parity")
    lengths = task.sample(40_000, generator()).lengths - 1
    counts = lengths.bincount(minlength=41)[1:].double()
    assert counts.sum() == 40_000
    assert ((counts - 1000) ** 2 / 1000).sum() < 39 + 5 * (2 * 39) ** 0.5
    test = task.sample_test(920, generator()).lengths - 1
    assert test.bincount(minlength=501)[41:].tolist() == [2] * 460
    few = task.sample_test(4, generator()).lengths - 1
    assert few.tolist() == [98, 213, 328, 443]


def test_nothing_longer_than_the_training_lengths_is_seen_before_the_test() -> None:
    task = build("cycle-navigation", train_length=6, test_length=20)
    source = source_of(
        task, Settings(batch_size=200, validation_size=200, test_size=28), 0, torch.device("cpu")
    )
    lengths = [batch.lengths for batch in (source.train(0), source.validation, source.test)]
    spans = [(int(each.min()) - 1, int(each.max()) - 1) for each in lengths if each is not None]
    assert spans == [(1, 6), (1, 6), (7, 20)]


def test_every_string_counts_the_same_in_the_score() -> None:
    task = build("reverse-string", train_length=1, test_length=9)
    batch = task.sample_test(8, generator())
    right = torch.nn.functional.one_hot(batch.targets, 2).float()
    assert weighted_mean(task.metric.measure, right, batch) == task.perfect
    right[0] = 1 - right[0]  # the shortest, of two symbols, all wrong
    assert weighted_mean(task.metric.measure, right, batch) == pytest.approx(7 / 8)


def all_expressions(length: int) -> list[list[int]]:
    parts = [range(5) if place % 2 == 0 else (PLUS, MINUS, TIMES) for place in range(length)]
    return [list(each) for each in itertools.product(*parts)]


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5])
def test_the_class_distribution_is_that_of_all_strings(length: int) -> None:
    strings = {
        "parity": [list(each) for each in itertools.product(range(2), repeat=length)],
        "even-pairs": [list(each) for each in itertools.product(range(2), repeat=length)],
        "cycle-navigation": [list(each) for each in itertools.product(range(3), repeat=length)],
        "modular-arithmetic": all_expressions(length - (length + 1) % 2),
    }
    for name, every in strings.items():
        task = build(name)
        counts = torch.tensor([CLASSES[name](each) for each in every]).bincount(
            minlength=task.classes
        )
        assert list(task.class_distribution(length)) == pytest.approx(
            (counts / len(every)).tolist(), abs=1e-6
        )


@pytest.mark.parametrize("name", NAMES)
def test_the_baseline_is_the_score_of_the_best_constant(name: str) -> None:
    task = build(name, train_length=1, test_length=5)
    batch = task.sample_test(20_000, generator())
    scores = []
    for symbol in range(task.outputs.vocab):
        outputs = torch.zeros(*batch.targets.shape, task.outputs.vocab)
        outputs[..., symbol] = 1
        scores.append(weighted_mean(task.metric.measure, outputs, batch))
    assert max(scores) == pytest.approx(task.baseline, abs=4 * (0.25 / 20_000) ** 0.5)


def test_long_expressions_and_walks_have_almost_uniform_values() -> None:
    assert build("cycle-navigation").baseline == pytest.approx(0.2, abs=1e-9)
    assert build("modular-arithmetic").baseline == pytest.approx(0.2, abs=1e-8)


@pytest.mark.parametrize(("length", "symbols"), [(1, 2), (2, 2), (3, 3), (5, 3)])
def test_sorting_by_place_alone_is_counted_over_all_strings(length: int, symbols: int) -> None:
    every = torch.tensor(
        [sorted(each) for each in itertools.product(range(symbols), repeat=length)]
    )
    best = [every[:, place].bincount().max().item() / len(every) for place in range(length)]
    assert build("bucket-sort", symbols=symbols).place_alone(length) == pytest.approx(
        sum(best) / length, rel=1e-6
    )


def test_sorting_by_place_alone_goes_far_in_long_strings() -> None:
    task = build("bucket-sort")
    score = task.simple_scores["place alone"]
    assert 0.9 < score < 0.91  # solved by the threshold of the source, without reading the string
    assert task.solved == (1 + score) / 2
    assert build("bucket-sort", train_length=1, test_length=2).solved == 0.9


def parity_up_to_20(inputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    long = (lengths - 1 > 20).long()
    return torch.nn.functional.one_hot((inputs == 1).sum(1) % 2 ^ long, 2).float()


def copies_up_to_20(inputs: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
    ends = lengths[:, None] // 3
    copied = inputs.gather(1, torch.arange(inputs.shape[1]) % ends)
    return torch.nn.functional.one_hot(copied ^ (ends > 20).long(), 2).float()


@pytest.mark.parametrize(
    ("name", "predict"), [("parity", parity_up_to_20), ("duplicate-string", copies_up_to_20)]
)
def test_the_diagnosis_plots_accuracy_by_length_with_the_trained_range(
    name: str, predict: Any
) -> None:
    task = build(name, train_length=10, test_length=60)
    diagnosis = task.diagnose(predict, task.sample_test(10, generator()))
    (plot,) = diagnosis.plots
    assert diagnosis.scores["accuracy at the training lengths"] == 1.0
    assert plot.span == (1, 10)
    assert {1, 10, 60} <= set(plot.x)
    assert plot.lines["model"] == pytest.approx([1.0 if length <= 20 else 0.0 for length in plot.x])
    assert set(plot.lines["chance"]) == {0.5}


def test_the_plotted_lengths_include_the_ends_and_increase() -> None:
    grid = helper("formal._base").log_spaced(40, 500)
    assert (grid[0], grid[-1]) == (1, 500)
    assert 40 in grid
    assert grid == sorted(set(grid))
    assert len(grid) < 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train_length": 40, "test_length": 40}, "test_length"),
        ({"train_length": 0}, "train_length"),
        ({"symbols": 1}, "symbols"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, int], message: str) -> None:
    with pytest.raises((OptionError, ValueError), match=message):
        build("bucket-sort", **options)
