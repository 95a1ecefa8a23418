"""The core of a model, made of layers of a cell."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache, partial
from typing import Annotated, Any, ClassVar, Literal, get_type_hints

import torch
import torch.nn.functional as F
from pydantic import Field, PositiveInt
from torch import Tensor, nn

from rnnbench.cells import fast_path
from rnnbench.cells.cell import Cell, State, has_parallel_form
from rnnbench.cells.compiler import NoCompilerError
from rnnbench.cells.estimate import START_UP, Counts, count
from rnnbench.cells.products import FastLinear
from rnnbench.cells.reversal import mirrored, reordered
from rnnbench.cells.tracing import NoPlanError
from rnnbench.cells.unroll import unroll
from rnnbench.errors import PluginError

PLAIN_LOOP = {"impl": "reference"}
"""Options that turn a core of the kit into its plain loop."""

_KIT_OPTIONS = """Options of the kit:
    num_layers: L, stacked.
    dropout: rate between layers while training.
    impl: ``parallel``: all steps at once; ``auto``: step by step, compiled where that is worth its
        time; ``compiled``: always compiled; ``reference``: the plain loop. All of them are the same
        function of the same parameters."""
_PLACES = ("depth", "layer")
_SIZES = ("input_size", "hidden_size")
_Rate = Annotated[float, Field(ge=0, lt=1)]


class Layers(nn.Module):
    """Layers of a cell, each above the one before, with dropout between them.

    :func:`recurrent` makes a subclass for each class of cells.
    """

    cell: ClassVar[type[Cell]]
    directions: ClassVar[int] = 1

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        *,
        num_layers: int,
        dropout: float,
        impl: str,
        place: dict[str, int],
        options: dict[str, Any],
    ) -> None:
        super().__init__()
        if dropout and num_layers == 1:
            raise ValueError(
                f"dropout={dropout} acts between layers and has no effect with num_layers=1; "
                "add layers or leave dropout at 0."
            )
        self.impl = impl
        self.dropout = dropout
        self._plans = fast_path.Plans()
        layers: list[Cell] = []
        width = input_size
        for level in range(num_layers):
            below = {}
            if "depth" in place:
                below["depth"] = place["depth"] * num_layers
            if "layer" in place:
                below["layer"] = place["layer"] * num_layers + level
            pair = [
                self.cell(width, hidden_size, **below, **options) for _ in range(self.directions)
            ]
            layers += pair
            width = sum(each.output_size for each in pair)
        self.layers = nn.ModuleList(layers)
        self.output_size = width

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
        return bool(self._compiles or len(self._plans)) and fast_path.applicable()

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
        plan = self._plans.find(index, layer, projected, state)
        if plan is None and self._compiles:
            try:
                plan = self._plans.make(index, layer, x, projected, state)
            except (NoPlanError, NoCompilerError) as reason:
                raise _refused(reason) from None
        if plan is None:
            return None
        return fast_path.run(plan, layer, projected.transpose(0, 1), state)

    def prepare(self, x: Tensor, steps: int | None) -> str | None:
        """Compile the step where that is worth its time; see :mod:`rnnbench.contract.core`.

        With ``impl=auto`` the seconds of the plain loop in the training are estimated from the
        operations of a step (:mod:`rnnbench.cells.estimate`), and the step is compiled if that
        saves more than it takes.

        Args:
            x: (B, T, D).
            steps: optimizer steps; ``None`` where the core is about to be timed.

        Raises:
            PluginError: ``impl=compiled``, and the step cannot be compiled.
        """
        if self.impl == "parallel":
            return None
        if self.impl == "reference":
            return "plain loop: impl=reference"
        if x.shape[1] == 1:
            return "plain loop: the sequences have one step"
        with torch.no_grad(), torch.random.fork_rng(devices=[]):
            given = self.inputs_of_layers(x)
        spent = ""
        if steps is not None and self.impl == "auto":
            try:
                counts = [
                    count(layer, projected[:, 0], state) for layer, _, projected, state in given
                ]
            # the training raises it again, at its place
            except Exception:
                return "plain loop: the step fails"
            plain, saved = _seconds(counts, x.shape[1] * steps)
            spent = f"; estimated {plain:.0f} s of plain loop in training"
            if saved < START_UP:
                return f"plain loop: {steps} steps are too few to compile (estimated {plain:.0f} s)"
        try:
            for index, (layer, own, projected, state) in enumerate(given):
                if self._plans.find(index, layer, projected, state) is None:
                    self._plans.make(index, layer, own, projected, state)
        except (NoPlanError, NoCompilerError) as reason:
            if self.impl == "compiled":
                raise _refused(reason) from None
            self._plans = fast_path.Plans()
            if isinstance(reason, NoCompilerError):
                fast_path.warn_once(str(reason))
            return f"plain loop: {reason}"
        return f"compiled step{spent}"

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


def _refused(reason: Exception) -> PluginError:
    return PluginError(f"impl=compiled: {reason}; use impl=auto or impl=reference.")


def _seconds(counts: Sequence[Counts], steps: int) -> tuple[float, float]:
    """Return the estimated seconds of the plain loop over that many steps, and those saved."""
    plain = steps * sum(each.plain_seconds for each in counts)
    return plain, plain - steps * sum(each.compiled_seconds for each in counts)


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
        Layers.__init__(
            self,
            *sizes,
            **{name: values.pop(name) for name in added},
            place=place,
            options=values,
        )

    build.__annotations__ = {**hints, **{name: each for name, (each, _) in added.items()}}
    build.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter("self", inspect.Parameter.POSITIONAL_OR_KEYWORD),
            *signature.parameters.values(),
        ]
    )
    base = BidirectionalCellCore if bidirectional else CellCore
    members: dict[str, Any] = {
        "__module__": cell.__module__,
        "__doc__": cell.__doc__ and f"{inspect.getdoc(cell)}\n\n{_KIT_OPTIONS}",
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
