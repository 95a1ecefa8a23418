"""A score does not depend on the batch size of the evaluation."""

from __future__ import annotations

import math

import pytest
import torch

from rnnbench.contract.task import Batch, Task
from rnnbench.training import evaluation
from rnnbench.training.evaluation import evaluate, means, predict
from tests.support.toy_tasks import FirstSymbol, RunningMean, network_for


@pytest.mark.parametrize("task", [FirstSymbol(), RunningMean()])
@pytest.mark.parametrize("rows", [1, 7, 1000])
def test_the_score_does_not_depend_on_the_batch_size(
    task: Task, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = network_for(task)
    data = (
        task.sample(20, torch.Generator().manual_seed(0))
        if isinstance(task, FirstSymbol)
        else RunningMean().splits().test
    )
    whole = evaluate(network, task, data)
    monkeypatch.setattr(evaluation, "EVALUATION_ROWS", rows)
    assert evaluate(network, task, data) == pytest.approx(whole, rel=1e-6)


def test_prediction_restores_training_mode_and_records_no_gradient() -> None:
    network = network_for(FirstSymbol()).train()
    outputs = predict(network, torch.zeros(3, 6, dtype=torch.int64))
    assert network.training
    assert not outputs.requires_grad


def test_loss_and_score_are_nan_when_no_prediction_counts() -> None:
    task = RunningMean()
    nothing = Batch(
        torch.zeros(2, 7, 2), torch.zeros(2, 7, 2), mask=torch.zeros(2, 7, dtype=torch.bool)
    )
    assert all(math.isnan(mean) for mean in means(network_for(task), task, nothing))
