"""Checks of models: correct models pass, and each check catches its own kind of mistake."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from rnnbench.contract.collector import Collector
from rnnbench.contract.entries import RegisteredModel
from rnnbench.records.spec import Provider
from rnnbench.testing import check_model, model_results
from tests.support import faulty_cores as cores
from tests.support.toy_cores import IndependentCore, SlowCore


def registered(
    core: Any, *, causal: bool = True, plain_loop: dict[str, Any] | None = None
) -> RegisteredModel:
    registration = Collector(Provider(distribution="acme", version="1"), {}, {})
    registration.register_model("tested", core, causal=causal, plain_loop=plain_loop)
    return registration.models["tested"]


@pytest.mark.parametrize(
    ("core", "check", "hint"),
    [
        (
            cores.CannotBeBuilt,
            "it can be built",
            "raised ValueError: 5 does not divide 16 [faulty_cores.py:",
        ),
        (
            cores.OnlyOutputs,
            "outputs have the declared shape",
            "return a pair: outputs (B, T, O), state",
        ),
        (
            cores.Undeclared,
            "outputs have the declared shape",
            "attribute output_size",
        ),
        (cores.Infinite, "outputs have the declared shape", "NaN or infinite"),
        (cores.ChangesInput, "the input is left unchanged", "x.clone()"),
        (cores.CountsInState, "the state is made of tensors", "the state holds int"),
        (cores.LooksAhead, "the future does not reach the past", "causal=False"),
        (cores.NormalisesOverTime, "the future does not reach the past", "causal=False"),
        (
            cores.DropsState,
            "the returned state continues the sequence",
            "start from state",
        ),
        (
            cores.ReturnsFirstState,
            "the returned state continues the sequence",
            "return all that the next step needs",
        ),
        (cores.WritesIntoState, "the given state is left unchanged", "no in-place operations"),
        (cores.KeepsOutputs, "no tensors are kept between calls", "leaves tensors in past"),
        (cores.KeepsState, "state none is a fresh state", "keep no state in the module"),
        (cores.DetachesState, "the gradient flows through the state", "do not detach it"),
        (cores.DetachesTime, "the gradient reaches the first step", "detach()"),
        (cores.MixesSequences, "sequences do not mix", "sequence 0 has other outputs alone"),
        (
            cores.UnusedParameter,
            "every parameter gets a gradient",
            "parameter forgotten gets no gradient",
        ),
        (cores.ForeignRandomness, "equal seeds build equal models", "drive.bias differs"),
        (cores.AlwaysDrops, "evaluation is deterministic", "self.training"),
        (cores.SetsSeed, "the core sets no seed", "torch.manual_seed"),
        (cores.SinglePrecision, "double precision works", "dtype=x.dtype"),
        (cores.UnsavedTensor, "saved weights restore the model", "persistent buffer"),
        (cores.SharesOnCopy, "a deep copy is independent", "shared"),
        (cores.DrawsText, "plots are valid", "raised ValidationError"),
        (cores.NamesNoParameter, "the parameter groups are valid", "Did you mean 'drive.bias'?"),
        (cores.NamesTwice, "the parameter groups are valid", "into two groups"),
        (cores.StopsTraining, "the parameter groups are valid", "requires_grad=False"),
        (cores.ShrinksEachStep, "after step twice is after step once", "number of steps"),
        (cores.ReplacesParameters, "after step leaves finite parameters", "in place"),
        (cores.ReshapesParameters, "after step leaves finite parameters", "shape"),
        (cores.FreezesParameters, "after step leaves finite parameters", "requires_grad"),
        (cores.TakesRoots, "after step leaves finite parameters", "NaN or infinite"),
        (cores.ProjectsWithArguments, "after step leaves finite parameters", "TypeError"),
        (cores.OtherLast, "forward last is the last valid output", "the last valid step"),
        (cores.OtherLast, "forward last ignores padding", "lengths"),
    ],
)
def test_a_mistake_is_caught_with_a_hint(core: type[nn.Module], check: str, hint: str) -> None:
    results = {result.name: result for result in model_results(registered(core))}
    assert not results[check].passed
    assert hint in results[check].message
    assert results[check].message.isprintable()


@pytest.mark.parametrize(
    ("core", "check"),
    [
        (cores.LooksAhead, "the future"),
        (cores.DropsState, "the returned state"),
        (cores.SetsSeed, "the core sets no seed"),
        (cores.UnusedParameter, "every"),
        (cores.NamesTwice, "the parameter groups"),
        (cores.ShrinksEachStep, "after step twice"),
        (cores.ReplacesParameters, "after step leaves"),
        (cores.DrawsText, "plots"),
    ],
)
def test_a_mistake_fails_no_unrelated_check(core: type[nn.Module], check: str) -> None:
    failed = [result.name for result in model_results(registered(core)) if not result.passed]
    assert failed
    related = (
        {check, "the gradient flows", "the returned state"}
        if core in (cores.LooksAhead, cores.DropsState)
        else {check}
    )
    assert all(any(name.startswith(start) for start in related) for name in failed)


@pytest.mark.parametrize(
    ("core", "check"),
    [
        (cores.LeaksPadding, "padding reaches no valid step"),
        (cores.LeaksPadding, "forward last ignores padding"),
        (cores.NeedsLengths, "full lengths equal no lengths"),
        (cores.LastStepOfPadding, "forward last ignores padding"),
    ],
)
def test_a_mistake_with_padding_is_caught(core: type[nn.Module], check: str) -> None:
    failed = {
        result.name: result.message
        for result in model_results(registered(core, causal=False))
        if not result.passed
    }
    assert "lengths" in failed[check]


@pytest.mark.parametrize(
    ("core", "check", "hint"),
    [
        (cores.OtherLoop, "the plain loop computes the same", "the outputs of the plain loop"),
        (cores.LoopWithMore, "the plain loop computes the same", "other parameters: scale"),
        (cores.LoopInTorch, "the plain loop is a loop in python", "it ran aten::gru (C++ loop)"),
    ],
)
def test_a_mistake_in_the_plain_loop_is_caught(
    core: type[nn.Module], check: str, hint: str
) -> None:
    results = model_results(registered(core, plain_loop={"loop": True}))
    failed = {result.name: result.message for result in results if not result.passed}
    assert list(failed) == [check]
    assert hint in failed[check]
    undeclared = model_results(registered(core))
    assert all(result.passed for result in undeclared)


@pytest.mark.parametrize(
    ("core", "causal"),
    [
        (cores.Good, True),
        (cores.GoodTraining, True),
        (IndependentCore, True),
        (SlowCore, True),
        (cores.GoodBidirectional, False),
    ],
)
def test_a_correct_model_passes(core: type[nn.Module], causal: bool) -> None:
    check_model(registered(core, causal=causal))
    results = model_results(registered(core, causal=causal))
    assert len(results) > 14
    assert all(result.message for result in results)


def test_all_failures_are_reported_at_once() -> None:
    with pytest.raises(AssertionError) as caught:
        check_model(registered(cores.DropsState))
    first, *rest = str(caught.value).splitlines()
    assert first == "model 'tested' breaks the contract:"
    assert [line.split(":")[0] for line in rest] == [
        "- the returned state continues the sequence",
        "- the gradient flows through the state",
    ]


def test_checking_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    check_model(registered(cores.Good))
    assert torch.equal(torch.get_rng_state(), before)
