"""One optimizer step on one batch: taken operation by operation, or replayed whole from a CUDA
graph.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import torch
from torch import nn

from rnnbench.contract.task import Batch
from rnnbench.metrics import mean_loss

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    from rnnbench.contract.task import Measure

WARM_UP = 3
"""Steps in a row on batches of one layout before a graph is captured: torch asks for some, and odd
shapes should not pay.
"""


class Stepper(Protocol):
    """Takes one optimizer step on a batch and returns its loss, a scalar on the device, without
    waiting for the device.
    """

    def __call__(self, batch: Batch) -> Tensor: ...


class EagerStepper:
    """Forward, backward, clip, update.

    Args:
        network: whose parameters are trained.
        forward: ``batch -> predictions``; by default the network is called with the batch's inputs
            and lengths.
        loss: the training loss, averaged by :func:`rnnbench.metrics.mean_loss`.
        optimizer: of the network's parameters.
        clip_norm: what the norm of the whole gradient is clipped to, if to anything.
        mixed: whether it runs under autocast.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: Measure,
        optimizer: torch.optim.Optimizer,
        clip_norm: float | None,
        *,
        mixed: bool,
        forward: Callable[[Batch], Tensor] | None = None,
    ) -> None:
        self._forward = forward or (lambda batch: network(batch.inputs, batch.lengths))
        self._parameters = list(network.parameters())
        self._loss = loss
        self._optimizer = optimizer
        self._clip_norm = clip_norm
        self._mixed = mixed

    def __call__(self, batch: Batch) -> Tensor:
        """Take one step; see :class:`Stepper`."""
        loss = mean_loss(self._loss, self._forward(batch), batch)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if self._clip_norm is not None:
            nn.utils.clip_grad_norm_(self._parameters, self._clip_norm)
        self._optimizer.step()
        if self._mixed:
            # else the next step of the chunk would reuse casts of the old weights
            torch.clear_autocast_cache()
        return loss.detach()


class GraphedStepper:
    """Replay the step from a CUDA graph: the same kernels, launched at once instead of one by one
    from Python.

    A small recurrent network leaves a GPU waiting for launches, and a core written as a loop over
    time does so all the more. The first steps are taken eagerly; as many as :data:`WARM_UP` on
    batches of one layout, and the next is captured. A batch of another layout is stepped on
    eagerly. So is everything where the step cannot be captured (it waits for the device, for
    example to read lengths), which is found out before anything is captured.

    What a core computes in Python is computed once, at the capture; see ``--no-cuda-graphs`` for a
    core that counts its calls.
    """

    def __init__(self, eager: EagerStepper) -> None:
        self._eager = eager
        self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._layout: object = None
        self._in_a_row = 0
        self._capturable = True
        self._graph: torch.cuda.CUDAGraph | None = None
        self._batch: Batch | None = None
        self._loss: Tensor | None = None

    @property
    def captured(self) -> bool:
        """Whether a graph was captured."""
        return self._graph is not None

    def __call__(self, batch: Batch) -> Tensor:
        """Take one step; see :class:`Stepper`."""
        if not self._capturable:
            return self._eager(batch)
        if self._graph is None:
            self._count(batch)
            if self._in_a_row == WARM_UP:
                return self._probed(batch)
            if self._in_a_row > WARM_UP:
                self._capture(batch)
        if self._graph is None or _layout(batch) != self._layout:
            return self._beside(batch)
        assert self._batch is not None
        assert self._loss is not None
        for kept, given in zip(_tensors(self._batch), _tensors(batch), strict=True):
            kept.copy_(given)
        self._graph.replay()
        return self._loss.clone()

    def _count(self, batch: Batch) -> None:
        layout = _layout(batch)
        self._in_a_row = self._in_a_row + 1 if layout == self._layout else 1
        self._layout = layout

    def _beside(self, batch: Batch) -> Tensor:
        """Take a step eagerly on the stream that captures, as torch asks of what precedes a
        capture.
        """
        current = torch.cuda.current_stream()
        self._stream.wait_stream(current)
        try:
            with torch.cuda.stream(self._stream):
                return self._eager(batch)
        finally:
            current.wait_stream(self._stream)

    def _probed(self, batch: Batch) -> Tensor:
        """Take a step that fails, before it has changed a weight, where it waits for the device: a
        capture would too.
        """
        mode = torch.cuda.get_sync_debug_mode()
        torch.cuda.set_sync_debug_mode("error")
        try:
            return self._beside(batch)
        except RuntimeError:
            self._capturable = False
        finally:
            torch.cuda.set_sync_debug_mode(mode)
        return self._eager(batch)

    def _capture(self, batch: Batch) -> None:
        kept = Batch(*(None if part is None else part.clone() for part in _parts(batch)))  # type: ignore[arg-type]
        generator = torch.cuda.default_generators[torch.cuda.current_device()]
        before = generator.clone_state()
        graph = torch.cuda.CUDAGraph()
        try:
            # the outer context: a capture that fails leaves its own stream the current one
            with (
                torch.cuda.stream(torch.cuda.current_stream()),
                torch.cuda.graph(graph, stream=self._stream),
            ):
                loss = self._eager(kept)
        except Exception:  # whatever it was, a step taken eagerly either works or raises it again
            generator.graphsafe_set_state(
                before
            )  # a failed capture leaves the generator waiting for its end
            self._capturable = False
            return
        self._graph, self._batch, self._loss = graph, kept, loss


def make_stepper(eager: EagerStepper, device: torch.device, *, cuda_graphs: bool) -> Stepper:
    """Return the stepper for a device: graphed on a CUDA device unless that is not wanted."""
    return GraphedStepper(eager) if cuda_graphs and device.type == "cuda" else eager


def _parts(batch: Batch) -> tuple[Tensor | None, ...]:
    return batch.inputs, batch.targets, batch.lengths, batch.mask


def _tensors(batch: Batch) -> list[Tensor]:
    return [part for part in _parts(batch) if part is not None]


def _layout(batch: Batch) -> object:
    return tuple(None if part is None else (part.shape, part.dtype) for part in _parts(batch))
