"""Checks of what a model computes along a sequence: shapes, state, causality, padding."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnbench.contract.core import last_valid, state_tensors
from rnnbench.testing.model.subject import ModelUnderTest, run, run_last
from rnnbench.testing.outcome import ContractError, require


@torch.no_grad()
def outputs_have_the_declared_shape(subject: ModelUnderTest) -> None:
    """Outputs are finite, of shape (B, T, O) with the declared O, for one sequence of one step and
    in training mode too.
    """
    core = subject.core()
    x = subject.inputs()
    for name, given in (("x", x), ("x of one sequence", x[:1]), ("x of one step", x[:, :1])):
        outputs, _ = run(core, given)
        expected = (*given.shape[:2], subject.width(core))
        require(
            outputs.shape == expected,
            f"for {name} {tuple(given.shape)} the outputs are {tuple(outputs.shape)}, expected {expected}. Return (B, T, O); "
            "a width O other than hidden_size is declared by the attribute output_size.",
        )
        require(
            outputs.isfinite().all(),
            f"for {name} some outputs are NaN or infinite at initialisation.",
        )
    trained, _ = run(core.train(), x)
    require(
        trained.shape == (*x.shape[:2], subject.width(core)),
        "in training mode the outputs have another shape.",
    )


@torch.no_grad()
def the_input_is_left_unchanged(subject: ModelUnderTest) -> None:
    """The forward pass does not write into its input."""
    x = subject.inputs()
    before = x.clone()
    run(subject.core(), x)
    require(torch.equal(x, before), "forward changed x in place; work on a copy (x = x.clone()).")


@torch.no_grad()
def the_state_is_made_of_tensors(subject: ModelUnderTest) -> None:
    """The state is a tensor, or a nested tuple, list or dict of tensors."""
    _, state = run(subject.core(), subject.inputs())
    strange = sorted(
        {
            type(leaf).__name__
            for leaf in _leaves(state)
            if leaf is not None and not isinstance(leaf, Tensor)
        }
    )
    require(
        not strange,
        f"the state holds {', '.join(strange)}; hold tensors only, in tuples, lists or dicts.",
    )


@torch.no_grad()
def the_future_does_not_reach_the_past(subject: ModelUnderTest) -> None:
    """Changing x after step t leaves the outputs up to step t as they were (the model is registered
    as causal).
    """
    core = subject.core()
    x, other = subject.inputs(1), subject.inputs(2)
    expected, _ = run(core, x)
    for step in range(subject.length - 1):
        changed = torch.cat([x[:, : step + 1], other[:, step + 1 :]], dim=1)
        outputs, _ = run(core, changed)
        found = subject.first_difference(outputs[:, : step + 1], expected[:, : step + 1])
        if found is not None:
            raise ContractError(
                f"the output at step {found[0]} changed when only later x was changed: the model looks ahead. "
                "Mask the future, or register it with causal=False."
            )


@torch.no_grad()
def the_state_carries_the_sequence_on(subject: ModelUnderTest) -> None:
    """Step by step, in chunks and whole, the outputs are the same."""
    core = subject.core()
    x = subject.inputs()
    whole, _ = run(core, x)
    for name, sizes in (
        ("step by step", [1] * subject.length),
        ("in chunks", [2, 1, subject.length - 3]),
    ):
        state: Any = None
        chunks = torch.split(x, sizes, dim=1)
        pieces = []
        for chunk in chunks:
            outputs, state = run(core, chunk, state)
            pieces.append(outputs)
        found = subject.first_difference(torch.cat(pieces, dim=1), whole)
        if found is not None:
            ignored = not subject.difference(pieces[-1], run(core, chunks[-1])[0])
            how = "the state passed in makes no difference" if ignored else f"off by {found[1]:.2g}"
            raise ContractError(
                f"fed {name} with the returned state, the output at step {found[0]} is not that of the whole sequence ({how}). "
                "Start from state when it is not None, and return all that the next step needs."
            )


@torch.no_grad()
def the_state_is_not_written_into(subject: ModelUnderTest) -> None:
    """Going on twice from one state gives the same outputs: the state passed in is not changed in
    place.
    """
    core = subject.core()
    _, state = run(core, subject.inputs(1))
    before = [tensor.clone() for tensor in state_tensors(state)]
    x = subject.inputs(2)
    once, _ = run(core, x, state)
    unchanged = all(
        torch.equal(now, then) for now, then in zip(state_tensors(state), before, strict=True)
    )
    twice, _ = run(core, x, state)
    require(
        unchanged and not subject.difference(twice, once),
        "forward changed the state that was passed in; compute a new one (no in-place operations on state).",
    )


@torch.no_grad()
def no_state_starts_fresh(subject: ModelUnderTest) -> None:
    """With state=None the outputs do not depend on any call before."""
    core = subject.core()
    x = subject.inputs(1)
    first, _ = run(core, x)
    run(core, subject.inputs(2, length=subject.length + 3))
    again, _ = run(core, x)
    require(
        not subject.difference(again, first),
        "with state=None the outputs depend on the call before: keep no state in the module, return it instead.",
    )


def the_gradient_flows_through_the_state(subject: ModelUnderTest) -> None:
    """The gradient of a later chunk reaches the chunk before through the returned state."""
    core = subject.core()
    x = subject.inputs().requires_grad_()
    cut = subject.length // 2
    _, state = run(core, x[:, :cut])
    if not any(tensor.is_floating_point() for tensor in state_tensors(state)):
        return  # nothing is carried
    outputs, _ = run(core, x[:, cut:], state)
    (gradient,) = torch.autograd.grad(outputs.square().sum(), x)
    require(
        gradient[:, :cut].abs().sum() > 0,
        "no gradient flows through the returned state: do not detach it, the caller decides where the gradient is cut.",
    )


@torch.no_grad()
def sequences_do_not_mix(subject: ModelUnderTest) -> None:
    """One sequence's outputs do not depend on the others in its batch."""
    core = subject.core()
    x = subject.inputs(1)
    lengths = None if subject.model.causal else subject.lengths
    together, _ = run(core, x, None, lengths)
    for row in range(subject.batch_size):
        own = None if lengths is None else lengths[row : row + 1]
        alone, _ = run(core, x[row : row + 1], None, own)
        valid = subject.length if own is None else int(own)
        require(
            not subject.difference(together[row, :valid], alone[0, :valid]),
            f"sequence {row} has other outputs alone than in a batch of {subject.batch_size}: sequences must "
            "not mix (the batch is the first axis; batch statistics do not belong into a core).",
        )


@torch.no_grad()
def padding_reaches_no_valid_step(subject: ModelUnderTest) -> None:
    """With lengths, the outputs at valid steps do not depend on the padding, and are those of the
    sequence unpadded.
    """
    core = subject.core()
    x = subject.inputs(1)
    padded, _ = run(core, x, None, subject.lengths)
    repadded, _ = run(core, _with_other_padding(subject, x), None, subject.lengths)
    for row, valid in enumerate(subject.lengths.tolist()):
        require(
            not subject.difference(repadded[row, :valid], padded[row, :valid]),
            f"the outputs of a sequence of {valid} valid steps changed when only its padding was changed; mask it by lengths.",
        )
        unpadded, _ = run(core, x[row : row + 1, :valid])
        require(
            not subject.difference(padded[row, :valid], unpadded[0]),
            f"a sequence of {valid} steps has other outputs when padded to {subject.length}; mask the padding by lengths.",
        )


@torch.no_grad()
def full_lengths_change_nothing(subject: ModelUnderTest) -> None:
    """Lengths that are all T mean the same as no lengths."""
    core = subject.core()
    x = subject.inputs()
    without, _ = run(core, x)
    within, _ = run(core, x, None, torch.full((subject.batch_size,), subject.length))
    require(
        not subject.difference(within, without),
        "lengths that are all T give other outputs than lengths=None.",
    )


@torch.no_grad()
def forward_last_ignores_padding(subject: ModelUnderTest) -> None:
    """``forward_last`` is (B, O), independent of padding, and that of each sequence unpadded."""
    core = subject.core()
    x = subject.inputs()
    last = run_last(core, x, subject.lengths)
    expected = (subject.batch_size, subject.width(core))
    require(
        last.shape == expected, f"forward_last returned {tuple(last.shape)}, expected {expected}."
    )
    repadded = run_last(core, _with_other_padding(subject, x), subject.lengths)
    require(
        not subject.difference(repadded, last),
        "forward_last changed when only the padding was changed; use lengths.",
    )
    for row, valid in enumerate(subject.lengths.tolist()):
        unpadded = run_last(core, x[row : row + 1, :valid])
        require(
            not subject.difference(last[row : row + 1], unpadded),
            f"forward_last of a sequence of {valid} steps is another one when it is padded to {subject.length}; use lengths.",
        )


@torch.no_grad()
def forward_last_is_the_last_valid_output(subject: ModelUnderTest) -> None:
    """For a causal model ``forward_last`` equals the output at the last valid step."""
    core = subject.core()
    x = subject.inputs()
    outputs, _ = run(core, x)
    for lengths in (None, subject.lengths):
        require(
            not subject.difference(run_last(core, x, lengths), last_valid(outputs, lengths)),
            "forward_last is not the output of forward at the last valid step; a causal model must agree with itself.",
        )


def _with_other_padding(subject: ModelUnderTest, x: Tensor) -> Tensor:
    """Return x (B, T, D) with large values on the steps beyond each length."""
    padding = torch.arange(subject.length) >= subject.lengths[:, None]  # (B, T)
    return torch.where(padding[..., None], 100 * subject.inputs(3), x)


def _leaves(state: Any) -> list[Any]:
    if isinstance(state, dict):
        return [leaf for part in state.values() for leaf in _leaves(part)]
    if isinstance(state, tuple | list):
        return [leaf for part in state for leaf in _leaves(part)]
    return [state]
