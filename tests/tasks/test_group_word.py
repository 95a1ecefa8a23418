"""Group words against permutations composed one by one, and groups against their axioms."""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.errors import OptionError
from tests.support.scoring import weighted_mean
from tests.tasks.builders import build, helper

ORDERS = {"z2": 2, "z60": 60, "s3": 6, "a4xz5": 60, "a5": 60, "s5": 120}
ABELIAN = {"z2", "z60"}
CLASSES = {"z2": 2, "z60": 60, "s3": 3, "a4xz5": 20, "a5": 5, "s5": 7}
"""Number of conjugacy classes, which tells groups of one order apart."""


def group(name: str) -> Any:
    return helper("formal._groups").group(name)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def composed(factors: list[tuple[int, ...]]) -> tuple[int, ...]:
    """Apply permutations to all points, one after the other."""
    points = list(range(len(factors[0])))
    for factor in factors:
        points = [factor[point] for point in points]
    return tuple(points)


@pytest.mark.parametrize("name", ORDERS)
def test_the_table_is_that_of_a_group_of_the_right_order(name: str) -> None:
    table = group(name).table
    order = ORDERS[name]
    elements = torch.arange(order)
    assert table.shape == (order, order)
    assert torch.equal(table[0], elements)
    assert torch.equal(table[:, 0], elements)
    # a Latin square: every element has an inverse on either side
    assert torch.equal(table.sort(0).values, elements[:, None].expand(order, order))
    assert torch.equal(table.sort(1).values, elements.expand(order, order))
    assert torch.equal(table[table], table[elements[:, None, None], table])
    assert torch.equal(table, table.T) == (name in ABELIAN)


@pytest.mark.parametrize("name", ORDERS)
def test_the_table_is_that_of_the_named_group(name: str) -> None:
    table = group(name).table
    order = ORDERS[name]
    inverse = (table == 0).long().argmax(1)
    conjugates = table[table, inverse[:, None]]  # (g, x): g x g^-1
    assert len({frozenset(conjugates[:, x].tolist()) for x in range(order)}) == CLASSES[name]
    if name == "a4xz5":  # five elements commute with all, none do in A5
        assert int((table == table.T).all(0).sum()) == 5


@pytest.mark.parametrize("name", ["a5", "s5", "a4xz5", "s3"])
def test_only_a5_and_s5_are_not_solvable(name: str) -> None:
    table = group(name).table
    inverse = (table == 0).long().argmax(1)
    members = set(range(ORDERS[name]))
    while True:
        listed = torch.tensor(sorted(members))
        products = table[listed[:, None], listed]
        commutators = table[products, inverse[products.T]]  # x y (y x)^-1
        derived = set(commutators.flatten().tolist())
        while True:
            inside = torch.tensor(sorted(derived))
            wider = set(table[inside[:, None], inside].flatten().tolist())
            if wider == derived:
                break
            derived = wider
        if derived == members:
            break
        members = derived
    assert (len(members) == 60) == (name in {"a5", "s5"})
    assert len(members) in (1, 60)


@given(
    name=st.sampled_from(sorted(ORDERS)),
    alphabet=st.sampled_from(["elements", "generators"]),
    trained=st.integers(1, 9),
    more=st.integers(1, 9),
    n=st.integers(1, 5),
    seed=st.integers(0, 2**31),
    test=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_the_target_is_the_product_of_the_prefix(
    name: str, alphabet: str, trained: int, more: int, n: int, seed: int, test: bool
) -> None:
    task = build(
        "group-word", group=name, alphabet=alphabet, train_length=trained,
        test_length=trained + more,
    )  # fmt: skip
    batch = (task.sample_test if test else task.sample)(n, generator(seed))
    elements = group(name).elements
    symbols = range(len(elements)) if alphabet == "elements" else [0, *group(name).generators]
    assert batch.inputs.shape == (n, trained + more if test else trained)
    for read, target in zip(batch.inputs.tolist(), batch.targets.tolist(), strict=True):
        factors = [elements[symbols[symbol]] for symbol in read]
        for step in range(len(read)):
            assert elements[target[step]] == composed(factors[: step + 1])
    if test:
        assert batch.mask is not None
        assert batch.mask.tolist() == [[False] * trained + [True] * more] * n
    else:
        assert batch.mask is None


@pytest.mark.parametrize("name", ORDERS)
def test_elements_and_products_are_uniform(name: str) -> None:
    task = build("group-word", group=name, train_length=4, test_length=5)
    batch = task.sample(20_000, generator())
    order = ORDERS[name]
    for drawn in (batch.inputs[:, 2], batch.targets[:, 3]):
        counts = drawn.bincount(minlength=order).double()
        expected = 20_000 / order
        freedom = order - 1
        assert float(((counts - expected) ** 2 / expected).sum()) < freedom + 5 * math.sqrt(
            2 * freedom
        )
    assert task.baseline == pytest.approx(1 / order)


@pytest.mark.parametrize(
    ("name", "trained", "longest"), [("z60", 2, 9), ("s3", 1, 3), ("z2", 1, 4)]
)
def test_the_baseline_is_the_best_guess_from_the_last_symbol(
    name: str, trained: int, longest: int
) -> None:
    task = build(
        "group-word", group=name, alphabet="generators", train_length=trained, test_length=longest
    )
    batch = task.sample_test(40_000, generator())
    pairs: Counter[tuple[int, int]] = Counter(
        zip(
            batch.inputs[:, trained:].flatten().tolist(),
            batch.targets[:, trained:].flatten().tolist(),
            strict=True,
        )
    )
    best = sum(
        max(count for (symbol, _), count in pairs.items() if symbol == read)
        for read in range(task.inputs.vocab)
    )
    assert best / sum(pairs.values()) == pytest.approx(task.baseline, abs=0.01)


def test_the_sizes_of_the_papers() -> None:
    for name, order in ORDERS.items():
        task = build("group-word", group=name)
        assert (task.inputs.vocab, task.outputs.vocab) == (order, order)
    few = {
        name: build("group-word", group=name, alphabet="generators").inputs.vocab for name in ORDERS
    }
    assert few == {"z2": 2, "z60": 2, "s3": 3, "a4xz5": 4, "a5": 3, "s5": 3}


def test_only_the_longer_lengths_count_in_the_score_and_the_plot_shows_all() -> None:
    task = build("group-word", group="s3", train_length=10, test_length=60)
    batch = task.sample_test(300, generator())

    def predict(inputs: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        del lengths
        right = torch.nn.functional.one_hot(batch.targets, 6).float()
        steps = torch.arange(inputs.shape[1])[:, None]
        return torch.where(steps < 20, right, 0 * right + torch.eye(6)[3])

    outputs = predict(batch.inputs, batch.lengths)
    score = weighted_mean(task.metric.measure, outputs, batch)
    assert score == pytest.approx((10 + 40 / 6) / 50, abs=0.02)
    diagnosis = task.diagnose(predict, batch)
    assert diagnosis.scores == {"accuracy at the training lengths": 1.0}
    (plot,) = diagnosis.plots
    assert plot.span == (1, 10)
    assert {1, 10, 60} <= set(plot.x)
    for length, accuracy in zip(plot.x, plot.lines["model"], strict=True):
        assert accuracy == pytest.approx(1.0 if length <= 20 else 1 / 6, abs=0.1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"group": "a6"}, "group"),
        ({"train_length": 40, "test_length": 40}, "test_length=40"),
        ({"alphabet": "letters"}, "alphabet"),
    ],
)
def test_bad_options_are_refused_in_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises((OptionError, ValueError), match=message) as refused:
        build("group-word", **options)
    assert "\n" not in str(refused.value)
