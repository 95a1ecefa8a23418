"""Fuzzy recall against its definition."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tasks.builders import build


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(
    data=st.data(),
    pairs=st.integers(2, 12),
    key_symbols=st.integers(2, 5),
    value_symbols=st.integers(2, 5),
    seed=st.integers(0, 2**31),
)
@settings(deadline=None, max_examples=60)
def test_sequences_follow_the_definition(
    data: st.DataObject, pairs: int, key_symbols: int, value_symbols: int, seed: int
) -> None:
    key_length = data.draw(st.integers(1, key_symbols))
    value_length = data.draw(st.integers(1, value_symbols))
    task = build(
        "fuzzy-recall", pairs=pairs, key_symbols=key_symbols, value_symbols=value_symbols,
        key_length=key_length, value_length=value_length,
    )  # fmt: skip
    batch = task.sample(6, generator(seed))
    assert batch.mask is not None
    assert batch.lengths is not None
    for row in range(6):
        end = int(batch.lengths[row])
        read = batch.inputs[row, :end].tolist()
        counted = batch.mask[row, :end].tolist()
        # the last symbol is predicted and not read
        symbols = [*read, key_symbols + int(batch.targets[row, end - 1])]
        memory: dict[tuple[int, ...], tuple[int, ...]] = {}
        step, found = 0, 0
        while step < len(symbols):
            key = run_of(symbols, step, lambda symbol: symbol < key_symbols)
            value = run_of(symbols, step + len(key), lambda symbol: symbol >= key_symbols)
            assert 1 <= len(key) == len(set(key)) <= key_length
            known = key in memory
            if step + len(key) + len(value) == len(symbols):
                assert known
            assert 1 <= len(value) == len(set(value)) <= value_length
            assert memory.setdefault(key, value) == value
            asks = range(step + len(key) - 1, step + len(key) + len(value) - 1)
            for at in range(step, min(step + len(key) + len(value), end)):
                assert counted[at] == (known and at in asks)
                if counted[at]:
                    assert int(batch.targets[row, at]) == symbols[at + 1] - key_symbols
            step += len(key) + len(value)
            found += 1
        assert found == pairs


def run_of(symbols: list[int], start: int, kind: object) -> tuple[int, ...]:
    end = start
    while end < len(symbols) and kind(symbols[end]):  # type: ignore[operator]
        end += 1
    return tuple(symbols[start:end])


def test_lengths_and_symbols_of_keys_are_uniform() -> None:
    task = build("fuzzy-recall", pairs=2, key_symbols=3, key_length=2)
    batch = task.sample(30_000, generator())
    first, second = batch.inputs[:, 0], batch.inputs[:, 1]
    of_two = second < 3
    assert float(of_two.double().mean()) == pytest.approx(1 / 2, abs=0.015)
    shares = (first * 3 + second)[of_two].bincount(minlength=9) / int(of_two.sum())
    expected = [0 if one == two else 1 / 6 for one in range(3) for two in range(3)]
    assert shares.tolist() == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize("value_length", [1, 3])
def test_the_baseline_is_the_best_guess_from_the_last_symbol(value_length: int) -> None:
    task = build(
        "fuzzy-recall", pairs=4, key_symbols=2, key_length=2, value_symbols=4,
        value_length=value_length,
    )  # fmt: skip
    batch = task.sample(40_000, generator())
    pairs = torch.zeros(6, 4)
    pairs.index_put_(
        (batch.inputs[batch.mask], batch.targets[batch.mask]), torch.ones(()), accumulate=True
    )
    assert float(pairs.amax(1).sum() / pairs.sum()) == pytest.approx(task.baseline, abs=0.01)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"key_length": 8}, "key_length=8"),
        ({"value_length": 9}, "value_length=9"),
        ({"key_symbols": 40, "key_length": 5}, "key_symbols=40"),
    ],
)
def test_sizes_that_do_not_fit_are_refused_in_one_line(
    options: dict[str, int], message: str
) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        build("fuzzy-recall", **options)
    assert "\n" not in str(refused.value)
