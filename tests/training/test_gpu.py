"""Optimizer steps, memory limit and determinism on a GPU; run with ``pytest -m gpu``."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from rnnbench.contract.task import Batch, Task
from rnnbench.metrics import loss_of
from rnnbench.probes.gradient.through_training import TrackedLags
from rnnbench.records.recipe import OPTIMIZERS
from rnnbench.records.settings import Settings
from rnnbench.training.data import source_of
from rnnbench.training.device import cap_memory, request_determinism
from rnnbench.training.gradient_log import GradientLog
from rnnbench.training.loop import Learner, fit
from rnnbench.training.optimizers import build_optimizer
from rnnbench.training.steppers import EagerStepper, GraphedStepper
from tests.support.toy_cores import IndependentCore, SlowCore, TorchRNN
from tests.support.toy_tasks import FirstSymbol, RunningMean, network_for

pytestmark = pytest.mark.gpu

SMALL = {"batch_size": 8, "validation_size": 32, "test_size": 32, "learning_rate": 0.02}


@pytest.fixture
def gpu() -> torch.device:
    return torch.device("cuda", 0)


@pytest.fixture
def unchanged_flags() -> Iterator[None]:
    """Restore the process-wide flags that a request for determinism sets."""
    before = torch.are_deterministic_algorithms_enabled()
    with warnings.catch_warnings():
        yield
    torch.use_deterministic_algorithms(before)


class WaitsForTheDevice(TorchRNN):
    """Reads a value back from the device in every forward pass."""

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        outputs, state = super().forward(x, state)
        return outputs * (1.0 if outputs.sum().item() < 1e9 else 2.0), state


def _learned(
    task: Task, device: torch.device, *, cuda_graphs: bool, core: Any = TorchRNN, **changes: Any
) -> Learner:
    chosen = Settings.model_validate({**SMALL, "steps": 40, **changes})
    network = network_for(task, core)
    if chosen.precision == "64":
        network = network.double()
    network = network.to(device)
    learner = Learner(
        network, task, source_of(task, chosen, 0, device), chosen, chunk=16, cuda_graphs=cuda_graphs
    )
    fit(learner, device=device)
    return learner


def _eager_stepper(task: Task, device: torch.device, core: Any = TorchRNN) -> EagerStepper:
    chosen = Settings.model_validate(SMALL)
    network = network_for(task, core).to(device)
    return EagerStepper(network, loss_of(task), build_optimizer(network, chosen), 1.0, mixed=False)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("precision", ["32", "64", "bf16-mixed"])
def test_replayed_steps_train_as_eager_ones_do(
    gpu: torch.device, optimizer: str, precision: str
) -> None:
    one, other = (
        _learned(FirstSymbol(), gpu, cuda_graphs=graphs, optimizer=optimizer, precision=precision)
        for graphs in (False, True)
    )
    tolerance = 2e-2 if precision == "bf16-mixed" else 1e-4
    for name, tensor in one.network.state_dict().items():
        torch.testing.assert_close(
            tensor, other.network.state_dict()[name], rtol=tolerance, atol=tolerance
        )
    losses = [[point.train_loss for point in learner.curve] for learner in (one, other)]
    assert losses[0] == pytest.approx(losses[1], rel=tolerance)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("schedule", ["cosine[warmup=10,final=0.1]", "plateau[patience=1]"])
def test_replayed_steps_follow_the_schedule_as_eager_ones_do(
    gpu: torch.device, optimizer: str, schedule: str
) -> None:
    changes = {"optimizer": optimizer, "schedule": schedule, "weight_decay": 0.01}
    one, other = (
        _learned(FirstSymbol(), gpu, cuda_graphs=graphs, core=SlowCore, validate_every=5, **changes)
        for graphs in (False, True)
    )
    for name, tensor in one.network.state_dict().items():
        torch.testing.assert_close(tensor, other.network.state_dict()[name], rtol=1e-4, atol=1e-4)
    rates = [[point.learning_rate for point in learner.curve] for learner in (one, other)]
    assert rates[0] == pytest.approx(rates[1], rel=1e-6)


def test_an_update_whose_rate_the_optimizer_counts_on_the_cpu_is_not_replayed(
    gpu: torch.device,
) -> None:
    one, other = (
        _learned(FirstSymbol(), gpu, cuda_graphs=graphs, optimizer="adagrad[lr_decay=0.5]")
        for graphs in (False, True)
    )
    for name, tensor in one.network.state_dict().items():
        torch.testing.assert_close(tensor, other.network.state_dict()[name], rtol=1e-4, atol=1e-5)


def test_a_replayed_step_clamps_weights_and_clips_values(gpu: torch.device) -> None:
    changes = {"clip_norm": None, "clip_value": 0.02, "learning_rate": 0.1}
    one, other = (
        _learned(FirstSymbol(), gpu, cuda_graphs=graphs, core=IndependentCore, **changes)
        for graphs in (False, True)
    )
    core = other.network.core
    assert isinstance(core, IndependentCore)
    assert core.recurrent.abs().max() <= core.bound
    assert one.clipped_share == pytest.approx(other.clipped_share, abs=1 / 40)
    for name, tensor in one.network.state_dict().items():
        torch.testing.assert_close(tensor, other.network.state_dict()[name], rtol=1e-4, atol=1e-4)


def test_a_graph_is_captured_where_batches_have_one_layout(gpu: torch.device) -> None:
    source = source_of(FirstSymbol(), Settings.model_validate(SMALL), 0, gpu)
    stepper = GraphedStepper(_eager_stepper(FirstSymbol(), gpu))
    captured = []
    for step in range(6):
        stepper(source.train(step))
        captured.append(stepper.captured)
    assert captured == [False, False, False, True, True, True]


def test_replayed_steps_count_clipped_gradients_as_eager_ones_do(gpu: torch.device) -> None:
    shares = [
        _learned(FirstSymbol(), gpu, cuda_graphs=graphs, clip_norm=0.3).clipped_share
        for graphs in (False, True)
    ]
    assert shares[0] == pytest.approx(shares[1], abs=1 / 40)
    assert 0 < shares[0] < 1  # type: ignore[operator]


@pytest.mark.parametrize(
    "clipping", [{"clip_norm": 0.1}, {"clip_norm": None, "clip_value": 0.02}, {"clip_norm": None}]
)
def test_replayed_steps_log_the_norms_of_eager_ones(
    gpu: torch.device, clipping: dict[str, Any]
) -> None:
    found = []
    for graphs in (False, True):
        chosen = Settings.model_validate({**SMALL, "steps": 40, "validate_every": 5, **clipping})
        log = GradientLog(clips=len(clipping) > 1 or clipping["clip_norm"] is not None)
        task = FirstSymbol()
        network = network_for(task).to(gpu)
        source = source_of(task, chosen, 0, gpu)
        log.probe = TrackedLags(
            network, source.validation, (8, task.length), generator=torch.Generator()
        )
        learner = Learner(network, task, source, chosen, 16, cuda_graphs=graphs, gradient_log=log)
        fit(learner, device=gpu)
        history = log.history()
        assert history is not None
        assert history.notes == ()
        assert history.points[0].past
        found.append([point.norm_max for point in history.points[1:]])
    assert found[0] == pytest.approx(found[1], rel=1e-3)


def test_batches_of_another_layout_take_eager_steps(gpu: torch.device) -> None:
    task = FirstSymbol()
    generator = torch.Generator(gpu).manual_seed(0)
    batches = [task.sample(n, generator) for n in (8, 8, 8, 8, 3, 8, 5, 8)]
    eager, graphed = _eager_stepper(task, gpu), GraphedStepper(_eager_stepper(task, gpu))
    losses = [[stepper(batch).item() for batch in batches] for stepper in (eager, graphed)]
    assert graphed.captured
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_sequences_of_many_lengths_train_without_a_graph_or_with(gpu: torch.device) -> None:
    one, other = (_learned(RunningMean(), gpu, cuda_graphs=graphs) for graphs in (False, True))
    for name, tensor in one.network.state_dict().items():
        torch.testing.assert_close(tensor, other.network.state_dict()[name], rtol=1e-4, atol=1e-5)


def test_a_core_that_waits_for_the_device_trains_eagerly(gpu: torch.device) -> None:
    source = source_of(FirstSymbol(), Settings.model_validate(SMALL), 0, gpu)
    stepper = GraphedStepper(_eager_stepper(FirstSymbol(), gpu, WaitsForTheDevice))
    eager = _eager_stepper(FirstSymbol(), gpu, WaitsForTheDevice)
    losses = [[each(source.train(step)).item() for step in range(8)] for each in (eager, stepper)]
    assert not stepper.captured
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


@pytest.mark.parametrize("task", [FirstSymbol(), RunningMean()])
@pytest.mark.parametrize("graphs", [False, True])
def test_no_step_waits_for_the_device(gpu: torch.device, task: Task, graphs: bool) -> None:
    source = source_of(task, Settings.model_validate(SMALL), 0, gpu)
    eager = _eager_stepper(task, gpu)
    stepper = GraphedStepper(eager) if graphs else eager
    # up to and including the capture, which waits
    for step in range(8):
        stepper(source.train(step))
    torch.cuda.set_sync_debug_mode("error")
    try:
        losses = [stepper(source.train(step)) for step in range(8, 20)]
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert torch.stack(losses).isfinite().all()


def test_a_step_leaves_its_batch_unchanged(gpu: torch.device) -> None:
    task = FirstSymbol()
    batch: Batch = task.sample(8, torch.Generator(gpu).manual_seed(0))
    before = batch.inputs.clone()
    stepper = GraphedStepper(_eager_stepper(task, gpu))
    for _ in range(6):
        stepper(batch)
    assert torch.equal(batch.inputs, before)


@pytest.mark.usefixtures("unchanged_flags")
def test_the_same_training_twice_gives_the_same_bits_where_determinism_was_reached(
    gpu: torch.device,
) -> None:
    determinism = request_determinism(gpu)
    one, other = (_learned(FirstSymbol(), gpu, cuda_graphs=True) for _ in range(2))
    assert determinism.reached
    for name, tensor in one.network.state_dict().items():
        assert torch.equal(tensor, other.network.state_dict()[name]), name


@pytest.mark.usefixtures("unchanged_flags")
@pytest.mark.filterwarnings("default::UserWarning")
def test_an_operation_without_deterministic_implementation_is_recorded(gpu: torch.device) -> None:
    determinism = request_determinism(gpu)
    torch.histc(torch.rand(10, device=gpu), bins=3, min=0, max=1)
    assert not determinism.reached


def test_memory_beyond_the_cap_is_refused(gpu: torch.device) -> None:
    cap_memory(gpu, 256 << 20)
    try:
        with pytest.raises(torch.OutOfMemoryError):
            torch.empty(1 << 30, dtype=torch.uint8, device=gpu)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, gpu)
