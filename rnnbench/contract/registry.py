"""The registry: load the plugins of all distributions one by one; look up models and tasks."""

from __future__ import annotations

import contextlib
import os
import re
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib import metadata
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, TypeVar

import pluggy

from rnnbench.contract import hookspecs
from rnnbench.contract.collector import DISABLE_VARIABLE, Collector
from rnnbench.contract.entries import (
    RegisteredClaim,
    RegisteredExecutor,
    RegisteredModel,
    RegisteredTask,
)
from rnnbench.contract.faults import in_words, place_of
from rnnbench.contract.given import GIVEN, GivenClass
from rnnbench.errors import PluginError, UsageError, did_you_mean, message_line, one_line
from rnnbench.records.spec import OWN_DISTRIBUTION, Provider

__all__ = [
    "PluginReport",
    "RegisteredClaim",
    "RegisteredModel",
    "RegisteredTask",
    "Registry",
    "load",
]

ENTRY_POINT_GROUP = "rnnbench"

_LISTINGS = {
    "model": "rnnbench list models",
    "task": "rnnbench list tasks",
    "claim": "rnnbench list claims",
    "executor": "rnnbench plugins",
    "model, no task and no claim": "rnnbench list",
}

_Entry = TypeVar("_Entry")


@dataclass(frozen=True)
class PluginReport:
    """The outcome of loading one plugin."""

    name: str
    provider: Provider
    module: str
    models: tuple[str, ...] = ()
    tasks: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    executors: tuple[str, ...] = ()
    error: str | None = None
    disabled: bool = False
    warnings: tuple[str, ...] = ()
    """Warnings issued while it was loaded, one line each."""

    @property
    def label(self) -> str:
        """The name with the distribution and its version."""
        return f"{self.name} ({self.provider.distribution} {self.provider.version})"

    @property
    def provided(self) -> tuple[str, ...]:
        """The names of its models, tasks, claims and executors."""
        return (*self.models, *self.tasks, *self.claims, *self.executors)

    @property
    def state(self) -> str:
        """The error, ``disabled`` or ``ok``."""
        return self.error or ("disabled" if self.disabled else "ok")


@dataclass
class Registry:
    """All models, tasks and claims that could be loaded, and a report on every plugin."""

    models: dict[str, RegisteredModel] = field(default_factory=dict)
    tasks: dict[str, RegisteredTask] = field(default_factory=dict)
    claims: dict[str, RegisteredClaim] = field(default_factory=dict)
    executors: dict[str, RegisteredExecutor] = field(default_factory=dict)
    plugins: list[PluginReport] = field(default_factory=list)

    def model(self, name: str) -> RegisteredModel:
        """Return a model by name.

        Raises:
            UsageError: no such model; the message suggests a near name, or states why its plugin is
                not loaded.
        """
        return _lookup("model", name, self.models, self.plugins)

    def member(self, name: str) -> RegisteredModel | RegisteredTask | RegisteredClaim:
        """Return a model by name or, if there is none, a task or a claim.

        Raises:
            UsageError: neither has this name; as :meth:`model`.
        """
        known: dict[str, RegisteredModel | RegisteredTask | RegisteredClaim]
        known = {**self.claims, **self.tasks, **self.models}
        plugin = next((each for each in self.plugins if each.name == name), None)
        if plugin and name not in known and not (plugin.error or plugin.disabled):
            provided = ", ".join(plugin.provided)
            raise UsageError(
                f"{name!r} is a plugin; it provides {provided or 'nothing'}. Give one of these."
            )
        return _lookup("model, no task and no claim", name, known, self.plugins)

    def task(self, name: str) -> RegisteredTask:
        """Return a task by name; raises :class:`UsageError` as :meth:`model` does."""
        return _lookup("task", name, self.tasks, self.plugins)

    def claim(self, name: str) -> RegisteredClaim:
        """Return a claim by name; raises :class:`UsageError` as :meth:`model` does."""
        return _lookup("claim", name, self.claims, self.plugins)

    def executor(self, name: str) -> RegisteredExecutor:
        """Return an executor by name; raises :class:`UsageError` as :meth:`model` does."""
        return _lookup("executor", name, self.executors, self.plugins)

    def add_class(self, given: GivenClass, factory: type[Any]) -> None:
        """Register a class that was given in Python.

        Raises:
            PluginError: it breaks the contract, or its name is taken.
        """
        collected = Collector(GIVEN, self.models, self.tasks, given.module)
        collected.register_model(given.name, factory)
        self.models[given.name] = replace(collected.models[given.name], given=given)

    @property
    def faults(self) -> list[PluginReport]:
        """The plugins that could not be loaded."""
        return [plugin for plugin in self.plugins if plugin.error]


def _lookup(
    kind: str, name: str, known: Mapping[str, _Entry], plugins: Iterable[PluginReport]
) -> _Entry:
    if name in known:
        return known[name]
    absent = [plugin for plugin in plugins if plugin.error or plugin.disabled]
    for plugin in absent:
        if plugin.name == name:
            raise UsageError(_absence(plugin))
    hint = ""
    if len(absent) == 1:
        hint = f". Note: {_absence(absent[0])}"
    elif absent:
        names = ", ".join(plugin.name for plugin in absent)
        hint = f". Plugins not loaded: {names}; to see why, type: rnnbench plugins"
    raise UsageError(
        f"no {kind} called {name!r}.{did_you_mean(name, known)} Type: {_LISTINGS[kind]}{hint}"
    )


def _absence(plugin: PluginReport) -> str:
    why = plugin.error or f"it is disabled by {DISABLE_VARIABLE}."
    return f"plugin {plugin.label} is not loaded: {why}"


def load(points: Sequence[EntryPoint] | None = None) -> Registry:
    """Load every plugin in the entry-point group ``rnnbench``, or the given entry points.

    A plugin that fails (import error, ``sys.exit``, misspelt hook, duplicate name, raising hook) is
    reported in ``Registry.plugins``. None of its models, tasks and claims is kept, and no other
    plugin is affected. rnnbench's own plugins come first, so that a duplicate name is refused to
    the third party. Output of plugins goes to stderr, because stdout is for results.
    """
    found = list(entry_points(group=ENTRY_POINT_GROUP)) if points is None else list(points)
    found.sort(key=_order)
    words = os.environ.get(DISABLE_VARIABLE, "").split(",")
    disabled = {_normalised(word) for word in words} - {""}
    registry = Registry()
    seen: set[tuple[str, str, str]] = set()
    for point in found:
        provider = provider_of(point)
        key = (provider.distribution, point.name, point.value)
        # An editable install next to a wheel lists its entry points twice.
        if key in seen:
            continue
        seen.add(key)
        report = PluginReport(one_line(point.name, 80), provider, point.value)
        if _is_disabled(point, provider, disabled):
            registry.plugins.append(replace(report, disabled=True))
        else:
            registry.plugins.append(_load_one(point, report, registry))
    return registry


def _order(point: EntryPoint) -> tuple[bool, str, str]:
    distribution = provider_of(point).distribution
    return (distribution != OWN_DISTRIBUTION, distribution, point.name)


def _is_disabled(point: EntryPoint, provider: Provider, disabled: set[str]) -> bool:
    if "all" in disabled and provider.distribution != OWN_DISTRIBUTION:
        return True
    return bool(disabled & {_normalised(point.name), _normalised(provider.distribution)})


def _normalised(name: str) -> str:
    """Normalise a name as package indexes do: ``My_Plugin`` and ``my-plugin`` are equal."""
    return re.sub(r"[-_.]+", "-", name.strip()).lower()


def provider_of(point: EntryPoint) -> Provider:
    """Return the distribution of an entry point."""
    return _provider(point.dist)


# A distribution reads its whole metadata file for each answer.
@cache
def _provider(distribution: metadata.Distribution | None) -> Provider:
    # A missing or damaged metadata file gives None for both, against the annotations.
    name, version = (distribution.name, distribution.version) if distribution else (None, None)
    return Provider(distribution=name or "unknown", version=version or "0")


def _load_one(point: EntryPoint, report: PluginReport, registry: Registry) -> PluginReport:
    collected = Collector(
        report.provider,
        registry.models,
        registry.tasks,
        point.module,
        registry.claims,
        registry.executors,
    )
    with _recorded_warnings() as recorded:
        try:
            with contextlib.redirect_stdout(sys.stderr):
                _call_hooks(point, collected)
        except KeyboardInterrupt:
            raise
        # SystemExit too: a plugin must not end rnnbench.
        except BaseException as error:
            return replace(report, error=_reason(error), warnings=tuple(recorded))
    registry.models.update(collected.models)
    registry.tasks.update(collected.tasks)
    registry.claims.update(collected.claims)
    registry.executors.update(collected.executors)
    return replace(
        report,
        models=tuple(collected.models),
        tasks=tuple(collected.tasks),
        claims=tuple(collected.claims),
        executors=tuple(collected.executors),
        warnings=tuple(recorded),
    )


@contextlib.contextmanager
def _recorded_warnings() -> Iterator[list[str]]:
    """Collect warnings as lines.

    ``warnings.catch_warnings`` does not fit: on exit it would also undo the filters of libraries
    that a plugin imports first.
    """
    recorded: list[str] = []

    def record(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        *_: Any,
        **__: Any,
    ) -> None:
        place = f"{Path(filename).name}:{lineno}"
        recorded.append(message_line(f"{category.__name__}: {message} ({place})"))

    shown, warnings.showwarning = warnings.showwarning, record
    try:
        yield recorded
    finally:
        warnings.showwarning = shown


def _call_hooks(point: EntryPoint, collected: Collector) -> None:
    module = point.load()
    # One manager per plugin, so that a fault in one cannot reach another.
    manager = pluggy.PluginManager(hookspecs.NAMESPACE)
    manager.add_hookspecs(hookspecs)
    known = [name for name in vars(manager.hook) if not name.startswith("_")]
    manager.register(module, point.name)
    callers = manager.get_hookcallers(module)
    if not callers:
        raise PluginError(
            "implements no hook; decorate register_models, register_tasks, register_claims or "
            "register_executors with rnnbench.hookimpl."
        )
    for caller in callers:
        if not caller.has_spec():
            near = did_you_mean(caller.name, known)
            raise PluginError(
                f"there is no hook called {caller.name!r}.{near} The hooks are: {', '.join(known)}."
            )
    manager.hook.register_models(register=collected.register_model)
    manager.hook.register_tasks(register=collected.register_task)
    manager.hook.register_claims(register=collected.register_claim)
    manager.hook.register_executors(register=collected.register_executor)


def _reason(error: BaseException) -> str:
    text = str(error) if isinstance(error, PluginError) else in_words(error)
    return message_line(text + place_of(error))
