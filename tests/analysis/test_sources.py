"""The spread of scores by source of randomness; trials of one source are in no other analysis."""

from __future__ import annotations

import math

import numpy as np
import pytest

from rnnbench.analysis.comparison import compare
from rnnbench.analysis.groups import group
from rnnbench.analysis.sources import deviation_interval, spreads
from rnnbench.analysis.tables import tidy
from rnnbench.records.result import Record, Status
from rnnbench.records.spec import Varied
from tests.support.factory import record, trial_spec


def varied(score: float, source: Varied, seed: int, **options: object) -> Record:
    spec = trial_spec(seed=seed).model_copy(update={"varied": source})
    return record(score, spec=spec, slope=None, ratio=None, **options)  # type: ignore[arg-type]


def test_the_interval_holds_the_deviation_of_normal_scores() -> None:
    rng = np.random.default_rng(2)
    held = 0
    for sample in rng.normal(3.0, 0.5, (2000, 5)):
        found = deviation_interval(sample)
        assert found.low is not None
        assert found.high is not None
        assert found.value == pytest.approx(np.std(sample, ddof=1))
        held += found.low <= 0.5 <= found.high
    assert held / 2000 == pytest.approx(0.95, abs=0.02)


def test_equal_and_single_values_have_no_interval() -> None:
    assert deviation_interval([0.7] * 5).value == 0
    assert deviation_interval([0.7] * 5).low is None
    assert math.isnan(deviation_interval([0.7]).value)


def test_spreads_are_by_source_beside_all_together() -> None:
    ordinary = [0.5, 0.6, 0.7]
    records = [record(score, seed=seed) for seed, score in enumerate(ordinary)]
    records += [varied(0.5 + 0.01 * seed, "init", seed) for seed in range(3)]
    records += [varied(0.5, "data", seed) for seed in range(3)]
    records.append(varied(0.0, "init", 3, status=Status.DIVERGED))
    records += [record(0.9, model="gru", seed=seed) for seed in range(3)]
    (found,) = spreads(group(records), records)
    assert (found.task, found.model) == ("copy-memory", "lstm")
    assert {source: each.value for source, each in found.deviations.items()} == {
        "all": pytest.approx(0.1),
        "init": pytest.approx(0.01),
        "data": 0.0,
    }
    assert found.without_score == {"init": 1}


def test_no_score_or_comparison_holds_a_trial_of_one_source() -> None:
    ordinary = [
        record(0.5 + 0.01 * seed, model=model, seed=seed)
        for model in ("lstm", "gru")
        for seed in range(5)
    ]
    further = [varied(0.0, source, seed) for source in ("init", "data") for seed in range(5)]
    (alone,), (both,) = group(ordinary), group([*ordinary, *further])
    assert [(c.label, c.scores) for c in both.configurations] == [
        (c.label, c.scores) for c in alone.configurations
    ]
    one, other = (compare(r, None, "lstm", "gru") for r in (ordinary, [*ordinary, *further]))
    assert [p.verdict for p in one.pairings] == [p.verdict for p in other.pairings]
    assert one.notes == other.notes
    table = tidy([*ordinary, *further])
    assert table.groupby("varied").size().to_dict() == {"all": 10, "data": 5, "init": 5}
