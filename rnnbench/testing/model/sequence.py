"""Checks of a core on sequences: shapes, state, causality, padding."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnbench.contract.core import last_valid, receptive_field, state_tensors
from rnnbench.testing.model.subject import ModelUnderTest, run, run_last
from rnnbench.testing.outcome import ContractError, require


@torch.no_grad()
def outputs_have_the_declared_shape(subject: ModelUnderTest) -> None:
    """Outputs are finite and (B, T, O), also for B = 1, for T = 1 and in training mode."""
    core = subject.core()
    x = subject.inputs()
    for name, given in (("x", x), ("x of one sequence", x[:1]), ("x of one step", x[:, :1])):
        outputs, _ = run(core, given)
        expected = (*given.shape[:2], subject.width(core))
        require(
            outputs.shape == expected,
            f"for {name} {tuple(given.shape)} the outputs are {tuple(outputs.shape)}, "
            f"expected {expected}; return (B, T, O), and declare a width O other than hidden_size "
            "by the attribute output_size.",
        )
        require(
            outputs.isfinite().all(),
            f"for {name} some outputs are NaN or infinite; check the initialisation.",
        )
    trained, _ = run(core.train(), x)
    require(
        trained.shape == (*x.shape[:2], subject.width(core)),
        "in training mode the outputs have another shape; return (B, T, O) in both modes.",
    )


@torch.no_grad()
def the_input_is_left_unchanged(subject: ModelUnderTest) -> None:
    """The forward pass does not change its input in place."""
    x = subject.inputs()
    before = x.clone()
    run(subject.core(), x)
    require(torch.equal(x, before), "forward changed x in place; work on a copy (x = x.clone()).")


@torch.no_grad()
def the_state_is_made_of_tensors(subject: ModelUnderTest) -> None:
    """The state is a tensor, or a nested tuple, list or dict of tensors."""
    _, state = run(subject.core(), subject.inputs())
    others = sorted(
        {
            type(leaf).__name__
            for leaf in _leaves(state)
            if leaf is not None and not isinstance(leaf, Tensor)
        }
    )
    require(
        not others,
        f"the state holds {', '.join(others)}; return tensors only, in tuples, lists or dicts.",
    )


@torch.no_grad()
def the_future_does_not_reach_the_past(subject: ModelUnderTest) -> None:
    """Outputs of a causal model do not depend on later inputs."""
    core = subject.core()
    x, other = subject.inputs(1), subject.inputs(2)
    expected, _ = run(core, x)
    for step in range(subject.length - 1):
        changed = torch.cat([x[:, : step + 1], other[:, step + 1 :]], dim=1)
        outputs, _ = run(core, changed)
        found = subject.first_difference(outputs[:, : step + 1], expected[:, : step + 1])
        if found is not None:
            raise ContractError(
                f"the output at step {found[0]} changed when only later inputs were changed; "
                "mask the future, or register the model with causal=False."
            )


@torch.no_grad()
def the_returned_state_continues_the_sequence(subject: ModelUnderTest) -> None:
    """Outputs are equal step by step, in chunks and for the whole sequence."""
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
            how = "the given state is ignored" if ignored else f"off by {found[1]:.2g}"
            raise ContractError(
                f"{name} with the returned state, the output at step {found[0]} differs from that "
                f"of the whole sequence ({how}); start from state when it is not None, and return "
                "all that the next step needs."
            )


@torch.no_grad()
def the_given_state_is_left_unchanged(subject: ModelUnderTest) -> None:
    """The given state is not changed in place: continuing from it twice gives equal outputs."""
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
        "forward changed the given state; compute a new one (no in-place operations on state).",
    )


@torch.no_grad()
def state_none_is_a_fresh_state(subject: ModelUnderTest) -> None:
    """With ``state=None`` the outputs do not depend on earlier calls."""
    core = subject.core()
    x = subject.inputs(1)
    first, _ = run(core, x)
    run(core, subject.inputs(2, length=subject.length + 3))
    again, _ = run(core, x)
    require(
        not subject.difference(again, first),
        "with state=None the outputs depend on the call before; "
        "keep no state in the module, return it instead.",
    )


def the_gradient_flows_through_the_state(subject: ModelUnderTest) -> None:
    """The gradient of a chunk reaches the preceding chunk through the returned state."""
    core = subject.core()
    # an output that depends on its own input alone reads nothing of the state
    if receptive_field(core) == 1:
        return
    x = subject.inputs().requires_grad_()
    cut = subject.length // 2
    _, state = run(core, x[:, :cut])
    # without a floating state there is no gradient to pass
    if not any(tensor.is_floating_point() for tensor in state_tensors(state)):
        return
    outputs, _ = run(core, x[:, cut:], state)
    (gradient,) = torch.autograd.grad(outputs.square().sum(), x)
    require(
        gradient[:, :cut].abs().sum() > 0,
        "no gradient flows through the returned state; do not detach it, the caller does that.",
    )


@torch.no_grad()
def sequences_do_not_mix(subject: ModelUnderTest) -> None:
    """The outputs of a sequence do not depend on the others in its batch."""
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
            f"sequence {row} has other outputs alone than in a batch of {subject.batch_size}; take "
            "the first axis as the batch, and use no batch statistics.",
        )


@torch.no_grad()
def padding_reaches_no_valid_step(subject: ModelUnderTest) -> None:
    """With lengths, outputs at valid steps are equal to those of the unpadded sequence."""
    core = subject.core()
    x = subject.inputs(1)
    padded, _ = run(core, x, None, subject.lengths)
    repadded, _ = run(core, _with_other_padding(subject, x), None, subject.lengths)
    for row, valid in enumerate(subject.lengths.tolist()):
        require(
            not subject.difference(repadded[row, :valid], padded[row, :valid]),
            f"the outputs of a sequence of {valid} valid steps changed when only its padding was "
            "changed; mask the padding by lengths.",
        )
        unpadded, _ = run(core, x[row : row + 1, :valid])
        require(
            not subject.difference(padded[row, :valid], unpadded[0]),
            f"a sequence of {valid} steps has other outputs when padded to {subject.length}; "
            "mask the padding by lengths.",
        )


@torch.no_grad()
def full_lengths_equal_no_lengths(subject: ModelUnderTest) -> None:
    """Lengths that are all T give the same outputs as ``lengths=None``."""
    core = subject.core()
    x = subject.inputs()
    without, _ = run(core, x)
    within, _ = run(core, x, None, torch.full((subject.batch_size,), subject.length))
    require(
        not subject.difference(within, without),
        "lengths that are all T give other outputs than lengths=None; treat None as all T.",
    )


@torch.no_grad()
def forward_last_ignores_padding(subject: ModelUnderTest) -> None:
    """``forward_last`` returns (B, O), equal to that of the unpadded sequences."""
    core = subject.core()
    x = subject.inputs()
    last = run_last(core, x, subject.lengths)
    expected = (subject.batch_size, subject.width(core))
    require(
        last.shape == expected,
        f"forward_last returned {tuple(last.shape)}, expected {expected}; return (B, O).",
    )
    repadded = run_last(core, _with_other_padding(subject, x), subject.lengths)
    require(
        not subject.difference(repadded, last),
        "forward_last changed when only the padding was changed; mask the padding by lengths.",
    )
    for row, valid in enumerate(subject.lengths.tolist()):
        unpadded = run_last(core, x[row : row + 1, :valid])
        require(
            not subject.difference(last[row : row + 1], unpadded),
            f"forward_last of a sequence of {valid} steps changes when it is padded to "
            f"{subject.length}; use lengths.",
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
            "forward_last of a causal model must equal the output of forward at the last valid "
            "step; change one of them.",
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
