"""Plugins of a job: a job's process imports the plugins of its own model and task, no others."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from rnnbench.contract import registry
from rnnbench.execution import environment

if TYPE_CHECKING:
    from rnnbench.contract.registry import Registry
    from rnnbench.records.spec import TrialSpec


@cache
def _installed() -> tuple[EntryPoint, ...]:
    return tuple(entry_points(group=registry.ENTRY_POINT_GROUP))


def fill_caches() -> None:
    """Look up installed distributions and the platform, so that forked children need not."""
    for point in _installed():
        registry.provider_of(point)
    environment.software()
    environment.processor_name()
    environment.processor_model()


def modules_for(specs: Collection[TrialSpec], loaded: Registry) -> tuple[str, ...]:
    """Return the modules of the plugins that define the models and tasks of ``specs``."""
    models = {spec.model.name for spec in specs}
    tasks = {spec.task.name for spec in specs}
    return tuple(
        plugin.module
        for plugin in loaded.plugins
        if models & set(plugin.models) or tasks & set(plugin.tasks)
    )


def load_plugins(modules: Collection[str]) -> Registry:
    """Load the plugins in these modules alone."""
    return registry.load([point for point in _installed() if point.value in modules])
