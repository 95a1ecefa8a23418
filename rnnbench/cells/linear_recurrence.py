"""Linear recurrences with a diagonal transition, and their derivatives.

The adjoint of h_t = a_t * h_{t-1} + b_t is a linear recurrence in reverse order, with the gradient
g_t of the loss with respect to h_t, the total derivative G_t and the complex conjugate ``conj``::

    G_t = g_t + conj(a_{t+1}) * G_{t+1},      G_T = g_T
    dL/db_t = G_t,   dL/da_t = G_t * conj(h_{t-1}),   dL/dh_0 = conj(a_1) * G_1

Both directions write into one buffer, where autograd would record a node for each step. In the
functions of this module that begin with an underscore the first axis is time.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

import torch
from torch import Tensor
from torch.autograd import Function

Form: TypeAlias = Literal["loop", "scan"]

_LOOPED_STEPS = 16
"""Steps of a scan that are left to a loop: about as many operations as four more levels."""
_SCANNED_VALUES = 1024
"""Values of one step up to which a scan is faster on a CPU, measured at T = 100 to 2,000.

The cost of a loop is then that of starting its operations. Above, the scan's three passes through
memory cost more.
"""
_SUMMED_VALUES = 1 << 16
"""Values of a temporary where a sum over time is computed in parts."""


def linear_recurrence(
    decay: Tensor, drive: Tensor, start: Tensor, *, form: Form | None = None
) -> Tensor:
    """Return h_t = decay_t * h_{t-1} + drive_t for all steps, elementwise.

    Differentiable in all arguments any number of times, real or complex, in forward mode too, and
    under ``torch.func.vmap``. Arguments of different data types are promoted to one.

    A decay that is constant in time is best given with one time step, as (1, 1, H) or (H,): its
    gradient is then summed over time without a temporary of the size of ``drive``.

    The loop is one elementwise operation for each value, the scan about three. Neither has a
    product that torch's counter of floating-point operations counts.

    Args:
        decay: (B, T, ...), or of a shape that broadcasts to that of ``drive``.
        drive: (B, T, ...), T at least 1.
        start: (B, ...), the state h_0 before the first step, or of a shape that broadcasts to it.
        form: ``loop``: T operations in sequence, for any decay. ``scan``: an odd-even tree of about
            4 log2(T) operations in sequence. It multiplies decays of successive steps, so that
            magnitudes above 1 overflow earlier than in the loop. ``None``: the faster one for
            device and size.

    Returns:
        (B, T, ...), the states h_1 to h_T.
    """
    kind = torch.promote_types(torch.promote_types(decay.dtype, drive.dtype), start.dtype)
    decay, drive, start = decay.to(kind), drive.to(kind), start.to(kind)
    decay = decay.reshape((1,) * (drive.dim() - decay.dim()) + decay.shape)
    states: Tensor = _Recurrence.apply(  # type: ignore[no-untyped-call]
        decay.transpose(0, 1),
        drive.transpose(0, 1),
        start.expand(drive.shape[:1] + drive.shape[2:]),
        form or _faster(drive),
    )
    return states.transpose(0, 1)


def _faster(drive: Tensor) -> Form:
    """Return the form that is faster for drive (B, T, ...)."""
    if drive.device.type == "cpu" and drive[:, :1].numel() > _SCANNED_VALUES:
        return "loop"
    return "scan"


class _Recurrence(Function):
    """The states (T, B, ...) for decay (T or 1, ...), drive (T, B, ...) and start (B, ...)."""

    @staticmethod
    def forward(decay: Tensor, drive: Tensor, start: Tensor, form: Form) -> Tensor:
        states = torch.empty_like(drive)
        torch.addcmul(drive[0], decay[0], start, out=states[0])
        _fill(states, _later(decay), drive[1:], form)
        return states

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Tensor) -> None:
        decay, _, start, ctx.form = inputs
        ctx.save_for_backward(decay, start, output)
        ctx.save_for_forward(decay, start, output)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        decay, start, states = ctx.saved_tensors
        # the gradient is recorded where it is differentiated again
        adjoint = _recorded_adjoint if torch.is_grad_enabled() else _adjoint
        return *adjoint(decay, start, states, grads[0], ctx.form, ctx.needs_input_grad[0]), None

    @staticmethod
    def jvp(ctx: Any, *tangents: Tensor | None) -> Tensor:
        decay, start, states = ctx.saved_tensors
        d_decay, d_drive, d_start, _ = tangents
        drive = torch.zeros_like(states) if d_drive is None else d_drive
        if d_decay is not None:
            drive = torch.addcmul(drive, d_decay, _before(start, states))
        if d_start is None:
            d_start = torch.zeros_like(start)
        return _Recurrence.apply(decay, drive, d_start, ctx.form)  # type: ignore

    @staticmethod
    def vmap(info: Any, in_dims: tuple[int | None, ...], *inputs: Any) -> tuple[Tensor, int]:
        # one more axis at the end of an elementwise recurrence
        decay, drive, start = (
            each.unsqueeze(-1) if axis is None else each.movedim(axis, -1)
            for each, axis in zip(inputs[:3], in_dims[:3], strict=True)
        )
        drive = drive.expand(*drive.shape[:-1], info.batch_size)
        start = start.expand(drive.shape[1:])
        states: Tensor = _Recurrence.apply(decay, drive, start, inputs[3])  # type: ignore
        return states, states.dim() - 1


def _fill(states: Tensor, decay: Tensor, drive: Tensor, form: Form) -> None:
    """Write all states (T, ...) after the first, which is given.

    Decay (T - 1 or 1, ...) and drive (T - 1, ...) are those of the steps from each to the next.
    """
    decay = decay.expand(len(drive), *decay.shape[1:])
    if form == "loop":
        _fill_by_loop(states.unbind(0), decay.unbind(0), drive.unbind(0))
    else:
        _fill_by_scan(states, decay, drive)


def _fill_by_loop(
    states: Sequence[Tensor], decay: Sequence[Tensor], drive: Sequence[Tensor]
) -> None:
    before = states[0]
    for state, factor, added in zip(states[1:], decay, drive, strict=True):
        torch.addcmul(added, factor, before, out=state)
        before = state


def _fill_by_scan(states: Tensor, decay: Tensor, drive: Tensor) -> None:
    """Fill every second state by a recurrence of half the length, and the others from these."""
    if len(states) <= _LOOPED_STEPS:
        _fill_by_loop(states.unbind(0), decay.unbind(0), drive.unbind(0))
        return
    torch.addcmul(drive[0], decay[0], states[0], out=states[1])
    odd, even = states[1::2], states[2::2]
    # the two steps from each odd state to the next; the last one leads to an even state or to none
    pairs = len(odd) - 1
    first, second = slice(1, 2 * pairs, 2), slice(2, 2 * pairs + 1, 2)
    _fill_by_scan(
        odd,
        decay[second] * decay[first],
        torch.addcmul(drive[second], decay[second], drive[first]),
    )
    torch.addcmul(drive[1::2], decay[1::2], odd[: len(even)], out=even)


def _adjoint(
    decay: Tensor, start: Tensor, states: Tensor, grad: Tensor, form: Form, decay_needed: bool
) -> tuple[Tensor | None, Tensor, Tensor]:
    """Return the gradients of decay, drive and start, given that of the states."""
    decay = decay.conj().resolve_conj()
    later = _later(decay)
    if form == "loop":
        total = torch.empty_like(states)
        total[-1].copy_(grad[-1])
        factors = later.expand(len(grad) - 1, *later.shape[1:]).unbind(0)
        _fill_by_loop(total.unbind(0)[::-1], factors[::-1], grad[:-1].unbind(0)[::-1])
    else:
        grad = grad.flip(0)
        total = torch.empty_like(grad)
        total[0].copy_(grad[0])
        _fill(total, later.flip(0), grad[1:], form)
        total = total.flip(0)
    d_decay = _decay_gradient(decay.shape, start, states, total) if decay_needed else None
    return d_decay, total, decay[0] * total[0]


def _decay_gradient(shape: Sequence[int], start: Tensor, states: Tensor, total: Tensor) -> Tensor:
    """Return the sum of G_t * conj(h_{t-1}) over the axes along which the decay is constant."""
    first = total[:1] * start.conj()
    if shape[0] == len(total):
        gradient = torch.empty_like(total)
        gradient[:1] = first
        torch.mul(total[1:], states[:-1].conj(), out=gradient[1:])
        return gradient.sum_to_size(shape)
    summed = first.sum_to_size(shape)
    steps = max(1, _SUMMED_VALUES // max(1, first.numel()))
    parts = zip(torch.split(total[1:], steps), torch.split(states[:-1], steps), strict=True)
    for after, before in parts:
        summed = summed + (after * before.conj()).sum_to_size(shape)
    return summed


def _recorded_adjoint(
    decay: Tensor, start: Tensor, states: Tensor, grad: Tensor, form: Form, decay_needed: bool
) -> tuple[Tensor | None, Tensor, Tensor]:
    """Return the same as :func:`_adjoint`, by operations that can be differentiated."""
    decay = decay.conj()
    total = grad
    if len(grad) > 1:
        reversed_total: Tensor = _Recurrence.apply(  # type: ignore[no-untyped-call]
            _later(decay).flip(0), grad[:-1].flip(0), grad[-1], form
        )
        total = torch.cat([reversed_total.flip(0), grad[-1:]])
    d_decay = None
    if decay_needed:
        d_decay = (total * _before(start, states).conj()).sum_to_size(decay.shape)
    return d_decay, total, decay[0] * total[0]


def _later(decay: Tensor) -> Tensor:
    """Return the decays after the first step."""
    return decay if len(decay) == 1 else decay[1:]


def _before(start: Tensor, states: Tensor) -> Tensor:
    """Return the state before each step."""
    return torch.cat([start.unsqueeze(0), states[:-1]])
