"""The registry: a fault affects its plugin only, everything has a provider, names are safe."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import Distribution, EntryPoint
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from rnnbench.contract import registry
from rnnbench.errors import MESSAGE_LIMIT, UsageError
from rnnbench.records.spec import Provider

CORE = """
import rnnbench
from torch import nn

class Core(nn.Module):
    '''A core.'''
    def __init__(self, input_size: int, hidden_size: int, gain: float = 1) -> None:
        super().__init__()
    def forward(self, x, state=None):
        return x, state
"""
GOOD = CORE + "\n@rnnbench.hookimpl\ndef register_models(register):\n    register('{name}', Core)\n"
MakePlugin = Callable[..., EntryPoint]


@pytest.fixture
def make_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MakePlugin]:
    """Write a distribution with one plugin module and return its entry point."""
    monkeypatch.syspath_prepend(str(tmp_path))
    modules: list[str] = []

    def make(
        name: str, code: str, *, distribution: str | None = None, version: str = "1.0"
    ) -> EntryPoint:
        module = f"plugin_{name.replace('-', '_')}"
        modules.append(module)
        (tmp_path / f"{module}.py").write_text(code)
        info = tmp_path / f"{module}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {distribution or name}\nVersion: {version}\n"
        )
        (info / "entry_points.txt").write_text(f"[rnnbench]\n{name} = {module}\n")
        importlib.invalidate_caches()
        (point,) = Distribution.at(info).entry_points
        return point

    yield make
    for module in modules:
        sys.modules.pop(module, None)


def load(*points: EntryPoint) -> registry.Registry:
    return registry.load(list(points))


def test_a_plugin_is_attributed_to_its_distribution_and_version(make_plugin: MakePlugin) -> None:
    known = load(
        make_plugin("good", GOOD.format(name="good"), distribution="acme-models", version="3.1")
    )
    assert known.plugins[0].provider == Provider(distribution="acme-models", version="3.1")
    assert known.plugins[0].models == ("good",)
    model = known.model("good")
    assert model.provider == known.plugins[0].provider
    assert model.summary == "A core."
    assert isinstance(model.build(3, 4, {"gain": 2.0}), nn.Module)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (
            "import nothing_of_the_kind",
            "ModuleNotFoundError: No module named 'nothing_of_the_kind' [plugin_broken.py:1]",
        ),
        ("def (", "SyntaxError: invalid syntax"),
        ("raise SystemExit(3)", "SystemExit: 3 [plugin_broken.py:1]"),
        ("raise GeneratorExit", "GeneratorExit [plugin_broken.py:1]"),
        ("x = 1\n1 / 0", "ZeroDivisionError: division by zero [plugin_broken.py:2]"),
        (
            "",
            "implements no hook; decorate register_models, register_tasks, register_claims or",
        ),
        ("def register_models(register): ...", "implements no hook"),
        (
            "import rnnbench\n@rnnbench.hookimpl\ndef register_model(register): ...",
            "Did you mean 'register_models'?",
        ),
        (
            "import rnnbench\n@rnnbench.hookimpl\ndef register_models(registry): ...",
            "Argument(s) {'registry'}",
        ),
        (
            "import rnnbench\n@rnnbench.hookimpl\n"
            "def register_models():\n    raise OSError('a\\nb')",
            "OSError: a b [plugin_broken.py:4]",
        ),
        (GOOD.format(name="Not A Name"), "model name 'Not A Name' is not allowed"),
        (
            "class E(Exception):\n    def __str__(self): raise ValueError\nraise E",
            "E [plugin_broken.py:3]",
        ),
    ],
)
def test_a_fault_stays_with_its_plugin(make_plugin: MakePlugin, code: str, message: str) -> None:
    broken = make_plugin("broken", code, distribution="acme-broken", version="0.2")
    known = load(
        broken,
        make_plugin("zebra", GOOD.format(name="zebra")),
        make_plugin("ant", GOOD.format(name="ant")),
    )
    assert set(known.models) == {"zebra", "ant"}
    (fault,) = known.faults
    assert fault.provider == Provider(distribution="acme-broken", version="0.2")
    assert fault.error is not None
    assert message in fault.error
    assert fault.error.isprintable()


def test_ctrl_c_is_not_swallowed(make_plugin: MakePlugin) -> None:
    with pytest.raises(KeyboardInterrupt):
        load(make_plugin("slow", "raise KeyboardInterrupt"))


def test_a_plugin_that_fails_halfway_leaves_nothing(make_plugin: MakePlugin) -> None:
    known = load(make_plugin("half", GOOD.format(name="half") + "    raise ValueError('enough')\n"))
    assert not known.models
    with pytest.raises(
        UsageError,
        match=r"plugin half \(half 1.0\) .* ValueError: enough \[plugin_half.py:15\]",
    ):
        known.model("half")


def test_the_first_of_two_providers_is_kept_and_both_are_named(make_plugin: MakePlugin) -> None:
    first = make_plugin("first", GOOD.format(name="twin"), distribution="acme-a", version="1.0")
    second = make_plugin("second", GOOD.format(name="twin"), distribution="acme-b", version="2.0")
    known = load(second, first)
    assert known.model("twin").provider.distribution == "acme-a"
    (fault,) = known.faults
    assert (
        "model 'twin' is provided twice: by acme-a 1.0 (kept) and by acme-b 2.0 (refused)"
        in str(fault.error)
    )


def test_rnnbench_comes_first_in_any_order_of_names(make_plugin: MakePlugin) -> None:
    mine = make_plugin("mine", GOOD.format(name="twin"), distribution="rnnbench")
    other = make_plugin("other", GOOD.format(name="twin"), distribution="aaa")
    assert load(other, mine).model("twin").provider.distribution == "rnnbench"


def test_one_plugin_cannot_register_a_name_twice(make_plugin: MakePlugin) -> None:
    known = load(make_plugin("twice", GOOD.format(name="twice") + "    register('twice', Core)\n"))
    assert "model 'twice' is provided twice" in str(known.faults[0].error)


def test_the_same_entry_point_listed_twice_is_loaded_once(make_plugin: MakePlugin) -> None:
    point = make_plugin("good", GOOD.format(name="good"))
    known = load(point, point)
    assert len(known.plugins) == 1
    assert not known.faults


def test_another_distribution_cannot_hide_behind_the_same_entry_point(
    make_plugin: MakePlugin,
) -> None:
    point = make_plugin("good", GOOD.format(name="good"), distribution="acme-a")
    other = make_plugin("other", "", distribution="acme-b")
    copied = EntryPoint(point.name, point.value, point.group)._for(other.dist)  # type: ignore[attr-defined]
    known = load(point, copied)
    assert [plugin.provider.distribution for plugin in known.plugins] == ["acme-a", "acme-b"]
    assert "provided twice" in str(known.faults[0].error)


def test_an_entry_point_without_metadata_has_an_unknown_provider() -> None:
    (plugin,) = load(EntryPoint("stray", "no_such_module", "rnnbench")).plugins
    assert plugin.provider == Provider(distribution="unknown", version="0")
    assert plugin.error is not None


def test_a_damaged_distribution_has_an_unknown_provider(tmp_path: Path) -> None:
    info = tmp_path / "damaged-1.dist-info"
    info.mkdir()
    (info / "entry_points.txt").write_text("[rnnbench]\nstray\x1b[31m = no_such_module\n")
    (point,) = Distribution.at(info).entry_points
    (plugin,) = load(point).plugins
    assert plugin.provider.distribution == "unknown"
    assert plugin.name.isprintable()


def test_output_of_a_plugin_goes_to_stderr(
    make_plugin: MakePlugin, capsys: pytest.CaptureFixture[str]
) -> None:
    load(make_plugin("loud", "print('hello')\n" + GOOD.format(name="loud")))
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "hello\n"


@pytest.mark.filterwarnings("default")
def test_warnings_of_a_plugin_are_recorded_not_shown(
    make_plugin: MakePlugin, capsys: pytest.CaptureFixture[str]
) -> None:
    known = load(
        make_plugin(
            "old", "import warnings\nwarnings.warn('out of\\ndate')\n" + GOOD.format(name="old")
        )
    )
    assert known.plugins[0].warnings == ("UserWarning: out of date (plugin_old.py:2)",)
    assert capsys.readouterr().err == ""


def test_plugins_are_switched_off_by_name_or_distribution(
    make_plugin: MakePlugin, monkeypatch: pytest.MonkeyPatch
) -> None:
    points = [
        make_plugin(name, GOOD.format(name=name), distribution=f"Acme_{name}")
        for name in ("a", "b", "c")
    ]
    monkeypatch.setenv("RNNBENCH_DISABLE_PLUGINS", " a, acme-b ,,")
    known = load(*points)
    assert set(known.models) == {"c"}
    assert [plugin.disabled for plugin in known.plugins] == [True, True, False]
    with pytest.raises(
        UsageError,
        match=r"plugin a \(Acme_a 1.0\) .* RNNBENCH_DISABLE_PLUGINS",
    ):
        known.model("a")


def test_a_wrong_name_is_answered_with_the_near_one(make_plugin: MakePlugin) -> None:
    known = load(make_plugin("lasting", GOOD.format(name="lasting")), make_plugin("broken", "1/0"))
    with pytest.raises(UsageError) as caught:
        known.model("lastin")
    for part in ("'lasting'", "rnnbench list models", "plugin broken (broken 1.0) is not loaded"):
        assert part in str(caught.value)


@given(name=st.text())
@settings(deadline=None)
def test_an_unknown_name_is_answered_in_one_printable_line(name: str) -> None:
    with pytest.raises(UsageError) as caught:
        registry.Registry().task(name)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) <= MESSAGE_LIMIT
