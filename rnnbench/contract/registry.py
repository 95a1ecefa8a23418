"""Load plugins one by one, keep each fault to its plugin, and know every model and task by name and
provider.
"""

from __future__ import annotations

import contextlib
import os
import pathlib
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import metadata
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

import pluggy

from rnnbench.contract import hookspecs
from rnnbench.contract.entries import Model, RegisteredTask
from rnnbench.contract.faults import in_words, place_of
from rnnbench.contract.registration import DISABLE_VARIABLE, Registration
from rnnbench.errors import PluginError, UsageError, did_you_mean, one_line
from rnnbench.records.spec import Provider

__all__ = ["DISABLE_VARIABLE", "Model", "PluginReport", "RegisteredTask", "Registry", "load"]

ENTRY_POINT_GROUP = "rnnbench"
OWN_DISTRIBUTION = "rnnbench"

_Found = TypeVar("_Found")


@dataclass(frozen=True)
class PluginReport:
    """What became of one plugin."""

    name: str
    provider: Provider
    module: str
    models: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    error: str | None = None
    disabled: bool = False
    warnings: tuple[str, ...] = ()
    """What was warned of while it loaded, one line each."""


@dataclass
class Registry:
    """Every model and task that could be loaded, and what went wrong with the rest."""

    models: dict[str, Model] = field(default_factory=dict)
    tasks: dict[str, RegisteredTask] = field(default_factory=dict)
    plugins: list[PluginReport] = field(default_factory=list)

    def model(self, name: str) -> Model:
        """Return the model of that name; raises :class:`UsageError` with the near one, or with why
        its plugin failed.
        """
        return _lookup("model", name, self.models, self.plugins)

    def task(self, name: str) -> RegisteredTask:
        """Return the task of that name; raises :class:`UsageError` with the near one, or with why
        its plugin failed.
        """
        return _lookup("task", name, self.tasks, self.plugins)

    @property
    def faults(self) -> list[PluginReport]:
        """The plugins that could not be loaded in full."""
        return [plugin for plugin in self.plugins if plugin.error]


def _lookup(
    kind: str, name: str, known: Mapping[str, _Found], plugins: Iterable[PluginReport]
) -> _Found:
    if name in known:
        return known[name]
    absent = [plugin for plugin in plugins if plugin.error or plugin.disabled]
    for plugin in absent:
        if plugin.name == name:
            why = plugin.error or f"it is switched off by {DISABLE_VARIABLE}."
            raise UsageError(
                f"plugin {name!r} of {plugin.provider.distribution} {plugin.provider.version} is not loaded: {why}"
            )
    missing = (
        f" Plugins not loaded: {', '.join(plugin.name for plugin in absent)}; type: rnnbench plugins"
        if absent
        else ""
    )
    hint = did_you_mean(name, known)
    raise UsageError(
        f"no {kind} called {one_line(name, 80)!r}.{hint} Type: rnnbench list {kind}s{missing and '.'}{missing}"
    )


def load(points: Sequence[EntryPoint] | None = None) -> Registry:
    """Load every plugin that an installed distribution names in the entry-point group ``rnnbench``.

    A plugin that fails (import error, ``sys.exit``, misspelt hook, duplicate name, raising hook) is
    reported in ``Registry.plugins`` with its distribution and version; none of its models and tasks
    is kept, and no other plugin is affected. rnnbench's own come first, so that a duplicate is the
    newcomer's. What a plugin prints while it loads goes to stderr, which keeps stdout for results.
    """
    found = list(entry_points(group=ENTRY_POINT_GROUP)) if points is None else list(points)
    found.sort(
        key=lambda point: (
            provider_of(point).distribution != OWN_DISTRIBUTION,
            provider_of(point).distribution,
            point.name,
        )
    )
    switched_off = {_folded(word) for word in os.environ.get(DISABLE_VARIABLE, "").split(",")} - {
        ""
    }
    registry = Registry()
    seen: set[tuple[str, str, str]] = set()
    for point in found:
        provider = provider_of(point)
        key = (provider.distribution, point.name, point.value)
        if key in seen:  # an editable install beside a wheel lists its entry points twice
            continue
        seen.add(key)
        everybody_else = "all" in switched_off and provider.distribution != OWN_DISTRIBUTION
        if everybody_else or switched_off & {_folded(point.name), _folded(provider.distribution)}:
            report = PluginReport(one_line(point.name, 80), provider, point.value, disabled=True)
        else:
            report = _load_one(point, provider, registry)
        registry.plugins.append(report)
    return registry


def _folded(name: str) -> str:
    """Spell a name as package indexes compare it: ``My_Plugin`` and ``my-plugin`` are the same
    distribution.
    """
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def provider_of(point: EntryPoint) -> Provider:
    """Return the distribution that an entry point belongs to."""
    return _provider(point.dist)


@cache
def _provider(distribution: metadata.Distribution | None) -> Provider:
    # A distribution reads its whole metadata file for each answer; one whose file is missing or
    # damaged has None for both.
    name, version = (distribution.name, distribution.version) if distribution else (None, None)
    return Provider(
        distribution=one_line(name or "unknown", 80), version=one_line(version or "0", 80)
    )


def _load_one(point: EntryPoint, provider: Provider, registry: Registry) -> PluginReport:
    collected = Registration(provider, registry.models, registry.tasks)
    report = PluginReport(one_line(point.name, 80), provider, point.value)
    with _noted_warnings() as noted:
        try:
            with contextlib.redirect_stdout(sys.stderr):
                _call_hooks(point, collected)
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # SystemExit too: a plugin must not be able to end rnnbench
            return replace(report, error=_reason(error), warnings=tuple(noted))
    registry.models.update(collected.models)
    registry.tasks.update(collected.tasks)
    return replace(
        report, models=tuple(collected.models), tasks=tuple(collected.tasks), warnings=tuple(noted)
    )


@contextlib.contextmanager
def _noted_warnings() -> Iterator[list[str]]:
    """Collect warnings as lines. Filters are left alone: a library imported here may set its own,
    and they must last.
    """
    noted: list[str] = []

    def note(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        *_: Any,
        **__: Any,
    ) -> None:
        noted.append(
            one_line(f"{category.__name__}: {message} ({pathlib.Path(filename).name}:{lineno})")
        )

    shown, warnings.showwarning = warnings.showwarning, note
    try:
        yield noted
    finally:
        warnings.showwarning = shown


def _call_hooks(point: EntryPoint, collected: Registration) -> None:
    module = point.load()
    manager = pluggy.PluginManager(
        hookspecs.NAMESPACE
    )  # one per plugin: a fault in one cannot reach another
    manager.add_hookspecs(hookspecs)
    known = [name for name in vars(manager.hook) if not name.startswith("_")]
    manager.register(module, point.name)
    callers = manager.get_hookcallers(module)
    if not callers:
        raise PluginError(
            "implements no hook; decorate register_models or register_tasks with rnnbench.hookimpl."
        )
    for caller in callers:
        if not caller.has_spec():
            hint = did_you_mean(caller.name, known)
            raise PluginError(
                f"there is no hook called {caller.name!r}.{hint} The hooks are: {', '.join(known)}."
            )
    manager.hook.register_models(register=collected.register_model)
    manager.hook.register_tasks(register=collected.register_task)


def _reason(error: BaseException) -> str:
    text = str(error) if isinstance(error, PluginError) else in_words(error)
    return text + place_of(error)
