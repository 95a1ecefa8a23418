"""Tasks on real files, where a folder of them is next to the checkout."""

from __future__ import annotations

import pytest

from tests.tasks.builders import SHARED_DATA, build

pytestmark = pytest.mark.skipif(
    not SHARED_DATA.is_dir(), reason="no folder of real data next to the checkout"
)


def test_sst2_is_read_whole() -> None:
    folder = SHARED_DATA / "sst2"
    files = {
        "path": folder / "train.tsv",
        "validation": folder / "dev.tsv",
        "test": folder / "test.tsv",
    }
    task = build("text-classification", **{name: str(path) for name, path in files.items()})
    parts = task.splits()
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [6920, 872, 1821]
    assert task.outputs.vocab == 2
    # the treebank's test set has 909 positive sentences
    assert task.baseline == pytest.approx(912 / 1821)
    # Socher et al. 2013 give 81.8 % for naive Bayes
    assert 0.78 < task.naive_bayes < 0.84


def test_ett_is_read_and_persistence_is_hard_to_beat() -> None:
    task = build("forecasting", path=str(SHARED_DATA / "ett" / "ETTh1.csv"), column="OT", season=24)
    assert len(task.values) == 17420
    errors = task.simple_scores
    assert (
        errors["linear regression on the window"] < errors["persistence"] < errors["seasonal naive"]
    )


def test_the_chorales_are_read_whole() -> None:
    task = build("polyphonic-music", path=str(SHARED_DATA / "polyphonic" / "JSB_Chorales.mat"))
    parts = task.splits()
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [229, 76, 77]
    assert sum(map(len, task.rolls.train)) == 13_807
    assert task.outputs.dim == 88
    # independent notes are far from the 8.4 to 8.9 of recurrent networks (Bai et al. 2018)
    assert 10 < task.simple_scores["last frame, a Markov chain per note"] < task.baseline < 12
    assert task.unsolvable is None


@pytest.mark.parametrize(
    ("name", "column", "values"),
    [("airline-passengers", "Passengers", 144), ("monthly-sunspots", "Sunspots", 2820)],
)
def test_series_with_quoted_headers_are_read(name: str, column: str, values: int) -> None:
    task = build("forecasting", path=str(SHARED_DATA / "series" / f"{name}.csv"), column=column)
    assert len(task.values) == values
    errors = task.simple_scores
    assert errors["linear regression on the window"] < errors["AR(2)"] < errors["persistence"]
