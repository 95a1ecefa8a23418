"""Memory for the values of steps, reused from one optimizer step to the next.

A fresh allocation of some megabytes costs as much as the steps that fill it: the operating system
clears each page at its first use. Measured for an LSTM with H=32, T=100 and B=50: 4.4 ms for a
forward pass with fresh memory, 1.9 ms with reused memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rnnbench.cells.compiler import storage_uses

_MOST_KEPT = 2
"""Workspaces of a plan that are kept for reuse."""


class Stack:
    """A tensor (N, ...) with its slices.

    Attributes:
        tensor: for all steps.
        places: ``tensor[0]`` to ``tensor[N - 1]``.
    """

    def __init__(self, tensor: Tensor) -> None:
        self.tensor = tensor
        self.places = tensor.unbind(0)
        self._uses = storage_uses(tensor)

    @property
    def is_unused(self) -> bool:
        """Whether no tensor outside shares the memory."""
        return storage_uses(self.tensor) == self._uses


def stack_of(example: Tensor, count: int) -> Stack:
    """Return memory for values like the example, whose numbers are arbitrary."""
    shape = (count, *example.shape)
    return Stack(torch.empty(shape, dtype=example.dtype, device=example.device))


class Workspace:
    """Stacks for up to ``steps`` steps, by one owner at a time."""

    def __init__(self, steps: int, stacks: list[Stack]) -> None:
        self.steps = steps
        self.stacks = stacks
        self.owner: object = None

    @property
    def is_unused(self) -> bool:
        """Whether nobody owns it, and no tensor outside shares its memory."""
        return self.owner is None and all(each.is_unused for each in self.stacks)


class Lease:
    """Ownership of a workspace, until this object is gone."""

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        # not the lease itself, which would then never be gone
        workspace.owner = True

    def __del__(self) -> None:
        self.workspace.owner = None


class Pool:
    """Workspaces of one layout.

    Args:
        examples: one for each stack; shape, data type and device of a step's value.
        slots: for each stack, its slices: ``per_step + constant`` as (per_step, constant).
    """

    def __init__(self, examples: Sequence[Tensor], slots: Sequence[tuple[int, int]]) -> None:
        self._examples = examples
        self._slots = slots
        self._kept: list[Workspace] = []

    def lease(self, steps: int) -> Lease:
        """Return a workspace for that many steps, whose numbers are arbitrary."""
        for workspace in self._kept:
            if workspace.steps >= steps and workspace.is_unused:
                return Lease(workspace)
        made = Workspace(
            steps,
            [
                stack_of(example, per_step * steps + constant)
                for example, (per_step, constant) in zip(self._examples, self._slots, strict=True)
            ],
        )
        # a GPU's allocator reuses memory by itself, and a CUDA graph must own what it writes
        if all(example.device.type == "cpu" for example in self._examples):
            smaller = [each for each in self._kept if each.steps >= steps or not each.is_unused]
            self._kept = [*smaller[-(_MOST_KEPT - 1) :], made]
        return Lease(made)
