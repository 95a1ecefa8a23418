"""The verdict on a claim in words, for the terminal, the page and tables."""

from __future__ import annotations

import math

from rnnbench.analysis.claims.judged import JudgedClaim
from rnnbench.analysis.formatting import counted


def effect_text(judged: JudgedClaim) -> str:
    """Return the effect with its interval, ``1.52 [1.21, 1.90]``; a dash where there is none."""
    if judged.estimate is None or judged.interval is None:
        return "-"
    value = number(judged.estimate.effect)
    if judged.estimate.error == 0:
        return value
    return f"{value} [{number(judged.interval.low)}, {number(judged.interval.high)}]"


def p_text(judged: JudgedClaim) -> str:
    """Return the corrected p-value; ``exact`` for an effect without chance."""
    if judged.p_value is None:
        return "-"
    if judged.estimate is not None and judged.estimate.error == 0:
        return "exact"
    return "< 0.001" if judged.p_value < 0.001 else f"{judged.p_value:.3f}"


def needed_text(judged: JudgedClaim) -> str:
    """Return why a claim is undecided and how many more seeds would decide it; empty if decided."""
    if judged.verdict != "undecided":
        return ""
    if judged.missing:
        return judged.missing
    claim = judged.claim
    if claim.measure.of_speed:
        # measured once for all seeds: more of them change nothing
        return "the timings scatter too much to decide it; measure them again on an idle machine"
    if judged.more_seeds is None:
        return "no feasible number of seeds would decide it at the effect and spread seen"
    would = "support" if judged.estimate and judged.estimate.effect in claim.rule else "contradict"
    more = counted(judged.more_seeds, "more seed")
    return f"about {more} of each group would {would} it at the effect and spread seen"


def seeds_text(judged: JudgedClaim) -> str:
    """Return the number of trials of the group that has fewest; of a timing its processes."""
    if judged.estimate is None:
        return "-"
    count = judged.estimate.count
    timed = judged.claim.measure.of_speed and count > 1
    return f"{count} processes" if timed else str(count)


def sentence(judged: JudgedClaim) -> str:
    """Return the verdict in one sentence."""
    claim = judged.claim
    rest = needed_text(judged)
    found = (
        f"{claim.effect.unit} is {effect_text(judged)}; the claim holds if it is {claim.rule}"
        if judged.estimate is not None
        else ""
    )
    parts = "; ".join(part for part in (found, rest) if part)
    return f"{judged.verdict}: {parts}."


def number(value: float) -> str:
    """Return a number with three digits."""
    return str(value) if math.isinf(value) else f"{value:.3g}"
