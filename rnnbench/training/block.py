"""The residual block: any core in the form in which modern sequence models are published."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench.cells.decision import prepare_together
from rnnbench.cells.layers import Layers
from rnnbench.contract.core import last_valid, output_size, receptive_field

if TYPE_CHECKING:
    from rnnbench.records.plots import Plot
    from rnnbench.records.recipe import Residual

NORM_EPS = 1e-5
"""Added to the mean square (``rms``) or to the variance (``layer``)."""


class GatedMLP(nn.Module):
    """``W_down (silu(W_gate x) * W_up x)`` without biases (SwiGLU, Shazeer 2020).

    Args:
        width: W of input and output.
        inner: width between the products.
    """

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.gate = nn.Linear(width, inner, bias=False)
        self.up = nn.Linear(width, inner, bias=False)
        self.down = nn.Linear(inner, width, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (..., W) for x (..., W)."""
        mixed: Tensor = self.down(F.silu(self.gate(x)) * self.up(x))
        return mixed


class ResidualLayer(nn.Module):
    """``x + dropout(project(core(norm(x))))``, then ``x + dropout(mlp(norm(x)))`` where asked.

    ``project`` is a linear layer where the core's output width is not W, else the identity.

    Args:
        core: of input width W.
        width: W of the residual stream.
        block: norm, dropout and width of the MLP.
    """

    def __init__(self, core: nn.Module, width: int, block: Residual) -> None:
        super().__init__()
        self.core_norm = _norm(block, width)
        self.core = core
        self.project = _linear(output_size(core, width), width)
        self.mlp: GatedMLP | None = None
        if block.mlp:
            self.mlp_norm = _norm(block, width)
            self.mlp = GatedMLP(width, max(1, round(block.mlp * width)))
        # Dropout of 0 would draw random numbers.
        self.dropout = nn.Dropout(block.dropout) if block.dropout else nn.Identity()

    def forward(
        self, stream: Tensor, state: Any = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        """Return the stream (B, T, W) after the layer, and the core's state."""
        normed = self.core_norm(stream)
        if lengths is None:
            outputs, state = self.core(normed, state)
        else:
            outputs, state = self.core(normed, state, lengths=lengths)
        return self._added(stream, outputs), state

    def forward_last(self, stream: Tensor, lengths: Tensor | None = None) -> Tensor:
        """Return the stream (B, W) at the last valid step, by the core's ``forward_last``."""
        outputs = self.core.forward_last(self.core_norm(stream), lengths)  # type: ignore[operator]
        return self._added(last_valid(stream, lengths), outputs)

    def _added(self, stream: Tensor, outputs: Tensor) -> Tensor:
        stream = stream + self.dropout(self.project(outputs))
        if self.mlp is not None:
            stream = stream + self.dropout(self.mlp(self.mlp_norm(stream)))
        return stream


class ResidualStack(nn.Module):
    """Pre-norm residual layers, each around a core of one model; itself a core.

    The input is projected to the width W of the residual stream where its own width differs. A
    last norm follows the layers (He et al. 2016; Xiong et al. 2020). The state is the tuple of the
    cores' states. Optional members of a core (``forward_last``, ``plots``, ``parameter_groups``,
    ``after_step``, ``prepare``) are members of the stack where the cores have them.

    Args:
        core: ``layer -> core``, layers counted from 0; input width and hidden size are W.
        input_size: D.
        width: W, also the output width.
        block: depth, norm, dropout and width of the MLPs.
        causal: whether the cores are causal. Those that are not get ``lengths``.
    """

    def __init__(
        self,
        core: Callable[[int], nn.Module],
        *,
        input_size: int,
        width: int,
        block: Residual,
        causal: bool = True,
    ) -> None:
        super().__init__()
        self.output_size = width
        self.causal = causal
        self.project = _linear(input_size, width)
        self.layers = nn.ModuleList(
            ResidualLayer(core(layer), width, block) for layer in range(block.depth)
        )
        self.norm = _norm(block, width)

    def forward(
        self, x: Tensor, state: Sequence[Any] | None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, tuple[Any, ...]]:
        """Return outputs (B, T, W) for x (B, T, D), and the states of the layers."""
        stream, states = self._through(self.layers, x, state, lengths)
        outputs: Tensor = self.norm(stream)
        return outputs, states

    @property
    def receptive_field(self) -> int | None:
        """Number of last inputs that an output depends on, where all cores declare theirs."""
        declared = [receptive_field(core) for core in self._cores()]
        if None in declared:
            return None
        return 1 + sum(each - 1 for each in declared if each is not None)

    @property
    def forward_last(self) -> Callable[..., Tensor]:
        """Return (B, W) at the last valid step; only the last layer uses its ``forward_last``."""
        self._require("forward_last", self._cores()[-1:])
        return self._forward_last

    @property
    def plots(self) -> Callable[..., tuple[Plot, ...]]:
        """Plots of the last layer's core."""
        self._require("plots", self._cores()[-1:])
        return self._plots

    @property
    def parameter_groups(self) -> Callable[[], list[Any]]:
        """The groups of the cores that have any, with the parameters' names in the stack."""
        self._require("parameter_groups", self._cores())
        return self._parameter_groups

    @property
    def after_step(self) -> Callable[[], None]:
        """The ``after_step`` of the cores that have one, layer by layer."""
        self._require("after_step", self._cores())
        return self._after_step

    @property
    def prepare(self) -> Callable[[Tensor, int | None], str | None]:
        """The ``prepare`` of the cores that have one; their lines, each once.

        Cores that are made of cells decide together whether they are compiled.
        """
        self._require("prepare", self._cores())
        return self._prepare

    def _require(self, member: str, cores: Sequence[Any]) -> None:
        # hasattr(stack, member) is then that of its cores
        if not any(hasattr(core, member) for core in cores):
            raise AttributeError(f"no core of the block has {member}")

    def _cores(self) -> list[Any]:
        return [layer.core for layer in self.layers]

    def _through(
        self,
        layers: Iterable[nn.Module],
        x: Tensor,
        state: Sequence[Any] | None,
        lengths: Tensor | None,
    ) -> tuple[Tensor, tuple[Any, ...]]:
        # In mixed precision the stream stays in the precision of its input.
        stream = self.project(x).to(x.dtype)
        states = []
        for index, layer in enumerate(layers):
            stream, after = layer(
                stream, None if state is None else state[index], None if self.causal else lengths
            )
            states.append(after)
        return stream, tuple(states)

    def _to_the_last(self, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Any]:
        """Return the stream that the last layer reads, and the last layer."""
        *before, last = self.layers
        stream, _ = self._through(before, x, None, lengths)
        return stream, last

    def _forward_last(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        stream, last = self._to_the_last(x, lengths)
        outputs: Tensor = self.norm(last.forward_last(stream, lengths))
        return outputs

    def _plots(self, x: Tensor, lengths: Tensor | None = None) -> tuple[Plot, ...]:
        stream, last = self._to_the_last(x, lengths)
        drawn: Sequence[Plot] = last.core.plots(last.core_norm(stream), lengths)
        depth = len(self.layers)
        if depth == 1:
            return tuple(drawn)
        return tuple(
            plot.model_copy(update={"title": f"{plot.title}, layer {depth} of {depth}"})
            for plot in drawn
        )

    def _parameter_groups(self) -> list[Any]:
        return [
            replace(group, names=tuple(f"layers.{index}.core.{name}" for name in group.names))
            for index, core in enumerate(self._cores())
            if hasattr(core, "parameter_groups")
            for group in core.parameter_groups()
        ]

    def _after_step(self) -> None:
        for core in self._cores():
            if hasattr(core, "after_step"):
                core.after_step()

    def _prepare(self, x: Tensor, steps: int | None) -> str | None:
        # every core gets a stream of this shape; the values do not matter
        with torch.no_grad():
            normed = self.layers[0].core_norm(self.project(x).to(x.dtype))  # type: ignore[operator]
        cores = [core for core in self._cores() if hasattr(core, "prepare")]
        if all(isinstance(core, Layers) for core in cores):
            return prepare_together(cores, normed, steps)
        lines = dict.fromkeys(core.prepare(normed, steps) for core in cores)
        return "; ".join(line for line in lines if line) or None


def _norm(block: Residual, width: int) -> nn.Module:
    if block.norm == "rms":
        return nn.RMSNorm(width, eps=NORM_EPS)
    return nn.LayerNorm(width, eps=NORM_EPS) if block.norm == "layer" else nn.Identity()


def _linear(width: int, wanted: int) -> nn.Module:
    return nn.Identity() if width == wanted else nn.Linear(width, wanted)
