"""Bundles: a node runs the trials that are missing, keeps whole records, or refuses in one line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.contract.registry import Registry
from rnnbench.errors import OutputError, UsageError
from rnnbench.execution.bundles.bundle import Bundle, read_bundle
from rnnbench.execution.bundles.output import Output, read_output
from rnnbench.execution.bundles.requirements import differences, installed
from rnnbench.execution.bundles.worker import check_node, run_bundle, weights_beside
from rnnbench.execution.interruption import Interruption
from rnnbench.execution.jobs.plugins import plugins_for
from rnnbench.plan.planning import Request, make_plan
from rnnbench.records.result import Status
from rnnbench.records.spec import TrialSpec
from tests.execution.conftest import Plan
from tests.support.calling import call
from tests.support.factory import record

TINY = {"steps": 3, "batch_size": 4, "validation_size": 8, "test_size": 8}


def bundle_of(specs: Sequence[TrialSpec], registry: Registry, **fields: Any) -> Bundle:
    return Bundle(
        **installed(), trials=tuple(specs), plugins=plugins_for(specs, registry), **fields
    )


def run(bundle: Bundle, output: Path) -> list[Status]:
    with Interruption() as interruption:
        run_bundle(bundle, output, interruption)
    return [each.result.status for each in read_output(output)]


# -- the file of records


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 5), st.data())
def test_a_record_is_whole_or_absent_wherever_its_writer_died(
    tmp_path_factory: pytest.TempPathFactory, count: int, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("output") / "records"
    made = [record(0.1 * seed, seed=seed) for seed in range(count)]
    with Output(path) as output:
        for each in made:
            output.add(each)
    ends = [n + 1 for n, byte in enumerate(path.read_bytes()) if byte == 10]
    cut = data.draw(st.integers(0, ends[-1]))
    os.truncate(path, cut)
    whole = sum(end <= cut for end in ends)
    assert list(read_output(path)) == made[:whole]
    with Output(path) as output:
        output.add(made[-1])
    assert list(read_output(path)) == [*made[:whole], made[-1]]


def test_a_full_disk_is_told_and_earlier_records_are_intact(tmp_path: Path) -> None:
    path = tmp_path / "records"
    with Output(path) as output:
        output.add(record())
        with Path("/dev/full").open("ab") as full:
            os.dup2(full.fileno(), output.fileno())
        with pytest.raises(OutputError, match="cannot be written"):
            output.add(record(seed=1))
    assert list(read_output(path)) == [record()]


@pytest.mark.parametrize("path", [Path("/dev/full"), Path("/")])
def test_what_is_no_regular_file_is_refused(path: Path) -> None:
    with pytest.raises(OutputError, match="not a regular file"):
        Output(path)


# -- running


def test_every_end_of_a_trial_is_a_record_and_again_runs_nothing(
    tmp_path: Path, plan: Plan, registry: Registry
) -> None:
    specs = plan("good", "raises", "exits-zero", seeds=2)
    bundle = bundle_of(specs, registry, jobs=2)
    output = tmp_path / "out" / "records"
    found = run(bundle, output)
    assert sorted(found) == sorted([Status.DONE, Status.FAILED, Status.CRASHED] * 2)
    before = output.read_bytes()
    assert run(bundle, output) == found
    assert output.read_bytes() == before
    kept = {path.stem for path in weights_beside(output).iterdir()}
    assert kept == {spec.trial_id for spec in specs if spec.model.name == "good"}


def test_a_limit_holds(tmp_path: Path, plan: Plan, registry: Registry) -> None:
    bundle = bundle_of(plan("hangs"), registry, timeout=1.0)
    assert run(bundle, tmp_path / "records") == [Status.TIMEOUT]


def test_a_killed_worker_continues_where_it_was(
    tmp_path: Path, plan: Plan, registry: Registry, shelf: Path
) -> None:
    specs = plan("good", seeds=6)
    path = tmp_path / "bundle.json"
    bundle_of(specs, registry).write(path)
    output = tmp_path / "bundle.json.records"
    environment = {**os.environ, "PYTHONPATH": str(shelf)}
    command = [sys.executable, "-m", "rnnbench", "worker", str(path)]
    killed = 0
    for _ in range(3):
        before = len(list(read_output(output)))
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
        while process.poll() is None and len(list(read_output(output))) <= before:
            time.sleep(0.05)
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
            killed += 1
        process.wait()
    assert killed
    ended = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "known" in ended.stdout
    found = list(read_output(output))
    assert sorted(each.trial_id for each in found) == sorted(spec.trial_id for spec in specs)
    assert {each.result.status for each in found} == {Status.DONE}


def test_variables_of_a_scheduler_do_not_reach_a_trial(
    tmp_path: Path, plan: Plan, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Lightning would wait for the other rank
    for name, value in {
        "SLURM_JOB_ID": "7",
        "SLURM_JOB_NAME": "trials",
        "SLURM_NTASKS": "2",
        "SLURM_PROCID": "1",
        "SLURM_LOCALID": "1",
        "SLURM_NODEID": "0",
        "SLURM_NTASKS_PER_NODE": "2",
        "SLURM_NNODES": "1",
        "RANK": "1",
        "WORLD_SIZE": "2",
    }.items():
        monkeypatch.setenv(name, value)
    bundle = bundle_of(plan("good"), registry, timeout=120.0)
    assert run(bundle, tmp_path / "records") == [Status.DONE]


# -- requirements


def altered(spec: TrialSpec, part: str, **fields: Any) -> TrialSpec:
    return spec.model_copy(update={part: getattr(spec, part).model_copy(update=fields)})


@pytest.mark.parametrize(
    ("part", "fields", "told"),
    [
        ("model", {"source": "sha256:other"}, "other source code"),
        ("task", {"source": "sha256:other"}, "other source code"),
        ("task", {"version": 99}, "version"),
        ("model", {"name": "unheard-of"}, "not installed"),
        ("task", {"name": "unheard-of"}, "not installed"),
    ],
)
def test_a_node_with_another_plugin_is_named(
    plan: Plan, registry: Registry, part: str, fields: dict[str, Any], told: str
) -> None:
    (spec,) = plan("good")
    assert differences(bundle_of([spec], registry), registry) == []
    other = bundle_of([spec], registry).model_copy(
        update={"trials": (altered(spec, part, **fields),)}
    )
    (found,) = differences(other, registry)
    assert told in found
    with pytest.raises(UsageError, match=told):
        check_node(other)


def test_a_node_with_other_versions_is_named(plan: Plan, registry: Registry) -> None:
    bundle = bundle_of(plan("good"), registry)
    other = bundle.model_copy(update={"rnnbench": "9.9", "torch": "1.0"})
    assert len(differences(other, registry)) == 2
    build = bundle.model_copy(update={"torch": f"{bundle.torch.partition('+')[0]}+cu130"})
    assert differences(build, registry) == []


def test_a_node_with_other_data_is_named(tmp_path: Path, registry: Registry) -> None:
    data = tmp_path / "series.csv"
    data.write_text("x\n" + "\n".join(str(n % 7) for n in range(400)))
    request = Request(
        [f"forecasting[path={data},column=x]"], ["rnn"], seeds=1, hidden_size=4, settings=TINY
    )
    bundle = bundle_of(make_plan(request, registry), registry)
    assert differences(bundle, registry) == []
    data.write_text("x\n" + "\n".join(str(n % 5) for n in range(400)))
    assert "another content" in differences(bundle, registry)[0]
    data.unlink()
    assert str(data) in differences(bundle, registry)[0]


# -- the file


def test_a_bundle_comes_back_as_it_was(tmp_path: Path, plan: Plan, registry: Registry) -> None:
    bundle = bundle_of(plan("good", seeds=2), registry, timeout=3.5, memory=1 << 30)
    bundle.write(tmp_path / "bundle.json")
    assert read_bundle(tmp_path / "bundle.json") == bundle


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "no bundle"),
        ("{}", "no bundle"),
        ("[1, 2]", "no bundle"),
        ('{"kind": "rnnbench-bundle", "version": 2}', "another format"),
    ],
)
def test_what_is_no_bundle_is_refused_in_one_line(tmp_path: Path, content: str, told: str) -> None:
    path = tmp_path / "bundle.json"
    path.write_text(content)
    assert told in call("worker", str(path)).complaint
    assert list(tmp_path.iterdir()) == [path]


def test_a_bundle_of_another_format_is_refused(
    tmp_path: Path, plan: Plan, registry: Registry
) -> None:
    path = tmp_path / "bundle.json"
    bundle_of(plan("good"), registry).write(path)
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 2}))
    assert "another format" in call("worker", str(path)).complaint
    assert "cannot be read" in call("worker", str(tmp_path / "none.json")).complaint
