"""Registry entries: the description of one model or task, and how to build it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from rnnbench.claims.claim import Claim
from rnnbench.contract.given import GivenClass
from rnnbench.contract.options import Option, unwrapped
from rnnbench.contract.source import source_checksum, text_checksum
from rnnbench.contract.task import Task
from rnnbench.errors import PluginError, one_line
from rnnbench.files import file_checksum
from rnnbench.records.citation import Citation
from rnnbench.records.published import RecordedPublished
from rnnbench.records.result import RecordedCitation
from rnnbench.records.spec import Provider, TaskSpec
from rnnbench.records.syntax import OptionValue

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, kw_only=True)
class _Entry:
    kind: ClassVar[str]

    name: str
    provider: Provider
    options: dict[str, Option]
    cited: tuple[Citation, ...]
    factory: Callable[..., Any]
    """Builds the core or the task, e.g. its class."""
    module: str = ""
    """The module of the plugin."""
    given: GivenClass | None = None
    """The class, where it was given in Python and not by a plugin."""

    @cached_property
    def summary(self) -> str:
        """The first line of the docstring; empty for a class without a docstring of its own."""
        target = unwrapped(self.factory)
        # a class without a docstring has that of its base
        own = not isinstance(target, type) or vars(target).get("__doc__")
        doc = (inspect.getdoc(target) or "") if own else ""
        return one_line(doc.splitlines()[0] if doc else "", 200)

    @property
    def source(self) -> str:
        """SHA-256 of the source code that defines it; empty if none can be read."""
        if self.given is not None and not self.given.module:
            return text_checksum(self.given.code)
        return source_checksum(self.factory, self.module, self.provider.distribution)

    def checksums(self, options: Mapping[str, OptionValue]) -> dict[str, str]:
        """Return SHA-256 of the content of each data file among the values of options.

        Raises:
            DataError: a file cannot be read.
        """
        return {
            name: file_checksum(
                Path(str(options[name])), f"{self.kind} {self.name!r}, option {name!r}"
            )
            for name, option in self.options.items()
            if option.is_file and options[name] is not None
        }

    @property
    def citations(self) -> tuple[RecordedCitation, ...]:
        """The citations as they are recorded."""
        return tuple(
            RecordedCitation(of=self.name, key=c.key, title=c.title, venue=c.venue, url=c.url)
            for c in self.cited
        )

    def _arguments(self, given: Mapping[str, Any] | None) -> dict[str, Any]:
        """Return the options as annotated: paths are recorded as text and passed as ``Path``."""
        arguments = dict(given or {})
        for name, option in self.options.items():
            if option.is_file and isinstance(arguments.get(name), str):
                arguments[name] = Path(arguments[name])
        return arguments


@dataclass(frozen=True, kw_only=True)
class RegisteredModel(_Entry):
    """The registry entry of an architecture."""

    kind: ClassVar[str] = "model"

    causal: bool
    incompatible: Callable[[Task, dict[str, Any]], str | None] | None
    plain_loop: dict[str, OptionValue] | None = None
    """Options that turn it into its plain loop; ``None`` where none is declared."""
    places: tuple[str, ...] = ()
    """Which of ``depth`` and ``layer`` the core takes."""
    family: str = ""
    """Heading in lists of models."""

    def build(
        self,
        input_size: int,
        hidden_size: int,
        options: dict[str, Any] | None = None,
        *,
        depth: int = 1,
        layer: int = 0,
    ) -> nn.Module:
        """Build the core.

        Args:
            input_size: D.
            hidden_size: H.
            options: values of the options; the others keep their defaults.
            depth: number of cores in the network, each above the one before.
            layer: place of this one among them, from 0.

        Raises:
            PluginError: the factory returns no module, or one with parameters without a shape.
            ValueError: the options do not fit together, or anything else that ``__init__`` raises.
        """
        from torch import nn
        from torch.nn.parameter import is_lazy

        known = {"depth": depth, "layer": layer}
        place = {name: known[name] for name in self.places}
        core = self.factory(input_size, hidden_size, **place, **self._arguments(options))
        if not isinstance(core, nn.Module):
            raise PluginError(
                f"model {self.name!r} is built as a {type(core).__name__}; "
                "return a torch.nn.Module."
            )
        for name, parameter in core.named_parameters():
            if is_lazy(parameter):
                raise PluginError(
                    f"model {self.name!r}: parameter {name} has no shape before the first forward "
                    "pass, so it can be neither counted nor initialised from the seed; use "
                    "nn.Linear with its input width in place of nn.LazyLinear (and likewise for "
                    "other lazy modules)."
                )
        return core


@dataclass(frozen=True, kw_only=True)
class RegisteredTask(_Entry):
    """The registry entry of a task."""

    kind: ClassVar[str] = "task"

    factory: type[Task]

    def build(self, options: dict[str, Any] | None = None) -> Task:
        """Build the task."""
        return self.factory(**self._arguments(options))

    def published(self, spec: TaskSpec) -> tuple[RecordedPublished, ...]:
        """Return the published results that hold for a specification, as they are recorded."""
        defaults = {name: option.default for name, option in self.options.items()}
        return tuple(
            RecordedPublished.of(each)
            for each in self.factory.published
            if each.holds_for(spec.options, defaults, spec.checksums)
        )


@dataclass(frozen=True, kw_only=True)
class RegisteredExecutor:
    """The registry entry of an executor."""

    kind: ClassVar[str] = "executor"

    name: str
    provider: Provider
    options: dict[str, Option]
    factory: Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class RegisteredClaim:
    """The registry entry of a claim."""

    kind: ClassVar[str] = "claim"

    name: str
    provider: Provider
    claim: Claim

    @property
    def summary(self) -> str:
        """What is commonly said."""
        return one_line(self.claim.statement, 200)
