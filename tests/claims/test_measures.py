"""Measures: every one reads back what it writes, and none reads what is not there."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from rnnbench import claims
from rnnbench.claims import (
    CoreParameters,
    Diverged,
    GradientAtLag,
    GradientFactor,
    GradientHalfLife,
    GradientSteadiness,
    Lyapunov,
    Measure,
    OverfitGap,
    PeakMemory,
    Score,
    Skill,
    Solved,
    SpeedRatio,
    Steps,
    StepTime,
)
from rnnbench.probes.gradient.fit import fit_profile
from rnnbench.records.gradient import Gradient
from rnnbench.records.result import Record, Result, Status
from rnnbench.testing.claim.records import blank
from tests.support.factory import record, trial_spec

SPEC = trial_spec(hidden_size=32)
MEASURES: list[tuple[Measure, float]] = [
    (Skill(), 0.37),
    (Score(), 12.5),
    (Solved(), 1.0),
    (claims.ClippedShare(), 0.25),
    (OverfitGap(), 0.8),
    (Diverged(), 1.0),
    (Diverged(below=-1.0), 0.0),
    (CoreParameters(), 8448),
    (CoreParameters(gates=4), 1.0),
    (CoreParameters(gates=4, biases=1, vectors=3, directions=2, input_size=8), 1.0),
    (Steps(), 400),
    (claims.GradientSlope("state"), -0.2),
    (claims.GradientSlope("input", "trained"), 0.1),
    (GradientFactor("state"), 0.9),
    (GradientFactor("state", "trained"), 1.05),
    (GradientSteadiness("state"), 0.4),
    (GradientHalfLife("state"), 7.5),
    (GradientHalfLife("state", logarithmic=True), 7.5),
    (GradientAtLag("input", "init", lag=50), 0.01),
    (Lyapunov("trained"), -0.4),
    (SpeedRatio(), 2.5),
    (SpeedRatio("forward", plain=True), 0.5),
    (StepTime("train", length=256), 0.02),
    (PeakMemory(), 1_000_000),
]


def test_every_public_measure_is_tried_here() -> None:
    concrete = {
        name
        for name in claims.__all__
        if isinstance(each := getattr(claims, name), type)
        and issubclass(each, Measure)
        and not getattr(each, "__abstractmethods__", None)
        and name != "LearningMeasure"
    }
    assert concrete == {type(measure).__name__ for measure, _ in MEASURES}


@pytest.mark.parametrize(("measure", "value"), MEASURES, ids=lambda each: type(each).__name__)
def test_a_measure_reads_back_what_it_writes(measure: Measure, value: float) -> None:
    written = measure.write(blank(SPEC), value)
    assert measure.read(written) == pytest.approx(value)
    assert measure.name


@pytest.mark.parametrize(("measure", "value"), MEASURES, ids=lambda each: type(each).__name__)
def test_a_failed_trial_has_no_measurement(measure: Measure, value: float) -> None:
    del value
    failed = record(spec=SPEC).model_copy(
        update={"result": Result(status=Status.FAILED), "speed": None}
    )
    assert measure.read(failed) is None
    assert measure.moments([failed, failed], logarithms=False) is None


@pytest.mark.parametrize(("score", "diverged"), [(0.2, 0.0), (0.3, 0.0), (0.4, 1.0), (1e9, 1.0)])
def test_an_error_of_twice_the_baseline_is_a_divergence_if_asked_for(
    score: float, diverged: float
) -> None:
    learning = blank(SPEC).result.learning
    assert learning is not None
    ended = learning.model_copy(update={"baseline": 1 / 6, "perfect": 0.0, "last_score": score})
    result = blank(SPEC).result.model_copy(update={"learning": ended})
    trained = blank(SPEC).model_copy(update={"result": result})
    assert Diverged(below=-1.0).read(trained) == diverged
    assert Diverged().read(trained) == 0.0


def with_profile(values: Callable[[int], float], longest: int = 200) -> Record:
    """Return a record whose state gradient at initialisation has these values at lags from 1."""
    lags = range(1, longest + 1)
    profile = fit_profile(lags, [values(lag) for lag in lags], of="state", when="init")
    result = blank(SPEC).result.model_copy(update={"gradient": Gradient(profiles=(profile,))})
    return blank(SPEC).model_copy(update={"result": result})


@pytest.mark.parametrize("factor", [0.01, 0.5, 0.99, 1.1])
def test_an_exponential_is_steady_and_has_its_factor(factor: float) -> None:
    exponential = with_profile(lambda lag: 3 * factor**lag)
    assert GradientSteadiness("state").read(exponential) == pytest.approx(1, abs=1e-6)
    assert GradientFactor("state").read(exponential) == pytest.approx(factor)


@pytest.mark.parametrize("power", [0.5, 1.0, 3.0])
def test_a_power_of_the_lag_is_not_steady(power: float) -> None:
    found = GradientSteadiness("state").read(with_profile(lambda lag: lag**-power))
    lags = np.arange(5, 201)
    near, distant = (np.polyfit(half, -np.log(half), 1)[0] for half in (lags[:98], lags[98:]))
    assert found is not None
    assert found == pytest.approx(distant / near)
    assert found < 0.3


def test_a_constant_or_a_short_gradient_has_no_steadiness() -> None:
    assert GradientSteadiness("state").read(with_profile(lambda _: 1.0)) is None
    assert GradientSteadiness("state").read(with_profile(lambda lag: 0.5**lag, 9)) is None


def test_half_lives_in_logarithms_give_an_exponent() -> None:
    measure = GradientHalfLife("state", logarithmic=True)
    records = [measure.write(blank(SPEC), value) for value in (2.0, 8.0)]
    found = measure.moments(records, logarithms=False)
    assert found is not None
    assert found.mean == pytest.approx(math.log(4.0))


def test_a_diverged_trial_learned_nothing() -> None:
    diverged = record(spec=SPEC).model_copy(update={"result": Result(status=Status.DIVERGED)})
    assert Skill().read(diverged) == 0.0
    assert Solved().read(diverged) == 0.0
    assert Diverged().read(diverged) == 1.0
    assert Score().read(diverged) is None


def test_equal_scores_of_a_few_seeds_are_not_taken_as_certain() -> None:
    equal = [Skill().write(blank(SPEC), 1.0)] * 5
    found = Skill().moments(equal, logarithms=False)
    assert found is not None
    assert found.error == pytest.approx(Skill.resolution / math.sqrt(5))


def test_a_count_needs_one_trial_and_has_no_error() -> None:
    one = [CoreParameters().write(blank(SPEC), 100)]
    found = CoreParameters().moments(one, logarithms=False)
    assert found is not None
    assert found.error == 0
    other = [*one, CoreParameters().write(blank(SPEC), 101)]
    found = CoreParameters().moments(other, logarithms=False)
    assert found is not None
    assert math.isinf(found.error)


def test_the_error_of_a_timing_is_that_over_processes() -> None:
    timed = SpeedRatio().write(blank(SPEC), 2.0)
    found = SpeedRatio().moments([timed], logarithms=True)
    assert found is not None
    assert found.mean == pytest.approx(math.log(2.0))
    # an interval of +- 3 % at 95 % has a standard error of 3 % / 1.96
    assert found.error == pytest.approx(0.03 / 1.96, rel=1e-3)
    assert found.freedom == 4


def test_the_formula_of_a_gated_layer_counts_matrices_biases_and_vectors_of_each_direction() -> (
    None
):
    # H = 32, D = 8: each gate has 32 * 40 weights
    settings = SPEC.settings.model_copy(update={"embedding_size": 8})
    counted = CoreParameters().write(
        blank(SPEC.model_copy(update={"settings": settings})), 2 * (4 * (32 * 40 + 32) + 3 * 32)
    )
    assert CoreParameters(gates=4, biases=1, vectors=3, directions=2).read(counted) == 1.0
    without = CoreParameters(gates=4, biases=1, directions=2).read(counted)
    assert without == pytest.approx(1 + 3 / (4 * 41))


def test_the_error_of_a_time_follows_the_spread_of_its_samples() -> None:
    measure = StepTime("train")
    known = measure.write(blank(SPEC), 1.0)
    assert known.speed is not None
    quartiles = known.speed.points[0].seconds.model_copy(update={"low": 0.5, "high": 2.0})
    points = tuple(
        point.model_copy(update={"seconds": quartiles}) if point is measure.point(known) else point
        for point in known.speed.points
    )
    wide = known.model_copy(update={"speed": known.speed.model_copy(update={"points": points})})
    narrow, broad = (measure.moments([each], logarithms=True) for each in (known, wide))
    assert narrow is not None
    assert broad is not None
    # of the median of as many normal values as there are processes, whose quartiles are 0.674
    # standard deviations from it
    deviation = math.log(2) / 0.6745
    processes = known.speed.points[0].ratio.processes
    assert broad.error == pytest.approx(1.2533 * deviation / math.sqrt(processes), rel=1e-3)
    assert narrow.error < 0.02
    assert broad.mean == narrow.mean
