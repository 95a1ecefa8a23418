"""The register calls of a plugin: checks of the arguments, and safe names."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rnnbench.cells.cell import Cell
from rnnbench.contract.collector import Collector, check_name
from rnnbench.contract.task import GeneratedTask
from rnnbench.errors import PluginError
from rnnbench.records.citation import Citation
from rnnbench.records.spec import Provider


@pytest.mark.parametrize("name", ["a", "lstm", "copy-memory", "lstm2", "x-1-y", "a" * 64])
def test_plain_names_are_allowed(name: str) -> None:
    collector = fresh()
    collector.register_model(name, Core)
    assert collector.models[name].name == name


@pytest.mark.parametrize(
    "name",
    [
        *("", "A", "1a", "-a", "a-", "a--b", "a_b", "a.b", "a b", "a\n", "../a", "a/b", "a[b=c]"),
        *("a,b", "a*", "ä", "ａ", "a\0", "<b>", "a" * 65, None, 3, b"a", ["a"]),
    ],
)
def test_hostile_names_are_refused(name: Any) -> None:
    with pytest.raises(
        PluginError, match=r"model name .* is not allowed: lower-case letters"
    ) as caught:
        check_name("model", name)
    assert str(caught.value).isprintable()


@given(name=st.text(max_size=70))
@settings(deadline=None)
def test_a_name_is_allowed_only_if_it_is_safe_everywhere(name: str) -> None:
    safe = set("abcdefghijklmnopqrstuvwxyz0123456789-")
    try:
        check_name("task", name)
        allowed = True
    except PluginError:
        allowed = False
    assert not allowed or (set(name) <= safe and name[0].isalpha() and 1 <= len(name) <= 64)


class Core(nn.Module):
    """Keep what it is given.

    And nothing else.
    """

    def __init__(
        self, input_size: int, hidden_size: int, layers: int = 1, weights: Path | None = None
    ) -> None:
        super().__init__()
        self.sizes = (input_size, hidden_size, layers)
        self.weights = weights

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        return x, state


class Blind(nn.Module):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.layer = nn.Linear(input_size, hidden_size)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.layer(x)
        return out


class Swapped(Core):
    def __init__(self, hidden_size: int, input_size: int) -> None:
        super().__init__(input_size, hidden_size)


def fresh() -> Collector:
    return Collector(Provider(distribution="acme", version="1"), {}, {})


@pytest.mark.parametrize(
    ("core", "options", "message"),
    [
        (3, {}, "give the module class, not 3"),
        (Core(1, 2), {}, "__init__ must begin with input_size, hidden_size"),
        (Swapped, {}, "it begins with ['hidden_size', 'input_size']"),
        (Blind, {}, "forward must take (x, state=None)"),
        (Core, {"causal": False}, "its forward must take lengths=None"),
        (
            functools.partial(Core, layers=2),
            {"causal": False},
            "its forward must take lengths=None",
        ),
        (
            Core,
            {"citations": ["Elman 1990"]},
            "citations must be a sequence of rnnbench.Citation",
        ),
        (Core, {"incompatible": "never"}, "incompatible must be a function"),
        (Core, {"plain_loop": True}, "plain_loop must be the options that select the plain loop"),
        (Core, {"plain_loop": {}}, "plain_loop must be the options that select the plain loop"),
        (Core, {"plain_loop": {"impl": "slow"}}, "plain_loop: model has no option 'impl'"),
        (Core, {"plain_loop": {"layers": "two"}}, "layers=two is not an integer"),
    ],
)
def test_a_model_is_checked_at_the_call(core: Any, options: dict[str, Any], message: str) -> None:
    collector = fresh()
    with pytest.raises(PluginError) as caught:
        collector.register_model("model", core, **options)
    assert message in str(caught.value)
    assert not collector.models


def test_a_plain_loop_is_kept_as_options() -> None:
    collector = fresh()
    collector.register_model("model", Core, plain_loop={"layers": "2"})
    collector.register_model("other", Core)
    assert collector.models["model"].plain_loop == {"layers": 2}
    assert collector.models["other"].plain_loop is None


def test_a_partial_is_registered_under_its_class() -> None:
    collector = fresh()
    collector.register_model(
        "deep",
        functools.partial(Core, layers=3),
        citations=iter([Citation("A 2000", "B")]),  # type: ignore[arg-type]
    )
    model = collector.models["deep"]
    assert model.summary == "Keep what it is given."
    assert [citation.of for citation in model.citations] == ["deep"]
    core = model.build(4, 5, {"weights": "a/file"})
    assert core.sizes == (4, 5, 3)
    assert core.weights == Path("a/file")


def test_a_class_without_a_docstring_has_no_summary() -> None:
    class Plain(Core):
        pass

    class PlainCell(Cell):
        def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
            return state, state

    collector = fresh()
    collector.register_model("plain", Plain)
    collector.register_model("plain-cell", PlainCell)
    assert [collector.models[name].summary for name in ("plain", "plain-cell")] == ["", ""]


def test_a_factory_function_will_do() -> None:
    def deep(input_size: int, hidden_size: int, layers: int = 2) -> nn.Module:
        """Stack."""
        return Core(input_size, hidden_size, layers)

    collector = fresh()
    collector.register_model("deep", deep)
    assert collector.models["deep"].build(1, 2).sizes == (1, 2, 2)


class Placed(Core):
    """Note where it is."""

    def __init__(
        self, input_size: int, hidden_size: int, layer: int, layers: int = 2, *, depth: int
    ) -> None:
        super().__init__(input_size, hidden_size, layers)
        self.place = (layer, depth)


class Deep(Core):
    """Take its depth as an option."""

    def __init__(self, input_size: int, hidden_size: int, depth: int = 3) -> None:
        super().__init__(input_size, hidden_size, depth)


def test_a_core_that_names_depth_and_layer_is_told_its_place() -> None:
    collector = fresh()
    collector.register_model("placed", Placed)
    model = collector.models["placed"]
    assert list(model.options) == ["layers"]
    assert model.build(1, 2).place == (0, 1)
    assert model.build(1, 2, {"layers": 5}, depth=4, layer=3).place == (3, 4)


def test_a_depth_with_a_default_stays_an_option() -> None:
    collector = fresh()
    collector.register_model("deep", Deep)
    model = collector.models["deep"]
    assert model.options["depth"].default == 3
    assert model.build(1, 2, {"depth": 7}, depth=4, layer=1).sizes == (1, 2, 7)


def test_a_pinned_place_stays_as_it_is() -> None:
    collector = fresh()
    collector.register_model("pinned", functools.partial(Placed, layer=1))
    model = collector.models["pinned"]
    assert model.build(1, 2, depth=4, layer=3).place == (1, 4)


class Unfinished(GeneratedTask):
    pass


class Complete(GeneratedTask):
    inputs = outputs = steps = length = metric = baseline = perfect = solved = sample = None  # type: ignore[assignment]


@dataclass
class Melting(Complete):
    delay: int = 1


@dataclass(frozen=True)
class Uncited(Complete):
    citations = ("Elman 1990",)  # type: ignore[assignment]


@dataclass(frozen=True)
class Untyped(Complete):
    delays: list[int] = field(default_factory=list)


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (Core, "give a class derived from rnnbench.GeneratedTask or rnnbench.FiniteTask"),
        (3, "give a class derived from"),
        (Complete, "decorate Complete with @dataclass(frozen=True)"),
        (Melting, "decorate Melting with @dataclass(frozen=True)"),
        (Uncited, "Uncited.citations must be a tuple of rnnbench.Citation"),
        (Untyped, "option 'delays' of Untyped has type list[int]"),
        (Unfinished, "Unfinished lacks baseline, inputs, length, metric, outputs, perfect"),
    ],
)
def test_a_task_is_checked_at_the_call(task: Any, message: str) -> None:
    with pytest.raises(PluginError) as caught:
        fresh().register_task("task", task)
    assert message in str(caught.value)
