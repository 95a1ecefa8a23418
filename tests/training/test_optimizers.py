"""Optimizers by name, the groups of their parameters, and what a core asks of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn, optim

from rnnbench.contract.groups import ParameterGroup
from rnnbench.errors import PluginError
from rnnbench.records.settings import Settings
from rnnbench.training.network import Network
from rnnbench.training.optimizers import build_optimizer, recorded_groups
from tests.support.toy_cores import IndependentCore, SlowCore, TorchRNN
from tests.support.toy_tasks import FirstSymbol, network_for

RATE = 0.02


def with_gradients(core: Any = TorchRNN) -> Network:
    """Return a network with gradients that are the same at every call."""
    network = network_for(FirstSymbol(), core)
    set_gradients(network, 0)
    return network


def set_gradients(network: nn.Module, seed: int) -> None:
    drawn = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.grad = torch.randn(parameter.shape, generator=drawn)


def settings(**values: Any) -> Settings:
    return Settings.model_validate({"learning_rate": RATE, **values})


def changes(network: Network, chosen: Settings, seed: int = 0) -> dict[str, Tensor]:
    """Take one step; return the change of each parameter."""
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    optimizer = build_optimizer(network, chosen)
    set_gradients(network, seed)
    optimizer.step()
    return {name: p.detach() - before[name] for name, p in network.named_parameters()}


@pytest.mark.parametrize(
    ("text", "by_torch"),
    [
        # the optimizers of record schema 2, as they were built then
        ("adam", lambda p, d: optim.Adam(p, lr=RATE, weight_decay=d, fused=True)),
        ("adamw", lambda p, d: optim.AdamW(p, lr=RATE, weight_decay=d, fused=True)),
        ("rmsprop", lambda p, d: optim.RMSprop(p, lr=RATE, alpha=0.9, weight_decay=d)),
        ("sgd", lambda p, d: optim.SGD(p, lr=RATE, momentum=0.9, weight_decay=d, fused=True)),
        # others, with torch's defaults and with options
        ("nadam", lambda p, d: optim.NAdam(p, lr=RATE, weight_decay=d)),
        ("radam", lambda p, d: optim.RAdam(p, lr=RATE, weight_decay=d)),
        ("adamax", lambda p, d: optim.Adamax(p, lr=RATE, weight_decay=d)),
        ("adagrad", lambda p, d: optim.Adagrad(p, lr=RATE, weight_decay=d)),
        ("adadelta", lambda p, d: optim.Adadelta(p, lr=RATE, weight_decay=d)),
        (
            "adamw[beta1=0.8,beta2=0.95,eps=1e-6,amsgrad=true]",
            lambda p, d: optim.AdamW(
                p, lr=RATE, weight_decay=d, betas=(0.8, 0.95), eps=1e-6, amsgrad=True, fused=True
            ),
        ),
        (
            "sgd[momentum=0.5,nesterov=true]",
            lambda p, d: optim.SGD(
                p, lr=RATE, weight_decay=d, momentum=0.5, nesterov=True, fused=True
            ),
        ),
        ("sgd[momentum=0]", lambda p, d: optim.SGD(p, lr=RATE, weight_decay=d, fused=True)),
        (
            "rmsprop[alpha=0.95,momentum=0.2,centered=true]",
            lambda p, d: optim.RMSprop(
                p, lr=RATE, alpha=0.95, momentum=0.2, centered=True, weight_decay=d
            ),
        ),
        (
            "adagrad[lr_decay=0.1,initial_accumulator_value=0.2]",
            lambda p, d: optim.Adagrad(
                p, lr=RATE, lr_decay=0.1, initial_accumulator_value=0.2, weight_decay=d
            ),
        ),
    ],
)
@pytest.mark.parametrize("decay", [0.0, 0.03])
def test_it_is_the_optimizer_of_torch_bit_for_bit(
    text: str, by_torch: Callable[[list[nn.Parameter], float], optim.Optimizer], decay: float
) -> None:
    ours, theirs = with_gradients(), with_gradients()
    one = build_optimizer(ours, settings(optimizer=text, weight_decay=decay, weight_decay_on="all"))
    other = by_torch(list(theirs.parameters()), decay)
    for step in range(7):
        for network, optimizer in ((ours, one), (theirs, other)):
            set_gradients(network, step)
            optimizer.step()
    for (name, tensor), expected in zip(ours.named_parameters(), theirs.parameters(), strict=True):
        assert torch.equal(tensor, expected), name


@pytest.mark.parametrize("core", [TorchRNN, IndependentCore])
@pytest.mark.parametrize("on", ["weights", "all"])
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_there_is_one_group_unless_parameters_differ(core: Any, on: str, decay: float) -> None:
    network = with_gradients(core)
    chosen = settings(weight_decay=decay, weight_decay_on=on)
    optimizer = build_optimizer(network, chosen)
    one = decay == 0 or on == "all"
    assert len(optimizer.param_groups) == (1 if one else 2)
    assert (recorded_groups(network, optimizer, chosen) == ()) == one
    first = optimizer.param_groups[0]["params"]
    if one:
        assert all(a is b for a, b in zip(first, network.parameters(), strict=True))


def test_weight_decay_on_weights_leaves_biases_and_exempt_parameters_alone() -> None:
    network = network_for(FirstSymbol(), SlowCore)
    before = {name: p.detach().clone() for name, p in network.named_parameters()}
    chosen = settings(optimizer="sgd[momentum=0]", weight_decay=0.5)
    optimizer = build_optimizer(network, chosen)
    for parameter in network.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, parameter in network.named_parameters():
        shrinks = parameter.ndim > 1
        expected = before[name] * (1 - RATE * 0.5 if shrinks else 1)
        torch.testing.assert_close(parameter.detach(), expected, rtol=1e-6, atol=0)
    assert any(p.ndim < 2 for p in network.parameters())


@pytest.mark.parametrize("factor", [0.1, 4.0])
def test_the_update_of_a_slow_group_is_the_factor_times_the_ordinary_one(
    factor: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SlowCore, "factor", factor)
    chosen = settings(optimizer="sgd")
    slow, ordinary = (
        changes(network_for(FirstSymbol(), core), chosen) for core in (SlowCore, IndependentCore)
    )
    # the update is the difference of two rounded weights
    torch.testing.assert_close(
        slow["core.recurrent"], factor * ordinary["core.recurrent"], rtol=1e-4, atol=1e-7
    )
    for name in slow.keys() - {"core.recurrent"}:
        assert torch.equal(slow[name], ordinary[name]), name


def test_the_record_names_groups_with_rate_and_decay() -> None:
    network = network_for(FirstSymbol(), SlowCore)
    chosen = settings(optimizer="adamw", weight_decay=0.2)
    groups = recorded_groups(network, build_optimizer(network, chosen), chosen)
    found = {
        (group.learning_rate_factor, group.weight_decay): set(group.parameters) for group in groups
    }
    assert found == {
        (1.0, 0.2): {"encoder.weight", "core.into.weight", "decoder.weight"},
        (1.0, 0.0): {"core.into.bias", "decoder.bias"},
        (0.1, 0.0): {"core.recurrent"},
    }
    assert sum(group.numbers for group in groups) == sum(p.numel() for p in network.parameters())


class _OwnDecay(IndependentCore):
    def parameter_groups(self) -> list[ParameterGroup]:
        return [ParameterGroup(["into.*"], weight_decay=0.3)]


def test_a_decay_of_its_own_holds_without_a_decay_of_the_settings() -> None:
    network = network_for(FirstSymbol(), _OwnDecay)
    optimizer = build_optimizer(network, settings())
    decays = {
        id(parameter): group["weight_decay"]
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    for name, parameter in network.named_parameters():
        assert decays[id(parameter)] == (0.3 if name.startswith("core.into") else 0.0)


def test_frozen_parameters_are_in_no_group() -> None:
    network = network_for(FirstSymbol(), SlowCore)
    network.core.recurrent.requires_grad_(False)
    (group,) = build_optimizer(network, settings()).param_groups
    assert len(group["params"]) == len(list(network.parameters())) - 1


class _Unknown(IndependentCore):
    def parameter_groups(self) -> list[ParameterGroup]:
        return [ParameterGroup(["weights"])]


def test_groups_that_do_not_exist_are_refused() -> None:
    with pytest.raises(PluginError, match="'weights'"):
        build_optimizer(network_for(FirstSymbol(), _Unknown), settings())
