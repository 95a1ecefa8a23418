"""Schedules: factors by independent formulas and by torch, exact training, recorded rates."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from torch import nn
from torch.optim import SGD, Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR, LinearLR, LRScheduler, StepLR

from rnnbench.metrics import loss_of, mean_loss
from rnnbench.records.recipe import schedule_of
from rnnbench.records.settings import Settings
from rnnbench.training.data import source_of
from rnnbench.training.loop import Learner, fit
from rnnbench.training.optimizers import FACTOR, build_optimizer
from rnnbench.training.schedules import Schedule, factor
from tests.support.toy_cores import SlowCore, TorchRNN
from tests.support.toy_tasks import FirstSymbol, RunningMean, network_for

CPU = torch.device("cpu")
SMALL = {"batch_size": 4, "validation_size": 16, "test_size": 16, "learning_rate": 0.02}
SCHEDULES = [
    "constant",
    "constant[warmup=7]",
    "linear",
    "linear[warmup=5,final=0.2]",
    "cosine[warmup=5,final=0.1]",
    "step[every=8,factor=0.5]",
    "step[warmup=3,final=0.3]",
    "plateau[patience=1,factor=0.5]",
    "plateau[warmup=9,patience=2,final=0.01]",
]


def rates_by_torch(make: Any, steps: int) -> list[float]:
    """Return the rates at which a scheduler of torch takes the steps, of a rate of 1."""
    weight = nn.Parameter(torch.zeros(1))
    optimizer: Optimizer = SGD([weight], lr=1.0)
    scheduler: LRScheduler = make(optimizer)
    rates = []
    for _ in range(steps):
        rates.append(float(optimizer.param_groups[0]["lr"]))
        optimizer.step()
        scheduler.step()
    return rates


def factors(text: str, steps: int) -> list[float]:
    return [factor(schedule_of(text), step, steps) for step in range(steps)]


@given(steps=st.integers(2, 200), final=st.floats(0, 1))
def test_linear_and_cosine_are_those_of_torch(steps: int, final: float) -> None:
    linear = rates_by_torch(lambda o: LinearLR(o, 1.0, final, total_iters=steps - 1), steps)
    assert factors(f"linear[final={final}]", steps) == pytest.approx(linear, rel=1e-9, abs=1e-9)
    cosine = rates_by_torch(lambda o: CosineAnnealingLR(o, steps - 1, eta_min=final), steps)
    assert factors(f"cosine[final={final}]", steps) == pytest.approx(cosine, rel=1e-9, abs=1e-9)


@given(steps=st.integers(1, 200), every=st.integers(1, 80), by=st.floats(0.05, 0.95))
def test_steps_are_those_of_torch(steps: int, every: int, by: float) -> None:
    expected = rates_by_torch(lambda o: StepLR(o, every, by), steps)
    assert factors(f"step[every={every},factor={by}]", steps) == pytest.approx(expected, rel=1e-9)


@given(
    warmup=st.integers(1, 40),
    after=st.integers(1, 40),
    name=st.sampled_from(["constant", "linear", "cosine", "step", "plateau"]),
)
def test_a_warmup_is_that_of_torch_and_shifts_the_rest(warmup: int, after: int, name: str) -> None:
    steps = warmup + after
    found = factors(f"{name}[warmup={warmup}]", steps)
    expected = rates_by_torch(
        lambda o: LinearLR(o, 1 / warmup, 1.0, total_iters=max(1, warmup - 1)), warmup
    )
    if warmup > 1:
        assert found[:warmup] == pytest.approx(expected)
    assert found[warmup - 1] == 1.0
    # the last step of the warm-up is the first of the decay, except of whole stages
    rest = found[warmup:] if name == "step" else found[warmup - 1 :]
    assert rest == pytest.approx(factors(name, len(rest)))


@given(
    steps=st.integers(2, 300),
    warmup=st.integers(0, 100),
    final=st.floats(0, 1),
    by=st.floats(0.05, 0.95),
    name=st.sampled_from(["linear", "cosine", "step"]),
)
def test_a_decay_falls_from_the_rate_to_its_final_factor(
    steps: int, warmup: int, final: float, by: float, name: str
) -> None:
    warmup = min(warmup, steps - 1)
    more = f",factor={by}" if name == "step" else ""
    decay = factors(f"{name}[warmup={warmup},final={final}{more}]", steps)[max(warmup - 1, 0) :]
    assert decay[0] == 1
    assert all(a >= b - 1e-12 for a, b in itertools.pairwise(decay))
    if name == "step":
        assert min(decay) >= final
    elif len(decay) > 1:
        assert decay[-1] == pytest.approx(final, abs=1e-12)


def test_cosine_is_half_a_cosine() -> None:
    found = factors("cosine[final=0.2]", 41)
    squares = [0.2 + 0.8 * math.cos(math.pi * step / 80) ** 2 for step in range(41)]
    assert found == pytest.approx(squares)


@pytest.mark.parametrize(("steps", "lengths"), [(9, [3, 3, 3]), (10, [4, 4, 2]), (2, [1, 1])])
def test_a_step_takes_a_third_of_the_steps_if_unset(steps: int, lengths: list[int]) -> None:
    found = factors("step[factor=0.5]", steps)
    expected = [0.5**stage for stage, length in enumerate(lengths) for _ in range(length)]
    assert found == expected


def test_a_single_step_has_the_whole_rate() -> None:
    assert [factors(name, 1) for name in ("linear", "cosine", "step")] == [[1.0]] * 3


def _learned(chunk: int, core: Any = TorchRNN, **changes: Any) -> Learner:
    chosen = Settings.model_validate({**SMALL, "steps": 40, "validate_every": 4, **changes})
    task = FirstSymbol()
    learner = Learner(network_for(task, core), task, source_of(task, chosen, 0, CPU), chosen, chunk)
    fit(learner, device=CPU)
    return learner


@pytest.mark.parametrize(
    ("schedule", "optimizer"),
    [
        *((schedule, "adam") for schedule in SCHEDULES),
        *(("cosine[warmup=5]", name) for name in ("sgd", "nadam", "adagrad", "rmsprop")),
    ],
)
def test_chunks_of_steps_change_no_bit(schedule: str, optimizer: str) -> None:
    one, other = (_learned(chunk, schedule=schedule, optimizer=optimizer) for chunk in (1, 64))
    for name, tensor in one.network.state_dict().items():
        assert torch.equal(tensor, other.network.state_dict()[name]), name
    curves = [
        [point.model_copy(update={"seconds": 0.0}) for point in learner.curve]
        for learner in (one, other)
    ]
    assert curves[0] == curves[1]


@pytest.mark.parametrize("schedule", [each for each in SCHEDULES if "plateau" not in each])
def test_a_training_is_a_bare_loop_with_these_rates(schedule: str) -> None:
    chosen = Settings.model_validate({**SMALL, "steps": 40, "schedule": schedule})
    task = FirstSymbol()
    network, source = network_for(task, SlowCore), source_of(FirstSymbol(), chosen, 0, CPU)
    bare = build_optimizer(network, chosen)
    rates = [0.02 * each for each in factors(schedule, 40)]
    for step, by in enumerate(factors(schedule, 40)):
        for group in bare.param_groups:
            group["lr"] = 0.02 * group[FACTOR] * by
        batch = source.train(step)
        loss = mean_loss(loss_of(task), network(batch.inputs, batch.lengths), batch)
        bare.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        bare.step()
        with torch.no_grad():
            network.core.after_step()  # type: ignore[operator]
    trained = _learned(7, SlowCore, schedule=schedule)
    for name, tensor in network.state_dict().items():
        assert torch.equal(tensor, trained.network.state_dict()[name]), name
    assert [p.learning_rate for p in trained.curve] == [rates[p.step - 1] for p in trained.curve]


def reduced(scores: list[float], patience: int, by: float, final: float, sign: int) -> list[float]:
    """Return the factor after each validation, by the words of the definition."""
    found, current, best, waited = [], 1.0, -math.inf, 0
    for score in scores:
        if sign * score > best:
            best, waited = sign * score, 0
        else:
            waited += 1
        if waited == patience:
            current, waited = max(current * by, final), 0
        found.append(current)
    return found


@examples(max_examples=60, deadline=None)
@given(
    scores=st.lists(st.sampled_from([0.1, 0.2, 0.2, 0.3, 0.5]), min_size=1, max_size=25),
    patience=st.integers(1, 4),
    by=st.floats(0.1, 0.9),
    final=st.sampled_from([0.0, 0.05, 0.5]),
    warmup=st.integers(0, 12),
    higher=st.booleans(),
)
def test_a_plateau_reduces_the_rate_of_every_group_after_the_warmup(
    scores: list[float], patience: int, by: float, final: float, warmup: int, higher: bool
) -> None:
    text = f"plateau[patience={patience},factor={by},final={final},warmup={warmup}]"
    chosen = Settings.model_validate({**SMALL, "steps": 200, "schedule": text})
    network = network_for(FirstSymbol(), SlowCore)
    optimizer = build_optimizer(network, chosen)
    schedule = Schedule(optimizer, chosen, "higher" if higher else "lower")
    assert schedule.changes
    assert schedule.changes_by_step == (warmup > 0)
    seen, counted, every = [], [], 3
    for index, score in enumerate(scores):
        for _ in range(every):
            optimizer.step()
            schedule.step()
        taken = (index + 1) * every
        during_warmup = taken <= warmup
        recorded = schedule.rate(taken)
        if during_warmup:
            assert recorded == pytest.approx(0.02 * taken / warmup)
        else:
            seen.append(recorded)
        if taken >= warmup:
            counted.append(score)
        schedule.validated(score, taken)
    expected = [1.0, *reduced(counted, patience, by, final, 1 if higher else -1)]
    # a validation at the last step of the warm-up counts, and its own rate is that of the warm-up
    after = expected[len(counted) - len(seen) :][: len(seen)]
    assert seen == pytest.approx([0.02 * each for each in after])
    if counted:
        for group in optimizer.param_groups:
            assert group["lr"] == pytest.approx(0.02 * group[FACTOR] * expected[-1])


def test_a_plateau_follows_the_direction_of_the_metric_in_training() -> None:
    task = RunningMean()
    chosen = Settings.model_validate(
        {**SMALL, "steps": 60, "validate_every": 2, "schedule": "plateau[patience=1,factor=0.7]"}
    )
    learner = Learner(network_for(task), task, source_of(task, chosen, 0, CPU), chosen)
    fit(learner, device=CPU)
    scores = [point.validation_score for point in learner.curve]
    expected = [1.0, *reduced(scores, 1, 0.7, 0.0, -1)][:-1]
    found = [point.learning_rate for point in learner.curve]
    assert found == pytest.approx([0.02 * each for each in expected])
    assert 1 < len(set(found)) < len(found)


def test_a_constant_rate_is_no_schedule() -> None:
    chosen = Settings.model_validate(SMALL)
    optimizer = build_optimizer(network_for(FirstSymbol()), chosen)
    before = optimizer.step
    schedule = Schedule(optimizer, chosen, "higher")
    assert not schedule.changes
    assert optimizer.step == before
    assert schedule.rate(5) == 0.02
