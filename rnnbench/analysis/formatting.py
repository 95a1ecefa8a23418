"""Numbers and verdicts as text, the same in reports, comparisons and on the terminal."""

from __future__ import annotations

import math

from rnnbench.analysis.statistics.all_pairs import FEWEST_FOR_VERDICT, MOST_SEEDS, POWER
from rnnbench.analysis.statistics.intervals import FEWEST_FOR_BOOTSTRAP, LEVEL, Estimate
from rnnbench.analysis.verdicts import Verdict
from rnnbench.records.result import Size
from rnnbench.records.speed import Ratio

MISSING = "–"


def number(value: float | None, digits: int = 3) -> str:
    """Return a number with ``digits`` significant digits; ``∞`` if infinite, ``–`` if missing."""
    if value is None or math.isnan(value):
        return MISSING
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    magnitude = abs(value)
    if magnitude == 0:
        return "0"
    if magnitude >= 1e6 or magnitude < 1e-3:
        mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
        return f"{mantissa}e{int(exponent)}".replace("-", "−")
    if magnitude >= 10 ** (digits - 1):
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(magnitude)))}f}".replace("-", "−")


def whole(value: float | None) -> str:
    """Return an integer with thousands separators."""
    return (
        MISSING if value is None or not math.isfinite(value) else f"{value:,.0f}".replace("-", "−")
    )


def censored_text(value: float | None, end: float) -> str:
    """Return a median of times, or ``> end`` where it is censored at ``end``."""
    return f"> {whole(end)}" if value is None else whole(value)


def compact(value: float | None) -> str:
    """Return a large count with a suffix: ``1.2 k``, ``3.4 M``."""
    if value is None or not math.isfinite(value):
        return MISSING
    for size, suffix in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{number(value / size)} {suffix}"
    return whole(value) if float(value).is_integer() else number(value)


def estimate_text(estimate: Estimate | None, signed: bool = False) -> str:
    """Return ``value [low, high]``, or the value alone where there is no interval."""
    if estimate is None:
        return MISSING
    text = _signed(estimate.value) if signed else number(estimate.value)
    if estimate.low is None or estimate.high is None:
        return text
    low, high = (_signed(v) if signed else number(v) for v in (estimate.low, estimate.high))
    return f"{text} [{low}, {high}]"


def rate_text(estimate: Estimate | None) -> str:
    """Return a success rate as ``3/5 [23–88 %]``."""
    if estimate is None or estimate.low is None or estimate.high is None:
        return MISSING
    successes = round(estimate.value * estimate.n)
    return f"{successes}/{estimate.n} [{100 * estimate.low:.0f}–{100 * estimate.high:.0f} %]"


def ratio_text(ratio: Ratio | None) -> str:
    """Return ``median× [low, high]`` of a ratio of times, or the median without one."""
    if ratio is None:
        return MISSING
    text = f"{number(ratio.median)}×"
    if ratio.low is None or ratio.high is None:
        return text
    return f"{text} [{number(ratio.low)}, {number(ratio.high)}]"


def operations_text(size: Size | None) -> str:
    """Return matrix-product FLOPs and elementwise operations per step, as ``37.9 k + 832``."""
    if size is None:
        return MISSING
    return f"{compact(size.matmul_flops_per_step)} + {compact(size.elementwise_per_step)}"


def p_text(p_value: float | None) -> str:
    """Return a p-value to two digits, or a bound."""
    if p_value is None:
        return MISSING
    return "< 0.001" if p_value < 1e-3 else f"{p_value:.2g}"


def level_text() -> str:
    """Return the level of every interval, for headings: ``95 %``."""
    return f"{100 * LEVEL:.0f} %"


def seeds_text(n: int) -> str:
    """Return the kind of an interval from ``n`` seeds."""
    if n <= 0:
        return "no seed finished"
    if n == 1:
        return "one seed: no interval, and no statement about other seeds"
    kind = "t interval" if n < FEWEST_FOR_BOOTSTRAP else "bootstrap interval (BCa)"
    return f"{n} seeds: {level_text()} {kind}"


def verdict_text(verdict: Verdict, a: str, b: str) -> str:
    """Return the outcome for ``b`` against ``a``, with what would decide where nothing is shown."""
    rates = f"{verdict.rates[1]} against {verdict.rates[0]} trials"
    match verdict.outcome:
        case "better" | "worse" if verdict.analysis == "solve rates":
            often = "more" if verdict.outcome == "better" else "less"
            return f"{b} solves the task {often} often than {a}: {rates}"
        case "better" | "worse":
            return f"{b} is {verdict.outcome} than {a}"
        case "equivalent":
            return f"{b} and {a} are equivalent: they differ by less than {_margin(verdict)}"
        case "both solve it":
            return f"{b} and {a} both solve the task in every trial"
        case "neither solves it":
            return f"neither {b} nor {a} solved the task in any trial"
        case "identical":
            return f"{b} and {a} have the same score on every seed"
        case "too few seeds":
            return (
                f"too few seeds to compare {b} with {a} "
                f"({verdict.seeds} on one side, at least {FEWEST_FOR_VERDICT} are needed)"
            )
        case "undecided":
            return f"undecided between {b} and {a}; {undecided_text(verdict)}"


def undecided_text(verdict: Verdict) -> str:
    """Return what this many seeds could have shown, and how many would decide."""
    needed = (
        f"about {verdict.seeds_needed:,} seeds would decide"
        if verdict.seeds_needed is not None and verdict.seeds_needed > verdict.seeds
        else f"more than {MOST_SEEDS:,} seeds would be needed to decide"
        if verdict.seeds_needed is None
        else "as many seeds again would be likely to decide"
    )
    if verdict.analysis == "solve rates":
        return f"{verdict.rates[1]} against {verdict.rates[0]} trials solved it; {needed}"
    assert verdict.difference is not None
    return (
        f"{counted(verdict.seeds, 'seed')} show a difference of "
        f"{number(verdict.difference.detectable, 2)} with probability {POWER:g}; {needed}"
    )


def _margin(verdict: Verdict) -> str:
    return f"{number(verdict.margin, 2)}, the smallest effect of interest"


def listed(names: list[str], most: int = 6) -> str:
    """Return names as ``a, b and c``; beyond ``most`` the rest are counted."""
    if len(names) > most:
        return f"{', '.join(names[:most])} and {len(names) - most} more"
    return (
        names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""
    )


def counted(count: int, noun: str) -> str:
    """Return ``1 seed``, ``3 seeds``."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def _signed(value: float) -> str:
    return f"+{number(value)}" if value > 0 else number(value)
