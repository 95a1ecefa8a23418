"""``gru`` with ``impl=compiled`` is the function of torch's layer, on the same parameters."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor

from rnnbench.cells.autograd import run_plan
from tests.plugins.support import assert_close, build, gradients, sequences

pytestmark = pytest.mark.usefixtures("interpreted")
B, H = 4, 4


@pytest.fixture
def pair() -> tuple[Any, Any]:
    """Return a prepared core of two layers and torch's, with equal weights."""
    compiled, fused = (build("gru", num_layers=2, impl=impl) for impl in ("compiled", "fused"))
    assert compiled.prepare(sequences(B, 6), None) == "compiled step"
    assert fused.prepare(sequences(B, 6), None) is None
    return compiled, fused


def _results(core: Any, steps: int, state: Tensor | None) -> list[Tensor]:
    x = sequences(B, steps, seed=steps).requires_grad_()
    outputs, after = core(x, state)
    weights = torch.linspace(-1, 1, outputs.numel(), dtype=outputs.dtype).view_as(outputs)
    loss = (outputs * weights).sum() + after.square().sum()
    found = gradients(loss, x, core)
    return [outputs, after, *(found[name] for name in sorted(found))]


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("steps", [2, 9])
def test_equals_torch_in_outputs_states_and_every_gradient(
    pair: tuple[Any, Any], steps: int, given: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def counted(*given: Any) -> Any:
        calls.append(given)
        return run_plan(*given)

    monkeypatch.setattr("rnnbench.cells.fast_path.run_plan", counted)
    state = sequences(2, B, H, seed=3) if given else None
    for one, two in zip(*(_results(core, steps, state) for core in pair), strict=True):
        assert_close(one, two)
    assert len(calls) == 2


def test_parameters_and_saved_weights_are_those_of_torch(pair: tuple[Any, Any]) -> None:
    compiled, fused = pair
    assert list(compiled.state_dict()) == list(fused.state_dict())
    fused.recurrence.weight_hh_l0.data.mul_(2)
    compiled.load_state_dict(fused.state_dict())
    for each in (compiled, copy.deepcopy(compiled), pickle.loads(pickle.dumps(compiled))):  # noqa: S301 - just made
        assert_close(each(sequences(B, 5))[0], fused(sequences(B, 5))[0])


def test_a_copy_runs_with_weights_of_its_own(pair: tuple[Any, Any]) -> None:
    compiled, fused = pair
    duplicate = copy.deepcopy(compiled)
    with torch.no_grad():
        for each in duplicate.parameters():
            each.zero_()
    assert not duplicate(sequences(B, 5))[0].any()
    assert_close(compiled(sequences(B, 5))[0], fused(sequences(B, 5))[0])


def test_sequences_of_different_lengths(pair: tuple[Any, Any]) -> None:
    lengths = torch.tensor([5, 1, 3, 2])
    for one, two in zip(*(core(sequences(B, 5), None, lengths) for core in pair), strict=True):
        assert_close(one, two)
