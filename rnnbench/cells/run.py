"""The values of a loop over time, which its adjoint reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat

from torch import Tensor

from rnnbench.cells.partition import Source
from rnnbench.cells.workspace import Lease


@dataclass
class Run:
    """The values of a forward pass.

    Attributes:
        steps: number of steps T.
        projected: (T, B, P); ``None`` where nothing reads it after the loop.
        slots: for each tensor of the state, its values (T + 1, ...) before the first step and after
            each; only two of them where no more are needed.
        kept: values (T, ...) of each step.
        weights: parameters and buffers.
        fixed: values that depend on these alone.
        output: (T, B, O).
        final: the state after the last step.
        lease: of the memory of slots and kept values.
    """

    steps: int
    projected: Tensor | None
    slots: list[Tensor]
    kept: list[Tensor]
    weights: list[Tensor]
    fixed: list[Tensor]
    output: Tensor | None = None
    final: Sequence[Tensor] = ()
    lease: Lease | None = None

    def values(self, source: Source) -> Tensor:
        """Return the values (T, ...) of a source in all steps."""
        kind, number = source
        if kind == "projected":
            assert self.projected is not None
            return self.projected
        if kind == "before":
            return self.slots[number][: self.steps]
        if kind == "after":
            return self.slots[number][1 : self.steps + 1]
        if kind == "kept":
            return self.kept[number][: self.steps]
        value = self.weights[number] if kind == "weight" else self.fixed[number]
        return value.expand(self.steps, *value.shape)

    def backwards(self, source: Source) -> Iterable[Tensor]:
        """Return the values of a source in all steps, the last step first."""
        kind, number = source
        if kind == "weight":
            return repeat(self.weights[number])
        if kind == "fixed":
            return repeat(self.fixed[number])
        if self.lease is None or kind == "projected":
            return self.values(source).unbind(0)[::-1]
        stacks = self.lease.workspace.stacks
        if kind == "kept":
            return stacks[len(self.slots) + number].places[: self.steps][::-1]
        places = stacks[number].places
        return (places[: self.steps] if kind == "before" else places[1 : self.steps + 1])[::-1]
