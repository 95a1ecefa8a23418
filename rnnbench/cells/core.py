"""The class of a core, made from a class of cells: its options and its layers."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Annotated, Any, Literal, get_type_hints

from pydantic import Field, PositiveInt

from rnnbench.cells.cell import Cell, has_parallel_form
from rnnbench.cells.layers import BidirectionalCellCore, CellCore, Layers
from rnnbench.errors import PluginError

PLAIN_LOOP = {"impl": "reference"}
"""Options that turn a core of the kit into its plain loop."""

_KIT_OPTIONS = """Options of the kit:
    num_layers: L, stacked.
    dropout: rate between layers while training.
    impl: {impl}; ``reference``: the plain loop.
        All of them are the same function of the same parameters."""
_PARALLEL = "``parallel``: all steps at once"
_COMPILED = """``auto``: step by step, compiled where that is worth its time; ``compiled``: always
        compiled"""
_PLACES = ("depth", "layer")
_SIZES = ("input_size", "hidden_size")
_VARIADIC = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
_Rate = Annotated[float, Field(ge=0, lt=1)]


def _parameter_groups(self: Layers) -> list[Any]:
    """Return the groups of every layer, with the names that they have in the core."""
    return [
        replace(group, names=[f"layers.{index}.{name}" for name in group.names])
        for index, layer in enumerate(self.layers)
        for group in layer.parameter_groups()  # type: ignore[operator]
    ]


def _after_step(self: Layers) -> None:
    """Change the weights of every layer as its cell asks for."""
    for layer in self.layers:
        layer.after_step()  # type: ignore[operator]


def recurrent(cell: type[Cell], *, bidirectional: bool = False) -> Callable[..., Layers]:
    """Return the class of a core with the layers of a cell.

    Its options are those of the cell and

    - ``num_layers``: L, stacked.
    - ``dropout``: rate between layers while training.
    - ``impl``: ``reference``: the plain loop. A cell with :meth:`Cell.parallel` has ``parallel``
      besides, its default. Any other cell has ``auto``, its default: the step is compiled where
      that is worth its time, and ``compiled``: always.

    ``register_models`` applies it to a class of cells by itself; it is needed for two directions::

        register("bi-mgu", rnnbench.recurrent(MGU, bidirectional=True), causal=False)

    Args:
        cell: the class of the cell.
        bidirectional: whether each layer has a second cell that reads the sequence backward; the
            output width doubles. Such a core is registered with ``causal=False``.

    Raises:
        PluginError: ``cell`` is no class of cells, defines no ``step``, or an option of it has the
            name of one of the core's.
    """
    if not (inspect.isclass(cell) and issubclass(cell, Cell)):
        raise PluginError(f"{cell!r} is no class derived from rnnbench.Cell.")
    return _made(cell, bidirectional)  # type: ignore[arg-type]  # a class has a hash


@cache
def _made(cell: type[Cell], bidirectional: bool) -> type[Layers]:
    if cell.step is Cell.step:
        raise PluginError(f"{cell.__name__} defines no step(self, projected, state).")
    own = list(inspect.signature(cell).parameters.values())
    if variadic := [str(each) for each in own if each.kind in _VARIADIC]:
        raise PluginError(
            f"{cell.__name__}.__init__ takes {', '.join(variadic)}; name every option so that a "
            "wrong one can be refused."
        )
    hints = _hints(cell)
    added = {
        "num_layers": (PositiveInt, 1),
        "dropout": (_Rate, 0.0),
        "impl": (
            (Literal["parallel", "reference"], "parallel")
            if has_parallel_form(cell)
            else (Literal["auto", "compiled", "reference"], "auto")
        ),
    }
    if clash := sorted(added.keys() & {each.name for each in own}):
        raise PluginError(
            f"{cell.__name__}.__init__ takes {', '.join(clash)}, which the kit adds; rename it."
        )
    kind = inspect.Parameter.KEYWORD_ONLY
    leading = [each for each in own if each.name in _SIZES]
    further = [each.replace(kind=kind) for each in own if each.name not in _SIZES]
    signature = inspect.Signature(
        [
            *leading,
            *(inspect.Parameter(name, kind, default=value) for name, (_, value) in added.items()),
            *further,
        ]
    )
    takes = tuple(
        each.name for each in further if each.name in _PLACES and each.default is each.empty
    )

    def build(self: Layers, *args: Any, **given: Any) -> None:
        bound = signature.bind(*args, **given)
        bound.apply_defaults()
        values = dict(bound.arguments)
        sizes = [values.pop(name) for name in _SIZES]
        place = {name: values.pop(name) for name in takes}
        num_layers, dropout, impl = (values.pop(name) for name in added)
        _check_dropout(num_layers, dropout)
        cells = _stacked(cell, sizes, num_layers, self.directions, place, values)
        Layers.__init__(self, cells, dropout=dropout, impl=impl)

    build.__annotations__ = {**hints, **{name: each for name, (each, _) in added.items()}}
    build.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD),
            *signature.parameters.values(),
        ]
    )
    base = BidirectionalCellCore if bidirectional else CellCore
    options = _KIT_OPTIONS.format(impl=_PARALLEL if has_parallel_form(cell) else _COMPILED)
    members: dict[str, Any] = {
        "__module__": cell.__module__,
        "__doc__": cell.__doc__ and f"{inspect.getdoc(cell)}\n\n{options}",
        "__init__": build,
        "cell": cell,
    }
    # the harness takes a core that has these methods for one that needs them
    if hasattr(cell, "parameter_groups"):
        members["parameter_groups"] = _parameter_groups
    if hasattr(cell, "after_step"):
        members["after_step"] = _after_step
    name = f"Bidirectional{cell.__name__}" if bidirectional else cell.__name__
    return type(name, (base,), members)


def _hints(cell: type[Cell]) -> dict[str, Any]:
    """Return the types of a cell's arguments, unread where they cannot be read."""
    try:
        return get_type_hints(cell.__init__, include_extras=True)
    # the collector reports them with the author's own words
    except Exception:
        return dict(getattr(cell.__init__, "__annotations__", {}))


def _check_dropout(num_layers: int, dropout: float) -> None:
    if dropout and num_layers == 1:
        raise ValueError(
            f"dropout={dropout} acts between layers and has no effect with num_layers=1; "
            "add layers or leave dropout at 0."
        )


def _stacked(
    cell: type[Cell],
    sizes: Sequence[int],
    num_layers: int,
    directions: int,
    place: Mapping[str, int],
    options: Mapping[str, Any],
) -> list[Cell]:
    """Build the cells of all layers, each as wide as the outputs below it.

    Args:
        cell: their class.
        sizes: D and H.
        num_layers: L.
        directions: cells of a layer.
        place: depth and layer of the core in the network, where the cell takes them.
        options: of the cell.
    """
    made: list[Cell] = []
    width, hidden_size = sizes
    for level in range(num_layers):
        below = {}
        if "depth" in place:
            below["depth"] = place["depth"] * num_layers
        if "layer" in place:
            below["layer"] = place["layer"] * num_layers + level
        pair = [cell(width, hidden_size, **below, **options) for _ in range(directions)]
        made += pair
        width = sum(each.output_size for each in pair)
    return made
