"""Random generators seeded by a key (seed, purpose, step).

A key always draws the same numbers, independent of earlier draws.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from rnnbench.records.syntax import OptionValue


def seed_for(seed: int, purpose: str, *more: OptionValue) -> int:
    """Return a 63-bit seed: a hash of the key."""
    key = "\x1f".join([str(seed), purpose, *map(str, more)])
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big") >> 1


def generator_for(
    seed: int, purpose: str, *more: OptionValue, device: torch.device | str = "cpu"
) -> torch.Generator:
    """Return a generator on ``device`` seeded by the key.

    CPU and GPU generators draw different numbers from one seed.
    """
    return torch.Generator(device).manual_seed(seed_for(seed, purpose, *more))
