"""A measurement that fails costs its figure, with a note, and never the trial."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnnbench.contract import registry
from rnnbench.contract.given import take_class
from rnnbench.execution.jobs import trial
from rnnbench.execution.jobs.messages import TrialJob
from rnnbench.execution.options import TrialOptions
from rnnbench.plan.planning import Request, make_plan
from rnnbench.records.result import Result, Status
from rnnbench.records.spec import TrialSpec

SETTINGS = {"steps": 2, "batch_size": 4, "validation_size": 8, "test_size": 8}


class Plain(nn.Module):
    """A GRU; the classes below differ from it in one way each."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.GRU(input_size, hidden_size, batch_first=True)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        outputs, state = self.cell(x, state)
        return outputs, state


class NotCopied(Plain):
    def __deepcopy__(self, memo: Any) -> Any:
        raise TypeError("cannot be copied")


class OnlyInBatches(Plain):
    """Runs for batches of four or more only, as a core with a kernel of its own might."""

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        if len(x) < 4:
            raise RuntimeError("batch too small")
        return super().forward(x, state)


class PlotsNothing(Plain):
    def plots(self, x: Tensor, lengths: Tensor | None = None) -> Any:
        return ["a text"]


class PlotsRaise(Plain):
    def plots(self, x: Tensor, lengths: Tensor | None = None) -> Any:
        raise IndexError("no step 7")


class WeightNorm(Plain):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        torch.nn.utils.parametrizations.weight_norm(self.cell, "weight_hh_l0")


class Annotated(nn.Module):
    """A GRU with the annotations that TorchScript needs."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.GRU(input_size, hidden_size, batch_first=True)

    def forward(
        self, x: torch.Tensor, state: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        outputs, last = self.cell(x, state)
        return outputs, last


class Scripted(Plain):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        del self.cell
        self.add_module("cell", torch.jit.script(Annotated(input_size, hidden_size)))


class Complex(nn.Module):
    """A diagonal linear recurrence with complex eigenvalues: h_t = a h_(t-1) + W x_t."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        phase = torch.linspace(0.1, 1.0, hidden_size)
        self.eigenvalues = nn.Parameter(0.9 * torch.exp(1j * phase))
        self.drive = nn.Linear(input_size, hidden_size)
        self.out = nn.Linear(2 * hidden_size, hidden_size)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        drive = self.drive(x)
        h = torch.zeros_like(drive[:, 0], dtype=self.eigenvalues.dtype) if state is None else state
        states = []
        for step in drive.unbind(1):
            h = self.eigenvalues * h + step
            states.append(h)
        return self.out(torch.view_as_real(torch.stack(states, 1)).flatten(2)), h


def run(core: type[nn.Module], precision: str = "32", task: str = "copy-memory") -> Result:
    known = registry.load()
    given = take_class(core)
    known.add_class(given, core)
    (spec,) = make_plan(
        Request([task], [given.name], [0], "quick", 4, {**SETTINGS, "precision": precision}), known
    )
    return trial.run_trial(TrialJob(spec=spec, options=TrialOptions()), known)


def test_without_faults_there_are_no_notes() -> None:
    assert run(Plain).all_notes == ()


@pytest.mark.parametrize(
    ("core", "start", "has_size"),
    [
        (
            OnlyInBatches,
            "no size: the measurement failed with RuntimeError: batch too small",
            False,
        ),
        (PlotsRaise, "no plots of the model: the measurement failed with IndexError: no st", True),
        (PlotsNothing, "no plots of the model: the measurement failed with ValidationError", True),
    ],
)
def test_a_failing_measurement_costs_its_figure(
    core: type[nn.Module], start: str, has_size: bool
) -> None:
    result = run(core)
    assert result.status is Status.DONE, result.error
    assert result.notes[0].startswith(start)
    assert (result.size is not None) is has_size


def test_a_network_that_cannot_be_copied_is_measured_itself() -> None:
    result, plain = run(NotCopied), run(Plain)
    assert result.status is Status.DONE, result.error
    assert result.size == plain.size
    assert any("cannot be copied" in note for note in result.all_notes)


def test_a_failing_probe_changes_neither_training_nor_score(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plain = run(Plain)

    def fail(network: nn.Module, *_: Any, **__: Any) -> None:
        network.eval()
        raise RuntimeError("boom")

    monkeypatch.setattr(trial, "measure_gradient", fail)
    monkeypatch.setattr(trial, "measure_size", fail)
    result = run(Plain)
    assert result.gradient is None
    assert result.size is None
    assert [note.partition(":")[0] for note in result.notes] == [
        "no size",
        "no gradient (init)",
        "no gradient (trained)",
    ]
    assert result.learning is not None
    assert plain.learning is not None
    assert result.learning.score == plain.learning.score
    assert result.learning.test_loss == plain.learning.test_loss


@pytest.mark.filterwarnings("ignore")  # torch deprecates TorchScript
@pytest.mark.parametrize("precision", ["32", "64"])
@pytest.mark.parametrize("core", [WeightNorm, Scripted, Complex])
def test_unusual_parameters_train_and_are_measured(core: type[nn.Module], precision: str) -> None:
    result = run(core, precision)
    assert result.status is Status.DONE, result.error
    assert result.size is not None
    assert result.gradient is not None
    assert result.gradient.find("input", "init") is not None, result.all_notes
    assert result.gradient.find("input", "trained") is not None, result.all_notes


def test_a_lazy_module_is_refused_with_what_to_change() -> None:
    class Lazy(Plain):
        def __init__(self, input_size: int, hidden_size: int) -> None:
            super().__init__(input_size, hidden_size)
            self.extra = nn.LazyLinear(hidden_size)

    result = run(Lazy)
    assert result.status is Status.FAILED
    assert "parameter extra.weight has no shape before the first forward pass" in str(result.error)
    assert "use nn.Linear" in str(result.error)
    assert result.traceback is None


def test_code_that_was_changed_after_the_plan_is_not_trained() -> None:
    known = registry.load()
    (spec,) = make_plan(Request(["copy-memory"], ["gru"], [0], "quick", 4, SETTINGS), known)

    def edited(part: str) -> TrialSpec:
        changed = getattr(spec, part).model_copy(update={"source": "sha256:before"})
        return spec.model_copy(update={part: changed})

    for part, name in (("model", "model 'gru'"), ("task", "task 'copy-memory'")):
        result = trial.run_trial(TrialJob(spec=edited(part)), known)
        assert result.status is Status.FAILED
        assert f"the source code of {name} was changed after the run began" in str(result.error)
