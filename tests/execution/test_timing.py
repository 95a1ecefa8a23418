"""The job that times a trial's network: as built, and plain loop beside plain loop."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnnbench.contract import registry as plugins
from rnnbench.contract.collector import Collector
from rnnbench.contract.registry import Registry
from rnnbench.execution.jobs.timing import time_trial
from rnnbench.execution.speed_pass import speed_job
from rnnbench.plan.planning import Request, make_plan
from rnnbench.probes.speed.process_timings import TrialTimings
from rnnbench.records.spec import Provider
from tests.support.faulty_cores import Good


class FusedOnly(nn.GRU):
    """torch's layer, and nothing else."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size, batch_first=True)


class WithLoop(nn.Module):
    """torch's layer; with ``loop`` it is called step by step."""

    def __init__(self, input_size: int, hidden_size: int, loop: bool = False) -> None:
        super().__init__()
        self.layer = nn.GRU(input_size, hidden_size, batch_first=True)
        self.loop = loop

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        outputs = []
        for part in torch.split(x, 1 if self.loop else x.shape[1], dim=1):
            output, state = self.layer(part, state)
            outputs.append(output)
        return torch.cat(outputs, dim=1), state


@pytest.fixture(scope="module")
def registry() -> Registry:
    """The built-in plugins, and three models of a third party."""
    loaded = plugins.load()
    acme = Collector(Provider(distribution="acme", version="1"), {}, {})
    acme.register_model("acme-loop", Good)
    acme.register_model("acme-fused", FusedOnly)
    acme.register_model("acme-both", WithLoop, plain_loop={"loop": True})
    return Registry(models={**loaded.models, **acme.models}, tasks=loaded.tasks)


def timed(model: str, registry: Registry) -> TrialTimings:
    small = {"steps": 1, "batch_size": 2, "validation_size": 4, "test_size": 4}
    (spec,) = make_plan(
        Request(["copy-memory[delay=3]"], [model], [0], "quick", 4, small), registry
    )
    job = speed_job(spec, registry).model_copy(update={"plugins": (), "budget_seconds": 0.01})
    return time_trial(job, registry)


def test_a_built_in_model_is_timed_as_built_and_as_a_plain_loop(registry: Registry) -> None:
    found = timed("gru", registry)
    assert found.kernels["train"].operations == ("aten::gru",)
    assert found.comparator_kernels["train"].kind in ("fused", "C++ loop")
    modes = [each.mode for each in found.timings.plain_timings]
    assert modes == ["forward", "train", "stream"]
    assert {each.length for each in found.timings.plain_timings} == {
        found.timings.timings[0].length
    }
    assert TrialTimings.model_validate_json(found.model_dump_json()) == found


def test_a_model_that_is_a_loop_is_timed_beside_the_comparators_loop(registry: Registry) -> None:
    found = timed("acme-loop", registry)
    assert found.kernels["train"].kind == "Python loop"
    assert found.timings.plain_timings


def test_a_model_without_a_plain_loop_gets_no_ratio_of_plain_loops(registry: Registry) -> None:
    found = timed("acme-fused", registry)
    assert found.timings.timings
    assert not found.timings.plain_timings


def test_a_declared_plain_loop_is_timed(registry: Registry) -> None:
    found = timed("acme-both", registry)
    assert found.kernels["train"].kind == "C++ loop"
    assert found.timings.plain_timings


def test_options_that_already_select_the_plain_loop_change_nothing(registry: Registry) -> None:
    (spec,) = make_plan(Request(["copy-memory"], ["lstm[impl=reference]"], [0]), registry)
    job = speed_job(spec, registry)
    assert job.plain_loop == spec
    assert job.comparator.model.options["impl"] == "fused"
    assert job.comparator_plain_loop is not None
    assert job.comparator_plain_loop.model.options["impl"] == "reference"
