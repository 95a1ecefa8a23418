"""``rnnbench run``: a real sweep, its files, and requests refused before it begins."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rnnbench.records.result import Status
from rnnbench.records.store import Store
from tests.cli.conftest import TINY
from tests.support.calling import Answer, call

DRY = ("run", "--dry-run")
ONE = (*DRY, "-t", "copy-memory", "-m", "lstm", "--seeds", "1")


def test_a_sweep_trains_reports_progress_and_stores(swept: tuple[Path, Answer]) -> None:
    folder, answer = swept
    assert answer.code == 0, answer
    assert answer.err == ""
    assert "2 trials; " in answer.out
    assert "2/2 trials" in answer.out
    assert "baseline 0.125, perfect 1" in answer.out
    with Store(folder / "rnnbench.db", must_exist=True) as store:
        records = store.records()
        assert {record.spec.model.name for record in records} == {"rnn", "lstm"}
        for record in records:
            assert record.result.status == "done"
            assert record.command.startswith(
                "rnnbench run -t 'copy-memory[delay=2,symbols=2]' -m rnn,lstm --seeds 1"
            )
            assert (record.spec.settings.steps, record.spec.model.hidden_size) == (20, 4)
            assert store.weights_of(record.trial_id).is_file()
    assert sorted(each.name for each in folder.iterdir()) == [
        "locks",
        "rnnbench.db",
        "rnnbench.db.weights",
    ]


def test_the_same_command_again_trains_nothing_and_reports(
    swept: tuple[Path, Answer], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran, first = swept
    before = (ran / "rnnbench.db").read_bytes()
    monkeypatch.setenv("RNNBENCH_LOCK_DIR", str(folder / "locks"))
    again = call(*TINY, "--store", str(ran / "rnnbench.db"), "--report", "report")
    assert again.code == 0, again
    assert "2 trials, 2 of them already stored" in again.out
    assert (ran / "rnnbench.db").read_bytes() == before
    assert (folder / "report" / "index.html").is_file()
    *leaderboard, report = again.out.splitlines()[1:]
    assert report == f"Report: {Path('report', 'index.html')}"
    assert first.out.splitlines()[-len(leaderboard) :] == leaderboard


def test_a_dry_run_shows_the_trials_and_what_the_store_has(
    swept: tuple[Path, Answer], folder: Path
) -> None:
    ran, _ = swept
    tiny = [word for word in TINY if word not in ("--no-probes", "--accelerator", "cpu")]
    answer = call(*tiny, "--dry-run", "--store", str(ran / "rnnbench.db"), "--seeds", "2")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert [line.split()[1] for line in lines[:2]] == ["done", "done"]
    assert all("to run" in line for line in lines[2:4])
    assert lines[4] == "4 trials, 2 stored."
    # the trials of the other seed take as long as the stored ones
    assert lines[5].startswith("About 0:00:")
    assert "2 stored trials" in lines[5]
    assert list(folder.iterdir()) == []


def test_a_dry_run_distinguishes_retried_trials_from_kept_ones(
    swept: tuple[Path, Answer], folder: Path
) -> None:
    shutil.copy(swept[0] / "rnnbench.db", folder / "rnnbench.db")
    with Store(folder / "rnnbench.db") as store:
        for record, status in zip(
            store.records(), (Status.INTERRUPTED, Status.FAILED), strict=True
        ):
            ended = record.result.model_copy(update={"status": status})
            store.add(record.spec, ended, started_at=record.started_at, seconds=1.0)
    tiny = (
        *(word for word in TINY if word not in ("--no-probes", "--accelerator", "cpu")),
        "--dry-run",
    )
    *trials, tally = call(*tiny).out.splitlines()
    assert sorted(line.split("  ")[1] for line in trials) == ["failed", "to run"]
    assert tally == "2 trials, 1 stored."
    # no stored trial was trained to its end, so that there is no estimate of the time
    assert call(*tiny, "--retry", "failed").out.splitlines()[-1] == "2 trials, 0 stored."


def shown(*words: str) -> list[str]:
    answer = call(*words)
    assert answer.code == 0, answer
    assert answer.err == ""
    return answer.out.splitlines()


def test_a_plan_is_the_same_however_it_is_typed() -> None:
    typed = shown(*ONE, "--hidden-size", "8", "--steps", "100", "--lr", "0.01")
    assert typed == shown(
        *DRY, "--lr=1e-2", "--seeds=0,", "-mlstm[hidden_size=8]", "--steps=100", "--task=copy-mem*"
    )
    assert typed[-1] == "1 trial, 0 stored."


def test_settings_change_the_trial() -> None:
    plain = shown(*ONE)[0].split()[0]
    changes = [
        *(("--steps", "7"), ("--batch-size", "7"), ("--learning-rate", "7")),
        *(("--optimizer", "sgd"), ("--weight-decay", "7"), ("--clip-norm", "7")),
        *(("--clip-norm", "none"), ("--embedding-size", "7"), ("--validate-every", "7")),
        *(("--validation-size", "7"), ("--test-size", "7"), ("--precision", "64")),
        *(("--preset", "quick"), ("--hidden-size", "7")),
    ]
    identities = {shown(*ONE, *change)[0].split()[0] for change in changes}
    assert len(identities | {plain}) == len(changes) + 1
    for how in (
        ("-j", "2"),
        ("--threads", "2"),
        ("--timeout", "1h"),
        ("--memory", "4G"),
        ("--no-probes",),
        ("--retry", "failed"),
    ):
        assert shown(*ONE, *how)[0].split()[0] == plain


def test_a_suite_is_a_plan_and_flags_win(folder: Path) -> None:
    assert shown(*DRY, "--suite", "memory")[-1] == "45 trials, 0 stored."
    (folder / "mine.yml").write_text(
        "tasks: [copy-memory]\nmodels: [lstm, gru]\nseeds: 2\nhidden_size: 8", encoding="utf-8"
    )
    lines = shown(*DRY, "--suite", "mine.yml", "-m", "rnn", "--seeds", "4,5,6", "--steps", "9")
    assert lines[-1] == "3 trials, 0 stored."
    assert all("rnn  H=8  9 steps  seed" in line for line in lines[:-1])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-t", "copy-memoy"], "Did you mean 'copy-memory'?"),
        (["-m", "lsmt"], "Did you mean 'lstm'?"),
        (["-t", "copy-memory[dely=5]"], "Did you mean 'delay'?"),
        (["-t", "copy-memory[delay=5"], "Quote the word in a shell"),
        (["-t", "forecasting[path=absent.csv]"], "absent.csv cannot be read: No such file"),
        (["-m", "lstm[dropout=2.0]"], "dropout=2.0: it should be less than 1"),
        (["--seeds", "0"], "at least one seed"),
        (["--seeds", "²"], "neither a count such as 5 nor a list"),
        (["--seeds", "9999999999"], "9,999,999,999 trials"),
        (["--preset", "quik"], "Did you mean 'quick'?"),
        (["--preset", ""], "has no preset"),
        (["--hidden-size", "0"], "--hidden-size"),
        (["--hidden-size", "100000"], "less than or equal to 65536"),
        (["--steps", "9" * 5000], "--steps"),
        (["--lr", "nan"], "--lr"),
        (["--lr", "0"], "it should be greater than 0"),
        (["--clip-norm", "inf"], "--clip-norm"),
        (["--clip-norm", "x"], "not a number or none"),
        (["--optimizer", "adamm"], "not one of"),
        (["--accelerator", "tpu"], "not one of"),
        (["--suite", "memry"], "Did you mean 'memory'?"),
        (["--suite", ""], "no suite called ''"),
        (["--suite", "absent.yaml"], "No such file"),
        (["--retry", "faild"], "Did you mean 'failed'?"),
        (["--retry", ""], "not a status"),
        (["-j", "0"], "jobs"),
        (["--threads", "0"], "threads"),
        (["--timeout", "soon"], "10m"),
        (["--memory", "lots"], "4GiB"),
        (["--store", "."], "is a folder, not a store"),
        (["--store", "notes.txt"], "is not a store of rnnbench"),
    ],
)
def test_a_wrong_run_is_refused_before_it_begins(
    folder: Path, words: list[str], expected: str
) -> None:
    (folder / "notes.txt").write_text("precious\n" * 100, encoding="utf-8")
    assert expected in call(*DRY, "-t", "copy-memory", "-m", "lstm", *words).complaint
    assert [each.name for each in folder.iterdir()] == ["notes.txt"]


def test_a_report_that_could_not_be_written_is_refused_before_the_work(folder: Path) -> None:
    (folder / "precious").mkdir()
    (folder / "precious" / "work.txt").write_text("precious", encoding="utf-8")
    assert "not an rnnbench report" in call(*TINY, "--report", "precious").complaint
    assert not (folder / "rnnbench.db").exists()


WORDS = st.one_of(
    st.sampled_from(
        [
            *("-t", "-m", "--task", "copy-memory", "copy-memory[delay=2,3]", "lstm", "all", "*"),
            *("--seeds", "2", "0,1", "--suite", "memory", "--preset", "quick", "--steps", "1e3"),
            *("--hidden-size", "8", "--lr", "--retry", "all", "--timeout", "10m", "--memory"),
            *("4GiB", "-j", "auto", "--clip-norm", "none", "--no-probes", "--store", ""),
        ]
    ),
    st.text(st.characters(exclude_characters="/\0"), max_size=12),
)


@settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(WORDS, max_size=6), st.sampled_from([("-t", "copy-memory"), ()]))
def test_any_words_plan_or_are_refused(words: list[str], named: tuple[str, ...]) -> None:
    answer = call(*DRY, *named, *words)
    assert answer.code in (0, 2)
    if answer.code == 2:
        assert answer.complaint
