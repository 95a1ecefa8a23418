"""Hidden sizes at which a quantity is nearest to a target, against formulas and by trying all."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.contract import registry as plugins
from rnnbench.contract.registry import Registry
from rnnbench.execution.environment import describe
from rnnbench.execution.jobs import widths
from rnnbench.execution.jobs.messages import KnownWidth, Width, WidthJob
from rnnbench.execution.jobs.widths import find_widths, sized
from rnnbench.plan.planning import Request, make_plan
from rnnbench.probes.size import measure_quantity, measure_size
from rnnbench.records.spec import EQUAL_WITHIN, Matched, Quantity, TrialSpec
from rnnbench.records.suite import DEFAULT_MODELS
from rnnbench.training.network import Network, build_network

GATES = {"rnn": 1, "gru": 3, "lstm": 4}
TASK = "copy-memory[delay=5,symbols=8]"
SYMBOLS = 10
"""Of the task: eight symbols, blank and mark."""
QUANTITIES: tuple[Quantity, ...] = ("params", "core-params", "state", "flops")


@cache
def registry() -> Registry:
    return plugins.load()


def specs_of(task: str, *models: str, **asked: Any) -> tuple[TrialSpec, ...]:
    return tuple(make_plan(Request([task], models or DEFAULT_MODELS, seeds=1, **asked), registry()))


def found(quantity: Quantity, target: float, *specs: TrialSpec, **given: Any) -> list[Width]:
    result = find_widths(
        WidthJob(quantity=quantity, target=target, specs=specs, **given), registry()
    )
    assert len(result.widths) == len(specs)
    return list(result.widths)


def network(spec: TrialSpec, hidden_size: int) -> tuple[Network, int]:
    task = registry().task(spec.task.name).build(spec.task.options)
    model = registry().model(spec.model.name)
    return build_network(sized(spec, hidden_size), model, task), task.length


@cache
def classes() -> int:
    """Return the width of the task's output."""
    built, _ = network(specs_of(TASK, "rnn")[0], 1)
    return sum(parameter.numel() for parameter in built.decoder.parameters()) // 2


def formula(model: str, quantity: Quantity, hidden: int) -> int:
    """Return the quantity of torch's layers, whose gates have c(HD + H^2 + 2H) parameters."""
    width, c = min(SYMBOLS, hidden), GATES[model]
    core = c * (hidden * width + hidden**2 + 2 * hidden)
    return {
        "params": SYMBOLS * width + core + classes() * (hidden + 1),
        "core-params": core,
        "state": hidden * (2 if model == "lstm" else 1),
        "flops": 2 * c * (hidden * width + hidden**2),
    }[quantity]


@pytest.mark.parametrize("quantity", QUANTITIES)
@pytest.mark.parametrize("model", sorted(GATES))
def test_torchs_layers_have_the_hidden_size_of_their_formula(
    model: str, quantity: Quantity
) -> None:
    (spec,) = specs_of(TASK, model)
    values = {hidden: formula(model, quantity, hidden) for hidden in range(1, 600)}
    for target in (values[1], 500.4, 20_000, 123_456):
        if target > values[599]:
            continue
        (width,) = found(quantity, target, spec)
        expected = min(values, key=lambda hidden: (abs(values[hidden] - target), hidden))
        assert (width.hidden_size, width.achieved) == (expected, values[expected])


@given(
    model=st.sampled_from(["attention-lstm", "bilstm", "gru", "lstm", "rnn"]),
    quantity=st.sampled_from(QUANTITIES),
    target=st.floats(200, 3e4),
)
@settings(deadline=None, max_examples=20)
def test_no_neighbour_is_nearer(model: str, quantity: Quantity, target: float) -> None:
    (spec,) = specs_of(TASK, model)
    target = target / 100 if quantity == "state" else target
    (width,) = found(quantity, target, spec)
    assert width.hidden_size is not None
    errors = {
        size: abs(measure_quantity(*_ordered(network(spec, size), quantity)) - target)
        for size in (width.hidden_size - 1, width.hidden_size, width.hidden_size + 1)
        if size > 0
    }
    assert min(errors.values()) == errors[width.hidden_size]


def _ordered(built: tuple[Network, int], quantity: Quantity) -> tuple[Network, Quantity, int]:
    return built[0], quantity, built[1]


@pytest.mark.parametrize(
    "task", ["adding", "dyck", "sine-forecasting", "selective-copy", "char-lm"]
)
def test_the_usual_models_come_close_to_20_000_parameters(task: str) -> None:
    specs = specs_of(task)
    for spec, width in zip(specs, found("params", 20_000, *specs), strict=True):
        if width == Width():
            continue  # it declines the task
        assert width.hidden_size is not None
        built, length = network(spec, width.hidden_size)
        assert measure_size(built, length).params_total == width.achieved
        assert abs(width.achieved / 20_000 - 1) <= EQUAL_WITHIN


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_quantity_alone_is_that_of_the_whole_measurement(quantity: Quantity) -> None:
    for spec in specs_of(TASK):
        built, length = network(spec, 12)
        size = measure_size(built, length)
        figures = {
            "params": size.params_total,
            "core-params": size.params_core,
            "state": size.state_size,
            "flops": size.matmul_flops_per_step,
        }
        assert measure_quantity(built, quantity, length) == figures[quantity]


def test_large_networks_take_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above a number of parameters the forward pass runs on the meta device, with equal counts."""
    specs = specs_of(TASK, "rnn", "gru", "lstm", "bilstm")
    on_cpu = found("flops", 30_000, *specs)
    monkeypatch.setattr(widths, "LARGEST_ON_CPU", 0)
    assert found("flops", 30_000, *specs) == on_cpu


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_a_model_may_be_the_target(quantity: Quantity) -> None:
    specs = specs_of(TASK, "rnn", "lstm")
    (reference,) = specs_of(TASK, "lstm[hidden_size=33]")
    result = find_widths(WidthJob(quantity=quantity, reference=reference, specs=specs), registry())
    assert result.target == formula("lstm", quantity, 33)
    assert [(width.hidden_size, width.achieved) for width in result.widths] == [
        (width.hidden_size, width.achieved) for width in found(quantity, result.target, *specs)
    ]
    assert result.widths[1].hidden_size == 33


@pytest.mark.parametrize(("target", "beyond"), [(1.0, "low"), (1e15, "high")])
def test_the_ends_of_what_is_possible_are_told(target: float, beyond: str) -> None:
    (spec,) = specs_of(TASK, "lstm")
    (width,) = found("params", target, spec)
    end = 1 if beyond == "low" else 1 << 16
    assert getattr(width, beyond) == formula("lstm", "params", end)
    assert width.hidden_size == end


def test_a_training_time_is_steps_times_the_time_of_a_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """With times by formula: a step takes 1 ms and 10 ns per weight."""

    def seconds(built: Network, length: int, batch: int, device: torch.device) -> float:
        assert (length, batch, device.type) == (21, 4, "cpu")
        return 1e-3 + 1e-8 * built.output_size**2

    monkeypatch.setattr(widths, "training_step_seconds", seconds)
    (spec,) = specs_of(TASK, "gru", settings={"steps": 500, "batch_size": 4})
    (width,) = found("time", 0.9, spec)
    assert width.hidden_size is not None
    assert width.achieved == pytest.approx(500 * (1e-3 + 1e-8 * width.hidden_size**2))
    assert abs(width.achieved / 0.9 - 1) <= widths.TIME_TOLERANCE
    (width,) = found("time", 0.1, spec)
    assert width.low == pytest.approx(0.5, rel=1e-3)


def test_a_width_by_time_is_kept_on_the_same_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    here = describe(torch.device("cpu"))
    (spec,) = specs_of(TASK, "gru", settings={"steps": 500, "batch_size": 4})
    known = KnownWidth(
        hidden_size=77,
        matched=Matched(quantity="time", target=0.9, asked="0.9", achieved=0.88),
        environment=here,
    )
    monkeypatch.setattr(widths, "training_step_seconds", lambda *_: 1.0)
    (width,) = found("time", 0.9, spec, known=(known,))
    assert (width.hidden_size, width.achieved) == (77, 0.88)
    other = here.model_copy(update={"threads": here.threads + 1})
    (width,) = found("time", 0.9, spec, known=(known.model_copy(update={"environment": other}),))
    assert width.achieved == 500
