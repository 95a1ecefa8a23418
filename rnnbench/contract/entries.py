"""A model and a task as registered: name, provider, options, citations, and how to build one."""

from __future__ import annotations

import inspect
import pathlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rnnbench.contract.options import Option, unwrapped
from rnnbench.contract.task import Citation, Task
from rnnbench.errors import one_line
from rnnbench.records.result import RecordedCitation
from rnnbench.records.spec import Provider

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class _Registered:
    name: str
    provider: Provider
    options: dict[str, Option]
    cited: tuple[Citation, ...]
    source: Callable[..., Any]

    @cached_property
    def summary(self) -> str:
        """The first line of the docstring."""
        doc = inspect.getdoc(unwrapped(self.source)) or ""
        return one_line(doc.splitlines()[0] if doc else "", 200)

    @property
    def citations(self) -> tuple[RecordedCitation, ...]:
        """The citations as they are recorded."""
        return tuple(
            RecordedCitation(of=self.name, key=r.key, title=r.title, venue=r.venue, url=r.url)
            for r in self.cited
        )

    def _arguments(self, given: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the options as the author annotated them: recorded paths are texts, theirs are
        ``pathlib.Path``.
        """
        arguments = dict(given or {})
        for name, option in self.options.items():
            if option.is_file and isinstance(arguments.get(name), str):
                arguments[name] = pathlib.Path(arguments[name])
        return arguments


@dataclass(frozen=True)
class Model(_Registered):
    """A registered architecture."""

    core: Callable[..., nn.Module]
    causal: bool
    incompatible: Callable[[Task, dict[str, Any]], str | None] | None

    def build(
        self, input_size: int, hidden_size: int, options: dict[str, Any] | None = None
    ) -> nn.Module:
        """Build the core; raises whatever its ``__init__`` raises (``ValueError`` for options that
        do not go together).
        """
        return self.core(input_size, hidden_size, **self._arguments(options))


@dataclass(frozen=True)
class RegisteredTask(_Registered):
    """A registered task."""

    factory: type[Task]

    def build(self, options: dict[str, Any] | None = None) -> Task:
        """Build the task; options annotated as paths are given as ``pathlib.Path``."""
        return self.factory(**self._arguments(options))
