"""Layers of a cell, and how they run: step by step, compiled, or all steps at once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench.cells import fast_path
from rnnbench.cells.cell import Cell, State
from rnnbench.cells.compiler import NoCompilerError
from rnnbench.cells.decision import prepare_together, refusal
from rnnbench.cells.products import FastLinear
from rnnbench.cells.refusals import NoPlanError
from rnnbench.cells.reversal import mirrored, reordered
from rnnbench.cells.unroll import unroll


class Layers(nn.Module):
    """Layers of a cell, each above the one before, with dropout between them.

    :func:`rnnbench.recurrent` makes a subclass for each class of cells.

    Args:
        layers: the cells; with two directions, 2l and 2l + 1 are a layer.
        dropout: rate between layers while training.
        impl: ``parallel``, ``auto``, ``compiled`` or ``reference``.
    """

    cell: ClassVar[type[Cell]]
    directions: ClassVar[int] = 1

    def __init__(self, layers: Sequence[Cell], *, dropout: float = 0.0, impl: str = "auto") -> None:
        super().__init__()
        self.impl = impl
        self.dropout = dropout
        self.plans = fast_path.Plans()
        self.layers = nn.ModuleList(layers)
        self.output_size = sum(each.output_size for each in layers[-self.directions :])

    def _dropped(self, x: Tensor, level: int) -> Tensor:
        # the random numbers that an element gets follow its place in memory, and the outputs of a
        # compiled step have time first
        return (
            F.dropout(x.contiguous(), self.dropout, self.training) if level and self.dropout else x
        )

    def _run(self, index: int, x: Tensor, state: State) -> tuple[Tensor, State]:
        """Run one layer over x (B, T, D)."""
        layer = self.layers[index]
        assert isinstance(layer, Cell)
        if self._may_be_compiled(x):
            found = self._run_compiled(index, layer, x, state)
            if found is not None:
                return found
        projected = layer.project(x)
        if state is None:
            state = layer.initial_state(projected[:, 0])
        weights = layer.weights()
        if self.impl != "parallel" or x.shape[1] == 1:
            return unroll(partial(layer.step, **weights), projected, state)
        return layer.parallel(projected, state, **weights)

    def _may_be_compiled(self, x: Tensor) -> bool:
        # one step is not worth the call
        if self.impl not in ("auto", "compiled") or x.shape[1] == 1:
            return False
        return bool(self._compiles or len(self.plans)) and fast_path.applicable()

    @property
    def _compiles(self) -> bool:
        """Whether a missing plan is made: in training, if asked for."""
        return self.impl == "compiled" and self.training and torch.is_grad_enabled()

    def _run_compiled(
        self, index: int, layer: Cell, x: Tensor, state: State
    ) -> tuple[Tensor, State] | None:
        """Run one layer by its compiled step; ``None`` without one for these sizes."""
        # each step is mapped by itself, so that the order of the axes does not matter: with time
        # first, steps are contiguous
        with FastLinear():
            projected = layer.project(x.transpose(0, 1).contiguous()).transpose(0, 1)
        if state is None:
            state = layer.initial_state(projected[:, 0])
        plan = self.plans.find(index, layer, projected, state)
        if plan is None and self._compiles:
            try:
                plan = self.plans.make(index, layer, x, projected, state)
            except (NoPlanError, NoCompilerError) as reason:
                raise refusal(reason) from None
        if plan is None:
            return None
        return fast_path.run(plan, layer, projected.transpose(0, 1), state)

    def prepare(self, x: Tensor, steps: int | None) -> str | None:
        """Compile the step where that is worth its time; see :func:`prepare_together`."""
        return prepare_together([self], x, steps)

    def inputs_of_layers(self, x: Tensor) -> list[tuple[Cell, Tensor, Tensor, State]]:
        """Return each layer with inputs of two steps, these projected, and its initial state.

        Args:
            x: (B, T, D); above the first layer, inputs have the shape and type of a layer's alone.
        """
        found = []
        x = x[:, :2]
        for first in range(0, len(self.layers), self.directions):
            outputs = []
            for layer in self.layers[first : first + self.directions]:
                assert isinstance(layer, Cell)
                projected = layer.project(x)
                state = layer.initial_state(projected[:, 0])
                found.append((layer, x, projected, state))
                outputs.append(layer.step(projected[:, 0], state, **layer.weights())[0])
            x = torch.cat(outputs, dim=-1)[:, None].expand(-1, 2, -1)
        return found


class CellCore(Layers):
    """Layers that read the sequence forward."""

    def forward(
        self, x: Tensor, state: Sequence[State] | None = None
    ) -> tuple[Tensor, tuple[State, ...]]:
        """Map x (B, T, D) and the state of each layer to outputs (B, T, O) and the new states."""
        given = [None] * len(self.layers) if state is None else state
        states = []
        for level, before in enumerate(given):
            x, after = self._run(level, self._dropped(x, level), before)
            states.append(after)
        return x.contiguous(), tuple(states)


class BidirectionalCellCore(Layers):
    """Two cells in each layer: 2l reads the sequence forward, 2l + 1 backward."""

    directions = 2

    def forward(
        self,
        x: Tensor,
        state: Sequence[State] | None = None,
        lengths: Tensor | None = None,
    ) -> tuple[Tensor, tuple[State, ...] | None]:
        """Map x (B, T, D) to outputs (B, T, O), forward direction first, and the new states.

        The states continue the sequence in the forward direction only. With ``lengths`` (B,)
        outputs are zero beyond each sequence's end, and the state is ``None``: the sequences are
        complete.
        """
        given = [None] * len(self.layers) if state is None else state
        order, padded = mirrored(x, lengths)
        states = []
        if padded is not None:
            # a NaN in the padding would reach the gradients of the weights
            x = x.masked_fill(padded, 0.0)
        for level in range(len(self.layers) // 2):
            x = self._dropped(x, level)
            one, two = 2 * level, 2 * level + 1
            forward, after = self._run(one, x, given[one])
            backward, before = self._run(two, reordered(x, order), given[two])
            states += [after, before]
            x = torch.cat([forward, reordered(backward, order)], dim=-1)
            if padded is not None:
                x = x.masked_fill(padded, 0.0)
        return x, tuple(states) if lengths is None else None

    def forward_last(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the output of both directions at their ends: x (B, T, D) -> (B, O).

        The forward direction ends at the last valid step, the backward direction at the first.
        """
        outputs, _ = self(x, lengths=lengths)
        width = int(self.layers[-2].output_size)  # type: ignore[arg-type]
        valid = outputs.new_full((len(x),), x.shape[1], dtype=torch.long)
        ends = valid - 1 if lengths is None else lengths - 1
        last = outputs[torch.arange(len(x), device=x.device), ends]
        return torch.cat([last[:, :width], outputs[:, 0, width:]], dim=-1)
