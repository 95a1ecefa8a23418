"""The check before the trials: settings of the network that cannot act end in one line each."""

from __future__ import annotations

from typing import Any

from rnnbench.execution.jobs.messages import PreflightJob, TrialJob
from rnnbench.execution.jobs.preflight import preflight
from rnnbench.execution.jobs.trial import run_trial
from rnnbench.plan.planning import Request, make_plan
from rnnbench.records.result import Status
from rnnbench.records.spec import TrialSpec
from tests.golden.trials import one_thread
from tests.tasks.builders import loaded

TEXT = "char-lm[sentences=100]"


def planned(task: str, models: list[str], hidden_size: int = 8, **settings: Any) -> list[TrialSpec]:
    chosen = {"steps": 4, "batch_size": 4, **settings}
    return make_plan(
        Request([task], models, [0], hidden_size=hidden_size, settings=chosen), loaded()
    )


def lines(*specs: TrialSpec) -> tuple[str, ...]:
    return preflight(PreflightJob(specs=specs), loaded())


def test_one_line_for_a_task_whatever_the_models() -> None:
    (line,) = lines(*planned("adding[length=5]", ["lstm", "gru"], word_dropout=0.1))
    assert "'adding'" in line
    assert "leave out --word-dropout" in line


def test_one_line_for_each_model_whose_widths_differ() -> None:
    specs = planned(TEXT, ["lstm", "gru", "lstm[proj_size=3]"], tied_embedding=True)
    (line,) = lines(*specs)
    assert "lstm[proj_size=3]" in line
    assert "type --embedding-size 3" in line


def test_equal_models_with_other_settings_are_checked_too() -> None:
    fitting = planned(TEXT, ["lstm"], tied_embedding=True)
    wrong = planned(TEXT, ["lstm"], tied_embedding=True, embedding_size=5)
    assert not lines(*fitting)
    assert len(lines(*fitting, *wrong)) == 1


def test_a_trial_in_a_block_has_every_figure() -> None:
    (spec,) = planned(
        "copy-memory[delay=4,symbols=3]",
        ["lstm"],
        steps=12,
        block="residual[depth=2,mlp=1,dropout=0.1]",
        word_dropout=0.1,
        embedding_dropout=0.1,
        decoder_dropout=0.1,
        embedding_init="normal",
        validation_size=16,
        test_size=32,
    )
    with one_thread():
        result = run_trial(TrialJob(spec=spec), loaded())
    assert result.status is Status.DONE, result.error
    assert not result.all_notes
    assert result.size is not None
    assert result.size.state_size == 2 * 2 * 8
    assert result.gradient is not None
    assert {(each.of, each.when) for each in result.gradient.profiles} == {
        (of, when) for of in ("input", "state") for when in ("init", "trained")
    }
    assert len(result.gradient.lyapunov_trained) == 4
    assert result.gradient.influence
