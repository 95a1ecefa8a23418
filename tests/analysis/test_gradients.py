"""Gradient and influence of a configuration over its seeds."""

from __future__ import annotations

import math

import pytest
from scipy import stats

from rnnbench.analysis.gradients import (
    category_text,
    horizon_text,
    initial_category,
    initial_half_life,
    initial_options_text,
    mean_matrix,
    memory_horizon,
)
from rnnbench.analysis.groups import Configuration, group
from rnnbench.records.gradient import Gradient, Influence
from rnnbench.records.result import Record
from tests.support.factory import influence, profile, record


def configuration(gradients: list[Gradient], **options: object) -> Configuration:
    records: list[Record] = []
    for seed, gradient in enumerate(gradients):
        made = record(seed=seed, model_options=options)
        result = made.result.model_copy(update={"gradient": gradient})
        records.append(made.model_copy(update={"result": result}))
    return group(records)[0].configurations[0]


def of_slopes(*slopes: float) -> Configuration:
    return configuration([Gradient(profiles=(profile(each, of="state"),)) for each in slopes])


@pytest.mark.parametrize(
    ("slopes", "name"),
    [
        ((-0.30, -0.31, -0.29), "vanishing"),
        ((0.05, 0.06, 0.055), "exploding"),
        # the interval holds 0
        ((-0.01, 0.012, 0.003), "stable"),
        # it does not hold 0, but lies within the band
        ((0.005, 0.006, 0.0055), "stable"),
        # seeds on both sides of the band are no majority vote
        ((-0.0141, 0.0068), "undetermined"),
        ((-0.5, 0.4, 0.2), "undetermined"),
        ((-0.3,), "undetermined"),
    ],
)
def test_the_category_comes_from_the_interval_over_seeds(
    slopes: tuple[float, ...], name: str
) -> None:
    found = initial_category(of_slopes(*slopes))
    assert found.name == name
    assert bool(found.reason) == (name == "undetermined")


def test_the_interval_is_that_of_student() -> None:
    slopes = [-0.3, -0.31, -0.27]
    found = initial_category(of_slopes(*slopes))
    expected = stats.t.interval(0.95, 2, loc=sum(slopes) / 3, scale=stats.sem(slopes))
    assert (found.low, found.high) == pytest.approx(expected)
    assert category_text(found).endswith(", vanishing")


def test_a_window_vanishes_and_a_core_without_state_is_undetermined_with_the_reason() -> None:
    window = profile(-0.1, of="state").model_copy(
        update={"slope": None, "values": (1.0,) * 10 + (0.0,) * 30}
    )
    assert initial_category(configuration([Gradient(profiles=(window,))])).name == "vanishing"
    without = Gradient(profiles=(), notes=("no state profile: the state grows with the sequence",))
    found = initial_category(configuration([without]))
    assert (found.name, found.reason) == ("undetermined", "the state grows with the sequence")


def test_the_half_life_is_that_of_the_median_slope() -> None:
    slopes = (-0.0455, -0.5, -0.0007, 0.01)
    found = configuration([Gradient(profiles=(profile(each),)) for each in slopes])
    # the median of the half-lives would be 503 steps
    assert initial_half_life(found) == pytest.approx(math.log(2) / ((0.0455 + 0.0007) / 2))


def test_options_that_set_the_initial_weights_are_named() -> None:
    gradients = [Gradient(profiles=())]
    named = configuration(gradients, init="orthogonal", update_bias=1.5, num_layers=2, chrono=0)
    assert set(initial_options_text(named).split(", ")) == {
        *("init=orthogonal", "update_bias=1.5", "chrono=0")
    }


def up_to(horizon: int | None, longest: int) -> Influence:
    """Return an influence above the floor up to a lag, measured up to another."""
    values = tuple(1.0 if horizon is not None and k <= horizon else 0.0 for k in range(longest + 1))
    lags = tuple(range(longest + 1))
    return influence().model_copy(update={"lags": lags, "values": values})


def test_a_horizon_at_the_longest_lag_is_a_lower_limit() -> None:
    def over(*found: int | None) -> str:
        gradients = [Gradient(profiles=(), influence=(up_to(horizon, 39),)) for horizon in found]
        return horizon_text(memory_horizon(configuration(gradients)))

    assert over(25, 25, 26) == "25"
    assert over(39, 39) == "≥ 39"
    assert over(None, None, 12) == "none"
    assert over(None, 7, 12) == "7"
    # the mean of no lag and a lag is none
    assert over(None, 7) == "none"
    # seeds whose sequences are of different lengths, each with influence to its end
    ends = [up_to(k, k) for k in (380, 405, 456)]
    whole = configuration([Gradient(profiles=(), influence=(each,)) for each in ends])
    assert horizon_text(memory_horizon(whole)) == "≥ 405"


def test_matrices_are_averaged_over_seeds_where_they_have_values() -> None:
    one = influence().model_copy(update={"matrix": ((0.8, None), (0.2, None))})
    other = influence().model_copy(update={"matrix": ((0.6, 0.5), (0.0, None))})
    ((a, b), (c, d)) = mean_matrix([one, other, influence().model_copy(update={"matrix": ()})])
    assert (a, b, c) == pytest.approx((0.7, 0.5, 0.1))
    assert math.isnan(d)
