"""The search space of a tuning study: one axis for each setting or model option."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rnnbench.records.base import Data, Line
from rnnbench.records.syntax import OptionValue, option_text

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

LINEAR = ":linear"
"""Ends the text of a range of positive numbers that is not searched on a log scale."""


class Axis(Data):
    """The values that one setting or model option may take in a study: a range or choices."""

    name: Line
    low: int | float | None = None
    """The smallest value of a range, which is tried too; ``None`` for choices."""
    high: int | float | None = None
    log: bool = False
    """Whether values are drawn uniformly on a log scale."""
    choices: tuple[OptionValue, ...] = ()

    @property
    def is_range(self) -> bool:
        """Whether it is a range of numbers, as opposed to choices."""
        return self.low is not None

    @property
    def text(self) -> str:
        """The canonical spelling, e.g. ``learning_rate=0.0001..0.01`` or ``optimizer=adam|sgd``."""
        if self.low is None or self.high is None:
            return f"{self.name}={'|'.join(map(option_text, self.choices))}"
        linear = LINEAR if self.low > 0 and not self.log else ""
        return f"{self.name}={option_text(self.low)}..{option_text(self.high)}{linear}"

    @property
    def distribution(self) -> BaseDistribution:
        """The same for Optuna, which is imported here only."""
        from optuna.distributions import (
            CategoricalDistribution,
            FloatDistribution,
            IntDistribution,
        )

        if self.low is None or self.high is None:
            return CategoricalDistribution(self.choices)
        if isinstance(self.low, int) and isinstance(self.high, int):
            return IntDistribution(self.low, self.high, log=self.log)
        return FloatDistribution(self.low, self.high, log=self.log)

    def holds(self, value: OptionValue) -> bool:
        """Return whether a value is one of the axis."""
        if self.low is None or self.high is None:
            return value in self.choices
        return isinstance(value, int | float) and self.low <= value <= self.high


def distributions(space: tuple[Axis, ...]) -> Mapping[str, BaseDistribution]:
    """Return the distributions of a search space by name, for Optuna."""
    return {axis.name: axis.distribution for axis in space}
