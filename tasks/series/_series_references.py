"""Errors of forecasts that need no training by gradient: the season before, and regressions
straight to the target.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ._series import Cut, Series, mean_squared_error, windows_ahead

if TYPE_CHECKING:
    from rnnbench import Splits

MOST_REGRESSED = 2048
"""A regression on more numbers than this would take longer than the network: it is left out."""


def seasonal_naive_error(series: Series, cut: Cut, window: int, ahead: int, season: int) -> float:
    """Return the test error of the value a season before, or as many whole seasons as it takes for
    it to be known.

    It may lie before the window, and at the start of the test part before that. ``series`` is (N,).
    """
    following = windows_ahead(series[cut.second :], window, ahead)[1]  # (n, ahead)
    first = cut.second + window + np.arange(len(following))[:, None]
    step = np.arange(ahead)
    season_before = first + step - season * (1 + step // season)
    return mean_squared_error(series[season_before], following)


def window_regression_error(series: Series, cut: Cut, window: int, ahead: int) -> float:
    """Return the test error of least squares from a window to the ``ahead`` values after it, of one
    series (N,).

    This is the linear model that Zeng et al. 2023 hold against transformers, with weights of its
    own for each series.
    """
    training, _, test = cut.parts(series)
    return _regression_error(
        *windows_ahead(training, window, ahead), *windows_ahead(test, window, ahead)
    )


def all_inputs_regression_error(splits: Splits) -> float | None:
    """Return the test error of least squares from all that a network reads to all that is asked
    for.

    ``None`` where a window holds more than :data:`MOST_REGRESSED` numbers.
    """
    if splits.train.inputs[0].numel() > MOST_REGRESSED:
        return None
    seen, test_seen = (
        part.inputs.flatten(1).double().numpy() for part in (splits.train, splits.test)
    )
    following, test_following = (
        part.targets.double().numpy() for part in (splits.train, splits.test)
    )
    return _regression_error(seen, following, test_seen, test_following)


def _regression_error(
    seen: Series, following: Series, test_seen: Series, test_following: Series
) -> float:
    weights = np.linalg.lstsq(np.column_stack([seen, np.ones(len(seen))]), following)[0]
    predicted = np.column_stack([test_seen, np.ones(len(test_seen))]) @ weights
    return mean_squared_error(predicted, test_following)
