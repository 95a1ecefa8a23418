"""The plain loops equal torch's recurrent modules, up to rounding."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnnbench.contract.core import map_state, state_tensors
from tests.plugins.support import (
    ALL,
    D,
    H,
    assert_close,
    assert_same_state,
    build,
    gradients,
    models,
    sequences,
)

VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "rnn-tanh": ("rnn", {}),
    "rnn-relu": ("rnn", {"nonlinearity": "relu"}),
    "rnn-deep": ("rnn", {"num_layers": 3}),
    "gru": ("gru", {}),
    "gru-deep": ("gru", {"num_layers": 2}),
    "lstm": ("lstm", {}),
    "lstm-deep": ("lstm", {"num_layers": 2}),
    "lstm-projected": ("lstm", {"num_layers": 2, "proj_size": 2}),
    "bilstm": ("bilstm", {}),
    "bilstm-deep": ("bilstm", {"num_layers": 2}),
    "attention-lstm": ("attention-lstm", {"num_layers": 2}),
}
LENGTHS = torch.tensor([6, 1, 4])


@pytest.fixture(params=VARIANTS)
def pair(request: pytest.FixtureRequest) -> tuple[Any, Any]:
    """The plain loop and torch's kernel with the same parameters, from torch's initialisation."""
    name, options = VARIANTS[request.param]
    return build(name, init="torch", impl="reference", **options), build(
        name, init="torch", **options
    )


def weighed(outputs: Tensor, state: Any) -> Tensor:
    """Return a random linear function of the outputs and of every number in the state."""
    generator = torch.Generator().manual_seed(7)
    parts = [outputs, *(part for part in state_tensors(state) if part.is_floating_point())]
    return torch.stack(
        [
            (part * torch.randn(part.shape, generator=generator, dtype=part.dtype)).sum()
            for part in parts
        ]
    ).sum()


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "ragged"])
@pytest.mark.parametrize("continued", [False, True], ids=["fresh", "continued"])
def test_loop_equals_torch_in_outputs_states_and_every_gradient(
    pair: tuple[Any, Any], lengths: Tensor | None, continued: bool
) -> None:
    if continued and lengths is not None and pair[0].recurrence.bidirectional:
        pytest.skip("bilstm reads complete sequences with lengths")
    results = []
    for core in pair:
        x = sequences(3, 6).requires_grad_()
        before = (
            map_state(core(sequences(3, 2, seed=3))[1], torch.Tensor.detach) if continued else None
        )
        state = map_state(before, lambda tensor: tensor.requires_grad_())
        outputs, after = core(x, state, lengths)
        loss = weighed(outputs, after)
        given = (
            torch.autograd.grad(loss, state_tensors(state), retain_graph=True) if continued else ()
        )
        results.append((outputs, after, given, gradients(loss, x, core)))
    (outputs, after, given, found), (torch_outputs, torch_after, torch_given, torch_found) = results
    assert_close(outputs, torch_outputs)
    assert (after is None) == (torch_after is None)
    if after is not None:
        assert_same_state(after, torch_after)
    assert len(given) == len(torch_given)
    for one, other in zip(given, torch_given, strict=True):
        assert_close(one, other)
    assert found.keys() == torch_found.keys()
    assert len(found) >= 5  # x, two matrices, two biases
    for name in found:
        assert found[name].abs().max() > 0, name
        assert_close(found[name], torch_found[name])


def test_loop_equals_torch_in_single_precision(pair: tuple[Any, Any]) -> None:
    x = sequences(3, 20).float()
    with torch.no_grad():
        (outputs, state), (torch_outputs, torch_state) = (core.float()(x) for core in pair)
    assert_close(outputs, torch_outputs, 1e-6)
    for one, other in zip(state_tensors(state), state_tensors(torch_state), strict=True):
        assert_close(one, other, 1e-6)


@pytest.mark.parametrize(("name", "module"), [("rnn", nn.RNN), ("gru", nn.GRU), ("lstm", nn.LSTM)])
def test_weights_of_a_torch_module_can_be_loaded(
    name: str, module: Callable[..., nn.RNNBase]
) -> None:
    theirs = module(D, H, 2, batch_first=True).double()
    ours = build(name, num_layers=2, impl="reference")
    ours.recurrence.load_state_dict(theirs.state_dict())
    x = sequences(2, 5)
    assert_close(ours(x)[0], theirs(x)[0])


@pytest.mark.parametrize("name", ["bilstm", "attention-lstm"])
@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["full", "ragged"])
def test_both_implementations_read_out_the_same_at_the_end(
    name: str, lengths: Tensor | None
) -> None:
    x = sequences(3, 6)
    loop, fused = (build(name, seed=5, num_layers=2, impl=i) for i in ("reference", "fused"))
    assert_close(loop.forward_last(x, lengths), fused.forward_last(x, lengths))


@pytest.mark.parametrize("name", ALL)
def test_both_implementations_are_the_same_network_at_the_same_seed(name: str) -> None:
    cores, randoms = [], []
    for impl in ("reference", "fused"):
        cores.append(build(name, seed=5, num_layers=2, impl=impl))
        randoms.append(torch.rand(1))
    loop, fused = cores
    assert torch.equal(*randoms)  # later draws, e.g. those of a decoder, are equal too
    assert loop.state_dict().keys() == fused.state_dict().keys()
    for key, value in loop.state_dict().items():
        assert torch.equal(value, fused.state_dict()[key])


def test_lstm_loop_matches_the_equations_by_hand() -> None:
    """One unit, one step: the gate blocks of torch (i, f, g, o) are read in their order."""
    core = build("lstm", 1, 1, impl="reference")
    with torch.no_grad():
        core.recurrence.weight_ih_l0.copy_(torch.tensor([[0.1], [0.2], [0.3], [0.4]]))
        core.recurrence.weight_hh_l0.copy_(torch.tensor([[0.5], [0.6], [0.7], [0.8]]))
        core.recurrence.bias_ih_l0.copy_(torch.tensor([0.01, 0.02, 0.03, 0.04]))
    x, h, c = (torch.tensor([[[value]]], dtype=torch.float64) for value in (1.5, -0.5, 2.0))
    _, (_, cell) = core(x, (h, c))
    i = torch.sigmoid(0.1 * x + 0.5 * h + 0.01)
    f = torch.sigmoid(0.2 * x + 0.6 * h + 0.02)
    g = torch.tanh(0.3 * x + 0.7 * h + 0.03)
    assert_close(cell, f * c + i * g, 1e-7)  # the weights above were rounded to single precision


@pytest.mark.parametrize("name", ALL)
def test_every_built_in_model_declares_its_plain_loop(name: str) -> None:
    assert models()[name].plain_loop == {"impl": "reference"}
