"""Whole reports: their findings, partial and hostile data, and the replacement of a folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from rnnbench.errors import OutputError, UsageError
from rnnbench.records.result import DataSize, Record, RecordedCitation, Status
from rnnbench.records.settings import Settings
from rnnbench.report.write import write_report
from tests.support.factory import ENVIRONMENT, learning, record, study

NASTY = "<script>document.title='owned'</script>|`*$\\frac{_&\x00\x1b\n" + "A" * 10_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a whole study with some failures."""
    target = tmp_path_factory.mktemp("reports") / "study"
    records = [
        *study(),
        record(status=Status.TIMEOUT, error="no result after 600 s", model="gru", seed=7),
        record(status=Status.DIVERGED, error="loss is not finite", model="rnn", seed=7),
    ]
    write_report(records, target, command="rnnbench report")
    return target


def _page(folder: Path) -> str:
    return (folder / "index.html").read_text(encoding="utf-8")


def test_the_folder_holds_everything(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {
        "index.html",
        "report.md",
        "results.csv",
        "figures",
    }
    svgs = {path.stem for path in (folder / "figures").glob("*.svg")}
    assert svgs == {path.stem for path in (folder / "figures").glob("*.png")}
    for kind in ("learning", "cost", "gradient", "state-gradient", "influence", "speed", "plot-1"):
        assert f"02-sine-forecasting-{kind}" in svgs
    assert len(pd.read_csv(folder / "results.csv")) == 52


def test_the_page_fetches_nothing_and_runs_nothing(folder: Path) -> None:
    page = _page(folder)
    assert "<script" not in page
    assert not re.search(r"(src|srcset)=\"(?!data:)", page)
    assert not re.search(r"@import|url\(", page)
    assert "default-src 'none'" in page


@pytest.mark.parametrize("name", ["index.html", "report.md"])
@pytest.mark.parametrize(
    "words",
    [
        pytest.param(("lstm", "best mean score"), id="best"),
        pytest.param(("solves the task more often than", "rnn (0 of 5)"), id="worse models"),
        pytest.param(("gru", "lstm solve the task in every trial"), id="ceiling"),
        pytest.param(("never by rnn",), id="unsolved"),
        pytest.param(("2 trials", "1 timeout", "1 diverged"), id="failures"),
    ],
)
def test_the_findings_say_what_the_evidence_supports(
    folder: Path, name: str, words: tuple[str, ...]
) -> None:
    sentences = re.findall(r"^(?:- | *<p>)(.*)", (folder / name).read_text("utf-8"), re.MULTILINE)
    assert any(all(word in sentence for word in words) for sentence in sentences), sentences[:20]


@pytest.mark.parametrize("name", ["index.html", "report.md"])
def test_the_report_shows_what_the_records_say(folder: Path, name: str) -> None:
    text = (folder / name).read_text(encoding="utf-8")
    for recorded in (
        "no result after 600 s",
        "persistence",
        "recursive mse",
        "Long short-term memory",
        "rnnbench run -t copy-memory -m lstm --seeds 3",
        "2.13.0",
    ):
        assert recorded in text, recorded
    for mark in ("† looks ahead", "‡", "5 seeds: 95 % t interval", "Across tasks"):
        assert mark in text, mark


def test_markdown_names_figures_that_exist(folder: Path) -> None:
    named = re.findall(r"\]\((figures/[^)]+)\)", (folder / "report.md").read_text(encoding="utf-8"))
    assert len(named) > 10
    assert all((folder / path).is_file() for path in named)


def test_markdown_tables_are_rectangular(folder: Path) -> None:
    lines = (folder / "report.md").read_text(encoding="utf-8").splitlines()
    tables = "\n".join(line if line.startswith("|") else "" for line in lines).split("\n\n")
    widths = [
        {len(re.findall(r"(?<!\\)\|", row)) for row in table.strip().splitlines()}
        for table in tables
        if table.strip()
    ]
    assert len(widths) >= 8
    assert all(len(found) == 1 for found in widths)


def test_the_same_records_give_the_same_bytes(tmp_path: Path) -> None:
    records = study(tasks=["copy-memory"], models=["attention-lstm"], seeds=2)
    for name in ("a", "b"):
        write_report(records, tmp_path / name)
    for path in sorted((tmp_path / "a").rglob("*.*")):
        assert (
            path.read_bytes() == (tmp_path / "b" / path.relative_to(tmp_path / "a")).read_bytes()
        ), path.name


def test_another_run_of_python_gives_the_same_bytes(tmp_path: Path) -> None:
    """The order of a set of strings differs between runs, unless the hash seed is the same."""
    code = """
import pathlib, sys
from rnnbench.report.write import write_report
from tests.support.factory import record
records = [
    record(0.5 + 0.1 * ((i * j) % 3), task=f"task-{i}", model=model, slope=None, ratio=None)
    for i in range(5)
    for j, model in enumerate(["lstm", "gru", "rnn", "bilstm"])
]
write_report(records, pathlib.Path(sys.argv[1]))
"""
    for seed in ("1", "3"):
        subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / seed)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
        )
    assert "critical" in (tmp_path / "1" / "report.md").read_text(encoding="utf-8").lower()
    for path in sorted((tmp_path / "1").rglob("*.*")):
        assert (
            path.read_bytes() == (tmp_path / "3" / path.relative_to(tmp_path / "1")).read_bytes()
        ), path.name


def _bare(score: float = 0.9, **options: object) -> Record:
    return record(score, slope=None, ratio=None, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([_bare()], "lstm is the only"),
        ([_bare(status=Status.FAILED, error="boom")], "no score"),
        (
            [_bare(model=m, seed=s) for m in ("lstm", "gru") for s in (0, 1)],
            "Too few seeds",
        ),
        ([record(model=m, seed=0) for m in ("lstm", "gru")], "no interval"),
        ([_bare(model=m, seed=s) for m, s in (("lstm", 0), ("gru", 1))], "Too few seeds"),
        ([_bare(learned=learning(0.5, points=0))], "lstm is the only"),
        ([_bare(learned=learning(float("nan")))], "it ended without a finite score"),
        (
            [_bare(learned=learning(0.1, baseline=0.125))],
            "baseline: lstm",
        ),
        ([_bare(settings=Settings(steps=n)) for n in (10, 20)], "Budgets differ"),
        ([record(0.5, slope=0.2, seed=s) for s in range(12)], "exploding"),
        ([record(0.5, slope=-40.0, seed=s) for s in range(2)], "vanishing"),
    ],
)
def test_partial_data_still_make_a_report(tmp_path: Path, records: list[Record], said: str) -> None:
    write_report(records, tmp_path / "report")
    assert said in _page(tmp_path / "report")


def test_five_tasks_rank_the_models(tmp_path: Path) -> None:
    scores = {"lstm": 0.9, "gru": 0.8, "rnn": 0.2}
    records = [
        _bare(score=scores[model], task=f"task-{place}", model=model)
        for place in range(5)
        for model in scores
    ]
    write_report(records, tmp_path / "report")
    assert (tmp_path / "report" / "figures" / "across-ranks.svg").is_file()
    assert "mean rank" in _page(tmp_path / "report")


def test_a_paper_is_listed_once_and_a_call_is_python(tmp_path: Path) -> None:
    url = "https://example.org/paper"
    cited = (
        RecordedCitation(of="lstm", key="A & B 1997", title="Long memory", venue="NC", url=url),
        RecordedCitation(of="adding", key="A and B 1997", title="Long Memory", venue="NC", url=url),
    )
    call = "rnnbench.run('adding', 'lstm')"
    write_report([record(citations=cited, command=call)], tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert text.count(url) == 1
    assert "(adding and lstm)" in text
    assert f"```python\n{call}\n```" in text


def test_hostile_text_is_shown_as_text(tmp_path: Path) -> None:
    cited = (
        RecordedCitation(of=NASTY, key=NASTY, title=NASTY, venue=NASTY, url="javascript:alert(1)"),
    )
    records = [
        record(
            model_options={"path": NASTY},
            error=NASTY,
            status=status,
            seed=seed,
            citations=cited,
            command=NASTY,
            learned=learning(0.5, extra_scores={NASTY: 0.1}, simple_scores={"_x": 0.2}),
            task_options={"file": NASTY},
        )
        for seed, status in enumerate((Status.DONE, Status.DONE, Status.CRASHED))
    ]
    write_report(records, tmp_path / "report", title=NASTY, command=NASTY)
    for name in ("index.html", "report.md"):
        text = (tmp_path / "report" / name).read_text(encoding="utf-8")
        fences = re.sub(r"(?ms)^(`{3,})console\n.*?^\1$", "", text)  # commands are literal there
        assert "<script>" not in fences
        assert "javascript:" not in text
        assert "\x00" not in text
        assert "A" * 3000 not in text
    assert "&lt;script&gt;" in _page(tmp_path / "report")


def test_no_records_say_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="rnnbench run"):
        write_report([], tmp_path / "report")
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_report_is_replaced_and_other_files_are_kept(tmp_path: Path) -> None:
    target = tmp_path / "report"
    write_report([_bare(task="first-task")], target)
    (target / "notes.txt").write_text("mine")
    page = write_report([_bare(task="second-task")], target)
    assert page == target / "index.html"
    assert "second-task" in page.read_text()
    assert (target / "notes.txt").read_text() == "mine"
    assert not list((target / "figures").glob("01-first-task*"))
    assert [path.name for path in tmp_path.iterdir()] == ["report"], "no temporary folder is left"


def test_a_folder_that_is_not_a_report_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "index.html").write_text("<html>my thesis</html>")
    (tmp_path / "file").write_text("x")
    for name, words in (
        ("thesis", "name a new folder"),
        ("file", "is a file"),
        ("file/below", "cannot write"),
    ):
        with pytest.raises(OutputError, match=words) as caught:
            write_report([_bare()], tmp_path / name)
        assert "\n" not in str(caught.value)
    assert (tmp_path / "thesis" / "index.html").read_text() == "<html>my thesis</html>"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "thesis"]


def test_a_figure_draws_ten_configurations_and_the_table_lists_all(tmp_path: Path) -> None:
    models = [f"model-{index:02d}" for index in range(12)]
    records = [_bare(0.5 + 0.01 * place, model=model) for place, model in enumerate(models)]
    write_report(records, tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert all(any(f" {model} " in row for row in rows) for model in models)
    (curves,) = re.findall(r"!\[Learning curves of (.*)\]", text)
    assert curves.split(", ") == models[:1:-1]
    assert "2 others not drawn" in text


def test_caveats_of_scores_are_on_the_page(tmp_path: Path) -> None:
    size = DataSize(train=None, validation=500, test=2000, bytes=1, seen_in_training=0.85)
    other = ENVIRONMENT.model_copy(update={"processor_model": "OtherMaker family 1"})
    records = [
        record(model="lstm", learned=learning(still_improving=True), data_size=size),
        record(model="gru", environment=other),
    ]
    write_report(records, tmp_path / "report")
    text = (tmp_path / "report" / "report.md").read_text(encoding="utf-8")
    assert text.count("↗") == 2
    assert "85 % of the test sequences were in training too" in text
    assert "Scores come from different processors" in text
    assert "OtherMaker family 1, AVX512" in text


def test_a_task_on_which_no_score_counts_as_solved_says_why(tmp_path: Path) -> None:
    why = "74 % of the words of the test part are unknown"
    denied = learning(0.99).model_copy(update={"solved": False, "unsolvable": why})
    write_report([record(seed=seed, learned=denied) for seed in range(3)], tmp_path / "report")
    assert f"No score counts as solved: {why}." in (tmp_path / "report" / "report.md").read_text()
