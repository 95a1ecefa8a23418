"""A trial that varies one source of randomness trains as if the others had the seed 0."""

from __future__ import annotations

import pytest
import torch

from rnnbench.execution.jobs.messages import TrialJob
from rnnbench.execution.jobs.trial import run_trial
from rnnbench.execution.options import TrialOptions
from rnnbench.plan.planning import Request, make_plan
from rnnbench.records.result import Learning
from rnnbench.records.spec import TrialSpec, Varied
from rnnbench.training.data import source_of
from rnnbench.training.loop import Learner, fit
from rnnbench.training.network import build_network
from rnnbench.training.randomness import seed_for
from tests.golden.trials import one_thread
from tests.tasks.builders import loaded

GENERATED, FINITE = "delayed-match[delay=2,symbols=3]", "sequential-digits"
DROPPING = "lstm[num_layers=2,dropout=0.3]"
CPU = torch.device("cpu")


def spec_of(task: str, seed: int, varied: Varied = "all") -> TrialSpec:
    settings = {"steps": 6, "batch_size": 8, "validation_size": 16, "test_size": 32}
    request = Request([task], [DROPPING], [seed], hidden_size=6, settings=settings)
    (spec,) = make_plan(request, loaded())
    return spec.model_copy(update={"varied": varied})


def run(spec: TrialSpec) -> Learning:
    with one_thread():
        found = run_trial(TrialJob(spec=spec, options=TrialOptions(probes=False)), loaded())
    assert found.learning is not None, found.error
    return found.learning


def by_hand(spec: TrialSpec, init: int, data: int, order: int) -> list[float]:
    """Train with three seeds given apart; return the training and validation losses."""
    task = loaded().task(spec.task.name).build(spec.task.options)
    ordinary = spec.model_copy(update={"varied": "all", "seed": init})
    network = build_network(ordinary, loaded().model(spec.model.name), task)
    finite = spec.task.name == FINITE
    source = source_of(task, spec.settings, order if finite else data, CPU)
    torch.manual_seed(seed_for(order, "dropout"))
    learner = Learner(network, task, source, spec.settings)
    with one_thread():
        fit(learner, device=CPU)
    return [loss for p in learner.curve for loss in (p.train_loss, p.validation_loss)]


@pytest.mark.parametrize("task", [GENERATED, FINITE])
@pytest.mark.parametrize(
    ("varied", "seeds"),
    [("all", (5, 5, 5)), ("init", (5, 0, 0)), ("data", (0, 5, 0)), ("order", (0, 0, 5))],
)
def test_one_source_takes_the_seed_and_the_others_take_0(
    task: str, varied: Varied, seeds: tuple[int, int, int]
) -> None:
    spec = spec_of(task, 5, varied)
    losses = [loss for p in run(spec).curve for loss in (p.train_loss, p.validation_loss)]
    assert losses == by_hand(spec, *seeds)
    if task == FINITE and varied == "data":
        assert losses == by_hand(spec, 0, 0, 0)
    else:
        assert losses != by_hand(spec, 0, 0, 0)


@pytest.mark.parametrize("varied", ["init", "data", "order"])
def test_at_seed_0_every_source_gives_the_ordinary_trial(varied: Varied) -> None:
    one, ordinary = run(spec_of(GENERATED, 0, varied)), run(spec_of(GENERATED, 0))
    assert one.score == ordinary.score
    assert [p.validation_loss for p in one.curve] == [p.validation_loss for p in ordinary.curve]
