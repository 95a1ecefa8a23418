"""``rnnbench list`` by family, ``rnnbench info``, and the selection of a family."""

from __future__ import annotations

import pytest

from rnnbench.contract import registry
from rnnbench.records.suite import DEFAULT_MODELS
from tests.support.calling import call


def test_models_are_listed_by_family() -> None:
    out = call("list", "models").out
    lines = out.splitlines()
    families = sorted({each.family for each in registry.load().models.values() if each.family})
    places = [lines.index(family) for family in families]
    assert places == sorted(places)
    assert lines.index("gated") < next(
        number for number, line in enumerate(lines) if line.startswith("lstm ")
    )


@pytest.mark.parametrize("name", sorted(registry.load().models))
def test_info_shows_equations_options_and_sources(name: str) -> None:
    model = registry.load().models[name]
    answer = call("info", name)
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith(f"{name}: model, family {model.family}")
    assert all(f"  {option}=" in answer.out for option in model.options)
    assert all(each.title in answer.out for each in model.citations)
    assert "``" not in answer.out


def test_info_shows_the_presets_of_a_task() -> None:
    out = call("info", "copy-memory").out
    assert "  quick: delay=10" in out
    assert "Arjovsky et al. 2016" in out


@pytest.mark.parametrize("name", ["lsmt", "gated", "*"])
def test_info_of_an_unknown_name_is_refused_in_one_line(name: str) -> None:
    answer = call("info", name)
    assert answer.code == 2
    assert len(answer.err.splitlines()) == 1


def planned(*words: str) -> set[str]:
    answer = call("run", "-t", "copy-memory", "--preset", "quick", "--dry-run", *words)
    assert answer.code == 0, answer.err
    return {name for name in registry.load().models if f" {name} " in answer.out}


def test_a_family_selects_its_models() -> None:
    gated = {name for name, each in registry.load().models.items() if each.family == "gated"}
    assert {"lstm", "gru"} <= gated
    assert planned("-m", "family:gated") == gated
    assert planned("-m", "family:gated,rnn") == {*gated, "rnn"}


def test_a_run_without_models_takes_the_usual_ones() -> None:
    assert planned() == set(DEFAULT_MODELS)


def test_an_unknown_family_is_refused_in_one_line() -> None:
    answer = call("run", "-t", "copy-memory", "-m", "family:gatde", "--dry-run")
    assert answer.code == 2
    assert "gated" in answer.err
    assert len(answer.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("gated", "type: family:gated"),
        ("famly:gated", "type: family:gated"),
        ("FAMILY:gated", "type: family:gated"),
        ("familie:gatde", "type: family:gated"),
        ("family:", "family: needs a name: baseline, "),
        ("family:matrix memory", "Did you mean 'matrix-memory'?"),
    ],
)
def test_a_family_in_another_spelling_is_answered_with_what_to_type(
    typed: str, message: str
) -> None:
    answer = call("run", "-t", "copy-memory", "-m", typed, "--dry-run")
    assert answer.code == 2
    assert message in answer.err
    assert len(answer.err.splitlines()) == 1


def test_a_family_is_listed_alone() -> None:
    out = call("list", "models", "family:matrix-memory").out
    assert out.startswith("matrix memory\n")
    assert "deltanet  " in out
    assert "lru  " not in out
    assert "type: family:gated" in call("list", "models", "gated").err


def test_an_option_of_other_tools_goes_to_the_models_of_a_family() -> None:
    answer = call("run", "-t", "copy-memory", "-m", "family:matrix-memory", "--num-layers", "2")
    assert "deltanet[num_layers=2]" in answer.err
