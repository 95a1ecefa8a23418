"""The page on speed against length: growth, table and figure from known timings."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.lengths_page import growth, write_page

LENGTHS = (64, 128, 256, 512, 1024, 2048)


def timings(model: str, family: str, mode: str, exponent: float) -> pd.DataFrame:
    """Return ratios to a comparator whose time grows as that of an LSTM does."""
    of_the_comparator = 0.0 if mode == "stream" else 1.0
    ratio = [2.0 * (length / 64) ** (exponent - of_the_comparator) for length in LENGTHS]
    return pd.DataFrame(
        {
            "model": model,
            "family": family,
            "mode": mode,
            "length": LENGTHS,
            "seconds": 1.0,
            "ratio": ratio,
            "ratio_low": ratio,
            "ratio_high": ratio,
            "peak_bytes": [1024.0 * length for length in LENGTHS],
        }
    )


@pytest.mark.parametrize("mode", ["train", "forward", "stream"])
@pytest.mark.parametrize("exponent", [0.0, 1.0, 1.5, 2.0])
def test_growth_is_the_exponent_of_the_time(mode: str, exponent: float) -> None:
    assert growth(timings("some", "any", mode, exponent)) == pytest.approx(exponent)


def test_the_page_names_what_grows_faster(tmp_path: Path) -> None:
    modes = {"train": 1.0, "forward": 1.0, "stream": 0.0}
    rows = pd.concat(
        [
            *(timings("even", "one", mode, exponent) for mode, exponent in modes.items()),
            *(timings("steep", "two", mode, exponent + 1) for mode, exponent in modes.items()),
        ]
    )
    write_page(rows, tmp_path, "some command")
    page = (tmp_path / "report.md").read_text()
    assert "`some command`" in page
    assert page.count("`steep` 2.00") == 2
    assert page.count("`steep` 1.00") == 1
    assert "`even` 1.00" not in page
    assert "| `even` | 2 | 2 | 1.00 | 2 | 2 | 1.00 | 2 | 2 | 0.00 | 1 | 1 |" in page
    assert (tmp_path / "lengths.svg").stat().st_size > 0
