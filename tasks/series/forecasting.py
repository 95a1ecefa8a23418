"""Forecasting: predict the next values of one, several or all columns of a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field, NonNegativeInt, PositiveInt

import rnnbench
from rnnbench import Citation, Diagnosis, Metric, Preset
from rnnbench.errors import DataError, OptionError, one_line
from rnnbench.metrics import squared_error

from .._common.chronological import Cut, check_parts
from .._common.citations import YULE
from .._common.delimited import Separator
from .._common.encodings import AUTO, check_encoding
from .._common.substitutes import too_many_substitutes
from .._common.table import Header
from .._common.table_files import FileFormat, Layout
from ._baselines import (
    LinearPredictor,
    all_inputs_regression_error,
    fit_autoregression,
    seasonal_naive_error,
    window_regression_error,
)
from ._bundled_series import Bundled, bundled_checksum, bundled_series
from ._filling import Fill, filled
from ._forecast import SeriesTask
from ._numbers import Decimal
from ._scaling import Scaling
from ._series_file import NamedSeries, SeriesOptions, read_series
from ._time import Gaps

if TYPE_CHECKING:
    from rnnbench import Batch, Predict, RegisterTask

    from ._series import Series

_SMALLEST_ERROR = 1e-6
"""Scaled mean squared error that float32 arithmetic cannot distinguish from zero."""
_FILLED_SCORE = "filled values, share of the test targets"
_MSE = Metric("scaled mse", "lower", squared_error)
_ZHOU = Citation(
    "Zhou et al. 2021",
    "Informer: Beyond Efficient Transformer for Long Sequence Time-Series Forecasting",
    "AAAI",
    "https://arxiv.org/abs/2012.07436",
)
_ZENG = Citation(
    "Zeng et al. 2023",
    "Are Transformers Effective for Time Series Forecasting?",
    "AAAI",
    "https://arxiv.org/abs/2205.13504",
)
_HYNDMAN = Citation(
    "Hyndman and Koehler 2006",
    "Another Look at Measures of Forecast Accuracy",
    "International Journal of Forecasting 22",
    "https://doi.org/10.1016/j.ijforecast.2006.03.001",
)


@dataclass(frozen=True)
class Forecasting(SeriesTask):
    """Forecasting: predict the next values of columns of a CSV, TSV, JSON or Parquet file.

    One column is forecast (``column=OT``), several or all (``column=all``), from their own past and
    that of the ``covariates``. The settings S, MS and M of Zhou et al. 2021 and their followers are
    ``column=OT``, ``column=OT,covariates=all`` and ``column=all``; ``window`` and ``horizon`` are
    their input length and prediction length.

    Rows are in order of time, which is checked where a column holds dates; ``time`` sorts them.
    They are cut in time into training, validation and test part. Then each column is scaled to mean
    0 and standard deviation 1 of its training part. The score ("scaled mse") is the mean squared
    error over the ``horizon`` and the columns, in units of each column's training variance. Skill 0
    is the better of persistence (the last value) and the training mean.

    Further simple predictors are compared: AR(2) and a linear regression on the whole window, both
    by least squares on the training part and recursive where the horizon is longer than one step;
    the value one season ago; a linear regression from all inputs to all targets; and, for several
    columns, one from each column's window to its own next values (Zeng et al. 2023). All but the
    one on all inputs read a single column, and their errors are averaged over the columns. A
    network that does as well as the best of them has solved the task. Skill 1 is an error of 0,
    which the noise of real data puts out of reach. MAE, MASE (Hyndman and Koehler 2006) and the
    errors of single columns are reported with the score.

    Attributes:
        path: the file.
        data: instead of a file, a series of statsmodels: sunspots (yearly) or co2 (weekly).
        column: column to forecast, by name or position counted from 0; several joined by "|"; or
            all, every column of numbers; may be omitted when there is only one.
        covariates: columns that are inputs and not forecast: names joined by "|"; or all, every
            other column of numbers.
        window: W, the values seen before a prediction.
        horizon: steps predicted at once (direct forecasts).
        rollout: steps of the recursive forecast, whose inputs are earlier predictions; not with
            covariates.
        season: steps per season, e.g. 24 for hourly data with a daily rhythm; 0 for none.
        train: share of the series, from its start, for training.
        validation: share that follows, for validation; the rest is the test.
        time: column of the times, by which rows are sorted; auto: rows must be in order of the
            first column of dates, if there is one; none: rows are in order as they are.
        gaps: rows missing between equal steps of time: refuse; keep, the rows given count as
            consecutive; fill, rows of missing values are inserted.
        fill: missing values: none, they are refused; forward, the value before; mean, of the
            training part; linear, interpolated in the training part, later as forward.
        header: whether the first row names the columns; auto: it does if ``column`` is a name, its
            first cell is not a number, or, for all, a text stands above a number.
        format: of the file; auto: by its suffix.
        separator: mark between the columns of CSV and TSV; auto: tab for TSV, and for CSV comma or
            the one other mark that fits.
        decimal: decimal mark; auto: a comma if the file has numbers with commas and none with
            points.
        encoding: of the file; auto: UTF-8, or UTF-16 with a byte order mark.
    """

    path: Path | None = None
    data: Bundled | None = None
    column: Annotated[str, Field(min_length=1)] | None = None
    covariates: Annotated[str, Field(min_length=1)] | None = None
    window: Annotated[int, Field(ge=2)] = 20
    horizon: PositiveInt = 1
    rollout: PositiveInt = 50
    season: NonNegativeInt = 0
    train: Annotated[float, Field(gt=0, lt=1)] = 0.6
    validation: Annotated[float, Field(gt=0, lt=1)] = 0.2
    time: Annotated[str, Field(min_length=1)] | None = "auto"
    gaps: Gaps = "refuse"
    fill: Fill = "none"
    header: Header = "auto"
    format: FileFormat = "auto"
    separator: Separator = "auto"
    decimal: Decimal = "auto"
    encoding: Annotated[str, Field(min_length=1)] = AUTO

    version: ClassVar[int] = 1
    metric: ClassVar[Metric] = _MSE
    perfect = 0.0
    """No error; the noise floor of real data is unknown."""
    citations: ClassVar[tuple[Citation, ...]] = (YULE, _ZHOU, _ZENG, _HYNDMAN)
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            {}, {"steps": 1000, "batch_size": 64, "learning_rate": 3e-3, "hidden_size": 32}
        ),
        "standard": Preset(
            {}, {"steps": 5000, "batch_size": 64, "learning_rate": 1e-3, "hidden_size": 64}
        ),
        # Zhou et al. 2021 (zhouhaoyi/Informer2020, main_informer.py, exp_informer.py and tools.py):
        # 24 hours from 96, batches of 32, Adam at 1e-4, halved after each epoch, no clipping, an
        # end after three epochs without a better score; the paper's 8 epochs are 2,130 steps on
        # ETTh1. The code halves the rate first after the second epoch, the preset after the first.
        # The width is not theirs.
        "paper": Preset(
            {"window": 96, "horizon": 24, "season": 24},
            {
                "steps": 2130,
                "batch_size": 32,
                "learning_rate": 1e-4,
                "schedule": "step[every=266,factor=0.5]",
                "clip_norm": None,
                "validate_every": 266,
                "patience": 3,
                "hidden_size": 64,
            },
        ),
    }

    def __post_init__(self) -> None:
        if self.path is None and self.data is None:
            raise OptionError(
                "forecasting needs a file: -t 'forecasting[path=FILE.csv,column=NAME]', "
                "or data=sunspots."
            )
        if self.data is not None and any(
            given is not None for given in (self.path, self.column, self.covariates)
        ):
            raise ValueError("data= excludes path=, column= and covariates=; remove these.")
        if self.gaps == "fill" and self.fill == "none":
            raise ValueError("gaps=fill inserts rows without values; add fill=forward.")
        check_encoding(self.encoding)
        check_parts(self.train, self.validation)

    @cached_property
    def scaling(self) -> Scaling:
        """Means and standard deviations (K,) of the training part, in the file's units."""
        return Scaling.of(self._read.numbers[: self._cut.first], self._read.places)

    @cached_property
    def values(self) -> Series:
        """The columns to forecast (N, K), each scaled by its own training part.

        Raises:
            DataError: the file cannot be read, a cell is no finite number, or a column is too short
                or constant.
        """
        return self.scaling.apply(self._read.numbers)

    @cached_property
    def covariate_values(self) -> Series | None:
        """The covariates (N, E), each scaled by its training part; a constant one is shifted."""
        numbers = self._read.covariates
        if numbers is None:
            return None
        places = self._covariate_places(self._read)
        return Scaling.of(numbers[: self._cut.first], places).apply(numbers)

    @cached_property
    def filled_share(self) -> float:
        """Share of the test targets that are not values of the file but fill missing ones."""
        given = self._given.numbers
        cut = Cut.at(len(given), self.train, self.validation)
        return float(np.isnan(given[cut.second + self.window :]).mean())

    @property
    def unsolvable(self) -> str | None:
        """The reason, where many test targets fill missing values."""
        return too_many_substitutes(self.filled_share, "values of the test part are missing")

    @property
    def data_checksums(self) -> Mapping[str, str]:
        """Checksum of the bundled series."""
        return {} if self.data is None else {self.data: bundled_checksum(self.data)}

    def in_unit(self, values: Series, target: int) -> Series:
        """Return scaled values (n,) of a column in the file's unit."""
        return self.scaling.undo(values, target)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the K columns to forecast, in printable characters."""
        return tuple(one_line(name, 40) for name in self._read.names)

    def fitted(self, training: Series) -> Mapping[str, LinearPredictor]:
        """Return AR(2) and a regression on the whole window, fitted to the training part (n,)."""
        orders = {"AR(2)": 2, "linear regression on the window": self.window}
        return {name: fit_autoregression(training, order) for name, order in orders.items()}

    @property
    def other_test_errors(self) -> Mapping[str, float]:
        """Test errors of the seasonal naive forecast and of direct regressions."""
        errors: dict[str, float] = {}
        if self.season:
            of_each = [
                seasonal_naive_error(series, self.cut, self.window, self.horizon, self.season)
                for series in self.series
            ]
            errors["seasonal naive"] = float(np.mean(of_each))
        if self.inputs.dim > 1 or self.horizon > 1:
            error = all_inputs_regression_error(self.splits())
            errors |= {} if error is None else {"linear regression on all inputs, direct": error}
        if len(self.series) > 1 and self.horizon > 1:
            of_each = [
                window_regression_error(series, self.cut, self.window, self.horizon)
                for series in self.series
            ]
            errors["linear regression on the window, direct"] = float(np.mean(of_each))
        return errors

    @property
    def naive_lag(self) -> int:
        """The season, or 1 without one."""
        return self.season or 1

    @property
    def baseline(self) -> float:
        """The smaller test error of persistence and of the training mean."""
        return min(self.test_errors["persistence"], self.test_errors["mean"])

    @property
    def solved(self) -> float:
        """The test error of the best simple predictor, but no less than float32 resolves."""
        return max(min(self.test_errors.values()), _SMALLEST_ERROR)

    def diagnose(self, predict: Predict, test: Batch) -> Diagnosis:
        """Return the diagnosis of every forecast, and the share of filled values if not 0."""
        found = super().diagnose(predict, test)
        if not self.filled_share:
            return found
        return replace(found, scores={**found.scores, _FILLED_SCORE: self.filled_share})

    @cached_property
    def _read(self) -> NamedSeries:
        given = self._given
        cut = Cut.at(len(given.numbers), self.train, self.validation)
        read = replace(
            given,
            numbers=filled(given.numbers, self.fill, cut.first, given.places),
            covariates=None
            if given.covariates is None
            else filled(given.covariates, self.fill, cut.first, self._covariate_places(given)),
        )
        self._check(read)
        return read

    @cached_property
    def _given(self) -> NamedSeries:
        """The series with NaN for missing values."""
        if self.data is not None:
            return bundled_series(self.data)
        assert self.path is not None
        layout = Layout(self.format, self.separator, self.encoding)
        options = SeriesOptions(
            self.column,
            self.covariates,
            self.header,
            layout,
            self.decimal,
            self.time,
            self.gaps,
            missing=self.fill != "none",
        )
        return read_series(self.path, options)

    def _covariate_places(self, read: NamedSeries) -> list[str]:
        count = 0 if read.covariates is None else read.covariates.shape[1]
        return [f"{read.source}: a covariate"] * count

    @property
    def _cut(self) -> Cut:
        return Cut.at(len(self._read.numbers), self.train, self.validation)

    def _check(self, read: NamedSeries) -> None:
        n = len(read.numbers)
        cut = Cut.at(n, self.train, self.validation)
        shortest = min(cut.lengths(n))
        if shortest < self.window + self.horizon:
            further = f" and horizon={self.horizon}" if self.horizon > 1 else ""
            raise DataError(
                f"{read.source} has {n} values, of which a part gets {shortest}: too few for "
                f"window={self.window}{further}. Give a longer series or a smaller window."
            )
        if self.season >= cut.first:
            raise DataError(
                f"{read.source}: season={self.season} is no shorter than the training part of "
                f"{cut.first} values."
            )
        if constant := _constant(read.numbers[: cut.first]):
            others = "" if len(read.places) == 1 else "; name the other columns, 'column=NAME|NAME'"
            raise DataError(
                f"{read.places[constant[0]]} is constant over its training part "
                f"({cut.first} values): nothing to forecast{others}."
            )
        test = read.numbers[cut.second + self.window - 1 :]
        if len(_constant(test)) == len(read.places):
            raise DataError(
                f"{read.source} is constant over its test part ({len(test)} values): "
                f"nothing to forecast."
            )


def _constant(values: Series) -> list[int]:
    """Return which columns of ``values`` (n, K) are constant."""
    return np.flatnonzero((values == values[0]).all(axis=0)).tolist()


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``forecasting``."""
    register("forecasting", Forecasting)
