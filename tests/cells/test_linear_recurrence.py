"""The linear recurrence and its derivatives are those of the loop that defines it."""

from __future__ import annotations

from functools import partial
from typing import cast

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from rnnbench import linear_recurrence
from rnnbench.cells.linear_recurrence import Form
from rnnbench.probes.size import _ElementwiseCounter

FORMS: tuple[Form, ...] = ("loop", "scan")
B, H = 2, 3
ALL = None
DECAYS = {
    "full": (B, ALL, H),
    "constant in time": (B, 1, H),
    "one for each unit": (H,),
    "one for each step": (1, ALL, 1),
}


def plain(decay: Tensor, drive: Tensor, start: Tensor) -> Tensor:
    """The definition, differentiated by autograd."""
    states = []
    for factor, added in zip(decay.expand_as(drive).unbind(1), drive.unbind(1), strict=True):
        start = factor * start + added
        states.append(start)
    return torch.stack(states, 1)


def arguments(
    steps: int, shape: tuple[int, ...], kind: torch.dtype = torch.float64
) -> list[Tensor]:
    """Draw decays of any sign below 1, drives, and a start."""
    generator = torch.Generator().manual_seed(steps)
    decay, drive, start = (
        torch.randn(each, generator=generator, dtype=kind)
        for each in (shape, (B, steps, H), (B, H))
    )
    decay = decay / (1 + decay.abs())
    return [each.requires_grad_() for each in (decay, drive, start)]


def real_sum(x: Tensor) -> Tensor:
    return (x * x.conj()).real.sum() + x.real.sum()


@settings(max_examples=40, deadline=None)
@given(
    steps=st.integers(1, 70),
    decay=st.sampled_from(sorted(DECAYS)),
    form=st.sampled_from(FORMS),
    kind=st.sampled_from((torch.float64, torch.complex128)),
)
def test_states_and_two_derivatives_are_those_of_the_definition(
    steps: int, decay: str, form: Form, kind: torch.dtype
) -> None:
    given = arguments(steps, tuple(each or steps for each in DECAYS[decay]), kind)
    found = []
    for function in (plain, partial(linear_recurrence, form=form)):
        states = function(*given)
        first = torch.autograd.grad(real_sum(states), given)
        recorded = torch.autograd.grad(real_sum(function(*given)), given, create_graph=True)
        loss = torch.stack([real_sum(each) for each in recorded]).sum()
        found.append([states, *first, *recorded, *torch.autograd.grad(loss, given)])
    for wanted, got in zip(*found, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-9)


# torch's own forward mode
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", [torch.float64, torch.complex128])
def test_derivatives_are_numerical_derivatives(form: Form, kind: torch.dtype) -> None:
    given = arguments(18, (1, 18, H), kind)
    function = partial(linear_recurrence, form=form)
    assert torch.autograd.gradcheck(function, given, check_forward_ad=True, fast_mode=True)
    assert torch.autograd.gradgradcheck(function, given, fast_mode=True)


@pytest.mark.parametrize("form", FORMS)
def test_arguments_of_different_types_are_promoted(form: Form) -> None:
    decay = torch.tensor([0.5 + 0.5j, -0.3j], dtype=torch.complex128).requires_grad_()
    drive = torch.ones(B, 20, 2, dtype=torch.float64).requires_grad_()
    start = torch.zeros(2, dtype=torch.float64)
    states = linear_recurrence(decay, drive, start, form=form)
    wanted = plain(decay, drive.to(torch.complex128), start.expand(B, 2))
    torch.testing.assert_close(states, wanted)
    for got, expected in zip(
        torch.autograd.grad(states.real.sum(), [decay, drive]),
        torch.autograd.grad(wanted.real.sum(), [decay, drive]),
        strict=True,
    ):
        torch.testing.assert_close(got, expected)


@pytest.mark.parametrize("form", FORMS)
def test_only_the_drive_may_need_a_gradient(form: Form) -> None:
    decay, drive, start = arguments(20, (H,))
    states = linear_recurrence(decay.detach(), drive, start.detach(), form=form)
    (got,) = torch.autograd.grad(states.sum(), [drive])
    (wanted,) = torch.autograd.grad(plain(decay, drive, start).sum(), [drive])
    torch.testing.assert_close(got, wanted)


@pytest.mark.parametrize("form", FORMS)
def test_it_can_be_mapped_and_differentiated_by_functions(form: Form) -> None:
    decay, drive, start = (each.detach() for each in arguments(20, (1, 20, H)))
    function = partial(linear_recurrence, form=form)
    drives = torch.stack([drive, 2 * drive, -drive], 2)  # (B, T, 3, H)
    mapped = torch.func.vmap(function, in_dims=(None, 2, None), out_dims=2)(decay, drives, start)
    assert mapped.shape == drives.shape
    for index in range(3):
        torch.testing.assert_close(mapped[:, :, index], plain(decay, drives[:, :, index], start))
    decays = torch.stack([decay, decay.flip(1)])

    def slope(of: Tensor) -> Tensor:
        loss = torch.func.grad(lambda each: function(each, drive, start).square().sum())
        return cast("Tensor", loss(of))

    wanted = torch.stack([slope(each) for each in decays])
    torch.testing.assert_close(torch.func.vmap(slope)(decays), wanted)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("size", [0.0, 1e-30, 0.999, 1.0, -1.0])
def test_float32_is_accurate_over_many_steps(form: Form, size: float) -> None:
    drive = torch.randn(1, 5000, 4, generator=torch.Generator().manual_seed(0))
    decay, start = torch.full((4,), size), torch.ones(1, 4)
    exact = linear_recurrence(decay.double(), drive.double(), start.double(), form="loop")
    states = linear_recurrence(decay, drive, start, form=form)
    assert ((states - exact).abs() <= 1e-5 * (1 + exact.abs().max())).all()


def test_the_form_follows_from_the_size() -> None:
    """Few values for each step are scanned, many are looped over; both give the same."""
    for width in (4, 4000):
        drive = torch.randn(1, 40, width, dtype=torch.float64)
        decay, start = torch.full((width,), 0.9).double(), torch.zeros(1, width).double()
        torch.testing.assert_close(
            linear_recurrence(decay, drive, start), plain(decay, drive, start)
        )


def test_the_loop_counts_one_operation_for_each_value() -> None:
    decay, drive, start = (each.detach() for each in arguments(40, (H,)))
    with _ElementwiseCounter() as elementwise, FlopCounterMode(display=False) as products:
        linear_recurrence(decay, drive, start, form="loop")
    assert elementwise.values == drive.numel()
    assert products.get_total_flops() == 0
