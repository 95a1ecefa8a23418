"""Regular languages in context: strings against their automata, and the known cross-entropies."""

from __future__ import annotations

import itertools
import math
from collections import defaultdict
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.scoring import weighted_mean
from tests.tasks.builders import build

SMALL = {"states": 4, "edges": 2, "symbols": 6, "strings": 5, "longest": 6}


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(
    data=st.data(),
    states=st.integers(2, 7),
    symbols=st.integers(2, 9),
    strings=st.integers(1, 6),
    longest=st.integers(1, 7),
    seed=st.integers(0, 2**31),
)
@settings(deadline=None, max_examples=60)
def test_sequences_are_strings_of_one_automaton(
    data: st.DataObject, states: int, symbols: int, strings: int, longest: int, seed: int
) -> None:
    edges = data.draw(st.integers(1, min(states, symbols) - 1))
    task = build(
        "regular-language", states=states, edges=edges, symbols=symbols, strings=strings,
        longest=longest,
    )  # fmt: skip
    batch, possible = task._draw(4, generator(seed))
    assert batch.lengths is not None
    assert batch.mask is not None
    for row in range(4):
        end = int(batch.lengths[row])
        read, target = batch.inputs[row, :end].tolist(), batch.targets[row, :end].tolist()
        counted = batch.mask[row, :end].tolist()
        assert read[0] == symbols
        assert read.count(symbols) == strings
        begins: dict[tuple[int, ...], set[int]] = defaultdict(set)
        for step in range(end):
            assert counted[step] == (step + 1 == end or read[step + 1] != symbols)
            if not counted[step]:
                continue
            if step + 1 < end:
                assert read[step + 1] == target[step]
            valid = set(possible[row, step].nonzero().flatten().tolist())
            assert len(valid) == edges
            assert target[step] in valid
            # equal prefixes lead to one state
            start = step - read[: step + 1][::-1].index(symbols)
            begins[tuple(read[start + 1 : step + 1])] |= valid
        assert all(len(each) == edges for each in begins.values())
        separators = [*(step for step in range(end) if read[step] == symbols), end + 1]
        assert all(
            2 <= after - before <= longest + 1 for before, after in itertools.pairwise(separators)
        )


def test_the_cross_entropies_of_the_true_distribution_and_of_the_last_symbol() -> None:
    task = build("regular-language", **SMALL)
    batch, possible = task._draw(4000, generator())
    true = torch.where(possible, 0.0, -1e4)
    assert weighted_mean(task.metric.measure, true, batch) == pytest.approx(task.perfect, abs=1e-6)
    assert task.perfect == math.log(2)
    assert batch.lengths is not None
    steps = torch.arange(batch.inputs.shape[1])
    counted = batch.mask & (steps < batch.lengths[:, None])
    pairs = torch.zeros(7, 6, dtype=torch.float64)
    pairs.index_put_(
        (batch.inputs[counted], batch.targets[counted]),
        torch.ones(int(counted.sum()), dtype=torch.float64),
        accumulate=True,
    )
    rows = pairs / pairs.sum(1, keepdim=True)
    best = -(pairs * rows.log()).sum() / pairs.sum()
    assert float(best) == pytest.approx(task.baseline, abs=0.005)
    assert task.baseline == math.log(6)


def test_lengths_of_strings_are_uniform() -> None:
    task = build("regular-language", **{**SMALL, "strings": 1})
    lengths = task.sample(30_000, generator()).lengths
    counts = lengths.bincount(minlength=7)[1:].double()
    assert counts.sum() == 30_000
    assert float(((counts - 5000) ** 2 / 5000).sum()) < 5 + 5 * math.sqrt(10)


def test_the_diagnosis_compares_with_the_true_distribution() -> None:
    task = build("regular-language", **SMALL)
    _, possible = task._draw(500, generator(0))  # as the diagnosis draws

    def knowing(inputs: torch.Tensor, lengths: Any) -> torch.Tensor:
        del lengths
        assert inputs.shape == possible.shape[:2]
        return torch.where(possible, 0.0, -1e4)

    diagnosis = task.diagnose(knowing, task.sample_test(4, generator(1)))
    assert diagnosis.scores["valid predictions"] == 1
    assert diagnosis.scores["total variation"] == pytest.approx(0, abs=1e-9)
    (plot,) = diagnosis.plots
    assert plot.x == (1, 2, 3, 4, 5)
    assert set(plot.lines["model"]) == {1.0}
    bigrams = plot.lines["bigrams"]
    assert bigrams[0] < bigrams[-1] < 1
    ignorant = task.diagnose(
        lambda inputs, _: torch.zeros(*inputs.shape, 6), task.sample_test(4, generator(1))
    )
    assert ignorant.scores["valid predictions"] == pytest.approx(2 / 6, abs=0.05)
    assert ignorant.scores["total variation"] == pytest.approx(4 / 6)


def test_bigrams_are_counted_from_what_was_read() -> None:
    task = build("regular-language", states=3, edges=1, symbols=3, strings=2, longest=4)
    found = task._bigrams(torch.tensor([[3, 0, 1, 0, 1, 0, 2, 0]]))
    third = [1 / 3] * 3
    assert found[0].tolist() == [
        pytest.approx(each)
        for each in (third, third, third, [0, 1, 0], [1, 0, 0], [0, 1, 0], third, [0, 2 / 3, 1 / 3])
    ]


@pytest.mark.parametrize(
    ("options", "message"), [({"edges": 8}, "edges=8"), ({"symbols": 2}, "edges=2")]
)
def test_bad_options_are_refused_in_one_line(options: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message) as refused:
        build("regular-language", **options)
    assert "\n" not in str(refused.value)
