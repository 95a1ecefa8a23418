"""One trial from start to end: build, probe, train, test, probe again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytorch_lightning as pl
import torch
from safetensors.torch import save_file

from rnnbench.contract.faults import in_words
from rnnbench.errors import RnnbenchError
from rnnbench.execution.environment import describe
from rnnbench.execution.jobs.failure import traceback_of
from rnnbench.execution.jobs.loggers import make_loggers
from rnnbench.files import replacing
from rnnbench.probes.gradient.measure import GradientMoment, measure_gradient
from rnnbench.probes.size import measure_size
from rnnbench.records.plots import Plot
from rnnbench.records.result import Gradient, Learning, Result, Status
from rnnbench.records.spec import TrialSpec
from rnnbench.training.data import source_of
from rnnbench.training.device import cap_memory, request_determinism
from rnnbench.training.evaluation import means, predict
from rnnbench.training.loop import DivergedError, Learner, fit
from rnnbench.training.network import Network, build_network
from rnnbench.training.randomness import generator_for, seed_for

if TYPE_CHECKING:
    from rnnbench.contract.registry import RegisteredModel, Registry
    from rnnbench.contract.task import Batch, Task
    from rnnbench.execution.jobs.messages import TrialJob
    from rnnbench.training.data import Source

GRADIENT_SEQUENCES = 32
"""Test sequences that a gradient profile is averaged over."""


def run_trial(
    job: TrialJob,
    registry: Registry,
    on_progress: Callable[[int, float], None] | None = None,
) -> Result:
    """Run one trial and return its result.

    An exception of a plugin becomes a status with an error text. ``on_progress`` is called with
    (steps taken, last loss) during the training.
    """
    spec, device = job.spec, torch.device(job.device)
    determinism = request_determinism(device)
    cap_memory(device, job.memory)
    environment = describe(device)
    registered_model = registry.model(spec.model.name)
    registered_task = registry.task(spec.task.name)
    citations = (*registered_model.citations, *registered_task.citations)

    def ended(status: Status, **parts: Any) -> Result:
        reached = environment.model_copy(update={"deterministic": determinism.reached})
        return Result(status=status, citations=citations, environment=reached, **parts)

    try:
        task = registered_task.build(spec.task.options)
        if reason := declined(registered_model, task, spec.model.options):
            return ended(Status.INCOMPATIBLE, error=reason)
        return ended(Status.DONE, **_measured(job, registered_model, task, device, on_progress))
    except DivergedError as error:
        return ended(Status.DIVERGED, error=str(error))
    except (MemoryError, torch.OutOfMemoryError) as error:
        return ended(Status.OOM, error=in_words(error), traceback=traceback_of(error))
    except RnnbenchError as error:
        return ended(Status.FAILED, error=str(error))
    except Exception as error:
        status = Status.OOM if _is_allocation_failure(error) else Status.FAILED
        return ended(status, error=in_words(error), traceback=traceback_of(error))


def declined(model: RegisteredModel, task: Task, options: dict[str, Any]) -> str | None:
    """Return the reason why a model declines a task, or ``None``."""
    if task.causal_only and not model.causal:
        return "it looks ahead, and on this task later inputs hold the targets."
    return model.incompatible(task, options) if model.incompatible else None


def _measured(
    job: TrialJob,
    model: RegisteredModel,
    task: Task,
    device: torch.device,
    on_progress: Callable[[int, float], None] | None,
) -> dict[str, Any]:
    spec = job.spec
    network = build_network(spec, model, task).to(device)
    if spec.settings.precision == "64":
        network = network.double()
    source = source_of(task, spec.settings, spec.seed, device)
    size = measure_size(network, task.length) if job.options.probes else None
    before = _gradient(network, source, spec, "init") if job.options.probes else None
    # After the probes, whose random draws must not shift those of the training.
    torch.manual_seed(seed_for(spec.seed, "dropout"))
    learner = Learner(network, task, source, spec.settings, cuda_graphs=job.options.cuda_graphs)
    loggers = make_loggers(job.options.loggers, job.logs, spec) if job.options.loggers else []
    fit(
        learner,
        device=device,
        on_progress=on_progress,
        callbacks=[_EndOnSigterm()],
        loggers=loggers,
    )
    network.to(device).load_state_dict(learner.best_weights)
    network.eval()
    learning, plots = _learning(learner, network, task, source)
    after = _gradient(network, source, spec, "trained") if job.options.probes else None
    if job.weights is not None:
        _save_weights(learner.best_weights, job.weights, spec)
    return {
        "data_size": source.size,
        "data_checksums": dict(task.data_checksums),
        "learning": learning,
        "size": size,
        "gradient": _joined(before, after),
        "plots": plots,
    }


def _learning(
    learner: Learner, network: Network, task: Task, source: Source
) -> tuple[Learning, tuple[Plot, ...]]:
    test_loss, mean = means(network, task, source.test)
    score = task.metric.finish(mean)
    also = {name: of(mean) for name, of in task.metric.also.items()}
    diagnosis = task.diagnose(
        lambda inputs, lengths: predict(network, inputs, lengths), source.test
    )
    solved_at = (
        point.step
        for point in learner.curve
        if task.unsolvable is None and task.metric.reaches(point.validation_score, task.solved)
    )
    learning = Learning(
        score_name=task.metric.name,
        direction=task.metric.direction,
        score=score,
        test_loss=test_loss,
        skill=(score - task.baseline) / (task.perfect - task.baseline),
        solved=task.unsolvable is None and task.metric.reaches(score, task.solved),
        unsolvable=task.unsolvable,
        steps_to_solve=next(solved_at, None),
        best_step=learner.best_step,
        train_seconds=learner.train_seconds,
        baseline=task.baseline,
        perfect=task.perfect,
        solved_threshold=task.solved,
        simple_scores=dict(task.simple_scores),
        extra_scores={**also, **diagnosis.scores},
        curve=tuple(learner.curve),
    )
    return learning, (*diagnosis.plots, *_core_plots(network, source.test))


@torch.no_grad()
def _core_plots(network: Network, test: Batch) -> tuple[Plot, ...]:
    draw = getattr(network.core, "plots", None)
    if draw is None:
        return ()
    first = test.rows(slice(0, 1))
    return tuple(draw(network.encoder(first.inputs), first.lengths))


def _gradient(
    network: Network, source: Source, spec: TrialSpec, when: Literal["init", "trained"]
) -> GradientMoment:
    batch = source.test.rows(slice(0, GRADIENT_SEQUENCES))
    return measure_gradient(
        network,
        batch.inputs,
        batch.lengths,
        generator=generator_for(spec.seed, "gradient"),
        when=when,
    )


def _joined(before: GradientMoment | None, after: GradientMoment | None) -> Gradient | None:
    if before is None or after is None:
        return None
    return Gradient(
        profiles=(*before.profiles, *after.profiles),
        lyapunov_init=before.lyapunov,
        lyapunov_trained=after.lyapunov,
        notes=tuple(dict.fromkeys((*before.notes, *after.notes))),
    )


def _save_weights(weights: dict[str, torch.Tensor], path: Path, spec: TrialSpec) -> None:
    own = {name: tensor.contiguous().clone() for name, tensor in weights.items()}
    metadata = {"trial_id": spec.trial_id, "model": spec.model.label, "task": spec.task.label}
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part:
        save_file(own, part, metadata=metadata)


class _EndOnSigterm(pl.Callback):
    """Restores the handler of SIGTERM: Lightning's own handler would continue the training."""

    reads_no_log = True

    def __init__(self) -> None:
        self._handler = signal.getsignal(signal.SIGTERM)

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        """Restore the handler; Lightning has just installed its own."""
        del trainer, pl_module
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, self._handler)


def _is_allocation_failure(error: Exception) -> bool:
    text = str(error).lower()
    return isinstance(error, RuntimeError) and (
        "can't allocate memory" in text or "out of memory" in text
    )
