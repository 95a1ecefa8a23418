"""Plugins of a job: a job's process loads the models and tasks that it needs, no others."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING

from rnnbench.contract import registry
from rnnbench.contract.given import GivenClass
from rnnbench.execution import environment
from rnnbench.records.base import Data

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


class Plugins(Data):
    """The models and tasks that a job's process loads."""

    modules: tuple[str, ...] = ()
    """Modules of plugins."""
    classes: tuple[GivenClass, ...] = ()
    """Models that were given in Python."""


def plugins_for(specs: Collection[TrialSpec], loaded: Registry) -> Plugins:
    """Return the plugins and classes that define the models and tasks of ``specs``."""
    models = {spec.model.name for spec in specs}
    tasks = {spec.task.name for spec in specs}
    modules = tuple(
        plugin.module
        for plugin in loaded.plugins
        if models & set(plugin.models) or tasks & set(plugin.tasks)
    )
    given = (loaded.models[name].given for name in sorted(models & set(loaded.models)))
    return Plugins(modules=modules, classes=tuple(each for each in given if each))


def load_plugins(plugins: Plugins) -> Registry:
    """Load these plugins and classes alone."""
    loaded = registry.load([point for point in _installed() if point.value in plugins.modules])
    for given in plugins.classes:
        loaded.add_class(given, given.restored())
    return loaded
