"""The checks on sequences, of a model's cores in a residual block."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from rnnbench.records.recipe import Residual
from rnnbench.testing.model import sequence
from rnnbench.testing.model.subject import ModelUnderTest
from rnnbench.testing.outcome import ContractError

BLOCK = Residual(depth=2, mlp=1.0)


def the_returned_state_continues_the_sequence_in_a_block(subject: ModelUnderTest) -> None:
    """In a residual block of two layers outputs are equal in steps, in chunks and as a whole."""
    _in_block(sequence.the_returned_state_continues_the_sequence, subject)


def padding_reaches_no_valid_step_in_a_block(subject: ModelUnderTest) -> None:
    """In a residual block of two layers outputs at valid steps do not depend on padding."""
    _in_block(sequence.padding_reaches_no_valid_step, subject)


def _in_block(check: Callable[[ModelUnderTest], None], subject: ModelUnderTest) -> None:
    block = subject.block or BLOCK
    try:
        check(replace(subject, block=block))
    except ContractError as broken:
        raise ContractError(f"in the block {block.label}: {broken}") from None
