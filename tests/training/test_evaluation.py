"""A score does not depend on how the data are cut into batches."""

from __future__ import annotations

import math

import pytest
import torch

from rnnbench.contract.task import Batch, Task
from rnnbench.metrics import correct
from rnnbench.training import evaluation
from rnnbench.training.evaluation import evaluate, predict, weighted_mean
from tests.support.toys import FirstSymbol, RunningMean, network_for


@pytest.mark.parametrize("task", [FirstSymbol(), RunningMean()])
@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_the_cut_does_not_matter(task: Task, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    network = network_for(task)
    data = (
        task.sample(20, torch.Generator().manual_seed(0))
        if isinstance(task, FirstSymbol)
        else RunningMean().splits().test
    )
    whole = evaluate(network, task, data)
    monkeypatch.setattr(evaluation, "EVALUATION_ROWS", rows)
    assert evaluate(network, task, data) == pytest.approx(whole, rel=1e-6)


def test_evaluation_leaves_the_mode_as_it_was_and_no_gradient() -> None:
    network = network_for(FirstSymbol()).train()
    outputs = predict(network, torch.zeros(3, 6, dtype=torch.int64))
    assert network.training
    assert not outputs.requires_grad


def test_a_mean_over_nothing_is_not_a_number() -> None:
    nothing = Batch(
        torch.zeros(2, 3),
        torch.zeros(2, 3, dtype=torch.int64),
        mask=torch.zeros(2, 3, dtype=torch.bool),
    )
    assert math.isnan(weighted_mean(correct, torch.zeros(2, 3, 4), nothing))
