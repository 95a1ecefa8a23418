"""One layer of a recurrent network, written as one step."""

from __future__ import annotations

from functools import partial
from typing import Any, TypeAlias

from torch import Tensor, nn

from rnnbench.cells.unroll import unroll

State: TypeAlias = Any
"""A tensor, or a nested tuple, list or dict of tensors; the first axis of each is the batch."""


class Cell(nn.Module):
    """One layer of a recurrent network, written as one step.

    A subclass creates its parameters in ``__init__`` and defines :meth:`step`. Registered as a
    model, it becomes a core with stacked layers, dropout between them and an option ``impl``; see
    :func:`rnnbench.recurrent`. Its own options are the further arguments of ``__init__``, each with
    a type and a default. As in any core, arguments ``depth`` and ``layer`` without a default are
    the place of the layer in the network, and ``parameter_groups()`` and ``after_step()`` may be
    defined, with the names of the cell's own parameters.

    The letters are B batch, T time steps, D input width, P width of the projected input, H hidden
    size and O output width.

    Args:
        input_size: D.
        hidden_size: H.

    Attributes:
        input_size: D.
        hidden_size: H.
        output_size: O; H unless a subclass sets it.
    """

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.output_size = hidden_size

    def project(self, x: Tensor) -> Tensor:
        """Map the inputs of all steps at once: x (B, T, D) -> (B, T, P).

        This part does not depend on the state, so that it is one matrix product for all steps. Each
        step is mapped by itself. By default x is returned unchanged.
        """
        return x

    def initial_state(self, projected: Tensor) -> State:
        """Return the state before the first step: zeros (B, H) by default.

        Args:
            projected: (B, P), the projected input of one step. It gives batch size, data type and
                device: ``projected.new_zeros(projected.shape[0], self.hidden_size)``.
        """
        return projected.new_zeros(projected.shape[0], self.hidden_size)

    def weights(self) -> dict[str, Tensor]:
        """Return tensors that follow from the parameters alone, by name: none by default.

        They are computed once for a sequence, with gradient, and passed to :meth:`step` and
        :meth:`parallel` as keyword arguments of these names. A step that is called without them
        computes them itself::

            def weights(self):
                return {"recurrent": torch.matrix_exp(self.entries - self.entries.T)}

            def step(self, projected, state, recurrent=None):
                if recurrent is None:
                    recurrent = self.weights()["recurrent"]
                ...

        They are no state: their first axis is not the batch.
        """
        return {}

    def step(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """Advance by one time step.

        The shapes and data types of the new state are those of the given one, for the fast path
        of training; nothing branches on values, no sequence depends on another, and nothing is
        kept in the module.

        Args:
            projected: (B, P), the projected input of the step.
            state: the state after the step before.

        Returns:
            The output (B, O) and the new state.
        """
        raise NotImplementedError(f"{type(self).__name__} defines no step(self, projected, state)")

    def parallel(self, projected: Tensor, state: State) -> tuple[Tensor, State]:
        """Map all steps at once: the same function as :meth:`step` in a loop over time.

        Optional: a subclass that overrides it is trained by it, and :meth:`step` is its plain loop
        and its streaming form.

        Args:
            projected: (B, T, P).
            state: the state before the first step.

        Returns:
            The outputs (B, T, O) and the state after the last step.
        """
        return unroll(self.step, projected, state)

    def forward(self, x: Tensor, state: State = None) -> tuple[Tensor, State]:
        """Map x (B, T, D) to outputs (B, T, O) and the new state, step by step in Python."""
        projected = self.project(x)
        if state is None:
            state = self.initial_state(projected[:, 0])
        return unroll(partial(self.step, **self.weights()), projected, state)


def has_parallel_form(cell: type[Cell]) -> bool:
    """Return whether a class of cells defines :meth:`Cell.parallel`."""
    return cell.parallel is not Cell.parallel
