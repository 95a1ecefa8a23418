"""Checks of a cell, of which the kit makes a core; see :mod:`rnnbench.cells`."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnbench.cells.cell import Cell, has_parallel_form
from rnnbench.cells.layers import Layers
from rnnbench.cells.partition import partition
from rnnbench.cells.refusals import NoPlanError
from rnnbench.cells.states import flat, layout_of
from rnnbench.cells.tracing import trace
from rnnbench.testing.model.subject import ModelUnderTest
from rnnbench.testing.outcome import ContractError, require


def is_cell(core: object) -> bool:
    """Return whether a core is made of a cell."""
    return isinstance(core, Layers)


def is_compiled_cell(core: object) -> bool:
    """Return whether a core is made of a cell whose step may be compiled."""
    return isinstance(core, Layers) and not has_parallel_form(core.cell)


@torch.no_grad()
def the_step_returns_an_output_and_a_state(subject: ModelUnderTest) -> None:
    """``project`` keeps batch and time, and ``step`` returns the output (B, O) and a new state."""
    core = subject.core(dtype=torch.float32)
    assert isinstance(core, Layers)
    layer = core.layers[0]
    assert isinstance(layer, Cell)
    name = type(layer).__name__
    x = subject.inputs(dtype=torch.float32)
    with torch.random.fork_rng(devices=[]):
        projected = layer.project(x)
    require(
        isinstance(projected, Tensor) and projected.shape[:2] == x.shape[:2],
        f"{name}.project maps x {tuple(x.shape)} to {_described(projected)}; map each step of each "
        "sequence by itself, (B, T, D) to (B, T, P).",
    )
    with torch.random.fork_rng(devices=[]):
        returned = layer.step(projected[:, 0], layer.initial_state(projected[:, 0]))
    require(
        isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[0], Tensor),
        f"{name}.step returns {_described(returned)}; return a pair: the output (B, O) and the new "
        "state, e.g. return h, h.",
    )
    output = returned[0]
    expected = (len(x), layer.output_size)
    require(
        output.shape == expected,
        f"{name}.step returns an output {tuple(output.shape)}, expected {expected}; return (B, O), "
        "and set self.output_size where O is not hidden_size.",
    )


def the_step_can_be_compiled(subject: ModelUnderTest) -> None:
    """The step of a cell keeps its state's layout, branches on no values and changes nothing."""
    # as in a training: in its precision, with what a step does in training mode alone
    core = subject.core(dtype=torch.float32).train()
    assert isinstance(core, Layers)
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        given = core.inputs_of_layers(subject.inputs(dtype=torch.float32))
    for layer, _, projected, state in given:
        name = type(layer).__name__
        _check_initial_state(name, state, len(projected))
        try:
            partition(trace(layer, projected[:, 0], state))
        except NoPlanError as reason:
            advice = "" if ";" in str(reason) else "; use operations of torch alone"
            raise ContractError(
                f"{name}.step is not compiled, but runs as a slower plain loop: {reason}{advice}."
            ) from None


def _check_initial_state(name: str, state: Any, batch_size: int) -> None:
    """Refuse an initial state that is not made of tensors with the batch first."""
    layout = layout_of(state)
    tensors = flat(state)
    require(
        not layout.others,
        f"{name}.initial_state returns something other than tensors; return a tensor, or a nested "
        "tuple, list or dict of tensors, with the batch as the first axis of each.",
    )
    for tensor in tensors:
        require(
            tensor.dim() > 0 and len(tensor) == batch_size,
            f"{name}.initial_state returns a tensor {tuple(tensor.shape)} for {batch_size} "
            "sequences; make the batch its first axis, e.g. by "
            "projected.new_zeros(projected.shape[0], self.hidden_size).",
        )


def _described(value: Any) -> str:
    if isinstance(value, Tensor):
        return f"a tensor {tuple(value.shape)}"
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return "None" if value is None else f"a {type(value).__name__}"
