"""The hooks that a plugin may implement; hooks are only ever added.

A plugin is a module named by an entry point of group ``rnnbench``. It implements a hook by
decorating a function of the hook's name with ``rnnbench.hookimpl``. Parameters that an
implementation does not need may be omitted.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import pluggy

if TYPE_CHECKING:
    from torch import nn

    from rnnbench.claims.claim import Claim
    from rnnbench.contract.task import Task
    from rnnbench.records.citation import Citation

NAMESPACE = "rnnbench"
hookspec = pluggy.HookspecMarker(NAMESPACE)
hookimpl = pluggy.HookimplMarker(NAMESPACE)


class RegisterModel(Protocol):
    """The call that a plugin receives in :func:`register_models`."""

    def __call__(
        self,
        name: str,
        core: Callable[..., nn.Module],
        *,
        causal: bool = True,
        citations: Sequence[Citation] = (),
        incompatible: Callable[[Task, dict[str, Any]], str | None] | None = None,
        plain_loop: Mapping[str, bool | int | float | str | None] | None = None,
        family: str = "",
    ) -> None:
        """Register an architecture.

        Args:
            name: lower-case letters, digits and single hyphens, starting with a letter; at most 64
                characters.
            core: a class of cells (:class:`rnnbench.Cell`), of which the kit makes the core; or the
                module class, a ``functools.partial`` of it, or a function that builds one:
                ``core(input_size, hidden_size, **options)``. Each option needs a default and a type
                (bool, int, float, str, ``Literal``, an optional of these, or a pydantic
                ``Annotated`` of these); it becomes ``name[option=value]`` on the command line. The
                first line of its docstring is its summary. A width other than ``hidden_size`` is
                declared by an attribute ``output_size``.
            causal: ``False`` for a model whose output at a step depends on later steps; its
                ``forward`` must take ``lengths`` so that padding never leaks in.
            citations: papers to cite when the model took part.
            incompatible: ``(task, options) -> reason or None``; a reason declines the task.
            plain_loop: options that turn the model into a plain loop over time steps in Python,
                which computes the same function of the same parameters, e.g. ``{"impl":
                "reference"}``. It is timed beside the plain loop of the comparator. ``None`` for a
                model that is a plain loop itself, or has none. A core of the kit declares its own.
            family: the heading under which ``rnnbench list models`` shows it, in lower case, e.g.
                ``gated``; empty: ``other``.

        Raises:
            rnnbench.errors.PluginError: an argument breaks the contract; the message states what to
                change.
        """


class RegisterTask(Protocol):
    """The call that a plugin receives in :func:`register_tasks`."""

    def __call__(self, name: str, task: type[Task]) -> None:
        """Register a task: a frozen dataclass derived from ``GeneratedTask`` or ``FiniteTask``.

        Raises:
            rnnbench.errors.PluginError: the class breaks the contract; the message states what to
                change.
        """


class RegisterClaim(Protocol):
    """The call that a plugin receives in :func:`register_claims`."""

    def __call__(self, claim: Claim) -> None:
        """Register a claim, a :class:`rnnbench.claims.Claim`.

        Raises:
            rnnbench.errors.PluginError: the claim is incomplete or contradicts itself; the message
                states what to change.
        """


class RegisterExecutor(Protocol):
    """The call that a plugin receives in :func:`register_executors`."""

    def __call__(self, name: str, executor: Callable[..., Any]) -> None:
        """Register an executor, which runs trials on other machines.

        Args:
            name: as of a model.
            executor: class or function that makes an
                :class:`rnnbench.execution.executors.executor.Executor`:
                ``executor(**options)``. Each option needs a default and a type, as of a model; it
                becomes ``--executor 'name[option=value]'``.

        Raises:
            rnnbench.errors.PluginError: the name is taken, or an option has no default or type.
        """


@hookspec
def register_models(register: RegisterModel) -> None:
    """Register the plugin's architectures, one call of ``register`` each."""


@hookspec
def register_tasks(register: RegisterTask) -> None:
    """Register the plugin's tasks, one call of ``register`` each."""


@hookspec
def register_claims(register: RegisterClaim) -> None:
    """Register the plugin's claims, one call of ``register`` each."""


@hookspec
def register_executors(register: RegisterExecutor) -> None:
    """Register the plugin's executors, one call of ``register`` each."""
