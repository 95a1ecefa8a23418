"""``rnnbench report``, ``compare``, ``export`` and ``show``, ``list`` and ``plugins``."""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

import pandas as pd
import pytest

from rnnbench.records.result import Status
from rnnbench.records.store import Store
from tests.support.calling import Answer, call
from tests.support.factory import record, study

REQUIRED = {
    *("trial_id", "status", "task", "model", "model_options", "plugin", "plugin_version", "seed"),
    *("hidden_size", "steps", "score_name", "score", "skill", "solved", "steps_to_solve"),
    *("params_total", "params_core", "state_size", "matmul_flops_per_step", "train_step_ms"),
    *("infer_step_ms", "stream_step_ms", "train_speed_ratio", "grad_slope_init"),
    *("grad_half_life_init", "device", "threads", "torch_version", "error"),
}


def said(*words: str) -> str:
    answer = call(*words)
    assert (answer.code, answer.err) == (0, ""), answer
    return answer.out


def read(path: Path) -> pd.DataFrame:
    if path.suffix == ".csv":
        return pd.read_csv(path)
    return pd.read_parquet(path) if path.suffix == ".parquet" else pd.read_json(path, lines=True)


@pytest.mark.parametrize("ending", ["csv", "parquet", "jsonl"])
def test_export_writes_a_row_per_trial_in_every_format(store: Path, ending: str) -> None:
    output = store.with_name(f"out.{ending}")
    assert said("export", output.name) == f"7 rows: out.{ending}\n"
    frame = read(output)
    assert len(frame) == 7
    assert set(frame.columns) >= REQUIRED
    assert set(frame["status"]) == {"done", "failed"}
    assert sorted(frame.loc[frame["model"] == "lstm", "seed"]) == [0, 1, 2]


def test_export_writes_curves_and_profiles_in_long_form(store: Path) -> None:
    said("export", "curves.csv", "--curves")
    said("export", "profiles.parquet", "--profiles")
    curves, profiles = (
        read(store.with_name("curves.csv")),
        read(store.with_name("profiles.parquet")),
    )
    assert len(curves) == 6 * 3
    assert {"trial_id", "step", "validation_score"} <= set(curves.columns)
    assert {"trial_id", "of", "when", "lag", "value"} <= set(profiles.columns)


def test_export_of_a_real_sweep(swept: tuple[Path, Answer], folder: Path) -> None:
    said("export", "out.jsonl", "--store", str(swept[0] / "rnnbench.db"))
    rows = [
        json.loads(line) for line in (folder / "out.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    assert {row["model"] for row in rows} == {"rnn", "lstm"}
    assert all(
        row["status"] == "done" and math.isfinite(row["score"]) and row["device"] == "cpu"
        for row in rows
    )


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ("out.xlsx", "name a file ending in .csv, .jsonl, .parquet"),
        ("nowhere/out.csv", "cannot write"),
        ("rnnbench.db", "ending in"),
    ],
)
def test_export_refuses_files_that_it_cannot_write(store: Path, output: str, message: str) -> None:
    before = store.read_bytes()
    assert message in call("export", output).complaint
    assert store.read_bytes() == before


def test_report_is_written_from_a_store(swept: tuple[Path, Answer], folder: Path) -> None:
    out = said(
        "report",
        "--store",
        str(swept[0] / "rnnbench.db"),
        "-o",
        "made",
        "-m",
        "lstm",
        "--title",
        "Two <b>bits</b>",
    )
    assert out == "Report: made/index.html\n"
    page = (folder / "made" / "index.html").read_text(encoding="utf-8")
    assert "Two &lt;b&gt;bits&lt;/b&gt;" in page
    assert set(read(folder / "made" / "results.csv")["model"]) == {"lstm"}


def test_report_takes_models_with_options_as_run_does(store: Path) -> None:
    options = {"num_layers": 2, "path": "a, b"}
    with Store(store) as opened:
        made = record(model="gru", seed=0, model_options=options)
        opened.add(made.spec, made.result, started_at="", seconds=1.0)
    said("report", "-o", "one", "-m", 'gru[path="a, b", num_layers=2]')
    assert list(read(Path("one", "results.csv"))["model"]) == ["gru"]
    said("report", "-o", "two", "-m", 'gru[num_layers=2,path="a, b"],rnn', "-t", "all")
    assert sorted(read(Path("two", "results.csv"))["model"]) == ["gru", "rnn", "rnn", "rnn"]


def test_report_refuses_impossible_requests(store: Path) -> None:
    wrong = call("report", "-m", "lsmt").complaint
    assert "no record matches --model lsmt. Did you mean 'lstm'? The store has: gru, lstm" in wrong
    assert "no record matches --task x" in call("report", "-t", "x").complaint
    assert "is a file; name a folder" in call("report", "-o", store.name).complaint
    assert "cannot write the report" in call("report", "-o", "/proc/report").complaint
    Store("empty.db").close()
    assert "no records to report on" in call("report", "--store", "empty.db").complaint


@pytest.mark.usefixtures("store")
def test_compare_sets_two_models_side_by_side() -> None:
    out = said("compare", "lstm", "rnn")
    assert "copy-memory" in out
    assert "Verdict: " in out
    assert said("compare", "lstm", "rnn", "--markdown").startswith("# lstm and rnn")
    assert said("compare", "lstm[hidden_size=64]", "rnn") != ""
    assert (
        "no records of model 'lsmt'. Did you mean 'lstm'"
        in call("compare", "lsmt", "rnn").complaint
    )


def test_compare_sets_two_stores_side_by_side_and_gates(store: Path) -> None:
    with Store("old.db") as old, Store("new.db") as new:
        for made in study(tasks=("copy-memory",), models=("lstm", "rnn"), points=3):
            old.add(made.spec, made.result, started_at="", seconds=1.0)
            worse = record(score=0.2, spec=made.spec) if made.spec.model.name == "lstm" else made
            new.add(worse.spec, worse.result, started_at="", seconds=1.0)
    assert "copy-memory, lstm" in said("compare", "old.db", "new.db")
    assert call("compare", "old.db", "new.db", "--fail-on-regression").code == 3
    assert call("compare", "new.db", "old.db", "--fail-on-regression").code == 0
    assert call("compare", "old.db", "old.db", "--fail-on-regression").code == 0
    assert "absent.db: no such store" in call("compare", store.name, "absent.db").complaint
    assert "'lstm' is not a file" in call("compare", store.name, "lstm").complaint


def test_show_prints_all_attempts_at_a_trial(store: Path) -> None:
    with Store(store) as opened:
        failed = next(each for each in opened.records() if each.result.status is Status.FAILED)
        again = record(score=0.5, spec=failed.spec)
        opened.add(
            again.spec, again.result, started_at="2026-01-03T00:00:00Z", seconds=1.0, log="again"
        )
    out = said("show", failed.trial_id[:15])
    assert f"trial     {failed.trial_id}" in out
    assert "model     gru  H=64" in out
    assert "-- attempt 1: failed" in out
    assert "-- attempt 2: done" in out
    assert "-- log of attempt 2\nagain" in out
    assert "\x1b" not in out
    assert said("show", failed.trial_id, "--log") == "said �[31mred\nagain\n"


def test_show_asks_for_more_of_an_ambiguous_id(store: Path) -> None:
    assert "7 trials: " in call("show", "", "--store", str(store)).complaint
    assert "no trial begins with 'zzz'" in call("show", "zzz").complaint


def test_the_store_can_be_named_by_the_environment(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = store.rename(store.with_name("elsewhere.db"))
    monkeypatch.setenv("RNNBENCH_STORE", str(elsewhere))
    assert said("export", "out.csv") == "7 rows: out.csv\n"


def test_list_shows_names_with_options_and_provider() -> None:
    out = said("list")
    for word in (
        "models\n",
        "tasks\n",
        "suites\n",
        "lstm  Long short-term memory",
        "num_layers=1",
        "delay=100",
        "(rnnbench ",
        "memory",
    ):
        assert word in out
    names = [
        line.split()[0]
        for line in said("list", "models", "*-rnn").splitlines()
        if not line.startswith(" ") and "  " in line
    ]
    assert names == ["antisymmetric-rnn", "clockwork-rnn", "orthogonal-rnn", "radius-rnn"]
    assert said("list", "tasks", "copy-memory").startswith("copy-memory  Copy memory")
    assert said("list", "suites", "mem*").startswith("memory  How far back")


def test_plugins_are_listed_with_their_models_and_tasks() -> None:
    lines = said("plugins").splitlines()
    assert lines[0].split() == ["plugin", "distribution", "version", "provides", "state"]
    assert any(line.split()[0] == "lstm" and line.split()[-1] == "ok" for line in lines)


def test_a_disabled_plugin_is_listed_as_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RNNBENCH_DISABLE_PLUGINS", "gru")
    assert "disabled" in said("plugins")
    assert (
        "plugin gru (rnnbench"
        in call("run", "--dry-run", "-t", "copy-memory", "-m", "gru").complaint
    )


def provide(folder: Path, name: str, code: str) -> None:
    """Put a distribution with a plugin into a folder, as pip installs it."""
    info = folder / f"acme_{name}-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: acme-{name}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[rnnbench]\n{name} = acme_{name}\n")
    (folder / f"acme_{name}.py").write_text(code)


@pytest.mark.filterwarnings("default::UserWarning")
def test_warnings_and_errors_of_plugins_are_shown(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered = (
        "import rnnbench\nimport warnings\nwarnings.warn('old … API')\n"
        "@rnnbench.hookimpl\ndef register_tasks(register): pass\n"
    )
    provide(folder / "shelf", "loud", registered)
    provide(folder / "shelf", "broken", "import nothing_of_this_name\n")
    monkeypatch.syspath_prepend(str(folder / "shelf"))
    answer = call("plugins")
    assert answer.code == 1
    warned = "warning of loud (acme-loud 1.2): UserWarning: old … API (acme_loud.py:3)"
    assert warned in answer.out.splitlines()
    assert "No module named 'nothing_of_this_name'" in answer.out
    unloaded = call("check", "broken").complaint
    assert "plugin broken (acme-broken 1.2) is not loaded: ModuleNotFoundError" in unloaded
    unknown = call("check", "cell-of-broken").complaint
    assert "Type: rnnbench list. Note: plugin broken (acme-broken 1.2) is not loaded" in unknown
    sys.modules.pop("acme_loud", None)


def test_check_of_a_plugin_names_what_it_provides(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    provide(
        folder / "shelf",
        "pair",
        "import rnnbench\nfrom torch import nn\n"
        "class Core(nn.Module):\n"
        "    def __init__(self, input_size: int, hidden_size: int) -> None:\n"
        "        super().__init__()\n"
        "    def forward(self, x, state=None): return x, state\n"
        "@rnnbench.hookimpl\n"
        "def register_models(register):\n"
        "    register('cell-a', Core)\n"
        "    register('cell-b', Core)\n",
    )
    monkeypatch.syspath_prepend(str(folder / "shelf"))
    assert "'pair' is a plugin; it provides cell-a, cell-b." in call("check", "pair").complaint
    sys.modules.pop("acme_pair", None)
