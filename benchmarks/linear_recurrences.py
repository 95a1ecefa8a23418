"""A diagonal linear recurrence with its gradient, relative to a loop that autograd records."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from benchmarks.rows import Ratio, Row, at_most, context
from rnnbench import linear_recurrence
from rnnbench.cells.linear_recurrence import Form

LIMITS = {torch.float32: 0.6, torch.complex64: 0.9}
SIZES = ((32, 100, 50), (128, 100, 50), (32, 1000, 16), (128, 1000, 16), (32, 100, 1))
"""H, T, B."""


def rows(quick: bool) -> list[Row]:
    """Measure forward and backward pass; the form that is chosen has a target, each is shown."""
    torch.set_num_threads(1)
    pairs = 3 if quick else 15
    return [row for size in SIZES for kind in LIMITS for row in _rows(*size, kind, pairs)]


def _rows(
    hidden_size: int, length: int, batch_size: int, kind: torch.dtype, pairs: int
) -> list[Row]:
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> Tensor:
        return 0.9 * torch.rand(shape, generator=generator, dtype=kind)

    shape = (batch_size, length, hidden_size)
    decay, drive = draw(*shape).requires_grad_(), draw(*shape).requires_grad_()
    start, given = draw(batch_size, hidden_size), draw(*shape)

    def seconds(states: Callable[[Tensor, Tensor, Tensor], Tensor]) -> float:
        started = time.process_time()
        torch.autograd.grad(states(decay, drive, start), [decay, drive], given)
        return time.process_time() - started

    def ratio(form: Form | None) -> Ratio:
        def states(*arguments: Tensor) -> Tensor:
            return linear_recurrence(*arguments, form=form)

        seconds(states), seconds(_recorded)
        return Ratio([(seconds(states), seconds(_recorded)) for _ in range(pairs)])

    name = (
        f"linear recurrence, {str(kind).removeprefix('torch.')}, "
        f"H={hidden_size} T={length} B={batch_size}"
    )
    chosen = ratio(None)
    forms: tuple[Form, ...] = ("loop", "scan")
    each = [(form, ratio(form)) for form in forms]
    return [
        at_most(name, LIMITS[kind], chosen.median, "x", chosen.note),
        *(context(f"{name}, {form}", found.median, "x", found.note) for form, found in each),
    ]


def _recorded(decay: Tensor, drive: Tensor, start: Tensor) -> Tensor:
    """The same in a loop of which autograd records each step."""
    states = []
    for factor, added in zip(decay.unbind(1), drive.unbind(1), strict=True):
        start = torch.addcmul(added, factor, start)
        states.append(start)
    return torch.stack(states, dim=1)
