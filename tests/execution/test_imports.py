"""Plugins that do harm when they are imported: in a trial's process, that is that trial's affair."""

from __future__ import annotations

import psutil

from rnnbench.execution.isolation.processes import Processes
from rnnbench.records.result import Status
from tests.execution.conftest import Plan, Sweeping
from tests.execution.test_processes import server
from tests.support.views import SilentView


def test_only_the_trials_of_a_harmful_plugin_suffer(
    plan: Plan, sweep: Sweeping, processes: Processes
) -> None:
    specs = plan("import-exits", "import-hangs", "restless", "good")
    summary, records = sweep(specs, timeout=4.0)
    assert {name: record.result.status for name, record in records.items()} == {
        "import-exits": Status.CRASHED,
        "import-hangs": Status.TIMEOUT,
        "restless": Status.DONE,
        "good": Status.DONE,
    }
    assert records["import-exits"].result.error == "exited with code 3 without a result"
    assert not summary.all_done
    assert [
        child
        for child in server(processes).children(recursive=True)
        if child.status() != psutil.STATUS_ZOMBIE
    ] == []


def test_a_check_that_comes_to_no_end_is_given_up_and_said(plan: Plan, sweep: Sweeping) -> None:
    for model, why in (
        ("import-exits", "exited with code 3 without a result"),
        ("import-hangs", "took too long"),
    ):
        view = SilentView()
        sweep(plan(model), view, timeout=1.5)
        assert (
            f"the check before the trials came to no end ({why}); they run all the same"
            in view.said
        )
