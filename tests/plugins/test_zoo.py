"""Every registered model: long sequences, every kind of task, the probes, and its description."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import pytest
import torch
from torch import Tensor

from rnnbench.cells.layers import Layers
from rnnbench.contract.core import state_tensors, to_double
from rnnbench.contract.entries import RegisteredModel
from rnnbench.contract.options import unwrapped
from rnnbench.execution.jobs.messages import TrialJob
from rnnbench.execution.jobs.trial import run_trial
from rnnbench.execution.options import TrialOptions
from rnnbench.plan.planning import Request, make_plan
from rnnbench.records.result import Result, Status
from tests.golden.trials import one_thread
from tests.plugins.support import models
from tests.tasks.builders import loaded

OWN = {name: each for name, each in models().items() if each.provider.distribution == "rnnbench"}
CAUSAL = {name: each for name, each in OWN.items() if each.causal}
LONG = 2_000
KINDS = {
    "tokens, last": "parity[train_length=6,test_length=8]",
    "tokens, every": "copy-memory[delay=3,symbols=2]",
    "vectors, last": "adding[length=8]",
    "vectors, every": "sine-forecasting[window=10,points=300,rollout=5]",
    "bits, every": "polyphonic-music[notes=5,frames=10,pieces=40]",
}


def built(model: RegisteredModel, width: int = 3, hidden: int = 16) -> Any:
    torch.manual_seed(0)
    return model.build(width, hidden, {}).eval()


@torch.no_grad()
@pytest.mark.parametrize("name", CAUSAL)
def test_long_sequences_are_equal_in_chunks_steps_and_both_precisions(name: str) -> None:
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(2, LONG, 3, generator=generator)
    core = built(CAUSAL[name])
    whole, _ = core(x)
    scale = float(whole.abs().max())
    assert scale > 0
    pieces, state = [], None
    for chunk in torch.split(x, [700, 1, LONG - 701], dim=1):
        outputs, state = core(chunk, state)
        pieces.append(outputs)
    found = [whole, torch.cat(pieces, 1)]
    # a nonlinear recurrence that hardly contracts keeps its rounding errors
    digits = 1e-3
    if isinstance(core, Layers) and core.impl == "parallel":
        digits = 1e-4
        core.impl = "reference"
        found.append(core(x)[0])
        core.impl = "parallel"
    exact, _ = to_double(core)(x.double())
    assert all(float((each - exact).abs().max()) < digits * scale for each in found)


def gradients(core: Any, x: Tensor, state: Any) -> list[Tensor]:
    """Return the gradients of a random function of outputs and state, in every tensor."""
    generator = torch.Generator().manual_seed(2)
    outputs, after = core(x, state)
    results = [outputs, *(each for each in state_tensors(after) if each.is_floating_point())]
    loss = sum(
        (each * torch.randn(each.shape, generator=generator, dtype=each.dtype)).sum()
        for each in results
    )
    asked = [x, *(each for each in core.parameters() if each.requires_grad)]
    found = torch.autograd.grad(loss, asked, allow_unused=True)
    return [torch.zeros(()) if each is None else each for each in found]


@pytest.mark.parametrize("name", [name for name, each in CAUSAL.items() if each.plain_loop])
def test_gradients_are_those_of_the_plain_loop(name: str) -> None:
    model = CAUSAL[name]
    torch.manual_seed(0)
    fast = to_double(model.build(3, 16, {}))
    loop = to_double(model.build(3, 16, dict(model.plain_loop or {})))
    loop.load_state_dict(fast.state_dict())
    x = torch.randn(2, 70, 3, dtype=torch.float64).requires_grad_()
    with torch.no_grad():
        _, state = fast(torch.randn(2, 5, 3, dtype=torch.float64))
    given = [gradients(core.train(), x, state) for core in (fast, loop)]
    for one, other in zip(*given, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-8)


def trained(name: str, task: str, *, probes: bool = False) -> Result:
    settings = {"steps": 3, "batch_size": 4, "validation_size": 8, "test_size": 8}
    request = Request([task], [name], [0], hidden_size=16, settings=settings)
    (spec,) = make_plan(request, loaded())
    job = TrialJob(spec=spec, options=TrialOptions(probes=probes))
    with one_thread():
        return run_trial(job, loaded())


@pytest.mark.parametrize("task", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("name", OWN)
def test_every_model_trains_on_every_kind_of_task(name: str, task: str) -> None:
    result = trained(name, task)
    if result.status is Status.INCOMPATIBLE:
        assert result.error  # the reason
        assert not OWN[name].causal or OWN[name].incompatible is not None
        return
    assert result.status is Status.DONE, result.error
    assert result.learning is not None


@pytest.mark.parametrize("name", OWN)
def test_every_model_is_probed(name: str) -> None:
    result = trained(name, "copy-memory[delay=4,symbols=3]", probes=True)
    assert result.status is Status.DONE, result.error
    assert not [note for note in result.all_notes if "the measurement failed" in note]
    assert result.size is not None
    assert result.gradient is not None


@pytest.mark.parametrize("name", OWN)
def test_every_model_describes_itself(name: str) -> None:
    model = OWN[name]
    assert model.family
    assert model.citations
    module = inspect.getdoc(sys.modules[unwrapped(model.factory).__module__]) or ""
    assert "::" in module, "equations in an indented block"
    documented = inspect.getdoc(unwrapped(model.factory)) or ""
    assert all(f"{option}:" in documented for option in model.options), model.options
