"""Each fault of a model is recorded with its own status; the other trials are done."""

from __future__ import annotations

import pytest

from rnnbench.records.result import Status
from tests.execution.conftest import Plan, Sweeping
from tests.support.servers import fork_servers

EXPECTED = {
    "segfault": (Status.CRASHED, "killed by SIGSEGV"),
    "exits-zero": (Status.CRASHED, "exited with code 0 without a result"),
    "raises": (Status.FAILED, "KeyError"),
    "leaves-by-system-exit": (Status.FAILED, "SystemExit: 0"),
    "wrong-shape": (Status.FAILED, "RuntimeError"),
    "nan-loss": (Status.DIVERGED, "the training loss became nan at step 1"),
    "nan-validation": (Status.DIVERGED, "the validation loss became nan"),
    "declines": (Status.INCOMPATIBLE, "it takes nothing on"),
    "good": (Status.DONE, ""),
}


def test_every_fault_is_distinguished_and_harms_no_other_trial(plan: Plan, sweep: Sweeping) -> None:
    summary, records = sweep([*plan(*EXPECTED), *plan("good", seeds=4)])  # the first good one twice
    seen = {name: records[name].result for name in EXPECTED}
    assert {name: result.status for name, result in seen.items()} == {
        name: status for name, (status, _) in EXPECTED.items()
    }
    for name, (_, text) in EXPECTED.items():
        error = seen[name].error or ""
        assert text in error
        assert error.isprintable()
    assert summary.statuses[Status.DONE] == 4
    assert not summary.all_done


def test_a_crash_keeps_what_it_last_said(plan: Plan, sweep: Sweeping) -> None:
    _, records = sweep(plan("segfault", "raises"))
    assert "Segmentation fault" in records["segfault"].log
    assert "misbehave" in records["segfault"].log
    assert "acme_faults.py" in (records["raises"].result.traceback or "")


def test_output_is_kept_from_its_end_and_bounded(plan: Plan, sweep: Sweeping) -> None:
    _, records = sweep(plan("talkative-model"))
    assert records["talkative-model"].result.status is Status.DONE
    log = records["talkative-model"].log
    assert "the last words" in log[-200:]
    assert len(log) <= 64 * 1024


def test_memory_beyond_the_limit_is_oom(plan: Plan, sweep: Sweeping) -> None:
    _, records = sweep(plan("memory-hog", "good"), memory=6 << 30)
    assert records["memory-hog"].result.status is Status.OOM
    assert records["good"].result.status is Status.DONE


@pytest.mark.parametrize(
    "name", ["hangs", "ignores-sigterm", "forks-children", "escapes-its-group"]
)
def test_a_limit_is_kept_and_no_process_is_left(plan: Plan, sweep: Sweeping, name: str) -> None:
    _, records = sweep(plan(name, "good"), timeout=3.0)
    assert records[name].result.status is Status.TIMEOUT
    assert records[name].result.error == "took longer than the limit of 3 s"
    assert records["good"].result.status is Status.DONE
    # The server adopts orphans, those in sessions of their own included.
    (server,) = fork_servers()
    assert server.children(recursive=True) == []
