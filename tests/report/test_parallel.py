"""Calls in forked processes: the same results in the same order, even if a worker dies."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from rnnbench.report.parallel import call_all
from tests.support.installing import answer

PRELUDE = """
import json, os, signal, time
from functools import partial
from rnnbench.report.parallel import call_all

def square(number):
    time.sleep(0.01 * (number % 3))
    return number * number

def process():
    time.sleep(0.1)
    return os.getpid()

def die_in_a_worker(parent, end):
    if os.getpid() != parent:
        end()
    return "done"

def show(value):
    print(json.dumps(value))
"""
"""Before the code of a fresh interpreter: the one of the tests may have threads or torch."""


def test_the_results_are_in_the_order_of_the_calls() -> None:
    code = "show(call_all([partial(square, n) for n in range(30)], 3))"
    assert answer(PRELUDE + code) == [number * number for number in range(30)]


def test_several_processes_make_the_calls() -> None:
    assert answer(f"{PRELUDE}show(len(set(call_all([process] * 8, 3))))") == 3


@pytest.mark.parametrize("end", ["os._exit(0)", "os.kill(os.getpid(), signal.SIGKILL)"])
def test_the_calls_of_a_dead_worker_are_made_in_the_parent(end: str) -> None:
    call = f"partial(die_in_a_worker, os.getpid(), lambda: {end})"
    assert answer(f"{PRELUDE}show(call_all([{call}] * 4, 2))") == ["done"] * 4


def test_an_exception_in_a_worker_is_raised_in_the_parent() -> None:
    code = """
try:
    call_all([lambda: 1 / 0] * 4, 2)
except ZeroDivisionError as error:
    show(str(error))
"""
    assert answer(PRELUDE + code) == "division by zero"


def test_no_worker_is_left() -> None:
    code = """
call_all([process] * 4, 3)
try:
    os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    show("none")
"""
    assert answer(PRELUDE + code) == "none"


def test_one_process_forks_none() -> None:
    assert set(call_all([os.getpid] * 3, 1)) == {os.getpid()}


def test_a_process_with_threads_is_not_forked() -> None:
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    try:
        assert set(call_all([os.getpid] * 3, 2)) == {os.getpid()}
    finally:
        end.set()
        thread.join()


def test_a_report_has_the_same_bytes_whatever_the_number_of_processes(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from rnnbench.report import parallel
from rnnbench.report.write import write_report
from tests.support.factory import study
records = study(tasks=["copy-memory"], models=["lstm", "rnn"], seeds=2)
for processes in (1, 2):
    write_report(records, Path({str(tmp_path)!r}) / str(processes), processes=processes)
show(parallel.can_fork())
"""
    assert answer(PRELUDE + code) is True, "otherwise both were made by one process"
    files = [path.relative_to(tmp_path / "1") for path in sorted((tmp_path / "1").rglob("*.*"))]
    assert len(files) > 5
    for file in files:
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "2" / file).read_bytes(), file
