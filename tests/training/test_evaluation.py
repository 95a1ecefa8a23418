"""A score does not depend on the batch size of the evaluation."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from rnnbench.contract.task import Batch, Task
from rnnbench.training import evaluation
from rnnbench.training.evaluation import evaluate, means, measure_items, predict
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


@pytest.mark.parametrize("rows", [3, 1000])
def test_items_are_the_results_of_single_sequences(
    rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evaluation, "EVALUATION_ROWS", rows)
    task = RunningMean()
    network, data = network_for(task), task.splits().test
    measured = measure_items(network, task, data, keep_items=True)
    assert data.lengths is not None
    assert measured.values is not None
    assert measured.weights is not None
    assert measured.weights.tolist() == data.lengths.tolist()
    alone = [means(network, task, data.rows(slice(i, i + 1)))[1] for i in range(len(data))]
    assert measured.values.tolist() == pytest.approx(alone, rel=1e-5)
    weighted = (measured.values * measured.weights).sum() / measured.weights.sum()
    assert weighted.item() == pytest.approx(measured.mean, rel=1e-12)
    assert (measured.loss, measured.mean) == means(network, task, data)


def test_an_item_without_a_prediction_that_counts_weighs_nothing() -> None:
    task = RunningMean()
    data = task.splits().test
    mask = torch.ones(data.inputs.shape[:2], dtype=torch.bool)
    mask[2] = False
    measured = measure_items(network_for(task), task, replace(data, mask=mask), keep_items=True)
    assert measured.values is not None
    assert measured.weights is not None
    assert (measured.values[2].item(), measured.weights[2].item()) == (0, 0)


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
