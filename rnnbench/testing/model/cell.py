"""Checks of a step that the kit compiles; see :mod:`rnnbench.cells`."""

from __future__ import annotations

import torch

from rnnbench.cells.cell import has_parallel_form
from rnnbench.cells.layers import Layers
from rnnbench.cells.partition import partition
from rnnbench.cells.tracing import NoPlanError, trace
from rnnbench.testing.model.subject import ModelUnderTest
from rnnbench.testing.outcome import ContractError


def is_compiled_cell(core: object) -> bool:
    """Return whether a core is made of a cell whose step may be compiled."""
    return isinstance(core, Layers) and not has_parallel_form(core.cell)


def the_step_can_be_compiled(subject: ModelUnderTest) -> None:
    """The step of a cell keeps its state's layout, branches on no values and changes nothing."""
    core = subject.core()
    assert isinstance(core, Layers)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        given = core.inputs_of_layers(subject.inputs())
    for layer, _, projected, state in given:
        try:
            partition(trace(layer, projected[:, 0], state))
        except NoPlanError as reason:
            raise ContractError(
                f"{type(layer).__name__}.step is not compiled, but runs as a slower plain loop: "
                f"{reason}."
            ) from None
