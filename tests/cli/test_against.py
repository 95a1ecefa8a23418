"""``rnnbench run --against``: a model of one's own among the records of another run."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import rnnbench
from rnnbench.records.store import Store
from tests.cli.conftest import TINY
from tests.support.calling import Answer, call, spawn
from tests.support.factory import record

DRY = ("run", "--dry-run", "-t", "copy-memory[delay=2,symbols=2]", "-m", "lstm", "--seeds", "1")


@pytest.fixture(scope="module")
def published(swept: tuple[Path, Answer], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The records of a real sweep of ``rnn`` and ``lstm``, as a file of records."""
    path = tmp_path_factory.mktemp("published") / "records.parquet"
    assert rnnbench.write_records(swept[0] / "rnnbench.db", path) == 2
    return path


def test_only_the_own_trials_run_and_the_report_shows_the_others(
    published: Path, folder: Path
) -> None:
    words = [word if word != "rnn,lstm" else "gru,lstm" for word in TINY]
    answer = spawn(*words, "--against", str(published), "--report", "report", cwd=folder)
    assert answer.code == 0, answer
    assert "2/2 trials" in answer.out
    # lstm is in both, and its own trial counts
    assert f"Trials from {published}: 1." in answer.out
    with Store(folder / "rnnbench.db", must_exist=True) as store:
        assert {each.spec.model.name for each in store.records(purpose="all")} == {"gru", "lstm"}
    shown = pd.read_csv(folder / "report" / "results.csv")
    assert sorted(shown["model"]) == ["gru", "lstm", "rnn"]
    page = (folder / "report" / "report.md").read_text(encoding="utf-8")
    assert "From records.parquet: 1 trial of 1 model, not run with the 2 trials of this run" in page
    assert "Records of other runs" in page
    # the leaderboard on the terminal has all three
    table = answer.out.partition("trials\n")[2] or answer.out
    assert {"gru", "lstm", "rnn"} <= set(table.split())


def test_a_store_is_taken_too(swept: tuple[Path, Answer], folder: Path) -> None:
    answer = call(*DRY, "--against", str(swept[0] / "rnnbench.db"))
    assert (answer.code, answer.err) == (0, "")
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("dry", [True, False])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such store"),
        (b"", "empty file"),
        (b"PAR1 and no more", "is damaged"),
        (b"SQLite format 3\0 and no more", "rnnbench"),
    ],
)
def test_a_file_that_cannot_be_read_ends_the_run_before_training(
    folder: Path, content: bytes | None, words: str, dry: bool
) -> None:
    if content is not None:
        (folder / "records.parquet").write_bytes(content)
    arguments = DRY if dry else (*TINY, "--no-report")
    answer = call(*arguments, "--against", "records.parquet")
    assert words in answer.complaint
    assert not (folder / "rnnbench.db").exists()


def test_no_common_task_ends_the_run_before_training(folder: Path) -> None:
    rnnbench.write_records([record(task="adding")], "records.parquet")
    answer = call(*TINY, "--no-report", "--against", "records.parquet")
    assert "no record of records.parquet is on copy-memory" in answer.complaint
    assert not (folder / "rnnbench.db").exists()
    with pytest.raises(rnnbench.errors.UsageError, match="omit --against"):
        rnnbench.run("copy-memory", "lstm", dry_run=True, against="records.parquet")


def test_a_task_that_the_file_lacks_is_a_warning(published: Path) -> None:
    tasks = "copy-memory[delay=2,symbols=2],copy-memory[delay=3,symbols=2]"
    answer = call("run", "--dry-run", "-t", tasks, "-m", "lstm", "--against", str(published))
    assert answer.code == 0
    assert answer.err == (
        f"rnnbench: no record of {published} is on the same task: its copy-memory has delay 2, "
        "this one delay 3\n"
    )


def test_files_of_records_stand_where_stores_do(published: Path, folder: Path) -> None:
    exported = call("export", "out.csv", "--store", str(published))
    assert exported.out == "2 rows: out.csv\n"
    assert call("report", "--store", str(published), "-o", "report").code == 0
    assert (folder / "report" / "index.html").is_file()
    compared = call("compare", str(published), str(published))
    assert compared.code == 0
    assert "same score" in compared.out
    again = call("export", "--records", "again.parquet", "--store", str(published))
    assert again.out == "2 records: again.parquet\n"
    assert rnnbench.read_records("again.parquet") == rnnbench.read_records(published)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("out.csv", "--records"), "rnnbench export --records out.parquet"),
        (("out.parquet", "--compact"), "--compact is an option of --records"),
    ],
)
def test_records_are_exported_as_parquet_alone(
    published: Path, words: tuple[str, ...], said: str
) -> None:
    answer = call("export", *words, "--store", str(published))
    assert said in answer.complaint
