"""Graphs of torch's operations: cleaned, and cut into smaller ones."""

from __future__ import annotations

from typing import Any

import torch
from torch import fx

from rnnbench.cells.refusals import NoPlanError

_SAME = (torch.ops.aten.detach.default, torch.ops.aten.alias.default)


def cleaned(graph: fx.Graph) -> fx.Graph:
    """Return the graph without operations that do nothing."""
    for node in list(graph.nodes):
        if node.op == "call_function" and node.target in _SAME:
            node.replace_all_uses_with(node.args[0])
            graph.erase_node(node)
        elif node.op == "get_attr":
            raise NoPlanError(
                "the step reads a tensor that is no parameter or buffer; use register_buffer"
            )
    for node in list(graph.nodes):
        _without_change(node)
    graph.eliminate_dead_code()
    return graph


def _without_change(node: fx.Node) -> None:
    """Replace an operation that changes a new tensor in place by the one that returns another.

    The gradients of some operations of torch are computed so, e.g. that of ``torch.maximum``.
    """
    name = getattr(getattr(node.target, "_schema", None), "name", "")
    if node.op != "call_function" or not name.startswith("aten::") or not name.endswith("_"):
        return
    packet = getattr(torch.ops.aten, name.removeprefix("aten::")[:-1], None)
    overload: Any = node.target
    changed: Any = node.args[0]
    same = getattr(packet, overload._overloadname, None)
    if same is None or changed.op != "call_function" or changed.target.is_view:
        return
    order = {each: place for place, each in enumerate(node.graph.nodes)}
    later = [each for each in changed.users if order[each] > order[node]]
    earlier = [each for each in changed.users if order[each] < order[node]]
    # a view that was made before would have to show the change
    if any(getattr(each.target, "is_view", True) for each in earlier):
        return
    node.target = same
    for each in later:
        each.replace_input_with(changed, node)


def subgraph(inputs: list[fx.Node], outputs: list[fx.Node | None]) -> fx.GraphModule:
    """Return the graph that computes ``outputs`` from ``inputs``."""
    graph = fx.Graph()
    made: dict[fx.Node, fx.Node] = {}
    for number, node in enumerate(inputs):
        made[node] = graph.placeholder(f"{node.name}_{number}")
        made[node].meta["val"] = node.meta["val"]

    needed: list[fx.Node] = []
    seen: set[fx.Node] = set(inputs)
    stack: list[tuple[fx.Node, bool]] = [(node, False) for node in outputs if node is not None]
    while stack:
        node, done = stack.pop()
        if done:
            needed.append(node)
            continue
        if node in seen:
            continue
        seen.add(node)
        if node.op == "placeholder":
            raise NoPlanError(f"the step's adjoint reads {node.name}, which it does not get")
        stack.append((node, True))
        stack += [(each, False) for each in node.all_input_nodes]
    order = {node: place for place, node in enumerate(next(iter(inputs)).graph.nodes)}
    for node in sorted(needed, key=order.__getitem__):
        made[node] = graph.node_copy(node, made.__getitem__)
        made[node].meta = {"val": node.meta.get("val")}
    graph.output(tuple(None if node is None else made[node] for node in outputs))
    return fx.GraphModule(torch.nn.Module(), graph)
