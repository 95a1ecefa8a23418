"""What the server looks up once, so that no trial has to: answers that Python keeps, none of them a
plugin's.
"""

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


def prepare() -> None:
    """Look everything up, in the server; forked children find the answers in place."""
    for point in _installed():
        registry.provider_of(point)
    environment.software()
    environment.processor_name()


def modules_for(specs: Collection[TrialSpec], loaded: Registry) -> list[str]:
    """Return the plugin modules that trials need; in their processes, no other plugin is imported."""
    models = {spec.model.name for spec in specs}
    tasks = {spec.task.name for spec in specs}
    return [
        plugin.module
        for plugin in loaded.plugins
        if models & set(plugin.models) or tasks & set(plugin.tasks)
    ]


def load_plugins(modules: Collection[str]) -> Registry:
    """Load the plugins in these modules alone."""
    return registry.load([point for point in _installed() if point.value in modules])
