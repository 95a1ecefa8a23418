"""Trials at matched hidden sizes: foreign models that refuse sizes, crash or hang while built."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rnnbench import api
from rnnbench.contract.registry import Registry
from rnnbench.errors import UsageError
from rnnbench.execution.isolation import Processes
from rnnbench.execution.matching import Matching
from rnnbench.execution.options import RunOptions
from rnnbench.execution.planned import dry_plan
from rnnbench.plan.asked import Asked
from rnnbench.plan.matching import parse_match
from rnnbench.plan.planning import Request, make_plan
from rnnbench.records.spec import EQUAL_WITHIN, TrialSpec
from rnnbench.records.store import Store
from tests.support.views import SilentView

Matcher = Callable[..., tuple[dict[str, TrialSpec], list[str]]]
SMALL = {"steps": 2, "batch_size": 4, "validation_size": 8, "test_size": 8}


@pytest.fixture
def match(registry: Registry, processes: Processes) -> Matcher:
    """Match models of the instant task; return the trials by model, and the warnings."""

    def matched(text: str, *models: str, limit: float = 60.0) -> Any:
        specs = make_plan(Request(["instant"], models, seeds=1, match=text), registry)
        asked = parse_match(text)
        assert asked is not None
        said: list[str] = []
        matching = Matching(asked, registry, processes, said.append, limit=limit)
        return {each.model.name: each for each in matching.resized(specs).values()}, said

    return matched


def test_sizes_that_a_model_refuses_are_passed_over(match: Matcher) -> None:
    found, said = match("params=20k", "eights", "hundreds", "on-cpu-only", "good")
    assert found["eights"].model.hidden_size % 8 == 0
    assert found["hundreds"].model.hidden_size == 100
    assert found["on-cpu-only"].model.hidden_size == found["good"].model.hidden_size
    errors = {name: spec.model.matched.error for name, spec in found.items() if spec.model.matched}
    assert len(errors) == 4
    assert abs(errors["eights"]) <= EQUAL_WITHIN < abs(errors["hundreds"])
    (warning,) = said
    assert "hundreds" in warning
    assert found["hundreds"].model.matched is not None
    assert found["hundreds"].model.matched.is_off


def test_a_model_that_cannot_be_built_keeps_its_size_and_harms_no_other(match: Matcher) -> None:
    names = ("never-builds", "crashes-when-built", "hangs-when-built", "declines", "good")
    found, said = match("params=20k", *names, limit=3.0)
    assert found["good"].model.matched is not None
    for name in names[:-1]:
        assert found[name].model.matched is None
        assert found[name].model.hidden_size == 64
    told = {name: text for name in names for text in said if name in text}
    assert set(told) == set(names[:3])
    assert "KeyError" in told["never-builds"]
    assert "SIGSEGV" in told["crashes-when-built"]
    assert "3 s" in told["hangs-when-built"]


@pytest.mark.parametrize("target", ["params=5", "state=1e9"])
def test_an_unreachable_target_is_refused(target: str, match: Matcher) -> None:
    with pytest.raises(UsageError, match=f"{target} is out of reach of good") as refusal:
        match(target, "good")
    assert str(refusal.value).isprintable()


def test_the_target_is_no_part_of_the_identity(match: Matcher, registry: Registry) -> None:
    found, _ = match("params=20k", "good")
    size = found["good"].model.hidden_size
    (plain,) = make_plan(Request(["instant"], ["good"], seeds=1, hidden_size=size), registry)
    assert found["good"].trial_id == plain.trial_id
    assert found["good"].model.matched is not None


@pytest.mark.usefixtures("registry", "lock")
def test_the_same_question_trains_nothing_again(tmp_path: Path) -> None:
    """Of training times too, which a second measurement would find to be others."""
    store = tmp_path / "records.db"
    # A step at this size takes many times as long as at the smallest, so that no load of the
    # machine puts the target out of reach.
    settings = {**SMALL, "batch_size": 64}
    targets = {"params=2k": ["good", "eights"], "time=good[hidden_size=400]": ["good"]}
    for target, models in targets.items():
        request = Request(["instant"], models, seeds=1, settings=settings, match=target)
        options = RunOptions(jobs=1, accelerator="cpu", probes=False, contract_checks=False)

        def run(request: Request = request, options: RunOptions = options) -> Any:
            return api.execute(
                Asked((request,)),
                options,
                store=store,
                report=None,
                view=SilentView(),
                warn=lambda _: None,
            )

        first = run()
        with Store(store) as opened:
            stored = len(opened.records(every_attempt=True))
        again = run()
        sizes = [
            {record.spec.model.name: record.spec.model.hidden_size for record in each.records}
            for each in (first, again)
        ]
        assert sizes[0] == sizes[1]
        with Store(store) as opened:
            assert len(opened.records(every_attempt=True)) == stored
        assert all(record.spec.model.matched is not None for record in first.records)
        dry = dry_plan(Asked((request,)), options, store, warn=lambda _: None)
        assert {spec.trial_id for spec in dry.specs} == {r.trial_id for r in first.records}


@pytest.mark.usefixtures("registry", "lock")
def test_a_trial_stored_at_equal_widths_is_told_as_chosen_for_a_target(tmp_path: Path) -> None:
    store = tmp_path / "records.db"
    options = RunOptions(jobs=1, accelerator="cpu", probes=False, contract_checks=False)
    plain = Request(["instant"], ["good"], seeds=1, hidden_size=8, settings=SMALL)

    def run(request: Request) -> Any:
        (record,) = api.execute(
            Asked((request,)),
            options,
            store=store,
            report=None,
            view=SilentView(),
            warn=lambda _: None,
        ).records
        return record

    first = run(plain)
    matching = dataclasses.replace(plain, hidden_size=None, match="params=good[hidden_size=8]")
    second = run(matching)
    assert second.trial_id == first.trial_id
    assert second.attempt == 1
    assert first.spec.model.matched is None
    assert second.spec.model.matched is not None
    assert second.spec.model.matched.error == 0
