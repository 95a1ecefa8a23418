"""Groups of parameters that a core asks for: names, patterns, and mistakes."""

from __future__ import annotations

import math
from typing import Any

import pytest
from torch import nn

import rnnbench
from rnnbench.contract.groups import groups_of
from rnnbench.errors import PluginError

Group = rnnbench.ParameterGroup


class Two(nn.Module):
    """Two layers, of which the second has the first one's bias."""

    def __init__(self, groups: Any) -> None:
        super().__init__()
        self.one, self.two = nn.Linear(2, 3), nn.Linear(2, 3)
        self.two.bias = self.one.bias
        self.parameter_groups = lambda: groups


def names_in(core: nn.Module) -> dict[str, Group]:
    found = groups_of(core)
    return {name: found[id(p)] for name, p in core.named_parameters() if id(p) in found}


def test_a_core_that_asks_for_nothing_has_no_groups() -> None:
    assert groups_of(nn.Linear(2, 2)) == {}
    assert groups_of(Two([])) == {}


def test_names_and_patterns_select_parameters() -> None:
    slow, fast = Group(["*.weight"], 0.5), Group(("one.bias",), 2.0, 0.1)
    assert names_in(Two((slow, fast))) == {
        "one.weight": slow,
        "two.weight": slow,
        "one.bias": fast,
    }


def test_either_name_of_a_shared_parameter_selects_it() -> None:
    assert list(names_in(Two([Group(("two.bias",))]))) == ["one.bias"]
    assert list(names_in(Two([Group(("*.bias",))]))) == ["one.bias"]


@pytest.mark.parametrize(
    ("groups", "hint"),
    [
        ([Group(("one.wieght",))], "Did you mean 'one.weight'?"),
        ([Group(("three.*",))], "named_parameters()"),
        ([Group(("one.*",)), Group(("one.bias",))], "'one.bias' into two groups"),
        ([Group(("one.bias",)), Group(("two.bias",))], "'two.bias' into two groups"),
        ([Group(("one.bias",), 0)], "requires_grad=False"),
        ([Group(("one.bias",), -1)], "above 0"),
        ([Group(("one.bias",), math.nan)], "above 0"),
        ([Group(("one.bias",), math.inf)], "above 0"),
        ([Group(("one.bias",), True)], "above 0"),
        ([Group(("one.bias",), 1, -0.1)], "at least 0"),
        ([Group(("one.bias",), 1, math.inf)], "at least 0"),
        ([Group("one.bias")], "names=('one.bias',)"),
        ([{"names": ["one.bias"]}], "rnnbench.ParameterGroup"),
        ({"one.bias": 0.1}, "return a list of rnnbench.ParameterGroup"),
        (None, "return a list of rnnbench.ParameterGroup"),
    ],
)
def test_a_mistake_is_one_line_with_what_to_change(groups: Any, hint: str) -> None:
    with pytest.raises(PluginError) as caught:
        groups_of(Two(groups))
    assert hint in str(caught.value)
    assert str(caught.value).isprintable()
