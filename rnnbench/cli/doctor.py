"""``rnnbench doctor``: check the installation and a store, rescue the records of a damaged one."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from rnnbench.cli.advice import Command
from rnnbench.cli.output import echo
from rnnbench.cli.parameters import FilePath, store_option

PACKAGES = (
    "torch",
    "pytorch-lightning",
    "pandas",
    "pluggy",
    "pydantic",
    "matplotlib",
    "seaborn",
    "scipy",
    "safetensors",
)


@click.command(cls=Command)
@click.option(
    "--rescue",
    type=FilePath(),
    metavar="NEW",
    help="Copy every readable record of the store into this new store, and check nothing.",
)
@store_option
def doctor(rescue: Path | None, store: Path) -> int:
    """Check the installation, the plugins and the store.

    With --rescue, copy the readable records of a damaged store instead. The exit code is 1 if
    something is wrong.
    """
    findings: Iterator[Finding] = (
        itertools.chain(check_installation(), [check_store(store)])
        if rescue is None
        else iter([_rescue(store, rescue)])
    )
    healthy = True
    for finding in findings:
        echo(f"{'ok  ' if finding.good else 'FAIL'}  {finding.text}")
        healthy &= finding.good
    return 0 if healthy else 1


@dataclass(frozen=True)
class Finding:
    """The outcome of one check."""

    good: bool
    text: str


def check_installation() -> Iterator[Finding]:
    """Check Python, the packages, the plugins, the GPU and process isolation."""
    import platform
    from importlib.metadata import PackageNotFoundError, version

    import rnnbench
    from rnnbench.contract import registry

    python = f"Python {platform.python_version()}, {platform.platform()}"
    yield Finding(True, f"rnnbench {rnnbench.__version__}, {python}")
    for name in PACKAGES:
        try:
            yield Finding(True, f"{name} {version(name)}")
        except PackageNotFoundError:
            yield Finding(False, f"{name} is not installed; type: pip install rnnbench")
    for plugin in registry.load().plugins:
        yield Finding(plugin.error is None, f"plugin {plugin.label}: {plugin.state}")
    import torch

    cuda = torch.cuda.is_available()
    name = torch.cuda.get_device_name(0) if cuda else "none; trials run on the CPU"
    yield Finding(True, f"GPU: {name}")
    yield _check_isolation()


def _check_isolation() -> Finding:
    from rnnbench.execution.isolation import Processes
    from rnnbench.execution.jobs.messages import PreflightJob

    with Processes() as processes:
        processes.start(PreflightJob(specs=()), limit=120)
        while not (ended := processes.poll(1.0)):
            pass
    ((_, outcome),) = ended
    good = outcome.result == ()
    return Finding(good, "trials run in separate processes" if good else outcome.problem)


def check_store(path: Path) -> Finding:
    """Check that a store can be opened, is intact, and that every record can be read."""
    from rnnbench.errors import StoreError, message_line
    from rnnbench.records.faults import how_to_rescue
    from rnnbench.records.store import Store

    try:
        if not path.exists():
            return Finding(True, f"no store at {path} yet")
        with Store(path, must_exist=True) as store:
            if damage := store.check():
                problem = f"{path} is damaged ({damage}); {how_to_rescue(path)}"
                return Finding(False, message_line(problem))
            count = len(store.records(every_attempt=True, purpose="all"))
            return Finding(True, f"{path}: {count} attempts, all readable")
    except (StoreError, OSError) as error:
        return Finding(False, message_line(error))


def _rescue(store: Path, new: Path) -> Finding:
    from rnnbench.records.rescue import rescue_records

    kept, lost = rescue_records(store, new)
    return Finding(not lost, f"{kept} attempts copied to {new}, {lost} could not be read")
