"""Models in residual blocks: the contract of a core holds for the block.

The checks of every model (``tests/test_contract.py``) take a block too, the smallest one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.contract.core import state_tensors
from rnnbench.records.recipe import Residual
from rnnbench.testing.model import checks
from rnnbench.testing.model.subject import ModelUnderTest
from rnnbench.testing.outcome import failures
from rnnbench.training.network import in_block
from tests.plugins.support import ALL, CAUSAL, D, assert_close, models, sequences

BLOCKS = (
    Residual(),
    Residual(depth=2, mlp=2.0, norm="layer", dropout=0.2),
    Residual(depth=3, mlp=0.5, norm="none"),
)
OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    *((name, {}) for name in ALL),
    ("lstm", {"proj_size": 5, "num_layers": 2}),
    ("gru", {"num_layers": 2, "dropout": 0.3}),
)
STEPS = 7


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.label)
@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=str)
def test_a_block_keeps_the_contract_of_a_core(
    name: str, options: dict[str, Any], block: Residual
) -> None:
    model = models()[name]
    resolved = {**{key: option.default for key, option in model.options.items()}, **options}
    subject = ModelUnderTest(model, resolved)
    assert not failures(checks.results(replace(subject, block=block)))


@pytest.mark.parametrize("name", CAUSAL)
@settings(deadline=None, max_examples=10)
@given(
    cuts=st.sets(st.integers(1, STEPS - 1)),
    depth=st.integers(1, 4),
    mlp=st.sampled_from([0.0, 0.3, 2.0]),
    norm=st.sampled_from(["rms", "layer", "none"]),
    width=st.sampled_from([D, 4]),
)
def test_any_cut_of_a_sequence_gives_the_same_outputs_and_state(
    name: str, cuts: set[int], depth: int, mlp: float, norm: Any, width: int
) -> None:
    torch.manual_seed(0)
    block = Residual(depth=depth, mlp=mlp, norm=norm)
    core = in_block(models()[name], D, options={}, width=width, block=block).double().eval()
    x = sequences(2, STEPS)
    with torch.no_grad():
        whole, last = core(x)
        pieces, state = [], None
        for chunk in torch.tensor_split(x, sorted(cuts), dim=1):
            outputs, state = core(chunk, state)
            pieces.append(outputs)
    assert_close(torch.cat(pieces, dim=1), whole)
    for one, other in zip(state_tensors(state), state_tensors(last), strict=True):
        assert_close(one, other)


@settings(deadline=None, max_examples=15)
@given(
    lengths=st.lists(st.integers(1, STEPS), min_size=1, max_size=4),
    depth=st.integers(1, 3),
    mlp=st.sampled_from([0.0, 1.0]),
)
def test_padding_does_not_leak_through_a_block(lengths: list[int], depth: int, mlp: float) -> None:
    torch.manual_seed(0)
    block = Residual(depth=depth, mlp=mlp)
    core = in_block(models()["bilstm"], D, options={}, width=4, block=block).double().eval()
    x = sequences(len(lengths), STEPS)
    valid = torch.arange(STEPS) < torch.tensor(lengths)[:, None]
    padded = torch.where(valid[..., None], x, 1e3 * sequences(len(lengths), STEPS, seed=2))
    with torch.no_grad():
        outputs, _ = core(padded, None, torch.tensor(lengths))
        ends = core.forward_last(padded, torch.tensor(lengths))
        for row, length in enumerate(lengths):
            alone = x[row : row + 1, :length]
            assert_close(outputs[row : row + 1, :length], core(alone)[0])
            assert_close(ends[row : row + 1], core.forward_last(alone))
