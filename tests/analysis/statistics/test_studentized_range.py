"""The studentized range against scipy's, which is slower."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from rnnbench.analysis.statistics import studentized_range


@pytest.mark.parametrize("groups", [2, 3, 10, 40])
@pytest.mark.parametrize("freedom", [3.0, 6.5, 18.0, 200.0])
def test_probabilities_and_quantiles_agree_with_scipy(groups: int, freedom: float) -> None:
    q = np.array([0.0, 0.5, 2.0, 4.0, 7.0, 20.0])
    theirs = stats.studentized_range.sf(q, groups, freedom)
    assert studentized_range.tail(q, groups, freedom) == pytest.approx(theirs, abs=1e-4)
    for alpha in (0.05, 0.005):
        critical = studentized_range.critical(alpha, groups, freedom)
        assert stats.studentized_range.sf(critical, groups, freedom) == pytest.approx(
            alpha, rel=0.02
        )


def test_two_groups_give_students_t() -> None:
    t = stats.t.isf(0.01, 7)
    assert studentized_range.tail(t * 2**0.5, 2, 7.0) == pytest.approx(0.02, abs=1e-5)
