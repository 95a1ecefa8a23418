"""The graph of one step of a cell together with its adjoint."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn

from rnnbench.cells.cell import Cell, State
from rnnbench.cells.compiler import quietly
from rnnbench.cells.graphs import cleaned
from rnnbench.cells.products import by_onednn
from rnnbench.cells.refusals import NoPlanError, check_results, watched, why_not_traced
from rnnbench.cells.states import Layout, flat, layout_of, nested

_RANDOM = torch.Tag.nondeterministic_seeded
_MOST_PROMOTIONS = 2
"""Times that the initial state is converted to the data types of the state after a step."""


@dataclass(frozen=True)
class Signature:
    """Shapes and data types of everything that a step reads and writes.

    Attributes:
        projected: an example (B, P).
        state: examples of the state's tensors.
        layout: nesting of the state.
        weights: examples of the parameters, by name in the cell, and of the results of
            :meth:`Cell.weights`, which are computed once for all steps.
        constants: examples of the buffers, by name in the cell.
        output: an example (B, O).
    """

    projected: Tensor
    state: tuple[Tensor, ...]
    layout: Layout
    weights: dict[str, Tensor]
    constants: dict[str, Tensor]
    output: Tensor

    @property
    def inputs(self) -> list[Tensor]:
        """The examples of all inputs of a step, in the order of the graph's."""
        return [self.projected, *self.state, *self.weights.values(), *self.constants.values()]


@dataclass(frozen=True)
class Traced:
    """One step and its adjoint as a graph of torch's operations.

    The inputs of the graph are those of the step (:attr:`Signature.inputs`), the gradient of the
    output and those of the state after the step. Its outputs are the output, the state after the
    step, and the gradients of the projected input, the state and the weights; ``None`` where there
    is none.
    """

    graph: fx.Graph
    signature: Signature
    inputs: tuple[fx.Node, ...]
    tangents: tuple[fx.Node, ...]
    outputs: tuple[fx.Node, ...]
    gradients: tuple[fx.Node | None, ...]


class _Step(nn.Module):
    """The step as a forward pass, which ``functional_call`` needs."""

    def __init__(self, cell: Cell) -> None:
        super().__init__()
        self.cell = cell

    def forward(
        self, projected: Tensor, state: State, derived: dict[str, Tensor]
    ) -> tuple[Tensor, State]:
        return self.cell.step(projected, state, **derived)


_DERIVED = "weights()."
"""Prefix of the results of :meth:`Cell.weights`, which no name of a parameter has."""


def weights_of(cell: Cell, derived: Mapping[str, Tensor] | None = None) -> list[Tensor]:
    """Return what the step of a cell reads besides its arguments, in the order of the graph.

    Args:
        cell: the layer.
        derived: the result of :func:`derived_weights`, if it is known.
    """
    known = derived_weights(cell) if derived is None else derived
    return [*cell.parameters(), *known.values(), *cell.buffers()]


def derived_weights(cell: Cell) -> dict[str, Tensor]:
    """Return the result of :meth:`Cell.weights` as a plan takes it."""
    # compiled code expects the strides that it was compiled for, and those of a derived tensor may
    # follow from its values
    return {name: each.contiguous() for name, each in cell.weights().items()}


def trace(
    cell: Cell,
    projected: Tensor,
    state: State,
    decompositions: dict[Any, Callable[..., Any]] | None = None,
) -> Traced:
    """Return the graph of a step and its adjoint, under the autocast that is active.

    Args:
        cell: its parameters and buffers are inputs of the graph.
        projected: (B, P); shape, data type and device count, the values do not.
        state: the state before the first step.
        decompositions: of operations into simpler ones, for a compiler.

    Raises:
        NoPlanError: the step cannot be traced, or does what the fast path does not allow.
    """
    with quietly():
        # the import costs half a second
        from torch.fx.experimental.proxy_tensor import make_fx

    step = _Step(cell)
    weights = {name: _like(each) for name, each in step.named_parameters()}
    derived = {name: each.detach() for name, each in derived_weights(cell).items()}
    weights |= {f"{_DERIVED}{name}": _like(each) for name, each in derived.items()}
    constants = {name: _like(each) for name, each in step.named_buffers()}
    layout = layout_of(state)
    examples = tuple(_like(each) for each in flat(state))
    projected = _like(projected)
    output: Any = None
    with watched(cell), _without_autocast_cache():
        for _ in range(_MOST_PROMOTIONS + 1):
            output, after = _run_once(step, projected, nested(layout, examples), derived)
            if not _converted(layout, examples, after):
                break
            examples = tuple(
                torch.empty_like(each, dtype=new.dtype)
                for each, new in zip(examples, flat(after), strict=True)
            )
        check_results(layout, examples, output, after)
        signature = Signature(projected, examples, layout, weights, constants, _like(output))
        tangents = [torch.empty_like(each) for each in (output, *examples)]
        try:
            module = make_fx(
                _Joint(step, signature),
                decomposition_table=decompositions,
                tracing_mode="fake",
                _allow_non_fake_inputs=True,
            )(*signature.inputs, *tangents)
        except NoPlanError:
            raise
        # whatever the code of a cell raises on tensors without values
        except Exception as error:
            raise NoPlanError(why_not_traced(error)) from error
    graph = cleaned(module.graph)
    if decompositions is not None:
        by_onednn(graph, _fixed(graph, signature))
    return _read(graph, signature)


class _Joint:
    """The function that is traced: a step, and the gradients of its inputs."""

    def __init__(self, step: _Step, signature: Signature) -> None:
        self.step = step
        self.signature = signature

    def __call__(self, *given: Tensor) -> tuple[list[Tensor], list[Tensor | None]]:
        signature = self.signature
        rest = iter(given)
        with torch.enable_grad():
            projected = _leaf(next(rest))
            state = [_leaf(next(rest)) for _ in signature.state]
            weights = {name: _leaf(next(rest)) for name in signature.weights}
            constants = {name: next(rest) for name in signature.constants}
            own = {k: each for k, each in weights.items() if not k.startswith(_DERIVED)}
            derived = {k.removeprefix(_DERIVED): weights[k] for k in weights if k not in own}
            output, after = torch.func.functional_call(
                self.step,
                {**own, **constants},
                (projected, nested(signature.layout, state), derived),
            )
            results = [output, *flat(after)]
            # a backward pass runs in the data types of the forward pass
            with torch.autocast(projected.device.type, enabled=False):
                gradients = _gradients(results, [projected, *state, *weights.values()], list(rest))
        return results, gradients


def _gradients(
    results: list[Tensor], inputs: list[Tensor], tangents: list[Tensor]
) -> list[Tensor | None]:
    # an output that is the new state too has the sum of both gradients
    roots: dict[int, tuple[Tensor, Tensor]] = {}
    for result, tangent in zip(results, tangents, strict=True):
        if not result.requires_grad:
            continue
        known = roots.get(id(result))
        roots[id(result)] = (result, tangent if known is None else known[1] + tangent)
    if not roots:
        return [None] * len(inputs)
    wanted = [each for each in inputs if each.requires_grad]
    outputs, given = zip(*roots.values(), strict=True)
    found = iter(torch.autograd.grad(outputs, wanted, given, allow_unused=True))
    return [next(found) if each.requires_grad else None for each in inputs]


def _leaf(tensor: Tensor) -> Tensor:
    tensor = tensor.detach()
    return tensor.requires_grad_() if tensor.is_floating_point() else tensor


def _like(tensor: Tensor) -> Tensor:
    # equal tensors would be one input of the graph: each gets an object of its own
    return torch.empty_strided(
        tensor.shape, tensor.stride(), dtype=tensor.dtype, device=tensor.device
    )


def _run_once(
    step: _Step, projected: Tensor, state: State, derived: dict[str, Tensor]
) -> tuple[Any, Any]:
    """Run the step on real numbers, so that an error of the cell itself is raised as it is."""
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        zeros = nested(layout_of(state), [torch.zeros_like(each) for each in flat(state)])
        output, after = step(torch.zeros_like(projected), zeros, derived)
        return output, after


def _converted(layout: Layout, before: Sequence[Tensor], after: State) -> bool:
    """Return whether the new state differs from the given one in floating data types alone."""
    try:
        new = flat(after)
    except TypeError:
        return False
    if layout_of(after) != layout or [e.shape for e in new] != [e.shape for e in before]:
        return False
    pairs = [(a.dtype, b.dtype) for a, b in zip(before, new, strict=True)]
    floating = all(a == b or (a.is_floating_point and b.is_floating_point) for a, b in pairs)
    mixed = torch.is_autocast_enabled(before[0].device.type) if before else False
    return mixed and floating and any(a != b for a, b in pairs)


@contextmanager
def _without_autocast_cache() -> Iterator[None]:
    # the cache would keep traced tensors
    enabled = torch.is_autocast_cache_enabled()
    torch.set_autocast_cache_enabled(False)
    try:
        yield
    finally:
        torch.set_autocast_cache_enabled(enabled)


def _fixed(graph: fx.Graph, signature: Signature) -> set[fx.Node]:
    """Return the nodes that no step changes: weights, buffers and what is made of them alone."""
    found: set[fx.Node] = set()
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    found.update(inputs[1 + len(signature.state) : len(signature.inputs)])
    for node in graph.nodes:
        if node.op == "call_function" and all(each in found for each in node.all_input_nodes):
            found.add(node)
    return found


def _read(graph: fx.Graph, signature: Signature) -> Traced:
    """Check the graph and name its inputs and outputs."""
    for node in graph.nodes:
        if node.op != "call_function" or not isinstance(node.target, torch._ops.OpOverload):
            continue
        if _RANDOM in node.target.tags:
            raise NoPlanError("the step draws random numbers; draw them in project")
        if node.target._schema.is_mutable:
            raise NoPlanError(
                f"the step changes a tensor in place ({node.target}); "
                "use the operation that returns a new one"
            )
        value = node.meta.get("val")
        if isinstance(value, Tensor) and value.is_complex():
            raise NoPlanError("the step computes with complex numbers, which are not compiled")
    placeholders = [node for node in graph.nodes if node.op == "placeholder"]
    count = len(signature.inputs)
    (result,) = next(node for node in graph.nodes if node.op == "output").args
    outputs, gradients = result
    return Traced(
        graph=graph,
        signature=signature,
        inputs=tuple(placeholders[:count]),
        tangents=tuple(placeholders[count:]),
        outputs=tuple(outputs),
        gradients=tuple(gradients),
    )
