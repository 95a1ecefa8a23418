"""Published results of tasks: what registration refuses, and which trials they hold for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rnnbench.contract.collector import Collector
from rnnbench.contract.entries import RegisteredTask
from rnnbench.errors import PluginError
from rnnbench.plan.planning import Request, make_plan
from rnnbench.records.citation import Citation
from rnnbench.records.published import Published
from rnnbench.records.spec import Provider, TaskSpec
from tests.contract.test_collector import Complete
from tests.tasks.builders import SHARED_DATA, loaded

SOURCE = Citation("Elman 1990", "Finding structure in time")
DIGEST = "0" * 64


def entry(**given: Any) -> Published:
    return Published(
        **{"model": "lstm", "value": 0.5, "citation": SOURCE, "where": "table 1", **given}
    )


def registered(published: Any) -> RegisteredTask:
    @dataclass(frozen=True)
    class Delayed(Complete):
        delay: int = 10
        symbols: int = 8
        path: Path | None = None

    Delayed.published = published
    collector = Collector(Provider(distribution="acme", version="1"), {}, {})
    collector.register_task("delayed", Delayed)
    return collector.tasks["delayed"]


@pytest.mark.parametrize(
    ("published", "message"),
    [
        ([entry()], "Delayed.published must be a tuple of rnnbench.Published"),
        (("Elman 1990",), "must be a tuple of rnnbench.Published"),
        ((entry(model=" "),), "model is empty"),
        ((entry(value=float("nan")),), "value=nan must be a finite number"),
        ((entry(value=True),), "value=True must be a finite number"),
        ((entry(citation="Elman 1990"),), "citation must be a rnnbench.Citation"),
        ((entry(where=""),), "where is empty"),
        ((entry(bound="<="),), "bound='<=' must be one of =, <, >"),
        ((entry(rounding=-1.0),), "rounding=-1.0 must be a number from 0"),
        ((entry(score="mse"),), "score and direction belong together"),
        ((entry(direction="lower"),), "score and direction belong together"),
        ((entry(parameters=0),), "parameters=0 must be a number of parameters"),
        ((entry(options={"delays": 3}),), "no option 'delays'; it has delay, symbols, path"),
        ((entry(options={"path": "a.csv"}),), "'path' is a data file; give its SHA-256 in data"),
        ((entry(free=("length",)),), "no option 'length'"),
        ((entry(free="delay"),), "no option 'd'"),
        ((entry(data={"delay": DIGEST}),), "'delay' is no data file; give its value in options"),
        ((entry(data={"path": "abc"}),), "must be a SHA-256 of 64 hexadecimal digits"),
        ((entry(settings={"batchsize": 3}),), "there is no setting 'batchsize'"),
        ((entry(differences="one text"),), "differences must be a tuple of texts"),
        ((entry(), entry(value=0.6)), "two entries for 'lstm' from Elman 1990, table 1"),
        ((entry(), entry(model="")), "entry 2"),
    ],
)
def test_registration_refuses(published: Any, message: str) -> None:
    with pytest.raises(PluginError) as caught:
        registered(published)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def spec(checksums: dict[str, str] | None = None, **options: Any) -> TaskSpec:
    return TaskSpec(
        name="delayed",
        version=1,
        provider=Provider(distribution="acme", version="1"),
        options={"delay": 10, "symbols": 8, "path": None, **options},
        checksums=checksums or {},
    )


@pytest.mark.parametrize(
    ("given", "task", "holds"),
    [
        ({}, spec(), True),
        ({}, spec(delay=11), False),
        ({"options": {"delay": 11}}, spec(delay=11), True),
        ({"options": {"delay": 11}}, spec(), False),
        ({"options": {"delay": 11}}, spec(delay=11, symbols=9), False),
        ({"options": {"delay": 11}, "free": ("symbols",)}, spec(delay=11, symbols=9), True),
        ({}, spec({"path": f"sha256:{DIGEST}"}, path="a.csv"), False),
        ({"data": {"path": DIGEST}}, spec({"path": f"sha256:{DIGEST}"}, path="a.csv"), True),
        (
            {"data": {"path": DIGEST}},
            spec({"path": f"sha256:{DIGEST}"}, path="elsewhere.csv"),
            True,
        ),
        ({"data": {"path": DIGEST}}, spec({"path": f"sha256:{'1' * 64}"}, path="a.csv"), False),
        ({"data": {"path": DIGEST}}, spec(), False),
    ],
)
def test_a_result_holds_for_exactly_its_options_and_data(
    given: dict[str, Any], task: TaskSpec, holds: bool
) -> None:
    assert bool(registered((entry(**given),)).published(task)) == holds


def recorded_for(task: str) -> list[tuple[str, float]]:
    (planned,) = make_plan(Request([task], ["lstm"], [0]), loaded())
    found = loaded().task(planned.task.name).published(planned.task)
    return [(each.model, each.value) for each in found]


def test_the_paper_size_of_copy_memory_has_the_values_of_the_paper() -> None:
    assert recorded_for("copy-memory[variant=bai-2018,delay=50]") == [("lstm", 0.2)]
    assert recorded_for("copy-memory[variant=bai-2018,delay=200]") == [("gru", 0.2)]
    assert len(recorded_for("copy-memory[variant=bai-2018,delay=1000]")) == 4
    assert recorded_for("copy-memory[delay=50]") == []
    assert recorded_for("copy-memory[variant=bai-2018,delay=50,symbols=9]") == []


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="no folder of real data next to the checkout")
def test_values_of_a_data_file_hold_for_its_content_in_any_place(tmp_path: Path) -> None:
    copy = tmp_path / "renamed.mat"
    copy.write_bytes((SHARED_DATA / "polyphonic" / "JSB_Chorales.mat").read_bytes())
    task = f"polyphonic-music[path={copy}]"
    assert {model for model, _ in recorded_for(task)} == {"lstm", "gru", "rnn", "tcn"}
    assert recorded_for("polyphonic-music") == []
