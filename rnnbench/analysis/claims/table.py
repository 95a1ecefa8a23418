"""Verdicts on claims as a table."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from rnnbench.analysis.claims.judged import JudgedClaim

_TYPES = {
    "claim": "string",
    "verdict": "string",
    "effect": "Float64",
    "low": "Float64",
    "high": "Float64",
    "unit": "string",
    "rule": "string",
    "p_value": "Float64",
    "trials": "Int64",
    "seeds_needed": "Int64",
}
"""The columns with pandas' nullable types."""


def verdict_table(judged: Sequence[JudgedClaim]) -> pd.DataFrame:
    """Return one row per claim."""
    rows = [
        {
            "claim": each.claim.name,
            "verdict": each.verdict,
            "effect": each.estimate.effect if each.estimate else None,
            "low": each.interval.low if each.interval else None,
            "high": each.interval.high if each.interval else None,
            "unit": each.claim.effect.unit,
            "rule": str(each.claim.rule),
            "p_value": each.p_value,
            "trials": each.estimate.count if each.estimate else None,
            "seeds_needed": each.seeds_needed,
        }
        for each in judged
    ]
    return pd.DataFrame(rows, columns=list(_TYPES)).astype(_TYPES)
