"""An exception with a hostile text does no harm in any file that is made from its record."""

from __future__ import annotations

import csv
import unicodedata
from pathlib import Path

from rnnbench.analysis.tables import export, tidy
from rnnbench.contract.faults import in_words
from rnnbench.execution.jobs.failure import TRACEBACK_LIMIT, traceback_of
from rnnbench.records.store import Store
from rnnbench.report.write import write_report
from tests.execution.conftest import Plan, Sweeping


def test_it_stays_harmless_in_record_report_and_table(
    plan: Plan, sweep: Sweeping, store: Store, tmp_path: Path
) -> None:
    sweep(plan("raises", "good"))
    before = {path for path in tmp_path.rglob("*") if "report" not in path.parts}
    records = store.records()
    (error,) = (record.result.error for record in records if record.result.error)
    assert error.startswith("KeyError: ")
    assert error.isprintable()

    index = write_report(records, tmp_path / "report", command="rnnbench run")
    export(tidy(records), tmp_path / "report" / "table.csv")
    written = [
        path
        for path in (tmp_path / "report").rglob("*")
        if path.suffix in {".html", ".md", ".csv", ".svg"}
    ]
    assert index in written
    for path in written:
        text = path.read_text()
        assert not [c for c in text if unicodedata.category(c) == "Cc" and c not in "\n\r\t"], path
        if path.suffix != ".csv":
            assert "<script>alert" not in text, path
    for path in (tmp_path / "report").rglob("*.csv"):
        with path.open(newline="") as file:
            assert not [
                cell for row in csv.reader(file) for cell in row if cell.startswith(("=", "+", "@"))
            ]
    assert {path for path in tmp_path.rglob("*") if "report" not in path.parts} == before


class UnspeakableError(Exception):
    def __str__(self) -> str:
        raise ValueError("no")


def test_any_exception_can_be_put_into_words() -> None:
    assert in_words(UnspeakableError()) == "UnspeakableError"
    assert in_words(MemoryError()) == "MemoryError"
    assert in_words(ValueError("a\nb\x1b[31m\udcff")) == "ValueError: a b [31m"
    try:
        raise ValueError("\udcff" + "x" * 2 * TRACEBACK_LIMIT + "end")
    except ValueError as error:
        text = traceback_of(error)
    assert text.encode()
    assert text.endswith("end\n")
    assert len(text) <= TRACEBACK_LIMIT
