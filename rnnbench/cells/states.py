"""Nested states as flat lists of tensors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from torch import Tensor


@dataclass(frozen=True)
class Layout:
    """The nesting of a state, without its tensors.

    Attributes:
        kind: the class of a container, ``Tensor`` for a tensor, and otherwise the class of a value
            that is no tensor.
        keys: of a dict, sorted.
        parts: of a container, in order.
    """

    kind: type
    keys: tuple[Any, ...] = ()
    parts: tuple[Layout, ...] = ()

    @property
    def others(self) -> bool:
        """Whether the state holds values that are neither tensors nor containers."""
        if self.kind is Tensor:
            return False
        return not issubclass(self.kind, dict | tuple | list) or any(
            part.others for part in self.parts
        )


def layout_of(state: Any) -> Layout:
    """Return the nesting of a state of tensors, tuples, named tuples, lists and dicts."""
    if isinstance(state, Tensor):
        return Layout(Tensor)
    if isinstance(state, dict):
        keys = tuple(sorted(state))
        return Layout(type(state), keys, tuple(layout_of(state[key]) for key in keys))
    if isinstance(state, tuple | list):
        return Layout(type(state), (), tuple(layout_of(part) for part in state))
    return Layout(type(state))


def flat(state: Any) -> list[Tensor]:
    """Return the tensors of a state in a fixed order; dicts are sorted by key."""
    if isinstance(state, Tensor):
        return [state]
    if isinstance(state, dict):
        return [tensor for key in sorted(state) for tensor in flat(state[key])]
    if isinstance(state, tuple | list):
        return [tensor for part in state for tensor in flat(part)]
    return []


def nested(layout: Layout, tensors: Iterable[Tensor]) -> Any:
    """Return the state of a layout with the given tensors, in the order of :func:`flat`."""
    return _built(layout, iter(tensors))


def _built(layout: Layout, tensors: Any) -> Any:
    if layout.kind is Tensor:
        return next(tensors)
    parts = [_built(part, tensors) for part in layout.parts]
    if issubclass(layout.kind, dict):
        return dict(zip(layout.keys, parts, strict=True))
    if hasattr(layout.kind, "_fields"):
        return layout.kind(*parts)
    return layout.kind(parts)  # type: ignore[call-arg]
