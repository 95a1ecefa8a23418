"""Options of the built-in models: accepted and refused values."""

from __future__ import annotations

from typing import Any

import pytest

from rnnbench.contract.options import resolve
from rnnbench.errors import OptionError
from tests.plugins.support import ALL, H, build, models


@pytest.mark.parametrize("name", ALL)
def test_every_model_stacks_layers_drops_between_them_and_names_its_initialisation(
    name: str,
) -> None:
    model = models()[name]
    defaults = resolve(name, model.options, {})
    assert {key: defaults[key] for key in ("num_layers", "dropout", "init")} == {
        "num_layers": 1,
        "dropout": 0.0,
        "init": "orthogonal",
    }
    assert model.summary.endswith(").")
    assert model.cited


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("rnn", {"num_layers": "0"}),
        ("rnn", {"nonlinearity": "sigmoid"}),
        ("gru", {"dropout": "1"}),
        ("gru", {"dropout": "nan"}),
        ("lstm", {"dropout": "-0.1"}),
        ("lstm", {"proj_size": "-1"}),
        ("lstm", {"forget_bias": "inf"}),
        ("gru", {"update_bias": "inf"}),
        ("lstm", {"impl": "quick"}),
        ("lstm", {"init": "identity"}),
        ("bilstm", {"impl": "quick"}),
        ("attention-lstm", {"attention_size": "0"}),
        ("sru", {"highway_bias": "1000"}),
        ("transformer", {"mlp": "1e30"}),
    ],
)
def test_a_value_out_of_range_is_refused_before_anything_is_built(
    name: str, given: dict[str, str]
) -> None:
    with pytest.raises(OptionError, match=name):
        resolve(name, models()[name].options, given)


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("lstm", {"proj_size": H}, "hidden_size=4"),
        ("lstm", {"chrono": 2}, "chrono=2"),
        ("lstm", {"chrono": 100, "forget_bias": 2.0}, "forget_bias=2.0"),
        *[(name, {"dropout": 0.5}, "num_layers=2") for name in ALL],
        *[
            (name, {"init": "torch", "forget_bias": 0.0}, "init=orthogonal")
            for name in ("lstm", "bilstm", "attention-lstm")
        ],
        ("gru", {"init": "torch", "update_bias": 1.0}, "init=orthogonal"),
    ],
)
def test_incompatible_options_are_refused_with_the_option_to_set(
    name: str, options: dict[str, Any], words: str
) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        build(name, **options)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("name", "count"), [("rnn", 1), ("gru", 3), ("lstm", 4)])
def test_parameters_are_counted_by_the_formula(name: str, count: int) -> None:
    """One layer of torch, with two biases per gate, has c (HD + H^2 + 2H)."""
    d, h = 5, 7
    core = build(name, d, h)
    assert sum(parameter.numel() for parameter in core.parameters()) == count * (
        h * d + h * h + 2 * h
    )
