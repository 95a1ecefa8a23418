"""Published values on the page: the table of a task, and the section on all."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rnnbench.records.published import RecordedPublished
from rnnbench.records.result import Record
from rnnbench.report.write import write_report
from tests.support.factory import record


def values(task: str) -> tuple[RecordedPublished, ...]:
    def value(model: str, number: float, **given: object) -> RecordedPublished:
        return RecordedPublished.model_validate(
            {"model": model, "value": number, "citation": "Doe 1999", "where": "table 1", **given}
        )

    return (
        value("lstm", 0.8, differences=(f"another readout of {task}",)),
        value("gru", 0.99),
        value("rnn", 0.2, bound="<", printed="below 20 %"),
        value("resnet", 0.7),
    )


def trials(task: str) -> list[Record]:
    levels = {"lstm": 0.8, "gru": 0.5, "rnn": 0.15}
    return [
        record(score=level + seed / 1000, task=task, model=model, seed=seed, published=values(task))
        for model, level in levels.items()
        for seed in range(3)
    ]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    target: Path = tmp_path_factory.mktemp("reports") / "published"
    write_report([*trials("copy-memory"), *trials("parity")], target)
    return (target / "report.md").read_text(encoding="utf-8")


def row(page: str, model: str) -> str:
    (found,) = re.findall(rf"^\| parity \| {model} \|.*$", page, re.MULTILINE)
    return str(found)


def test_each_value_stands_beside_ours_with_a_verdict(page: str) -> None:
    assert "| reproduced |" in row(page, "lstm")
    assert "worse under this protocol" in row(page, "gru")
    assert "the bound holds" in row(page, "rnn")
    assert "below 0.200" in row(page, "rnn")
    assert "below 20 %" in row(page, "rnn")
    assert "another readout of parity" in row(page, "lstm")


def test_the_section_counts_the_verdicts(page: str) -> None:
    assert "6 comparisons of trials with published values, 6 of them decided" in page
    assert "2 reproduced" in page
    assert not re.search(r"refuted(?!:)", page)


def test_a_model_without_trials_is_in_the_table_of_its_task_alone(page: str) -> None:
    assert page.count("no trial of this model") == 2
    assert not re.search(r"^\| parity \| resnet", page, re.MULTILINE)


def test_one_task_has_its_table_and_no_further_section(tmp_path: Path) -> None:
    write_report(trials("parity"), tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert text.count("**Published values**") == 1
    assert "comparisons of trials with published values" not in text


def test_a_page_without_published_values_says_nothing_of_them(tmp_path: Path) -> None:
    write_report([record(seed=seed) for seed in range(3)], tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert "Published values" not in text
