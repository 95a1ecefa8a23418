"""All pairs of samples: the two tests, their error rate over the family, power and seeds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from rnnbench.analysis.statistics.all_pairs import AllPairs
from rnnbench.analysis.statistics.intervals import Floats

Draw = Callable[[np.random.Generator, tuple[int, ...]], Floats]


def games_howell(a: Floats, b: Floats, groups: int) -> float:
    """Return the p-value from the textbook formula, with scipy's distribution."""
    errors = [x.var(ddof=1) / len(x) for x in (a, b)]
    t = abs(b.mean() - a.mean()) / math.sqrt(sum(errors))
    freedom = sum(errors) ** 2 / sum(
        e**2 / (len(x) - 1) for e, x in zip(errors, (a, b), strict=True)
    )
    return float(stats.studentized_range.sf(t * math.sqrt(2), groups, freedom))


def test_the_p_value_is_the_larger_of_the_two_tests() -> None:
    rng = np.random.default_rng(1)
    samples = [rng.normal(shift, 1 + shift, size=n) for shift, n in ((0, 5), (1, 7), (3, 6))]
    family = AllPairs(samples)
    for a, b in itertools.combinations(range(3), 2):
        statistic, _ = family.statistic(a, b)
        assert statistic == pytest.approx(
            abs(stats.ttest_ind(samples[a], samples[b], equal_var=False).statistic)
        )
        expected = max(games_howell(samples[a], samples[b], 3), family.chance_of(statistic))
        assert family.p_value(a, b) == pytest.approx(expected, abs=2e-4)
        assert family.p_value(b, a) == family.p_value(a, b)


def test_permutations_of_two_samples_are_enumerated() -> None:
    a, b = np.array([0.1, 0.4, 0.2, 0.35]), np.array([0.9, 0.6, 0.7, 0.75])
    theirs = stats.permutation_test(
        (a, b),
        lambda x, y, axis: np.abs(stats.ttest_ind(x, y, equal_var=False, axis=axis).statistic),
        permutation_type="independent",
        alternative="greater",
        vectorized=True,
    )
    family = AllPairs([a, b])
    assert len(family.largest_by_chance) == math.comb(8, 4)
    assert family.chance_of(family.statistic(0, 1)[0]) == pytest.approx(2 / 70)
    assert theirs.pvalue == pytest.approx(2 / 70)


def test_three_values_each_never_reach_five_percent() -> None:
    assert AllPairs([[0.0, 0.1, 0.2], [100.0, 100.1, 100.2]]).p_value(0, 1) == pytest.approx(0.1)


def test_the_interval_is_that_of_all_pairs() -> None:
    """With two samples it is Welch's; each further sample widens it."""
    rng = np.random.default_rng(2)
    samples = list(rng.normal(size=(4, 6)))
    two = AllPairs(samples[:2]).difference(0, 1).estimate
    welch = stats.ttest_ind(samples[1], samples[0], equal_var=False).confidence_interval(0.95)
    assert [two.low, two.high] == pytest.approx([welch.low, welch.high], rel=5e-3)
    four = AllPairs(samples).difference(0, 1).estimate
    assert four.low is not None
    assert two.low is not None
    assert four.low < two.low
    assert four.value == two.value == pytest.approx(samples[1].mean() - samples[0].mean())


def test_equal_values_are_no_difference_and_unequal_constants_are_dealt_anew() -> None:
    assert AllPairs([[1.0] * 5, [1.0] * 5]).p_value(0, 1) == 1.0
    # The sum of three tenths differs from three tenths by rounding.
    assert AllPairs([[0.1 + 0.2] * 5, [0.3] * 5]).p_value(0, 1) == 1.0
    assert AllPairs([[1.0] * 5, [2.0] * 5]).p_value(0, 1) == pytest.approx(2 / math.comb(10, 5))


def _all_or_none(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    return (rng.random(shape) < 0.5) * 0.4 + rng.normal(size=shape) * 0.001


def _one_noisy(rng: np.random.Generator, shape: tuple[int, ...]) -> Floats:
    scores = rng.normal(size=shape)
    scores[0] *= 10
    return scores


WORLDS: dict[str, Draw] = {
    "normal": lambda rng, shape: rng.normal(size=shape),
    "lognormal": lambda rng, shape: rng.lognormal(size=shape),
    "steps of accuracy": lambda rng, shape: rng.binomial(150, 0.96, size=shape) / 150,
    "all or none": _all_or_none,
    "one noisy model": _one_noisy,
}


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize(("models", "seeds"), [(2, 4), (5, 5), (8, 4)])
def test_false_alarms_over_all_pairs_are_at_most_five_percent(
    world: str, models: int, seeds: int
) -> None:
    """The rule of paired t-tests with Holm's correction gives 10 to 50 % in some of these."""
    rng = np.random.default_rng(seeds)
    wrong = 0
    for _ in range(200):
        family = AllPairs(list(WORLDS[world](rng, (models, seeds))), permutations=199)
        wrong += any(
            family.p_value(a, b) <= 0.05 for a, b in itertools.combinations(range(models), 2)
        )
    # 5 % plus three standard errors
    assert wrong / 200 <= 0.1


@pytest.mark.parametrize(("models", "seeds"), [(2, 5), (5, 5), (4, 10)])
def test_the_detectable_difference_is_detected_with_the_power_promised(
    models: int, seeds: int
) -> None:
    rng = np.random.default_rng(seeds)
    error = math.sqrt(2 / seeds)
    claims = [
        AllPairs(list(rng.normal(size=(models, seeds))), permutations=499).detectable_at(
            0, 1, error
        )
        for sample in rng.normal(size=(30, models, seeds))
    ]
    shown = 0
    for _ in range(200):
        scores = rng.normal(size=(models, seeds))
        scores[1] += np.median(claims)
        shown += AllPairs(list(scores), permutations=499).p_value(0, 1) <= 0.05
    assert shown / 200 == pytest.approx(0.8, abs=0.09)


def test_the_detectable_difference_is_never_below_one_that_was_not_shown() -> None:
    rng = np.random.default_rng(5)
    for _ in range(200):
        samples = [rng.normal(size=4), rng.normal(2.0, 1.0, size=4)]
        difference = AllPairs(samples).difference(0, 1)
        if not difference.shown:
            assert difference.detectable >= abs(difference.estimate.value)


def test_the_number_of_seeds_needed_decides() -> None:
    """Samples of the number promised, as spread as those seen, decide in four of five cases."""
    rng = np.random.default_rng(6)
    a, b = np.array([0.0, 1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 3.0, 4.0, 5.0])
    needed = AllPairs([a, b]).difference(0, 1).seeds_needed
    assert needed is not None
    shown = [
        AllPairs(
            [rng.normal(0.0, a.std(ddof=1), needed), rng.normal(1.0, b.std(ddof=1), needed)],
            permutations=199,
        ).p_value(0, 1)
        <= 0.05
        for _ in range(200)
    ]
    assert np.mean(shown) == pytest.approx(0.8, abs=0.09)
    assert AllPairs([a, a + 1e-6]).difference(0, 1).seeds_needed is None
    within = AllPairs([a, a + 1e-6], margin=2.0).difference(0, 1).seeds_needed
    assert within is not None
    assert within > 5


def test_families_held_together_share_one_error_rate() -> None:
    """Ten pairs of equal samples, judged together, are rarely called different."""
    rng = np.random.default_rng(7)
    wrong = alone = 0
    for _ in range(60):
        families = [AllPairs(list(rng.normal(size=(2, 5))), families=10) for _ in range(10)]
        p_values = [
            each.p_value(0, 1, [other for other in families if other is not each])
            for each in families
        ]
        wrong += min(p_values) <= 0.05
        alone += min(AllPairs(each.samples).p_value(0, 1) for each in families) <= 0.05
    assert wrong / 60 <= 0.13
    assert alone / 60 > 0.2
