"""The rule of verdicts: which analysis speaks, and what it says."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

from rnnbench.analysis.baseline import mean_p, shown_better
from rnnbench.analysis.verdicts import Family, Trials

SPREAD = (0.0, 0.01, 0.02, -0.01, -0.02)


def trials(
    scores: Sequence[float], threshold: float = 0.9, steps: Sequence[int | None] | None = None
) -> Trials:
    solved = tuple(score >= threshold for score in scores)
    at = tuple(100 if done else None for done in solved) if steps is None else tuple(steps)
    return Trials(dict(enumerate(scores)), tuple(scores), solved, at)


def around(value: float, n: int = 5) -> Trials:
    return trials([value + SPREAD[place % 5] for place in range(n)])


@pytest.mark.parametrize(
    ("seeds", "outcome"), [(1, "too few seeds"), (3, "too few seeds"), (4, "worse"), (8, "worse")]
)
def test_fewer_than_four_seeds_show_nothing(seeds: int, outcome: str) -> None:
    family = Family({"a": around(0.8, seeds), "b": around(0.1, seeds)}, 1)
    assert family.verdict("a", "b").outcome == outcome


def test_the_verdict_follows_the_direction_of_the_score() -> None:
    members = {"a": around(0.2), "b": around(0.5)}
    assert Family(members, 1).verdict("a", "b").outcome == "better"
    assert Family(members, 1).verdict("b", "a").outcome == "worse"
    assert Family(members, -1).verdict("a", "b").outcome == "worse"


def test_a_difference_inside_the_margin_is_an_equivalence_also_where_it_is_shown() -> None:
    members = {
        "a": trials([0.5, 0.5001, 0.5002, 0.4999, 0.4998]),
        "b": trials([0.503, 0.5031, 0.5032, 0.5029, 0.5028]),
    }
    shown = Family(members, 1).verdict("a", "b")
    assert shown.outcome == "better"
    within = Family(members, 1, margin=0.01).verdict("a", "b")
    assert within.outcome == "equivalent"
    assert within.difference is not None
    assert within.difference.shown
    assert Family({"a": around(0.5), "b": around(0.505)}, 1, 0.01).verdict("a", "b").outcome == (
        "undecided"
    ), "an interval wider than the margin is no equivalence"


def test_models_that_all_solve_the_task_are_tied() -> None:
    """At the ceiling a shown difference is the noise of the last steps."""
    members = {"a": around(0.93), "b": around(0.97), "c": around(0.5)}
    family = Family(members, 1)
    assert family.verdict("a", "b").outcome == "both solve it"
    assert family.verdict("a", "c").outcome == "worse"


def test_scores_that_are_all_or_none_are_compared_by_solve_rates() -> None:
    solves, fails = trials([0.99, 0.98, 0.99, 1.0, 0.99]), trials([0.1, 0.12, 0.11, 0.1, 0.13])
    half = trials([0.99, 0.1, 0.98, 0.11, 0.1])
    never = trials([0.11, 0.12, 0.1, 0.13, 0.14])
    family = Family({"solves": solves, "fails": fails, "half": half, "never": never}, 1)
    assert family.analysis == "solve rates"
    assert family.verdict("solves", "fails").outcome == "worse"
    assert family.verdict("solves", "half").outcome == "undecided"
    assert family.verdict("solves", "half").rates == ("5 of 5", "2 of 5")
    assert family.verdict("fails", "never").outcome == "neither solves it"
    three = Family({"solves": trials([1.0] * 3), "fails": trials([0.1] * 3)}, 1)
    assert three.verdict("solves", "fails").outcome == "too few seeds", "Fisher's p is 0.10"


def test_diverged_trials_count_as_unsolved() -> None:
    solved = trials([0.99] * 4 + [1.0])
    diverged = Trials({0: 0.1}, (0.1,), (False,), (None,) * 5)
    assert Family({"a": solved, "b": diverged}, 1).verdict("a", "b").outcome == "worse"


def test_the_time_to_solve_is_judged_apart() -> None:
    scores = [0.95, 0.96, 0.97, 0.95, 0.96]
    members = {
        "early": trials(scores, steps=[100, 110, 120, 105, 115]),
        "late": trials(scores, steps=[900, 910, 950, 905, 1000]),
        "same": trials(scores, steps=[102, 111, 118, 106, 114]),
    }
    family = Family(members, 1)
    assert (family.sooner("early", "late") or 1) <= 0.05
    assert (family.sooner("early", "same") or 0) > 0.05
    assert Family({"a": around(0.2), "b": around(0.3)}, 1).sooner("a", "b") is None


def test_the_verdict_on_a_pair_depends_on_the_number_of_models_and_not_on_the_test() -> None:
    """With six seeds, an added model once changed the test of the other pairs."""
    rng = np.random.default_rng(3)
    pair = {
        "a": trials(list(rng.normal(0.2, 0.05, 6))),
        "b": trials(list(rng.normal(0.5, 0.05, 6))),
    }
    for extra in range(4):
        more = {f"c{k}": trials(list(rng.normal(0.3, 0.05, 6))) for k in range(extra)}
        family = Family({**pair, **more}, 1)
        assert family.analysis == "mean scores"
        assert family.verdict("a", "b").outcome == "better"


def test_equal_models_that_solve_a_task_or_not_are_rarely_told_apart() -> None:
    """Paired t-tests gave 22 % for five models at three seeds."""
    rng = np.random.default_rng(4)
    wrong = 0
    for _ in range(200):
        scores = (rng.random((5, 5)) < 0.5) * 0.9 + rng.normal(0.05, 0.001, (5, 5))
        family = Family({str(k): trials(list(row)) for k, row in enumerate(scores)}, 1)
        pairs = itertools.combinations(family.members, 2)
        wrong += any((family.p_value(a, b) or 1) <= 0.05 for a, b in pairs)
    assert wrong / 200 <= 0.09


def test_better_than_the_baseline_takes_a_corrected_test() -> None:
    """Three seeds that happen to lie above the baseline show nothing."""
    rng = np.random.default_rng(5)
    wrong = sum(
        bool(
            shown_better({str(k): trials(list(rng.normal(0.2, 0.01, 5))) for k in range(4)}, 0.2, 1)
        )
        for _ in range(300)
    )
    assert wrong / 300 <= 0.08
    assert shown_better({"a": trials([0.21, 0.22, 0.23])}, 0.2, 1) == set()
    assert shown_better({"a": around(0.4), "b": around(0.2)}, 0.2, 1) == {"a"}
    assert shown_better({"a": around(0.4)}, 0.2, -1) == set()
    assert shown_better({"a": trials([0.95, 0.1, 0.1])}, 0.2, 1) == {"a"}, "one trial solved it"


def test_equal_scores_above_the_baseline_are_judged_by_their_signs() -> None:
    assert mean_p(np.array([0.5] * 5), 0.4) == pytest.approx(2**-4)
    assert mean_p(np.array([0.5] * 5), 0.5) == 1.0
