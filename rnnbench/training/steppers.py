"""One optimizer step on one batch: eager, or replayed from a CUDA graph."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import torch
from torch import nn

from rnnbench.contract.task import Batch
from rnnbench.metrics import mean_loss

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch import Tensor

    from rnnbench.contract.task import Measure

WARM_UP = 3
"""Consecutive eager steps on batches of one layout before a graph is captured.

torch requires a few. Layouts that occur rarely are not worth a capture.
"""


class Stepper(Protocol):
    """Callable that takes one optimizer step on a batch and returns the loss.

    The loss is a scalar tensor on the device, which the call does not wait for.
    """

    def __call__(self, batch: Batch) -> Tensor: ...


class EagerStepper:
    """Optimizer step: forward pass, backward pass, gradient clipping, update.

    Args:
        network: the network to train.
        loss: the training loss, averaged by :func:`rnnbench.metrics.mean_loss`.
        optimizer: holds the network's parameters.
        clip_norm: maximum norm of the whole gradient; ``None`` does not clip.
        mixed: whether the step runs under autocast.
        forward: ``batch -> predictions``; ``None`` calls the network with inputs and lengths.
        clip_value: maximum magnitude of each number of the gradient (real and imaginary parts are
            numbers of their own); ``None`` does not clip.
        after_step: called after each update, without gradient and without autocast.
        observe: whether to keep the norm of each step's gradient.

    Attributes:
        clipped: number of steps so far whose gradient was clipped, a scalar int64 tensor on the
            device; ``None`` without clipping.
        observed: of the last step, the norm of the whole gradient before clipping, and 1 if it was
            clipped, else 0: (2,) float64 on the device, overwritten by the next step; ``None``
            unless ``observe``.
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
        clip_value: float | None = None,
        after_step: Callable[[], object] | None = None,
        observe: bool = False,
    ) -> None:
        self._forward = forward or (lambda batch: network(batch.inputs, batch.lengths))
        self._parameters = list(network.parameters())
        self._loss = loss
        self._optimizer = optimizer
        self._clip_norm = clip_norm
        self._clip_value = clip_value
        self._after_step = after_step
        self._mixed = mixed
        self.clipped: Tensor | None = None
        self.observed: Tensor | None = None
        device = self._parameters[0].device if self._parameters else None
        if clip_norm is not None or clip_value is not None:
            self.clipped = torch.zeros((), dtype=torch.int64, device=device)
        if observe:
            self.observed = torch.zeros(2, dtype=torch.float64, device=device)
            self._norm, self._exceeded = self.observed

    def __call__(self, batch: Batch) -> Tensor:
        """Take one step; see :class:`Stepper`."""
        loss = mean_loss(self._loss, self._forward(batch), batch)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = exceeded = None
        if self._clip_norm is not None:
            norm = nn.utils.clip_grad_norm_(self._parameters, self._clip_norm)
            exceeded = norm > self._clip_norm
        elif self.observed is not None:
            norm = gradient_norm(self._parameters)
        if self._clip_value is not None:
            exceeded = clip_values(self._parameters, self._clip_value)
        self._optimizer.step()
        if self._after_step is not None:
            self._project(self._after_step)
        if self.clipped is not None and exceeded is not None:
            # on the device and in place, so that a graph counts too; after the update, because a
            # step that fails before it is repeated
            self.clipped += exceeded
        if self.observed is not None and norm is not None:
            self._norm.copy_(norm)
            if exceeded is not None:
                self._exceeded.copy_(exceeded)
        if self._mixed:
            # the cache holds casts of the old weights, which the next step must not use
            torch.clear_autocast_cache()
        return loss.detach()

    @torch.no_grad()
    def _project(self, after_step: Callable[[], object]) -> None:
        if not self._mixed:
            after_step()
            return
        # a projection in bfloat16 would round the weights
        device = self._parameters[0].device.type
        with torch.autocast(device, enabled=False):
            after_step()


@torch.no_grad()
def gradient_norm(parameters: Iterable[Tensor]) -> Tensor:
    """Return the norm of the whole gradient, a scalar tensor on the device."""
    gradients = [each.grad for each in parameters if each.grad is not None]
    if len({each.dtype for each in gradients}) != 1:
        return nn.utils.get_total_norm(gradients)
    # what get_total_norm computes, without its grouping by type, which takes longer than the norms
    norms = torch.stack(torch._foreach_norm(gradients))
    total: Tensor = torch.linalg.vector_norm(norms)
    return total


@torch.no_grad()
def clip_values(parameters: Iterable[Tensor], limit: float) -> Tensor:
    """Clip each number of the parameters' gradients to ``[-limit, limit]``, in place.

    Returns:
        Whether a number was outside, a scalar bool tensor on the device.
    """
    # nn.utils.clip_grad_value_ refuses complex gradients and does not tell whether it clipped
    gradients = [
        torch.view_as_real(each.grad) if each.grad.is_complex() else each.grad
        for each in parameters
        if each.grad is not None
    ]
    largest = nn.utils.get_total_norm(gradients, norm_type=math.inf)
    for gradient in gradients:
        gradient.clamp_(-limit, limit)
    return largest > limit


class GraphedStepper:
    """Optimizer step replayed from a CUDA graph: the same kernels, launched together.

    Small recurrent networks leave a GPU idle between kernel launches, and a core written as a loop
    over time even more so. After :data:`WARM_UP` consecutive eager steps on batches of one layout
    the next step is captured. Batches of another layout take eager steps. All steps are eager if a
    step waits for the device, for example to read lengths: such a step cannot be captured, and a
    trial step detects it before the capture.

    Python code of a core runs once, at the capture. A core whose Python code changes from call to
    call needs ``--no-cuda-graphs``.
    """

    # torch.cuda.make_graphed_callables graphs forward and backward alone: loss, clipping and update
    # would still be launched one by one, and a core that cannot be captured would raise

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
        """Whether a graph has been captured."""
        return self._graph is not None

    def __call__(self, batch: Batch) -> Tensor:
        """Take one step; see :class:`Stepper`."""
        if not self._capturable:
            return self._eager(batch)
        if self._graph is None:
            self._count(batch)
            if self._in_a_row == WARM_UP:
                return self._try_capturable(batch)
            if self._in_a_row > WARM_UP:
                self._capture(batch)
        if self._graph is None or _layout(batch) != self._layout:
            return self._on_capture_stream(batch)
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

    def _on_capture_stream(self, batch: Batch) -> Tensor:
        """Take an eager step on the capture stream, as torch requires before a capture."""
        current = torch.cuda.current_stream()
        self._stream.wait_stream(current)
        try:
            with torch.cuda.stream(self._stream):
                return self._eager(batch)
        finally:
            current.wait_stream(self._stream)

    def _try_capturable(self, batch: Batch) -> Tensor:
        """Take an eager step and note whether it waits for the device.

        A step that waits raises before it changes a weight. It is then repeated without the check.
        """
        mode = torch.cuda.get_sync_debug_mode()
        torch.cuda.set_sync_debug_mode("error")
        try:
            return self._on_capture_stream(batch)
        except RuntimeError:
            self._capturable = False
        finally:
            torch.cuda.set_sync_debug_mode(mode)
        return self._eager(batch)

    def _capture(self, batch: Batch) -> None:
        kept = Batch(
            *(None if part is None else part.clone() for part in _parts(batch))  # type: ignore[arg-type]
        )
        generator = torch.cuda.default_generators[torch.cuda.current_device()]
        before = generator.clone_state()
        graph = torch.cuda.CUDAGraph()
        try:
            # the outer context restores the current stream, which a failed capture does not
            with (
                torch.cuda.stream(torch.cuda.current_stream()),
                torch.cuda.graph(graph, stream=self._stream),
            ):
                loss = self._eager(kept)
        # an eager step follows, which raises a genuine error again
        except Exception:
            # after a failed capture the generator still expects its end
            generator.graphsafe_set_state(before)
            self._capturable = False
            return
        self._graph, self._batch, self._loss = graph, kept, loss


def make_stepper(eager: EagerStepper, device: torch.device, *, cuda_graphs: bool) -> Stepper:
    """Return a graphed stepper on a CUDA device if ``cuda_graphs``, else the eager stepper."""
    return GraphedStepper(eager) if cuda_graphs and device.type == "cuda" else eager


def _parts(batch: Batch) -> tuple[Tensor | None, ...]:
    return batch.inputs, batch.targets, batch.lengths, batch.mask


def _tensors(batch: Batch) -> list[Tensor]:
    return [part for part in _parts(batch) if part is not None]


def _layout(batch: Batch) -> object:
    return tuple(None if part is None else (part.shape, part.dtype) for part in _parts(batch))
