"""The share of reversed orders, against counting by hand, scipy's tests and simulated truths."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from rnnbench.analysis.claims.decision import interval
from rnnbench.claims import Moments, Reversals

SEEDS = 5


def reversals(models: int, tasks: int = 1, *, least: float = 0.0) -> Reversals:
    return Reversals(
        [[(f"{t}.{m}", f"{t}.{m} tuned") for m in range(models)] for t in range(tasks)],
        "share",
        least=least,
    )


def moments(values: Sequence[float] | np.ndarray) -> Moments:
    error = float(np.std(values, ddof=1)) / math.sqrt(len(values))
    return Moments(float(np.mean(values)), error, len(values) - 1, len(values))


def exactly(before: Sequence[float], after: Sequence[float]) -> dict[str, Moments]:
    """Return groups whose means are known almost exactly."""
    found = {}
    for m, (a, b) in enumerate(zip(before, after, strict=True)):
        found[f"0.{m}"] = Moments(a, 1e-6, 4, 5)
        found[f"0.{m} tuned"] = Moments(b, 1e-6, 4, 5)
    return found


def drawn(
    effect: Reversals, truth: dict[str, float], spread: float, seed: int
) -> dict[str, Moments]:
    generator = np.random.default_rng(seed)
    return {name: moments(generator.normal(truth[name], spread, SEEDS)) for name in effect.groups}


def test_known_means_give_the_share_of_inversions() -> None:
    # 0 1 2 3 becomes 1 0 2 3: one of six pairs
    found = reversals(4).estimate(exactly([0.1, 0.2, 0.3, 0.4], [0.2, 0.1, 0.3, 0.4]))
    assert found.value == pytest.approx(1 / 6)
    assert found.error == pytest.approx(0.5 / 6)
    assert found.count == 5


def test_a_reversed_ranking_is_1_and_kendalls_tau_agrees() -> None:
    generator = np.random.default_rng(3)
    for _ in range(5):
        before, after = generator.permutation(7), generator.permutation(7)
        found = reversals(7).estimate(exactly(list(before), list(after)))
        tau = stats.kendalltau(before, after).statistic
        assert found.value == pytest.approx((1 - tau) / 2)


def test_pairs_of_two_tasks_are_not_mixed() -> None:
    effect = reversals(2, tasks=2)
    means = {"0.0": 0, "0.0 tuned": 0, "0.1": 1, "0.1 tuned": 1}  # same order
    means |= {"1.0": 0, "1.0 tuned": 1, "1.1": 1, "1.1 tuned": 0}  # reversed
    found = effect.estimate({name: Moments(value, 1e-6, 4, 5) for name, value in means.items()})
    assert found.value == pytest.approx(1 / 2)


def test_a_difference_below_the_least_is_none() -> None:
    groups = exactly([0.0, 0.04, 1.0], [0.04, 0.0, 1.0])
    assert reversals(3).estimate(groups).value == pytest.approx(1 / 3)
    assert reversals(3, least=0.05).estimate(groups).value == 0.0


def test_without_a_sure_pair_nothing_is_known() -> None:
    assert math.isinf(reversals(2).estimate(exactly([0.5, 0.5], [0.5, 0.5])).error)


def test_pairs_that_students_test_does_not_tell_apart_are_left_out() -> None:
    effect = reversals(8)
    generator = np.random.default_rng(11)
    values = {name: generator.normal(generator.normal(0, 5), 1.0, SEEDS) for name in effect.groups}
    sure = opposite = 0
    for a, b in combinations(range(8), 2):
        signs = []
        for when in ("", " tuned"):
            left, right = values[f"0.{a}{when}"], values[f"0.{b}{when}"]
            t = stats.ttest_ind(left, right, equal_var=False).statistic
            # the smaller of both degrees of freedom, here equal ones
            signs.append(np.sign(t) * (2 * stats.t.sf(abs(t), SEEDS - 1) < 0.05))
        sure += signs[0] * signs[1] != 0
        opposite += signs[0] * signs[1] < 0
    assert sure > 5
    found = effect.estimate({name: moments(each) for name, each in values.items()})
    assert found.value == pytest.approx(opposite / sure)


def test_models_without_a_difference_after_tuning_are_not_reversed_by_chance() -> None:
    """Counting every pair would give a half here."""
    effect = reversals(6)
    # half of the models are sure to be better than the others, before and after
    truth = {f"0.{m}{when}": float(m >= 3) for m in range(6) for when in ("", " tuned")}
    shares = [effect.estimate(drawn(effect, truth, 0.1, seed)).value for seed in range(50)]
    assert np.mean(shares) < 0.02


@pytest.mark.parametrize("spread", [0.05, 0.2, 0.4])
def test_the_interval_covers_the_share(spread: float) -> None:
    """At 95 % in 200 simulated worlds, where differences are large and where they are not."""
    effect = reversals(6, tasks=2)
    before = [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    after = [0.2, 0.0, 0.4, 1.0, 0.8, 0.6]  # four of fifteen pairs are reversed
    truth = {}
    for task in range(2):
        for m in range(6):
            truth[f"{task}.{m}"], truth[f"{task}.{m} tuned"] = before[m], after[m]
    estimates = [effect.estimate(drawn(effect, truth, spread, seed)) for seed in range(200)]
    # what the share estimates: its mean over repetitions with as many seeds
    target = float(np.mean([each.value for each in estimates]))
    limits = [interval(each) for each in estimates]
    covered = np.mean([each.low <= target <= each.high for each in limits])
    # three standard errors of a share of 200
    assert covered >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / 200)
    # a pair with a small difference is seldom sure, and small ones are reversed here: what is left
    # out makes the share too small, never too large
    assert target < 4 / 15 + 0.01
    assert target > 4 / 15 - 0.01 or spread > 0.1


def test_the_same_measurements_give_the_same_error() -> None:
    effect = reversals(4)
    groups = drawn(effect, dict.fromkeys(effect.groups, 0.0) | {"0.0": 5.0, "0.0 tuned": 5.0}, 1, 1)
    assert effect.estimate(groups) == effect.estimate(groups)


def test_a_task_with_one_model_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two models"):
        Reversals([[("a", "b")]], "share")
