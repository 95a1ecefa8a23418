"""``rnnbench list`` by family, ``rnnbench info``, and the selection of a family."""

from __future__ import annotations

import pytest

from rnnbench.contract import registry
from rnnbench.plan.planning import DEFAULT_MODELS
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
