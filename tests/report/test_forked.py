"""Work shared among processes: the same results in the same order, whatever becomes of those that
help.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.report import write_report
from rnnbench.report.figures import forked
from rnnbench.report.figures.forked import results_of
from tests.support.factory import study


def _square(number: int) -> int:
    return number * number


def _who(seconds: float) -> int:
    time.sleep(seconds)
    return os.getpid()


def _unless_helping(this: int, misfortune: Callable[[], object]) -> str:
    """Meet a misfortune anywhere but in the process ``this``, which is slow enough for the others
    to meet theirs.
    """
    if os.getpid() != this:
        misfortune()
    time.sleep(0.1)
    return "done"


@given(st.lists(st.integers(), max_size=30), st.integers(1, 4))
def test_the_order_is_that_of_the_work(numbers: list[int], processes: int) -> None:
    assert results_of([partial(_square, number) for number in numbers], processes) == [
        number * number for number in numbers
    ]


def test_more_than_one_process_works() -> None:
    assert len(set(results_of([partial(_who, 0.1)] * 8, 3))) == 3


def test_one_process_forks_none() -> None:
    assert set(results_of([partial(_who, 0.0)] * 3, 1)) == {os.getpid()}


@pytest.mark.parametrize(
    "misfortune",
    [partial(os._exit, 0), lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: 1 / 0],
    ids=["exit", "sigkill", "exception"],
)
def test_what_a_helper_fails_to_deliver_is_done_here(
    misfortune: Callable[[], object], capfd: pytest.CaptureFixture[str]
) -> None:
    assert results_of([partial(_unless_helping, os.getpid(), misfortune)] * 4, 2) == ["done"] * 4
    assert "Error" not in capfd.readouterr().err


def test_a_helper_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked, "LEAST_PATIENCE_SECONDS", 0.5)
    work = [partial(_unless_helping, os.getpid(), partial(time.sleep, 60))] * 2
    started = time.monotonic()
    assert results_of(work, 2) == ["done"] * 2
    assert time.monotonic() - started < 10


def test_an_exception_is_raised_as_without_helpers() -> None:
    with pytest.raises(ZeroDivisionError):
        results_of([lambda: 1 / 0] * 4, 2)


def test_no_helper_is_left() -> None:
    results_of([partial(_who, 0.0)] * 4, 3)
    with pytest.raises(ChildProcessError):
        os.waitpid(-1, os.WNOHANG)


def test_a_report_is_the_same_however_many_draw_it(tmp_path: Path) -> None:
    records = study(tasks=["copy-memory"], models=["lstm", "rnn"], seeds=2)
    for processes in (1, 2):
        write_report(records, tmp_path / str(processes), processes=processes)
    files = [path.relative_to(tmp_path / "1") for path in sorted((tmp_path / "1").rglob("*.*"))]
    assert len(files) > 5
    for file in files:
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "2" / file).read_bytes(), file
