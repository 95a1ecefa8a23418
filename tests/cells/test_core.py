"""The core that the kit makes of a cell."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import cloudpickle
import pytest
import torch

import rnnbench
from rnnbench.contract.collector import Collector
from rnnbench.contract.entries import RegisteredModel
from rnnbench.contract.groups import groups_of
from rnnbench.contract.options import resolve
from rnnbench.errors import OptionError, PluginError
from rnnbench.records.spec import Provider
from rnnbench.testing import check_model
from tests.cells.toy_cells import Gated, Leaky, Memory, Nested

D, H = 3, 4


def registered(cell: Any, **how: Any) -> RegisteredModel:
    collector = Collector(Provider(distribution="acme", version="1"), {}, {})
    collector.register_model("toy", cell, **how)
    return collector.models["toy"]


def layers(core: Any) -> list[Any]:
    return list(core.layers)


def inputs(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("cell", [Gated, Nested, Leaky])
@pytest.mark.parametrize("options", [{}, {"num_layers": 3, "dropout": 0.2}], ids=str)
def test_a_registered_cell_keeps_the_contract(cell: Any, options: dict[str, Any]) -> None:
    check_model(registered(cell), options)


@pytest.mark.parametrize("cell", [Gated, Nested, Leaky])
def test_two_directions_keep_the_contract(cell: Any) -> None:
    both = rnnbench.recurrent(cell, bidirectional=True)
    check_model(registered(both, causal=False), {"num_layers": 2})


def test_options_are_those_of_the_kit_and_of_the_cell() -> None:
    model = registered(Gated)
    assert list(model.options) == ["num_layers", "dropout", "impl", "gate_bias"]
    assert model.options["impl"].choices == ("auto", "compiled", "reference")
    assert registered(Leaky).options["impl"].choices == ("parallel", "reference")
    assert model.plain_loop == {"impl": "reference"}
    assert model.summary == "Minimal gated unit, with an option, a group and a constraint."


def test_layers_are_the_cells_one_above_the_other() -> None:
    torch.manual_seed(0)
    core = registered(Gated).build(D, H, {"num_layers": 2, "gate_bias": 1.0}).double()
    x = inputs(2, 5, D)
    first, one = layers(core)[0](x)
    second, two = layers(core)[1](first)
    outputs, state = core(x)
    assert torch.equal(outputs, second)
    assert all(map(torch.equal, state, (one, two)))
    assert layers(core)[1].into.bias[:H].eq(1).all()


def test_two_directions_are_two_cells() -> None:
    torch.manual_seed(0)
    core = registered(rnnbench.recurrent(Gated, bidirectional=True), causal=False).build(D, H)
    core = core.double()
    x, lengths = inputs(2, 5, D), torch.tensor([5, 3])
    outputs, state = core(x, lengths=lengths)
    assert state is None
    for row, valid in enumerate(lengths.tolist()):
        own = x[row : row + 1, :valid]
        forward, _ = layers(core)[0](own)
        backward, _ = layers(core)[1](own.flip(1))
        expected = torch.cat([forward, backward.flip(1)], -1)
        torch.testing.assert_close(outputs[row, :valid], expected[0])
        assert not outputs[row, valid:].any()


def test_a_cell_is_told_its_place() -> None:
    model = registered(Nested)
    core = model.build(D, H, {"num_layers": 2}, depth=3, layer=1)
    assert [layer.place for layer in core.layers] == [(6, 2), (6, 3)]  # type: ignore[union-attr]


def test_groups_and_constraints_of_a_cell_hold_for_every_layer() -> None:
    core = registered(Gated).build(D, H, {"num_layers": 2})
    names = dict(core.named_parameters())
    slow = {name for name, each in names.items() if id(each) in groups_of(core)}
    assert slow == {"layers.0.gate.weight", "layers.1.gate.weight"}
    with torch.no_grad():
        for layer in layers(core):
            layer.gate.weight.fill_(3.0)
        core.after_step()  # type: ignore[operator]
    assert all(layer.gate.weight.eq(1).all() for layer in layers(core))
    plain = registered(Leaky).build(D, H)
    assert not hasattr(plain, "after_step")
    assert not hasattr(plain, "parameter_groups")


def test_a_nested_state_keeps_its_nesting() -> None:
    core = registered(Nested).build(D, H)
    _, (state,) = core(torch.randn(2, 4, D))
    assert isinstance(state, Memory)
    assert state.slow["of"].shape == (2, H)


def test_copies_and_transport_keep_the_core() -> None:
    core = rnnbench.recurrent(Gated)(D, H)
    x = torch.randn(2, 4, D)
    expected, _ = core(x)
    assert torch.equal(copy.deepcopy(core)(x)[0], expected)
    assert torch.equal(pickle.loads(cloudpickle.dumps(core))(x)[0], expected)  # noqa: S301


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"dropout": 0.5}, ValueError),
        ({"num_layers": 0}, OptionError),
        ({"impl": "fused"}, OptionError),
    ],
    ids=str,
)
def test_options_out_of_range_are_refused(options: dict[str, Any], error: type[Exception]) -> None:
    model = registered(Gated)
    with pytest.raises(error):
        model.build(D, H, resolve("toy", model.options, options))


class NoStep(rnnbench.Cell):
    pass


class Clash(Gated):
    def __init__(self, input_size: int, hidden_size: int, dropout: float = 0.0) -> None:
        super().__init__(input_size, hidden_size)


class Untyped(Gated):
    def __init__(self, input_size: int, hidden_size: int, bias=0.0) -> None:  # type: ignore[no-untyped-def]
        super().__init__(input_size, hidden_size, bias)


class Variadic(Gated):
    def __init__(self, input_size: int, hidden_size: int, **more: float) -> None:
        super().__init__(input_size, hidden_size, **more)


@pytest.mark.parametrize(
    ("cell", "named"),
    [(NoStep, "step"), (Clash, "dropout"), (Untyped, "bias"), (Variadic, "every option")],
)
def test_a_broken_cell_is_refused_at_registration(cell: Any, named: str) -> None:
    with pytest.raises(PluginError, match=named):
        registered(cell)


def test_only_cells_become_cores() -> None:
    with pytest.raises(PluginError, match="Linear"):
        rnnbench.recurrent(torch.nn.Linear)  # type: ignore[arg-type]
