"""Checks of the data of a task: form, randomness, splits."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnbench.contract.task import Batch, Bits, FiniteTask, GeneratedTask, Space, Tokens
from rnnbench.testing.outcome import require
from rnnbench.testing.task.subject import TaskUnderTest, differing_field, other_global_seeds

_SHARED_LIMIT = 0.01
"""Fraction of test sequences that may also be training sequences, since short texts do repeat."""


def batches_have_the_declared_form(subject: TaskUnderTest) -> None:
    """Inputs, targets, lengths and mask have the declared shapes, data types and ranges."""
    for name, batch in subject.batches.items():
        require(
            isinstance(batch, Batch),
            f"{name} is a {type(batch).__name__}; return a rnnbench.Batch.",
        )
        require(len(batch) >= 1, f"{name} is empty; return at least one sequence.")
        require(
            batch.inputs.dim() >= 2,
            f"{name}: inputs have shape {tuple(batch.inputs.shape)}; return (B, T) or (B, T, D).",
        )
        steps = tuple(batch.inputs.shape[:2])
        _of_space(f"{name}: inputs", batch.inputs, subject.task.inputs, steps)
        predicted = steps[:1] if subject.task.steps == "last" else steps
        _of_space(f"{name}: targets", batch.targets, subject.task.outputs, predicted)
        _lengths(name, batch)
        _mask(subject, name, batch)


def any_number_of_sequences_can_be_drawn(subject: TaskUnderTest) -> None:
    """``sample`` and ``sample_test`` return n sequences, also for n = 1."""
    for n in (1, 2, 33):
        for method, batch in (
            ("sample", subject.sample(n, 1)),
            ("sample_test", subject.sample_test(n, 1)),
        ):
            require(
                len(batch) == n,
                f"{method}({n}, generator) returned {len(batch)} sequences; return n.",
            )


def all_randomness_comes_from_the_generator(subject: TaskUnderTest) -> None:
    """Draws depend on the generator's seed alone and leave global random states unchanged."""
    with other_global_seeds(1):
        first = subject.sample(33, 1)
    with other_global_seeds(2):
        before = torch.get_rng_state()
        again = subject.sample(33, 1)
        moved = not torch.equal(before, torch.get_rng_state())
    where = differing_field(first, again)
    require(
        where is None,
        f"two draws with one seed differ in {where}; pass generator=generator to every random "
        "call.",
    )
    require(
        not moved,
        "sample changes torch's global random state; pass generator=generator to every random "
        "call.",
    )
    other = differing_field(first, subject.sample(33, 2))
    require(
        other is not None,
        "two seeds draw the same batch; draw from the given generator, and do not seed it.",
    )


def the_generator_advances(subject: TaskUnderTest) -> None:
    """Two consecutive draws from one generator differ."""
    task = subject.task
    generator = torch.Generator().manual_seed(1)
    if isinstance(task, GeneratedTask):
        repeated = differing_field(task.sample(33, generator), task.sample(33, generator)) is None
        require(
            not repeated,
            "two consecutive draws from one generator are equal; do not reseed or copy it.",
        )


def sequences_are_drawn_independently(subject: TaskUnderTest) -> None:
    """The sequences of a batch are not copies of each other."""
    batch = subject.sample(64, 3)
    inputs = batch.inputs.flatten(1)
    for shift in (1, 2, 32):
        copies = (inputs == inputs.roll(shift, 0)).all(1).double().mean()
        require(
            copies < 1,
            f"every sequence is a copy of the one {shift} before it in the batch; draw each "
            "independently (sizes (n, ...)).",
        )


def splits_are_the_same_at_every_call(subject: TaskUnderTest) -> None:
    """``splits()`` returns equal parts at every call, whatever the global seeds."""
    task = subject.build()
    if isinstance(task, FiniteTask):
        with other_global_seeds(12):
            again = task.splits()
        for name in ("train", "validation", "test"):
            where = differing_field(getattr(subject.splits, name), getattr(again, name))
            require(
                where is None,
                f"{name} differs in {where} from one call of splits() to the next; use a generator "
                "with a fixed seed.",
            )


def splits_are_disjoint(subject: TaskUnderTest) -> None:
    """Validation and test set have (almost) no sequences that are also in the training set."""
    train = _fingerprints(subject.splits.train)
    for name, part in (("validation", subject.splits.validation), ("test", subject.splits.test)):
        prints = _fingerprints(part)
        shared = len([one for one in prints if one in set(train)])
        require(
            shared <= _SHARED_LIMIT * len(prints),
            f"{shared} of {len(prints)} {name} sequences are also in train; drop duplicates, then "
            "split before any other processing.",
        )


def _of_space(name: str, tensor: Tensor, space: Space, leading: tuple[int, ...]) -> None:
    require(tensor.device.type == "cpu", f"{name} are on {tensor.device}; return them on the CPU.")
    if isinstance(space, Tokens):
        require(tensor.dtype == torch.int64, f"{name} are {tensor.dtype}; return int64.")
        require(
            tuple(tensor.shape) == leading,
            f"{name} have shape {tuple(tensor.shape)}; return {leading}.",
        )
        low, high = int(tensor.min()), int(tensor.max())
        require(
            low >= 0 and high < space.vocab,
            f"{name} lie in {low} .. {high}; {space} allows 0 .. {space.vocab - 1}.",
        )
    else:
        expected = (*leading, space.dim)
        require(tensor.is_floating_point(), f"{name} are {tensor.dtype}; return floats.")
        require(
            tuple(tensor.shape) == expected,
            f"{name} have shape {tuple(tensor.shape)}; return {expected}.",
        )
        require(
            tensor.isfinite().all(), f"{name} hold NaN or infinite values; remove or replace them."
        )
        if isinstance(space, Bits):
            others = tensor[(tensor != 0) & (tensor != 1)]
            require(
                not len(others),
                f"{name} hold {others[:1].tolist()}; {space} allows 0 and 1.",
            )


def _lengths(name: str, batch: Batch) -> None:
    lengths, steps = batch.lengths, batch.inputs.shape[1]
    if lengths is None:
        return
    require(lengths.dtype == torch.int64, f"{name}: lengths are {lengths.dtype}; return int64.")
    require(
        tuple(lengths.shape) == (len(batch),),
        f"{name}: lengths have shape {tuple(lengths.shape)}; return ({len(batch)},).",
    )
    low, high = int(lengths.min()), int(lengths.max())
    require(
        low >= 1 and high <= steps,
        f"{name}: lengths lie in {low} .. {high}; allowed are 1 .. {steps} (T).",
    )


def _mask(subject: TaskUnderTest, name: str, batch: Batch) -> None:
    mask = batch.mask
    if mask is None:
        return
    require(
        subject.task.steps == "every",
        f'{name}: a mask belongs to steps "every" only; leave it out for "last".',
    )
    require(mask.dtype == torch.bool, f"{name}: the mask is {mask.dtype}; return bool.")
    expected = tuple(batch.inputs.shape[:2])
    require(
        tuple(mask.shape) == expected,
        f"{name}: the mask has shape {tuple(mask.shape)}; return {expected}.",
    )
    if batch.lengths is not None:
        mask = mask & (torch.arange(mask.shape[1]) < batch.lengths[:, None])
    require(
        mask.any(1).all(),
        f"{name}: the mask leaves a sequence without a valid step that counts; drop the sequence.",
    )


def _fingerprints(batch: Batch) -> list[bytes]:
    lengths = (
        batch.lengths.tolist()
        if batch.lengths is not None
        else [batch.inputs.shape[1]] * len(batch)
    )
    return [
        batch.inputs[row, :valid].contiguous().numpy().tobytes()
        + batch.targets[row].contiguous().numpy().tobytes()
        for row, valid in enumerate(lengths)
    ]
