"""What a bundle requires of a node: the same plugins, versions and data as on the driver.

Trials with the same identity would otherwise be stored for two different things.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING

import rnnbench
from rnnbench.errors import RnnbenchError
from rnnbench.records.spec import Provider

if TYPE_CHECKING:
    from rnnbench.contract.entries import RegisteredModel, RegisteredTask
    from rnnbench.contract.registry import Registry
    from rnnbench.execution.bundles.bundle import Bundle
    from rnnbench.records.spec import ModelSpec, TaskSpec


def installed() -> dict[str, str]:
    """Return the versions that a bundle records."""
    return {"rnnbench": rnnbench.__version__, "torch": version("torch")}


def differences(bundle: Bundle, registry: Registry) -> list[str]:
    """Return how this node differs from the driver, in words; empty if trials may run here.

    Args:
        bundle: trials as the driver planned them.
        registry: the plugins of this node, with the bundle's own classes.
    """
    return list(dict.fromkeys(_differences(bundle, registry)))


def _differences(bundle: Bundle, registry: Registry) -> Iterator[str]:
    here, there = installed(), {"rnnbench": bundle.rnnbench, "torch": bundle.torch}
    for name, wanted in there.items():
        # a build for a GPU and one for a CPU are the same version
        if here[name].partition("+")[0] != wanted.partition("+")[0]:
            yield f"{name} {here[name]} is installed, and the driver has {wanted}"
    models = {spec.model.name: spec.model for spec in bundle.trials}
    for name, model in models.items():
        if name not in registry.models:
            yield f"model {name!r} of {_words(model.provider)} is not installed"
        else:
            yield from _of_entry(registry.model(name), model)
    tasks = {spec.task.task_id: spec.task for spec in bundle.trials}
    for task in tasks.values():
        if task.name not in registry.tasks:
            yield f"task {task.name!r} of {_words(task.provider)} is not installed"
            continue
        entry = registry.task(task.name)
        if (version_here := entry.factory.version) != task.version:
            yield f"task {task.name!r} has version {version_here}, and on the driver {task.version}"
        yield from _of_entry(entry, task)
    with_files = {id(part): part for spec in bundle.trials for part in (spec.task, spec.model)}
    for part in with_files.values():
        yield from _of_files(part, registry)


def _of_entry(entry: RegisteredModel | RegisteredTask, spec: ModelSpec | TaskSpec) -> Iterator[str]:
    what = f"{entry.kind} {entry.name!r}"
    if entry.provider != spec.provider:
        yield f"{what} is of {_words(entry.provider)}, and on the driver of {_words(spec.provider)}"
    elif entry.source != spec.source:
        yield f"{what} of {_words(entry.provider)} has other source code than on the driver"


def _of_files(spec: ModelSpec | TaskSpec, registry: Registry) -> Iterator[str]:
    known: Mapping[str, RegisteredModel | RegisteredTask] = {**registry.tasks, **registry.models}
    if not spec.checksums or spec.name not in known:
        return
    try:
        found = known[spec.name].checksums(spec.options)
    except RnnbenchError as error:
        yield str(error).rstrip(".")
        return
    for option, wanted in spec.checksums.items():
        if found.get(option) != wanted:
            yield (
                f"{spec.options[option]}, {option} of {spec.name!r}, has another content than on "
                "the driver"
            )


def _words(provider: Provider) -> str:
    return f"{provider.distribution} {provider.version}".strip()
