"""What forecasting tasks share: windows of one series or several to the values that follow,
predicted at once.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import torch

from rnnbench import Batch, Diagnosis, FiniteTask, Splits, Vectors

from ._free_run import diagnose_forecasts, free_run
from ._series import (
    MEAN,
    PERSISTENCE,
    Cut,
    LinearPredictor,
    Series,
    mean_squared_error,
    windows_ahead,
)

if TYPE_CHECKING:
    from rnnbench import Predict


class SeriesTask(FiniteTask):
    """Predict the next ``ahead`` values of K series from the ``window`` values before them; of a
    single one, K = 1.

    A derived dataclass has the options ``window``, ``horizon``, ``train`` and ``validation``, and
    may have ``ahead``.
    """

    window: int
    horizon: int
    train: float
    validation: float
    ahead: int = 1
    """Values predicted at once (direct forecasts); what lies further ahead is predicted from
    predictions (recursive).
    """

    @property
    @abstractmethod
    def values(self) -> Series:
        """The series to predict (N, K), in the unit that the network reads, with mean 0 (over
        training, or in expectation).
        """

    @abstractmethod
    def fitted(self, training: Series) -> Mapping[str, LinearPredictor]:
        """Return the predictors to hold a network against, by name, for the series whose training
        part (n,) is given.

        Persistence and the mean are always added.
        """

    @property
    def companions(self) -> Series | None:
        """Further series (N, E) that are read with each value and not predicted; ``None`` for none."""
        return None

    @property
    def naive_lag(self) -> int:
        """How far back the naive forecast looks that MASE divides by: 1, or a season (Hyndman and
        Koehler 2006).
        """
        return 1

    def in_unit(self, values: Series, target: int) -> Series:
        """Return values of series ``target`` in the unit that a person reads; the same unless the
        task scales.
        """
        del target
        return values

    @property
    def names(self) -> tuple[str, ...]:
        """A short name for each of the K series, and for its unit."""
        return ("x",)

    @property
    def inputs(self) -> Vectors:
        """A value of each series per step, then those beside them: K + E."""
        return Vectors(
            len(self.names) + (0 if self.companions is None else self.companions.shape[1])
        )

    @property
    def outputs(self) -> Vectors:
        """The values that follow, step by step: all K series one step ahead, then all of them two
        steps ahead, ...
        """
        return Vectors(self.ahead * len(self.names))

    @property
    def steps(self) -> Literal["last"]:
        """One prediction, after the window."""
        return "last"

    @property
    def length(self) -> int:
        """The window."""
        return self.window

    @property
    def cut(self) -> Cut:
        """Where training ends and the test begins."""
        return Cut.at(len(self.values), self.train, self.validation)

    def splits(self) -> Splits:
        """Return the windows of each part: inputs (n, window, K + E), targets (n, ahead * K), in
        order of time.

        No window reaches from one part into another.
        """
        cut = self.cut
        ends = (slice(0, cut.first), slice(cut.first, cut.second), slice(cut.second, None))
        return Splits(*(self._windows_of(part) for part in ends))

    def _windows_of(self, part: slice) -> Batch:
        read = (
            self.values
            if self.companions is None
            else np.column_stack([self.values, self.companions])
        )
        channels = torch.tensor(read[part], dtype=torch.float32)  # (N of the part, K + E)
        targets = channels[self.window :, : len(self.names)].unfold(
            0, self.ahead, 1
        )  # (n, K, ahead)
        inputs = channels.unfold(0, self.window, 1)[: len(targets)]  # (n, K + E, W)
        return Batch(
            inputs.transpose(1, 2).contiguous(), targets.transpose(1, 2).flatten(1).contiguous()
        )

    @cached_property
    def series(self) -> tuple[Series, ...]:
        """Each series to predict, (N,), contiguous in memory."""
        return tuple(np.ascontiguousarray(column) for column in self.values.T)

    @cached_property
    def predictors(self) -> tuple[Mapping[str, LinearPredictor], ...]:
        """The simple predictors of each series, by name."""
        return tuple(
            {"persistence": PERSISTENCE, "mean": MEAN, **self.fitted(self.cut.parts(series)[0])}
            for series in self.series
        )

    @property
    def other_test_errors(self) -> Mapping[str, float]:
        """Errors on the test part of predictors of other kinds, by name; none by default."""
        return {}

    @cached_property
    def test_errors(self) -> Mapping[str, float]:
        """Mean squared error over the ``ahead`` values of the K series on the test part, of each
        simple predictor by name.
        """
        errors: dict[str, list[float]] = {name: [] for name in self.predictors[0]}
        for series, predictors in zip(self.series, self.predictors, strict=True):
            seen, following = windows_ahead(self.cut.parts(series)[2], self.window, self.ahead)
            for name, predictor in predictors.items():
                errors[name].append(
                    mean_squared_error(free_run(predictor, seen, self.ahead), following)
                )
        return {
            **{name: float(np.mean(of_each)) for name, of_each in errors.items()},
            **self.other_test_errors,
        }

    @property
    def simple_scores(self) -> Mapping[str, float]:
        """Errors on the test part of the predictors that need no network."""
        return self.test_errors

    @cached_property
    def naive_errors(self) -> tuple[float, ...]:
        """Mean absolute error of each series' naive forecast on its training part."""
        parts = (self.cut.parts(series)[0] for series in self.series)
        return tuple(
            float(np.abs(part[self.naive_lag :] - part[: -self.naive_lag]).mean()) for part in parts
        )

    def diagnose(self, predict: Predict, test: Batch) -> Diagnosis:
        """Tell MAE, MASE, the errors of single series and those of free-running forecasts; draw
        truth and forecasts.

        ``test`` holds windows in order of time.
        """
        return diagnose_forecasts(self, predict, test)


def check_parts(train: float, validation: float) -> None:
    """Raise ``ValueError`` unless the shares of training and validation leave something for the
    test.
    """
    if train + validation >= 1:
        raise ValueError(
            f"train={train} and validation={validation} leave nothing for the test; their sum must be below 1."
        )
