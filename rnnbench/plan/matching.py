"""The target of ``--match``: a quantity that the hidden sizes make equal. Nothing is built here."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import get_args

from rnnbench.errors import UsageError, did_you_mean, one_line
from rnnbench.records.spec import Quantity
from rnnbench.records.syntax import ALL, Selector, canonical, parse_selectors

QUANTITIES: tuple[Quantity, ...] = get_args(Quantity)
NONE = "none"
"""The word for equal hidden sizes."""
_SIZE = re.compile(r"(\d[\d_]*(?:\.\d[\d_]*)?|\.\d+)(e[+-]?\d{1,3})?\s*([kmg]?)", re.ASCII | re.I)
_FACTORS = {"": 1.0, "k": 1e3, "m": 1e6, "g": 1e9}
_TIME = re.compile(r"(\d[\d_]*(?:\.\d[\d_]*)?|\.\d+)(e[+-]?\d{1,3})?\s*([smh]?)", re.ASCII | re.I)
_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}


@dataclass(frozen=True)
class Match:
    """A quantity and its target: a value, or that of a model."""

    quantity: Quantity
    asked: str
    """The target as typed, with the options of a model in one spelling."""
    value: float | None = None
    model: Selector | None = None

    def __str__(self) -> str:
        return f"--match {self.quantity}={self.asked}"


def parse_match(text: str | None) -> Match | None:
    """Return the target that ``params=50k`` or ``params=lstm[hidden_size=128]`` names.

    Numbers are written as ``50000``, ``50_000``, ``5e4``, ``50k`` or ``1.5M``, times as ``30``,
    ``30s`` or ``2m``.

    Returns:
        The target; ``None`` for ``None`` and ``none``, with which the hidden sizes are equal.

    Raises:
        UsageError: an unknown quantity, or a target that is neither a number nor one model.
    """
    if text is None:
        return None
    if not isinstance(text, str):
        raise UsageError(f"match={one_line(repr(text), 60)} is not a text; give e.g. 'params=50k'.")
    if text.strip().lower() == NONE:
        return None
    word, equals, asked = (part.strip() for part in text.partition("="))
    quantity = _quantity(word)
    if not equals or not asked:
        raise UsageError(
            f"--match {one_line(text, 60)!r} has no target; "
            f"type e.g. {quantity}={_example(quantity)} or {quantity}=lstm[hidden_size=128]."
        )
    if asked[0].isdigit() or asked[0] in "+-.":
        return Match(quantity, asked, value=_value(quantity, asked))
    return Match(quantity, canonical(asked), model=_model(quantity, asked))


def _quantity(word: str) -> Quantity:
    spelled = word.lower().replace("_", "-")
    for quantity in QUANTITIES:
        if spelled == quantity:
            return quantity
    raise UsageError(
        f"--match knows no quantity {one_line(word, 60)!r}.{did_you_mean(spelled, QUANTITIES)} "
        f"There are: {', '.join(QUANTITIES)}; e.g. --match params=50k, or none."
    )


def _value(quantity: Quantity, asked: str) -> float:
    pattern, factors = (_TIME, _SECONDS) if quantity == "time" else (_SIZE, _FACTORS)
    found = pattern.fullmatch(asked)
    if found is not None:
        number = float(found[1].replace("_", "") + (found[2] or ""))
        value = number * factors[found[3].lower()]
        if 0 < value < math.inf:
            return value
    raise UsageError(
        f"--match {quantity}={one_line(asked, 60)} is not a positive number; "
        f"type e.g. {quantity}={_example(quantity)}."
    )


def _example(quantity: Quantity) -> str:
    return {"state": "128", "time": "30s"}.get(quantity, "50k")


def _model(quantity: Quantity, asked: str) -> Selector:
    selectors = parse_selectors([asked])
    first = selectors[0]
    if len(selectors) > 1 or first.size > 1 or first.pattern == ALL or set("*?") & set(asked):
        raise UsageError(
            f"--match {quantity}={one_line(asked, 60)} names more than one model; "
            f"type one, e.g. {quantity}=lstm[hidden_size=128]."
        )
    return first
