"""The full state of a core as one vector per sequence, for any nesting and axis order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rnnbench.contract.core import map_state, receptive_field, state_tensors

if TYPE_CHECKING:
    from rnnbench.training.network import Network


class NotMeasurableError(Exception):
    """The measurement does not exist for this network; the message gives the reason."""


@dataclass(frozen=True)
class StateLayout:
    """Positions of the batch axis in the tensors of a state.

    Attributes:
        axes: one per tensor, in the order of ``state_tensors``; ``None`` without a batch axis.
    """

    axes: tuple[int | None, ...]

    def real(self, state: Any) -> list[tuple[Tensor, int]]:
        """Return the floating tensors that have a batch axis, each with that axis."""
        pairs = zip(state_tensors(state), self.axes, strict=True)
        return [
            (tensor, axis)
            for tensor, axis in pairs
            if axis is not None and tensor.is_floating_point()
        ]

    def repeat(self, state: Any, times: int) -> Any:
        """Repeat the state of each sequence ``times`` times, the copies adjacent to each other."""
        axes = iter(self.axes)

        def repeat_one(tensor: Tensor) -> Tensor:
            axis = next(axes)
            return tensor if axis is None else tensor.repeat_interleave(times, axis)

        return map_state(state, repeat_one)

    def flatten(self, state: Any, parts: list[Tensor | None]) -> Tensor:
        """Concatenate one part per real tensor of ``state`` into vectors (B, n); None is zero."""
        pairs = zip(self.real(state), parts, strict=True)
        filled = [
            (torch.zeros_like(tensor) if part is None else part, axis)
            for (tensor, axis), part in pairs
        ]
        return torch.cat([part.movedim(axis, 0).flatten(1) for part, axis in filled], 1)

    def unflatten(self, state: Any, vectors: Tensor) -> list[Tensor]:
        """Split vectors (B, n) into parts of the shapes of the real tensors of ``state``."""
        parts, start = [], 0
        for tensor, axis in self.real(state):
            moved = tensor.movedim(axis, 0)
            width = moved[0].numel()
            parts.append(vectors[:, start : start + width].reshape(moved.shape).movedim(0, axis))
            start += width
        return parts


def fixed_state_layout(network: Network, encoded: Tensor) -> StateLayout:
    """Return the layout of a state of fixed size.

    The core is run for one step with two sequences and for two steps with three sequences. The
    batch axis is the one that grows from two to three.

    Args:
        network: causal.
        encoded: (B, T, D) with T >= 2.

    Raises:
        NotMeasurableError: the core is non-causal, has no state of fixed size, or declares that its
            state is a window of past steps.
    """
    if not network.causal:
        raise NotMeasurableError("a non-causal core has no state that carries the past")
    reach = receptive_field(network.core)
    if reach is not None:
        raise NotMeasurableError(
            f"the state is a window of the past: outputs reach {reach:,} steps"
        )
    if encoded.shape[1] < 2:
        raise NotMeasurableError("sequences of one step carry no state")
    with torch.no_grad():
        two, _ = _run(network, encoded[:1, :1].expand(2, -1, -1))
        three, longer = _run(network, encoded[:1, :2].expand(3, -1, -1))
    if not two:
        raise NotMeasurableError("the core returns no state")
    if [tensor.shape for tensor in three] != [tensor.shape for tensor in longer]:
        raise NotMeasurableError("the state grows with the sequence")
    layout = StateLayout(tuple(_batch_axis(a, b) for a, b in zip(two, three, strict=True)))
    if not any(
        axis is not None and tensor.is_floating_point()
        for tensor, axis in zip(two, layout.axes, strict=True)
    ):
        raise NotMeasurableError("the state holds no real numbers")
    return layout


def differentiable(state: Any) -> Any:
    """Return the state with ``requires_grad`` set on every floating tensor."""
    return map_state(
        state,
        lambda s: (
            s
            if s.requires_grad or not s.is_floating_point()
            else s.detach().clone().requires_grad_()
        ),
    )


def _run(network: Network, encoded: Tensor) -> tuple[list[Tensor], list[Tensor]]:
    """Return the tensors of the state after one step and after all steps."""
    _, state = network.unroll(encoded[:, :1].contiguous())
    first = state_tensors(state)
    for t in range(1, encoded.shape[1]):
        _, state = network.unroll(encoded[:, t : t + 1].contiguous(), state)
    return first, state_tensors(state)


def _batch_axis(two: Tensor, three: Tensor) -> int | None:
    if two.shape == three.shape:
        return None
    axes = [
        axis
        for axis, (a, b) in enumerate(zip(two.shape, three.shape, strict=True))
        if (a, b) == (2, 3)
    ]
    if len(axes) != 1:
        raise NotMeasurableError(
            f"no axis of a state of shape {tuple(two.shape)} for two sequences is the batch"
        )
    return axes[0]
