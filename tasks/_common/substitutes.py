"""Substitutes in a test part: unknown symbols, and values that fill missing ones."""

from __future__ import annotations

MOST_SUBSTITUTES = 0.2
"""Share of substitutes among the test targets above which no score counts as solved.

A model scores on them by predicting one symbol, or the rule of the filling. The test part of The
Time Machine has 0.08 of unknown words with a vocabulary of 10,000, 0.12 with 2,000, and 0.21 with
500; that of tiny Shakespeare 0.08, 0.15 and 0.25.
"""


def too_many_substitutes(share: float, what: str) -> str | None:
    """Return the reason why no score counts as solved, or ``None``.

    Args:
        share: of the test targets.
        what: the words for the substitutes, after "of the".
    """
    if share <= MOST_SUBSTITUTES:
        return None
    return (
        f"{100 * share:.0f} % of the {what}; "
        f"above {100 * MOST_SUBSTITUTES:.0f} % no score counts as solved"
    )
