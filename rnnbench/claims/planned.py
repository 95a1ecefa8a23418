"""Claims with the trials that decide on them, as planned."""

from __future__ import annotations

from dataclasses import dataclass

from rnnbench.claims.claim import Claim
from rnnbench.records.spec import TrialSpec


@dataclass(frozen=True)
class Planned:
    """A planned trial of a claim, before sizes are matched and recipes tuned.

    Attributes:
        spec: the trial at equal hidden sizes.
        match: quantity and target that its hidden size is chosen for, as recorded; ``None``: its
            hidden size is final.
    """

    spec: TrialSpec
    match: tuple[str, str] | None = None


@dataclass(frozen=True)
class PlannedClaim:
    """A claim with its planned trials, of all seeds."""

    claim: Claim
    trials: tuple[Planned, ...]
