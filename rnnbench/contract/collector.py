"""The ``register`` calls that a plugin makes in its hooks: check the arguments, collect entries.

The checks run inside the call, so that the traceback ends at the author's line.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import is_dataclass
from typing import TYPE_CHECKING, Any

from rnnbench.claims.claim import Claim
from rnnbench.contract.entries import (
    RegisteredClaim,
    RegisteredExecutor,
    RegisteredModel,
    RegisteredTask,
)
from rnnbench.contract.options import Option, options_of, places_of, resolve, unwrapped
from rnnbench.contract.publications import published_fault
from rnnbench.contract.task import FiniteTask, GeneratedTask, Task
from rnnbench.errors import OptionError, PluginError
from rnnbench.records.citation import Citation
from rnnbench.records.spec import Provider
from rnnbench.records.syntax import OptionValue

if TYPE_CHECKING:
    from torch import nn

DISABLE_VARIABLE = "RNNBENCH_DISABLE_PLUGINS"
"""Entry-point names or distributions to leave out, comma-separated; ``all``: every third party."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_NAME_LIMIT = 64


def check_name(kind: str, name: object) -> None:
    """Refuse a name that is not safe in a file name, a URL and a shell.

    Raises:
        PluginError: the name is not allowed.
    """
    if not isinstance(name, str) or len(name) > _NAME_LIMIT or not _NAME.fullmatch(name):
        raise PluginError(
            f"{kind} name {name!r} is not allowed: lower-case letters, digits and single hyphens, "
            f"starting with a letter, at most {_NAME_LIMIT} characters."
        )


LOCAL = "local"
"""The executor of this machine, which is no plugin."""


class Collector:
    """The models, tasks, claims and executors that one plugin registers."""

    def __init__(
        self,
        provider: Provider,
        taken_models: Mapping[str, RegisteredModel],
        taken_tasks: Mapping[str, RegisteredTask],
        module: str = "",
        taken_claims: Mapping[str, RegisteredClaim] | None = None,
        taken_executors: Mapping[str, RegisteredExecutor] | None = None,
    ) -> None:
        self.executors: dict[str, RegisteredExecutor] = {}
        self._taken_executors = taken_executors or {}
        self.claims: dict[str, RegisteredClaim] = {}
        self._taken_claims = taken_claims or {}
        self.models: dict[str, RegisteredModel] = {}
        self.tasks: dict[str, RegisteredTask] = {}
        self._provider = provider
        self._module = module
        self._taken_models = taken_models
        self._taken_tasks = taken_tasks

    def register_model(
        self,
        name: str,
        core: Callable[..., nn.Module],
        *,
        causal: bool = True,
        citations: Sequence[Citation] = (),
        incompatible: Callable[[Task, dict[str, Any]], str | None] | None = None,
        plain_loop: Mapping[str, OptionValue] | None = None,
        family: str = "",
    ) -> None:
        """See :class:`rnnbench.RegisterModel`."""
        self._check_name("model", name, self._taken_models, self.models)
        core, plain_loop = _of_kit(core, plain_loop)
        _check_core(name, core, causal)
        cited = tuple(citations)
        if not all(isinstance(citation, Citation) for citation in cited):
            raise PluginError(f"model {name!r}: citations must be a sequence of rnnbench.Citation.")
        if not (incompatible is None or callable(incompatible)):
            raise PluginError(
                f"model {name!r}: incompatible must be a function of (task, options) "
                "that returns a reason or None."
            )
        if not (isinstance(family, str) and re.fullmatch(r"([a-z][a-z -]*)?", family)):
            raise PluginError(
                f"model {name!r}: family={family!r} is a heading in lower-case letters and spaces, "
                "e.g. 'gated'."
            )
        places = places_of(core)
        options = options_of(core, skip=("input_size", "hidden_size", *places))
        self.models[name] = RegisteredModel(
            name=name,
            provider=self._provider,
            options=options,
            cited=cited,
            factory=core,
            module=self._module,
            causal=causal,
            incompatible=incompatible,
            plain_loop=_plain_loop(name, options, plain_loop),
            places=places,
            family=family,
        )

    def register_task(self, name: str, task: type[Task]) -> None:
        """See :class:`rnnbench.RegisterTask`."""
        self._check_name("task", name, self._taken_tasks, self.tasks)
        if not (inspect.isclass(task) and issubclass(task, GeneratedTask | FiniteTask)):
            raise PluginError(
                f"task {name!r}: give a class derived from rnnbench.GeneratedTask "
                "or rnnbench.FiniteTask."
            )
        if missing := sorted(getattr(task, "__abstractmethods__", ())):
            raise PluginError(
                f"task {name!r}: {task.__name__} lacks {', '.join(missing)}; "
                "define each as a class attribute, a property or a method."
            )
        if not (is_dataclass(task) and task.__dataclass_params__.frozen):
            raise PluginError(
                f"task {name!r}: decorate {task.__name__} with @dataclass(frozen=True)."
            )
        if not all(isinstance(citation, Citation) for citation in task.citations):
            raise PluginError(
                f"task {name!r}: {task.__name__}.citations must be a tuple of rnnbench.Citation."
            )
        options = options_of(task)
        if fault := published_fault(task.published, options):
            raise PluginError(f"task {name!r}: {task.__name__}.{fault}")
        self.tasks[name] = RegisteredTask(
            name=name,
            provider=self._provider,
            options=options,
            cited=tuple(task.citations),
            factory=task,
            module=self._module,
        )

    def register_claim(self, claim: Claim) -> None:
        """See :class:`rnnbench.RegisterClaim`."""
        if not isinstance(claim, Claim):
            raise PluginError(
                f"register takes a rnnbench.claims.Claim, not a {type(claim).__name__}."
            )
        self._check_name("claim", claim.name, self._taken_claims, self.claims)
        if faults := claim.faults():
            raise PluginError(f"claim {claim.name!r}: {faults[0]}")
        self.claims[claim.name] = RegisteredClaim(
            name=claim.name, provider=self._provider, claim=claim
        )

    def register_executor(self, name: str, executor: Callable[..., Any]) -> None:
        """See :class:`rnnbench.RegisterExecutor`."""
        self._check_name("executor", name, self._taken_executors, self.executors)
        if name == LOCAL:
            raise PluginError(f"executor name {name!r} is that of this machine; choose another.")
        if not callable(executor):
            raise PluginError(f"executor {name!r}: give a class or a function that makes one.")
        self.executors[name] = RegisteredExecutor(
            name=name, provider=self._provider, options=options_of(executor), factory=executor
        )

    def _check_name(
        self, kind: str, name: str, taken: Mapping[str, Any], own: Mapping[str, Any]
    ) -> None:
        check_name(kind, name)
        other = taken.get(name) or own.get(name)
        if other is not None:
            theirs, ours = other.provider, self._provider
            raise PluginError(
                f"{kind} {name!r} is provided twice: by {theirs.distribution} {theirs.version} "
                f"(kept) and by {ours.distribution} {ours.version} (refused). "
                f"Rename one, or set {DISABLE_VARIABLE}."
            )


def _of_kit(
    core: Callable[..., nn.Module], plain_loop: Mapping[str, OptionValue] | None
) -> tuple[Callable[..., nn.Module], Mapping[str, OptionValue] | None]:
    """Return the core of a class of cells, with its plain loop; anything else unchanged."""
    # a class of cells has loaded torch, which the command line does not load by itself
    if "rnnbench.cells.core" not in sys.modules and "rnnbench.cells.cell" not in sys.modules:
        return core, plain_loop
    from rnnbench.cells.cell import Cell
    from rnnbench.cells.core import PLAIN_LOOP, recurrent
    from rnnbench.cells.layers import Layers

    made: Callable[..., nn.Module] = core
    if inspect.isclass(core) and issubclass(core, Cell):
        made = recurrent(core)
    target = unwrapped(made)
    if plain_loop is None and inspect.isclass(target) and issubclass(target, Layers):
        plain_loop = PLAIN_LOOP
    return made, plain_loop


def _plain_loop(
    name: str, options: Mapping[str, Option], given: Mapping[str, OptionValue] | None
) -> dict[str, OptionValue] | None:
    if given is None:
        return None
    if not isinstance(given, Mapping) or not given:
        raise PluginError(
            f"model {name!r}: plain_loop must be the options that select the plain loop, "
            'e.g. {"impl": "reference"}.'
        )
    try:
        resolved = resolve(name, options, given)
    except OptionError as error:
        raise PluginError(f"model {name!r}: plain_loop: {error}") from None
    return {option: resolved[option] for option in given}


def _check_core(name: str, core: Any, causal: bool) -> None:
    try:
        leading = list(inspect.signature(core).parameters)[:2]
    except (TypeError, ValueError):
        raise PluginError(f"model {name!r}: give the module class, not {core!r}.") from None
    if leading != ["input_size", "hidden_size"]:
        raise PluginError(
            f"model {name!r}: __init__ must begin with input_size, hidden_size; "
            f"it begins with {leading}."
        )
    forward = getattr(unwrapped(core), "forward", None)
    if forward is None:
        # A factory function; rnnbench check looks at the module that it builds.
        return
    accepted = inspect.signature(forward)
    try:
        accepted.bind("self", "x")
        accepted.bind("self", "x", "state")
    except TypeError:
        raise PluginError(
            f"model {name!r}: forward must take (x, state=None); it takes {accepted}."
        ) from None
    if not causal and "lengths" not in accepted.parameters:
        raise PluginError(
            f"model {name!r} is registered with causal=False; its forward must take lengths=None."
        )
