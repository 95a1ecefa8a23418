"""Claims with their verdicts, from records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from rnnbench.analysis.claims.decision import (
    Interval,
    PValues,
    Verdict,
    corrected,
    interval,
    p_values,
    seeds_needed,
)
from rnnbench.analysis.claims.evidence import evidence
from rnnbench.analysis.formatting import listed
from rnnbench.analysis.groups import latest
from rnnbench.analysis.statistics.intervals import LEVEL
from rnnbench.analysis.tuning.studies import studies
from rnnbench.claims.claim import Claim
from rnnbench.claims.effects import Estimate, Moments
from rnnbench.claims.planned import PlannedClaim
from rnnbench.records.result import Record


@dataclass(frozen=True, eq=False)
class JudgedClaim:
    """A claim with its verdict.

    Attributes:
        verdict: ``undecided`` also where measurements are missing.
        estimate: the effect; ``None`` where measurements are missing.
        interval: of the effect, for this claim alone.
        p_value: two-sided, with Holm's correction over all claims judged together.
        together: number of claims that share the correction.
        missing: the reason why there is no effect; empty if there is one.
        records: of each group.
        moments: of each group that has enough measurements.
    """

    claim: Claim
    verdict: Verdict
    estimate: Estimate | None
    interval: Interval | None
    p_value: float | None
    together: int
    missing: str
    records: Mapping[str, Sequence[Record]]
    moments: Mapping[str, Moments]

    @cached_property
    def seeds_needed(self) -> int | None:
        """Seeds of each group that would decide an undecided claim.

        ``None`` where no feasible number would, nothing is known, or the claim is decided.
        """
        if self.verdict != "undecided" or self.estimate is None:
            return None
        return seeds_needed(self.estimate, self.claim.rule, max(1, self.together))

    @property
    def more_seeds(self) -> int | None:
        """Further seeds of each group that would decide the claim."""
        if self.seeds_needed is None or self.estimate is None:
            return None
        return self.seeds_needed - self.estimate.count

    def values(self, group: str) -> list[float]:
        """Return the measurements of a group in their own unit."""
        found = [self.claim.measure.read(record) for record in self.records[group]]
        return [value for value in found if value is not None]


@dataclass(frozen=True)
class _Measured:
    claim: Claim
    records: Mapping[str, Sequence[Record]]
    moments: Mapping[str, Moments]
    estimate: Estimate | None
    p_values: PValues | None
    missing: str

    @property
    def exact(self) -> bool:
        """Whether there is no chance in its effect, so that it needs no correction."""
        return self.estimate is not None and self.estimate.error == 0


def judge(
    planned: Sequence[PlannedClaim], records: Sequence[Record], tries: Sequence[Record] = ()
) -> list[JudgedClaim]:
    """Return claims with their verdicts, which share one error rate.

    Args:
        planned: claims with their trials.
        records: attempts; the last one of each trial counts.
        tries: records of tuning studies.
    """
    last = latest(records)
    tuned = studies(tries)
    return decided(
        [
            measured(each.claim, each.claim.sorted_into(evidence(each.trials, last, tuned)))
            for each in planned
        ]
    )


def measured(claim: Claim, records: Mapping[str, Sequence[Record]]) -> _Measured:
    """Return a claim with its effect, from the records of its groups."""
    logarithms = claim.effect.scale == "log"
    moments: dict[str, Moments] = {}
    lacking = []
    for name in claim.effect.groups:
        found = claim.measure.moments(records.get(name, ()), logarithms=logarithms)
        if found is None:
            lacking.append(f"{name} ({len(records.get(name, ()))} trials)")
        else:
            moments[name] = found
    if lacking:
        return _Measured(
            claim, records, moments, None, None, f"too few measurements of {listed(lacking)}"
        )
    estimate = claim.effect.estimate(moments)
    return _Measured(claim, records, moments, estimate, p_values(estimate, claim.rule), "")


def decided(found: Sequence[_Measured]) -> list[JudgedClaim]:
    """Return the verdicts on claims that share one error rate."""
    raw = [each.p_values.two_sided for each in found if each.p_values and not each.exact]
    adjusted = iter(corrected(raw))
    judged = []
    for each in found:
        if each.estimate is None or each.p_values is None:
            judged.append(
                JudgedClaim(
                    each.claim,
                    "undecided",
                    None,
                    None,
                    None,
                    len(raw),
                    each.missing,
                    each.records,
                    each.moments,
                )
            )
            continue
        p_value = each.p_values.two_sided if each.exact else next(adjusted)
        verdict: Verdict = each.p_values.towards if p_value <= 1 - LEVEL else "undecided"
        judged.append(
            JudgedClaim(
                each.claim,
                verdict,
                each.estimate,
                interval(each.estimate),
                p_value,
                len(raw),
                "",
                each.records,
                each.moments,
            )
        )
    return judged
