"""What ``rnnbench doctor`` finds: the state of the installation and of a store."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from rnnbench.errors import StoreError, one_line
from rnnbench.records.store import Store

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


@dataclass(frozen=True)
class Finding:
    """One thing looked at."""

    good: bool
    text: str


def installation() -> Iterator[Finding]:
    """Look at Python, the packages, the devices, the plugins and process isolation."""
    import rnnbench
    from rnnbench.contract import registry

    yield Finding(
        True,
        f"rnnbench {rnnbench.__version__}, Python {platform.python_version()}, {platform.platform()}",
    )
    for name in PACKAGES:
        try:
            yield Finding(True, f"{name} {version(name)}")
        except PackageNotFoundError:
            yield Finding(False, f"{name} is not installed; type pip install rnnbench")
    loaded = registry.load()
    for plugin in loaded.plugins:
        where = f"plugin {plugin.name} ({plugin.provider.distribution} {plugin.provider.version})"
        yield Finding(
            plugin.error is None,
            f"{where}: {plugin.error or ('disabled' if plugin.disabled else 'loaded')}",
        )
    import torch

    yield Finding(
        True,
        f"GPU: {torch.cuda.get_device_name(0)}"
        if torch.cuda.is_available()
        else "no GPU; trials run on the CPU",
    )
    yield _isolation()


def _isolation() -> Finding:
    from rnnbench.execution.isolation import Processes
    from rnnbench.execution.jobs.messages import PreflightJob

    with Processes() as processes:
        processes.start(PreflightJob(specs=()), limit=120)
        while not (ended := processes.poll(1.0)):
            pass
    ((_, outcome),) = ended
    good = outcome.result == ()
    return Finding(good, "trials run in processes of their own" if good else outcome.problem)


def store_health(path: Path) -> Finding:
    """Look whether a store can be opened, is whole, and every record can be read."""
    try:
        if not path.exists():
            return Finding(True, f"no store at {path} yet")
        with Store(path, must_exist=True) as store:
            if damage := store.check():
                return Finding(
                    False,
                    f"{path} is damaged ({one_line(damage, 200)}); add --rescue NEW.db to save what is readable",
                )
            return Finding(
                True, f"{path}: {len(store.records(every_attempt=True))} attempts, all readable"
            )
    except (StoreError, OSError) as error:
        return Finding(False, one_line(error))
