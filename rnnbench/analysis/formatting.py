"""Numbers and verdicts as text, the same in reports, comparisons and on the terminal."""

from __future__ import annotations

import math

from rnnbench.analysis.stats import (
    FEWEST_FOR_RANK_TEST,
    FEWEST_FOR_VERDICT,
    LEVEL,
    Estimate,
    most_coverage,
)
from rnnbench.analysis.verdicts import Verdict
from rnnbench.records.result import Ratio, Size

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
    return number(value)


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


def seeds_text(n: int) -> str:
    """Return the coverage of an interval from ``n`` seeds."""
    if n <= 0:
        return "no seed finished"
    if n == 1:
        return "one seed: no interval, and no statement about other seeds"
    if n < FEWEST_FOR_RANK_TEST:
        return (
            f"{n} seeds: the interval spans about the range of the seeds "
            f"and covers at most {100 * most_coverage(n):.0f} %"
        )
    return f"{n} seeds: {100 * LEVEL:.0f} % bootstrap interval"


def verdict_text(verdict: Verdict, a: str, b: str) -> str:
    """Return the outcome for ``b`` against ``a``, with the power where no difference was shown."""
    if verdict.outcome == "nothing to compare":
        return f"{a} and {b} have no scored seed in common"
    if verdict.outcome == "too few seeds":
        return (
            f"too few seeds to compare {b} with {a} ({counted(verdict.seeds, 'seed')} in common, "
            f"at least {FEWEST_FOR_VERDICT} are needed)"
        )
    if verdict.outcome in ("better", "worse"):
        return f"{b} is {verdict.outcome} than {a}"
    return f"no difference shown between {b} and {a}; {power_text(verdict)}"


def power_text(verdict: Verdict) -> str:
    """Return the smallest difference that this many seeds would have shown."""
    detectable = None if verdict.paired is None else verdict.paired.detectable
    if detectable is None:
        return f"{counted(verdict.seeds, 'seed')} could not have shown any"
    if detectable == 0:
        return "every seed gave the same difference"
    return f"{counted(verdict.seeds, 'seed')} could have shown one of about {number(detectable, 2)}"


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
