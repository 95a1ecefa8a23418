"""Metrics and losses against torch's own, with padding and masks."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from rnnbench import metrics
from rnnbench.contract.task import Batch, Metric


def _logits(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def test_the_loss_is_torchs_own_where_everything_counts() -> None:
    logits, targets = (
        _logits(5, 7, 3),
        torch.randint(3, (5, 7), generator=torch.Generator().manual_seed(1)),
    )
    batch = Batch(torch.zeros(5, 7), targets)
    loss = metrics.mean_loss(metrics.cross_entropy, logits, batch)
    torch.testing.assert_close(loss, F.cross_entropy(logits.flatten(0, 1), targets.flatten()))
    values = Batch(torch.zeros(5, 7), _logits(5, 7, 3, seed=2))
    torch.testing.assert_close(
        metrics.mean_loss(metrics.squared_error, logits, values), F.mse_loss(logits, values.targets)
    )
    torch.testing.assert_close(
        metrics.mean_loss(metrics.absolute_error, logits, values), F.l1_loss(logits, values.targets)
    )


@settings(deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.integers(0, 100))
def test_padding_and_masked_steps_weigh_nothing(lengths: list[int], seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    rows = len(lengths)
    targets = torch.randint(3, (rows, 6), generator=generator)
    mask = torch.rand(rows, 6, generator=generator) < 0.7
    mask[0, 0] = True
    logits = _logits(rows, 6, 3, seed=seed)
    batch = Batch(torch.zeros(rows, 6), targets, torch.tensor(lengths), mask)
    counted = [(r, t) for r, n in enumerate(lengths) for t in range(n) if mask[r, t]]
    expected = torch.stack(
        [F.cross_entropy(logits[r, t], targets[r, t]) for r, t in counted]
    ).mean()
    torch.testing.assert_close(metrics.mean_loss(metrics.cross_entropy, logits, batch), expected)
    hits = sum(bool(logits[r, t].argmax() == targets[r, t]) for r, t in counted) / len(counted)
    assert metrics.mean_loss(metrics.correct, logits, batch).item() == pytest.approx(hits)


def test_directions() -> None:
    assert metrics.ACCURACY.better(0.9, 0.8)
    assert not metrics.ACCURACY.better(math.nan, 0.8)
    assert metrics.MSE.better(0.1, 0.2)
    assert metrics.MSE.reaches(0.1, 0.1)
    assert not metrics.ACCURACY.reaches(0.89, 0.9)
    assert metrics.RMSE.finish(4.0) == 2.0
    assert Metric("x", "higher", metrics.correct).finish(0.3) == 0.3
