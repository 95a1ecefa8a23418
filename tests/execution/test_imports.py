"""Plugins with harmful imports affect their own trials only."""

from __future__ import annotations

import psutil

from rnnbench.records.result import Status
from tests.execution.conftest import Plan, Sweeping
from tests.support.servers import fork_servers
from tests.support.views import SilentView


def test_only_the_trials_of_a_harmful_plugin_suffer(plan: Plan, sweep: Sweeping) -> None:
    sweep(plan("good", seeds=1))
    (server,) = fork_servers()
    summary, records = sweep(plan("import-exits", "import-hangs", "restless"), timeout=4.0)
    assert {name: record.result.status for name, record in records.items()} == {
        "import-exits": Status.CRASHED,
        "import-hangs": Status.TIMEOUT,
        "restless": Status.DONE,
        "good": Status.DONE,
    }
    assert records["import-exits"].result.error == "exited with code 3 without a result"
    assert not summary.all_done
    assert fork_servers() == [server], "a plugin was imported in the server, and ended it"
    children = server.children(recursive=True)
    assert [child for child in children if child.status() != psutil.STATUS_ZOMBIE] == []


def test_without_the_check_before_them_trials_run_all_the_same(plan: Plan, sweep: Sweeping) -> None:
    for model, why in (
        ("import-exits", "exited with code 3 without a result"),
        ("import-hangs", "took too long"),
    ):
        view = SilentView()
        sweep(plan(model), view, timeout=1.5)
        assert any("the check before" in text and why in text for text in view.said)
