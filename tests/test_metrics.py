"""Metrics and losses against torch's own, with padding and masks."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch.nn import functional as F

from rnnbench import metrics
from rnnbench.contract.task import Batch, Bits, Metric, Tokens, Vectors


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


@settings(deadline=None)
@given(st.lists(st.integers(1, 5), min_size=1, max_size=4), st.integers(1, 6), st.integers(0, 100))
def test_bits_have_the_log_likelihood_of_bernoulli_variables(
    lengths: list[int], dim: int, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    logits = 3 * torch.randn(len(lengths), 5, dim, generator=generator, dtype=torch.float64)
    targets = torch.randint(2, logits.shape, generator=generator).double()
    batch = Batch(targets, targets, torch.tensor(lengths))
    values, weights = metrics.bit_cross_entropy(logits, batch)
    expected = -stats.bernoulli.logpmf(targets.numpy(), 1 / (1 + np.exp(-logits.numpy()))).sum(-1)
    np.testing.assert_allclose(values, expected, rtol=1e-9)
    frames = [expected[row, step] for row, n in enumerate(lengths) for step in range(n)]
    loss = metrics.mean_loss(metrics.bit_cross_entropy, logits, batch)
    assert loss.item() == pytest.approx(np.mean(frames))
    assert weights is not None
    assert weights.sum() == sum(lengths)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_bits_are_exact_for_certain_predictions(dtype: torch.dtype) -> None:
    logits = torch.tensor([[0.0, 9, -9, 30, -30, 1e4, -1e4]], dtype=dtype, requires_grad=True)
    z = logits.detach().double().numpy()[0]
    for target in (0.0, 1.0):
        targets = torch.full_like(logits, target).detach()
        each = [
            metrics.bit_cross_entropy(logits[:, [bit]], Batch(targets, targets[:, [bit]]))[0].item()
            for bit in range(7)
        ]
        # log(1 + exp(-z)) for a bit of 1, written without overflow
        exact = np.logaddexp(0, -z if target else z)
        np.testing.assert_allclose(each, exact, rtol=1e-6, atol=1e-12)
        loss = metrics.mean_loss(metrics.bit_cross_entropy, logits, Batch(targets, targets))
        assert loss.item() == pytest.approx(exact.sum(), rel=1e-6)
        (gradient,) = torch.autograd.grad(loss, logits)
        with np.errstate(over="ignore"):
            np.testing.assert_allclose(gradient[0], 1 / (1 + np.exp(-z)) - target, atol=1e-6)


def test_the_loss_follows_the_output_space() -> None:
    assert metrics.loss_for(Tokens(3)) is metrics.cross_entropy
    assert metrics.loss_for(Vectors(3)) is metrics.squared_error
    assert metrics.loss_for(Bits(3)) is metrics.bit_cross_entropy


def test_directions() -> None:
    assert metrics.ACCURACY.better(0.9, 0.8)
    assert not metrics.ACCURACY.better(math.nan, 0.8)
    assert metrics.MSE.better(0.1, 0.2)
    assert metrics.MSE.reaches(0.1, 0.1)
    assert not metrics.ACCURACY.reaches(0.89, 0.9)
    assert metrics.RMSE.finish(4.0) == 2.0
    assert Metric("x", "higher", metrics.correct).finish(0.3) == 0.3
