"""The graphs of a partition as graphs that write their results into given tensors."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, fx

from rnnbench.cells.partition import Partition

aten = torch.ops.aten


def writing_forward(parts: Partition) -> tuple[fx.GraphModule, list[Tensor], list[int]]:
    """Return the forward step that writes its results, examples of its inputs, and which it has.

    The inputs are those of the step that it uses, by their number, and the places of the results.
    """
    signature = parts.traced.signature
    given = [*signature.inputs, *map(example_of, parts.fixed)]
    weights = range(1 + len(signature.state), len(signature.inputs))
    nodes = list(parts.forward.graph.nodes)
    inputs = [node for node in nodes if node.op == "placeholder"]
    results = nodes[-1].args[0]
    used = [number for number, node in enumerate(inputs) if node.users]
    graph = fx.Graph()
    copied = {inputs[number]: graph.placeholder(inputs[number].name) for number in used}
    places = [graph.placeholder(f"place_{number}") for number in range(len(results))]
    for node in nodes:
        if node.op == "call_function":
            copied[node] = graph.node_copy(node, copied.__getitem__)
    for place, node in zip(places, results, strict=True):
        value = copied[node]
        if torch.Tag.pointwise in getattr(node.target, "tags", ()) and len(node.users) > 1:
            value = graph.node_copy(node, copied.__getitem__)
        graph.call_function(aten.copy_.default, (place, value))
    graph.output(())
    examples = [
        given[number]
        if number in weights
        else torch.empty_like(given[number], memory_format=torch.contiguous_format)
        for number in used
    ]
    return _module(graph), examples + [example_of(node) for node in results], used


def writing_adjoint(parts: Partition) -> tuple[fx.GraphModule, list[Tensor]]:
    """Return the adjoint that writes what is kept and adds to the sums, and examples of its inputs.

    The inputs are those that the adjoint reads, the gradient of the output, the places of the
    values that are kept, the sums, and the gradients of the state after the step. It returns those
    of the state before the step.
    """
    signature = parts.traced.signature
    states = len(signature.state)
    weights = [*signature.weights.values(), *signature.constants.values()]
    nodes = list(parts.adjoint.graph.nodes)
    inputs = [node for node in nodes if node.op == "placeholder"]
    results = nodes[-1].args[0]
    read = len(parts.adjoint_sources) + 1
    kept = results[states : states + len(parts.stacked)]
    summed = results[states + len(parts.stacked) :]
    graph = fx.Graph()
    copied = {node: graph.placeholder(node.name) for node in inputs[:read]}
    places = [graph.placeholder(f"place_{number}") for number in range(len(kept))]
    sums = [graph.placeholder(f"sum_{number}") for number in range(len(summed))]
    copied.update({node: graph.placeholder(node.name) for node in inputs[read:]})
    for node in nodes:
        if node.op == "call_function":
            copied[node] = graph.node_copy(node, copied.__getitem__)
    for place, node in zip(places, kept, strict=True):
        graph.call_function(aten.copy_.default, (place, copied[node]))
    for place, node in zip(sums, summed, strict=True):
        total = graph.call_function(aten.add.Tensor, (place, copied[node]))
        graph.call_function(aten.copy_.default, (place, total))
    # the next step expects dense tensors, and an input would be returned as the same tensor
    dense: Any = {"memory_format": torch.contiguous_format}
    graph.output(
        tuple(
            copied[node]
            if node.op != "placeholder" and node.meta["val"].is_contiguous()
            else graph.call_function(aten.clone.default, (copied[node],), dense)
            for node in results[:states]
            if node is not None
        )
    )
    examples = [
        weights[source[1]] if source[0] == "weight" else example_of(node)
        for source, node in zip(parts.adjoint_sources, inputs, strict=False)
    ]
    examples += [example_of(node) for node in (inputs[read - 1], *kept)]
    examples += [example_of(node).to(sum_dtype(node.meta["val"].dtype)) for node in summed]
    examples += [example_of(node) for node in inputs[read:]]
    return _module(graph), examples


def sum_dtype(dtype: torch.dtype) -> torch.dtype:
    """Return the data type of a sum over time: float32 at least."""
    return torch.promote_types(dtype, torch.float32)


def example_of(node: fx.Node) -> Tensor:
    """Return a contiguous tensor like a node's value."""
    value = node.meta["val"]
    return torch.empty(value.shape, dtype=value.dtype, device=value.device)


def _module(graph: fx.Graph) -> fx.GraphModule:
    return fx.GraphModule(torch.nn.Module(), graph)
