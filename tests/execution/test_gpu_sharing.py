"""Several trials share one GPU, each in its own process; ``pytest -m gpu`` runs this."""

from __future__ import annotations

import math

import pytest

from rnnbench.records.result import Status
from tests.execution.conftest import Plan, Sweeping


@pytest.mark.gpu
@pytest.mark.parametrize("cuda_graphs", [False, True])
def test_several_trials_share_a_gpu(plan: Plan, sweep: Sweeping, cuda_graphs: bool) -> None:
    models = plan("good", "slow", "talkative-model", steps=20)
    summary, records = sweep(
        models, accelerator="gpu", jobs=3, memory=2 << 30, cuda_graphs=cuda_graphs
    )
    assert summary.statuses == {Status.DONE: 3}
    for record in records.values():
        result = record.result
        assert result.environment is not None
        assert result.environment.device != "cpu"
        assert result.environment.deterministic
        assert result.learning is not None
        assert math.isfinite(result.learning.test_loss)
