"""The selective scan of Mamba: a diagonal recurrence whose decay and input are chosen by step.

For each sequence, with a state h (N, E), step size d_t (E), input u_t (E), rate A (N, E), input and
output maps B_t, C_t (N), ``*`` elementwise (Gu & Dao 2023, algorithm 2)::

    a_t = exp(A diag(d_t))
    h_t = a_t * h_{t-1} + B_t (d_t * u_t)^T
    y_t = h_t^T C_t

With negative eigenvalues a_t is replaced by 2 a_t - 1 (Grazzi et al. 2025).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function

from rnnbench import linear_recurrence

_ELEMENTS = 1 << 18
"""Numbers in the buffer of a chunk, 1 MiB in float32, so that it stays in the cache."""
_LONGEST = 64


def selective_step(
    size: Tensor, driven: Tensor, rate: Tensor, into: Tensor, out: Tensor, state: Tensor, low: float
) -> tuple[Tensor, Tensor]:
    """Advance the scan by one step.

    Args:
        size: d (B, E).
        driven: d * u (B, E).
        rate: A (N, E), negative.
        into: B (B, N).
        out: C (B, N).
        state: h (B, N, E).
        low: the least decay, 0 or -1.

    Returns:
        y (B, E) and the new state.
    """
    decay = _decay((size.unsqueeze(-2) * rate).exp(), low)
    state = decay * state + driven.unsqueeze(-2) * into.unsqueeze(-1)
    return (state * out.unsqueeze(-1)).sum(-2), state


def selective_scan(
    size: Tensor, driven: Tensor, rate: Tensor, into: Tensor, out: Tensor, state: Tensor, low: float
) -> tuple[Tensor, Tensor]:
    """Run the scan over all steps.

    On a GPU the decays (B, T, N, E) are formed and :func:`rnnbench.linear_recurrence` runs over
    them. On a processor they are formed for a few steps at a time, which needs less memory and
    stays in the cache, with a gradient that is written out. Second derivatives form all of them.

    Args:
        size: d (B, T, E).
        driven: d * u (B, T, E).
        rate: A (N, E), negative.
        into: B (B, T, N).
        out: C (B, T, N).
        state: h (B, N, E), before the first step.
        low: the least decay, 0 or -1.

    Returns:
        y (B, T, E) and the state after the last step.
    """
    if size.device.type != "cpu":
        return expanded_scan(size, driven, rate, into, out, state, low)
    steps_first = (each.transpose(0, 1).contiguous() for each in (size, driven, into, out))
    y, end = _Scan.apply(*steps_first, rate, state, low)  # type: ignore[no-untyped-call]
    return y.transpose(0, 1), end


def expanded_scan(
    size: Tensor, driven: Tensor, rate: Tensor, into: Tensor, out: Tensor, state: Tensor, low: float
) -> tuple[Tensor, Tensor]:
    """Run the scan over all steps at once; arguments and result of :func:`selective_scan`."""
    decay = _decay((size.unsqueeze(-2) * rate).exp(), low)  # (B, T, N, E)
    states = linear_recurrence(decay, driven.unsqueeze(-2) * into.unsqueeze(-1), state)
    return (out.unsqueeze(-2) @ states).squeeze(-2), states[:, -1]


def _decay(factor: Tensor, low: float) -> Tensor:
    """Map exp(d A), between 0 and 1, to the range from ``low`` to 1."""
    return factor * (1 - low) + low if low else factor


class _Scan(Function):
    """The scan with time as the first axis; keeps the states between chunks of steps."""

    @staticmethod
    def forward(
        ctx: Any,
        size: Tensor,
        driven: Tensor,
        into: Tensor,
        out: Tensor,
        rate: Tensor,
        start: Tensor,
        low: float,
    ) -> tuple[Tensor, Tensor]:
        ctx.low = low
        state = start
        ctx.length = max(1, min(_LONGEST, _ELEMENTS // max(1, state.numel())))
        before, outputs = [], []
        for d, u, b, c in _chunks(ctx.length, size, driven, into, out):
            before.append(state)
            _, _, states = _run(d, u, b, rate, state, low)
            outputs.append((c.unsqueeze(-2) @ states).squeeze(-2))
            # a copy, so that the buffer of the chunk can be freed
            state = states[-1].clone()
        ctx.save_for_backward(size, driven, into, out, rate, start, torch.stack(before))
        return torch.cat(outputs), state

    @staticmethod
    def backward(ctx: Any, gradient: Tensor, carried: Tensor) -> tuple[Tensor | None, ...]:
        *inputs, rate, start, before = ctx.saved_tensors
        if torch.is_grad_enabled():  # a second derivative will be taken
            return _expanded_gradient(ctx, (*inputs, rate, start), gradient, carried)
        of_rate = torch.zeros_like(rate)
        found: list[tuple[Tensor, ...]] = []
        pieces = zip(_chunks(ctx.length, *inputs, gradient), before, strict=True)
        for (d, u, b, c, g), first in reversed(list(pieces)):
            factor, decay, states = _run(d, u, b, rate, first, ctx.low)
            through = g.unsqueeze(-2) * c.unsqueeze(-1)  # (L, B, N, E), gradient of the states
            steps = zip(reversed(through.unbind(0)), reversed(decay.unbind(0)), strict=True)
            for direct, kept in steps:
                direct.add_(carried)
                carried = kept * direct
            of_out = (states @ g.unsqueeze(-1)).squeeze(-1)
            of_into = (through @ u.unsqueeze(-1)).squeeze(-1)
            of_driven = (b.unsqueeze(-2) @ through).squeeze(-2)
            through[1:].mul_(states[:-1])
            through[0].mul_(first)
            through.mul_(factor)  # gradient of the exponents d A, up to 1 - low
            if ctx.low:
                through.mul_(1 - ctx.low)
            of_size = (through * rate).sum(-2)
            of_rate += through.mul_(d.unsqueeze(-2)).flatten(0, 1).sum(0)
            found.append((of_size, of_driven, of_into, of_out))
        gathered = [torch.cat(each[::-1]) for each in zip(*found, strict=True)]
        return *gathered, of_rate, carried, None


def _expanded_gradient(
    ctx: Any, inputs: tuple[Tensor, ...], gradient: Tensor, carried: Tensor
) -> tuple[Tensor | None, ...]:
    """Return the gradient of the inputs of ``_Scan`` as a differentiable function of them."""
    *steps_first, rate, start = inputs
    size, driven, into, out = (each.transpose(0, 1) for each in steps_first)
    y, end = expanded_scan(size, driven, rate, into, out, start, ctx.low)
    needed = [each for each, asked in zip(inputs, ctx.needs_input_grad, strict=False) if asked]
    found = iter(
        torch.autograd.grad(
            (y.transpose(0, 1), end), needed, (gradient, carried), create_graph=True
        )
    )
    return *(next(found) if asked else None for asked in ctx.needs_input_grad[:-1]), None


def _run(
    size: Tensor, driven: Tensor, into: Tensor, rate: Tensor, state: Tensor, low: float
) -> tuple[Tensor, Tensor, Tensor]:
    """Return exp(d A), the decays and the states of a few steps: 3 x (L, B, N, E)."""
    factor = (size.unsqueeze(-2) * rate).exp_()
    decay = _decay(factor, low)
    states = driven.unsqueeze(-2) * into.unsqueeze(-1)
    for added, kept in zip(states.unbind(0), decay.unbind(0), strict=True):
        state = added.addcmul_(kept, state)
    return factor, decay, states


def _chunks(length: int, *tensors: Tensor) -> list[tuple[Tensor, ...]]:
    """Cut tensors (T, ...) into chunks of ``length`` steps; the last may be shorter."""
    return list(zip(*(torch.split(each, length) for each in tensors), strict=True))
