"""Every check of a model passes a good model, and catches the one mistake that it is there for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from rnnbench.contract.collector import Collector
from rnnbench.contract.entries import RegisteredModel
from rnnbench.records.spec import Provider
from rnnbench.testing import check_model, model_results
from tests.testing import cores


def registered(core: Any, *, causal: bool = True) -> RegisteredModel:
    registration = Collector(Provider(distribution="acme", version="1"), {}, {})
    registration.register_model("tested", core, causal=causal)
    return registration.models["tested"]


@pytest.mark.parametrize(
    ("core", "check", "told"),
    [
        (
            cores.CannotBeBuilt,
            "it can be built",
            "raised ValueError: 5 does not divide 16 [cores.py:",
        ),
        (
            cores.OnlyOutputs,
            "outputs have the declared shape",
            "return a pair: outputs (B, T, O), state",
        ),
        (
            cores.Undeclared,
            "outputs have the declared shape",
            "declared by the attribute output_size",
        ),
        (cores.Infinite, "outputs have the declared shape", "NaN or infinite"),
        (cores.ChangesInput, "the input is left unchanged", "x.clone()"),
        (cores.CountsInState, "the state is made of tensors", "the state holds int"),
        (cores.LooksAhead, "the future does not reach the past", "causal=False"),
        (cores.NormalisesOverTime, "the future does not reach the past", "causal=False"),
        (
            cores.DropsState,
            "the state carries the sequence on",
            "the state passed in makes no difference",
        ),
        (
            cores.ReturnsFirstState,
            "the state carries the sequence on",
            "return all that the next step needs",
        ),
        (cores.WritesIntoState, "the state is not written into", "no in-place operations"),
        (cores.KeepsState, "no state starts fresh", "keep no state in the module"),
        (cores.DetachesState, "the gradient flows through the state", "do not detach it"),
        (cores.DetachesTime, "the gradient reaches the first step", "detached"),
        (cores.MixesSequences, "sequences do not mix", "sequence 0 has other outputs alone"),
        (
            cores.UnusedParameter,
            "every parameter gets a gradient",
            "parameter forgotten gets no gradient",
        ),
        (cores.ForeignRandomness, "one seed makes one model", "drive.bias differs"),
        (cores.AlwaysDrops, "evaluation is deterministic", "test self.training"),
        (cores.SetsSeed, "the seed is left to the caller", "torch.manual_seed"),
        (cores.SinglePrecision, "double precision works", "dtype=x.dtype"),
        (cores.UnsavedTensor, "saved weights restore the model", "persistent buffer"),
        (cores.SharesOnCopy, "a copy stands alone", "shared"),
        (cores.DrawsText, "plots are plots", "raised ValidationError"),
        (cores.OtherLast, "forward last is the last valid output", "must agree with itself"),
        (cores.OtherLast, "forward last ignores padding", "use lengths"),
    ],
)
def test_a_mistake_is_caught_and_told(core: type[nn.Module], check: str, told: str) -> None:
    results = {result.name: result for result in model_results(registered(core))}
    assert not results[check].passed
    assert told in results[check].message
    assert results[check].message.isprintable()


@pytest.mark.parametrize(
    ("core", "check"),
    [
        (cores.LooksAhead, "the future"),
        (cores.DropsState, "the state"),
        (cores.SetsSeed, "the seed"),
        (cores.UnusedParameter, "every"),
        (cores.DrawsText, "plots"),
    ],
)
def test_a_mistake_fails_no_check_that_has_nothing_to_do_with_it(
    core: type[nn.Module], check: str
) -> None:
    failed = [result.name for result in model_results(registered(core)) if not result.passed]
    assert failed
    related = (
        {check, "the gradient flows", "the state carries"}
        if core in (cores.LooksAhead, cores.DropsState)
        else {check}
    )
    assert all(any(name.startswith(start) for start in related) for name in failed)


@pytest.mark.parametrize(
    ("core", "check"),
    [
        (cores.LeaksPadding, "padding reaches no valid step"),
        (cores.LeaksPadding, "forward last ignores padding"),
        (cores.NeedsLengths, "full lengths change nothing"),
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


@pytest.mark.parametrize(("core", "causal"), [(cores.Good, True), (cores.GoodBidirectional, False)])
def test_a_good_model_passes(core: type[nn.Module], causal: bool) -> None:
    check_model(registered(core, causal=causal))
    results = model_results(registered(core, causal=causal))
    assert len(results) > 14
    assert all(result.message for result in results)


def test_all_failures_are_told_at_once() -> None:
    with pytest.raises(AssertionError) as caught:
        check_model(registered(cores.DropsState))
    first, *rest = str(caught.value).splitlines()
    assert first == "model 'tested' breaks the contract:"
    assert [line.split(":")[0] for line in rest] == [
        "- the state carries the sequence on",
        "- the gradient flows through the state",
    ]


def test_checking_leaves_the_global_random_state_alone() -> None:
    before = torch.get_rng_state()
    check_model(registered(cores.Good))
    assert torch.equal(torch.get_rng_state(), before)
