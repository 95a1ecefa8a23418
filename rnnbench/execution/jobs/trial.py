"""One trial from start to end: build, probe, train, test, probe again."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytorch_lightning as pl
import torch
from pydantic import TypeAdapter
from safetensors.torch import save_file

from rnnbench.contract.core import to_double
from rnnbench.contract.faults import in_words, place_of
from rnnbench.contract.task import Diagnosis, FiniteTask
from rnnbench.errors import PluginError, RnnbenchError
from rnnbench.execution.environment import describe
from rnnbench.execution.jobs.failure import traceback_of
from rnnbench.execution.jobs.gradient_tracking import gradient_log_of, lag_probe
from rnnbench.execution.jobs.loggers import make_loggers
from rnnbench.execution.jobs.tuning_try import ReportValidations, validated
from rnnbench.files import replacing
from rnnbench.probes.gradient.measure import GradientMoment, measure_gradient
from rnnbench.probes.size import measure_size
from rnnbench.records.gradient import Gradient
from rnnbench.records.items import MOST_ITEMS, ItemScores
from rnnbench.records.plots import Plot
from rnnbench.records.result import Learning, Result, Size, Status, Validated
from rnnbench.records.spec import ModelSpec, TaskSpec, TrialSpec
from rnnbench.training.data import source_of
from rnnbench.training.device import cap_memory, request_determinism
from rnnbench.training.evaluation import evaluate, measure_items, predict
from rnnbench.training.improvement import still_improving
from rnnbench.training.loop import DivergedError, Learner, fit
from rnnbench.training.network import Network, build_network
from rnnbench.training.randomness import generator_for, seed_for

if TYPE_CHECKING:
    from rnnbench.contract.registry import RegisteredModel, RegisteredTask, Registry
    from rnnbench.contract.task import Batch, Task
    from rnnbench.execution.jobs.messages import TrialJob
    from rnnbench.training.data import Source
    from rnnbench.training.evaluation import Measured
    from rnnbench.training.gradient_log import GradientLog

_PLOTS: TypeAdapter[tuple[Plot, ...]] = TypeAdapter(tuple[Plot, ...])


def run_trial(
    job: TrialJob,
    registry: Registry,
    on_progress: Callable[[int, float], None] | None = None,
    on_validated: Callable[[Validated], None] | None = None,
) -> Result:
    """Run one trial and return its result.

    An exception of a plugin becomes a status with an error text. ``on_progress`` is called with
    (steps taken, last loss) during the training; ``on_validated`` after each validation of a try
    that a pruner may end.
    """
    spec, device = job.spec, torch.device(job.device)
    determinism = request_determinism(device)
    cap_memory(device, job.memory)
    environment = describe(device)
    registered_model = registry.model(spec.model.name)
    registered_task = registry.task(spec.task.name)
    citations = (*registered_model.citations, *registered_task.citations)
    log = gradient_log_of(spec.settings)

    def ended(status: Status, **parts: Any) -> Result:
        reached = environment.model_copy(update={"deterministic": determinism.reached})
        return Result(
            status=status,
            citations=citations,
            published=registered_task.published(spec.task),
            environment=reached,
            gradient_history=None if log is None else log.history(),
            **parts,
        )

    try:
        _check_source(registered_task, spec.task)
        _check_source(registered_model, spec.model)
        task = registered_task.build(spec.task.options)
        if reason := declined(registered_model, task, spec.model.options):
            return ended(Status.INCOMPATIBLE, error=reason)
        if spec.tuning is not None:
            report = None if spec.tuning.pruner == "none" else on_validated
            tried = _tried(job, registered_model, task, device, log, on_progress, report)
            return ended(Status.DONE, validated=tried)
        measured = _measured(job, registered_model, task, device, log, on_progress)
        return ended(Status.DONE, **measured)
    except DivergedError as error:
        return ended(Status.DIVERGED, error=str(error))
    except (MemoryError, torch.OutOfMemoryError) as error:
        return ended(Status.OOM, error=in_words(error), traceback=traceback_of(error))
    except RnnbenchError as error:
        return ended(Status.FAILED, error=str(error))
    except Exception as error:
        status = Status.OOM if _is_allocation_failure(error) else Status.FAILED
        return ended(status, error=in_words(error), traceback=traceback_of(error))


def _check_source(entry: RegisteredModel | RegisteredTask, planned: ModelSpec | TaskSpec) -> None:
    """Raise an error where the code that would run is not the code that was planned."""
    if planned.source and entry.source != planned.source:
        raise PluginError(
            f"the source code of {entry.kind} {entry.name!r} was changed after the run began; "
            "type the same command again to train the new code."
        )


def declined(model: RegisteredModel, task: Task, options: dict[str, Any]) -> str | None:
    """Return the reason why a model declines a task, or ``None``."""
    if task.causal_only and not model.causal:
        return "it looks ahead, and on this task later inputs hold the targets."
    return model.incompatible(task, options) if model.incompatible else None


def _tried(
    job: TrialJob,
    model: RegisteredModel,
    task: Task,
    device: torch.device,
    log: GradientLog | None,
    on_progress: Callable[[int, float], None] | None,
    on_validated: Callable[[Validated], None] | None,
) -> Validated:
    """Train as a reported trial does, and validate; the test data have no part in it."""
    spec = job.spec
    network = build_network(spec, model, task).to(device)
    if spec.settings.precision == "64":
        network = to_double(network)
    source = source_of(task, spec.settings, spec.seed, device, with_test=False)
    torch.manual_seed(seed_for(spec.seed, "dropout"))
    if log is not None:
        log.probe = lag_probe(network, task, source, spec)
    learner = _learner(job, network, task, source, log)
    callbacks: list[pl.Callback] = [_EndOnSigterm()]
    if on_validated is not None:
        callbacks.append(ReportValidations(task, on_validated))
    loggers = make_loggers(job.options.loggers, job.logs, spec) if job.options.loggers else []
    fit(learner, device=device, on_progress=on_progress, callbacks=callbacks, loggers=loggers)
    return validated(learner, task)


def _measured(
    job: TrialJob,
    model: RegisteredModel,
    task: Task,
    device: torch.device,
    log: GradientLog | None,
    on_progress: Callable[[int, float], None] | None,
) -> dict[str, Any]:
    spec = job.spec
    network = build_network(spec, model, task).to(device)
    if spec.settings.precision == "64":
        network = to_double(network)
    source = source_of(task, spec.settings, _seed_of_data(task, spec), device)
    notes: list[str] = []
    size: Size | None = None
    before = after = None
    if job.options.probes:
        with _costing_its_figure(network, notes, "size"):
            size = measure_size(network, task.length)
        with _costing_its_figure(network, notes, "gradient (init)"):
            before = _gradient(network, task, source, spec, "init")
    # After the probes, whose random draws must not shift those of the training.
    torch.manual_seed(seed_for(spec.seed_of("order"), "dropout"))
    if log is not None:
        log.probe = lag_probe(network, task, source, spec)
    learner = _learner(job, network, task, source, log)
    loggers = make_loggers(job.options.loggers, job.logs, spec) if job.options.loggers else []
    fit(
        learner,
        device=device,
        on_progress=on_progress,
        callbacks=[_EndOnSigterm()],
        loggers=loggers,
    )
    network.to(device)
    last_score = None
    if learner.best_step != learner.steps_taken:
        last_score = evaluate(network, task, source.test)[1]
    network.load_state_dict(learner.best_weights)
    network.eval()
    learning, plots = _learning(learner, network, task, source, last_score, notes)
    if job.options.probes:
        with _costing_its_figure(network, notes, "gradient (trained)"):
            after = _gradient(network, task, source, spec, "trained")
    if job.weights is not None:
        try:
            _save_weights(learner.best_weights, job.weights, spec)
        # safetensors has no complex128
        except (KeyError, ValueError) as error:
            notes.append(f"no stored weights: {in_words(error)}")
    return {
        "data_size": source.size,
        "data_checksums": dict(task.data_checksums),
        "learning": learning,
        "size": size,
        "gradient": _joined(before, after),
        "plots": plots,
        "notes": tuple(notes),
    }


def _learner(
    job: TrialJob, network: Network, task: Task, source: Source, log: GradientLog | None
) -> Learner:
    graphs = job.options.cuda_graphs
    return Learner(network, task, source, job.spec.settings, cuda_graphs=graphs, gradient_log=log)


def _seed_of_data(task: Task, spec: TrialSpec) -> int:
    """Return the seed of a generated task's sequences, or of the order of fixed ones."""
    return spec.seed_of("order" if isinstance(task, FiniteTask) else "data")


@contextmanager
def _costing_its_figure(network: Network, notes: list[str], name: str) -> Iterator[None]:
    """Turn an exception of a measurement into a note; the trial goes on without the figure.

    The network is left in the modes it was in.
    """
    modes = [(module, module.training) for module in network.modules()]
    try:
        yield
    # a core may raise anything where it is used otherwise than in training
    except Exception as error:
        notes.append(f"no {name}: the measurement failed with {in_words(error)}{place_of(error)}")
    finally:
        for module, training in modes:
            module.training = training


def _learning(
    learner: Learner,
    network: Network,
    task: Task,
    source: Source,
    last_score: float | None,
    notes: list[str],
) -> tuple[Learning, tuple[Plot, ...]]:
    """Test the best weights; ``last_score`` is ``None`` when the last weights are the best ones."""
    # the test set of a generated task is another one for each seed
    keep_items = isinstance(task, FiniteTask) and len(source.test) <= MOST_ITEMS
    tested = measure_items(network, task, source.test, keep_items=keep_items)
    score = task.metric.finish(tested.mean)
    also = {name: of(tested.mean) for name, of in task.metric.also.items()}
    diagnosis = Diagnosis()
    with _costing_its_figure(network, notes, "diagnosis of the task"):
        diagnosis = task.diagnose(
            lambda inputs, lengths: predict(network, inputs, lengths), source.test
        )
    plots: tuple[Plot, ...] = ()
    with _costing_its_figure(network, notes, "plots of the model"):
        plots = _PLOTS.validate_python(_core_plots(network, source.test))
    solved = task.unsolvable is None and task.metric.reaches(score, task.solved)
    solved_validation_at = next(
        (
            point.step
            for point in learner.curve
            if task.metric.reaches(point.validation_score, task.solved)
        ),
        None,
    )
    learning = Learning(
        score_name=task.metric.name,
        direction=task.metric.direction,
        score=score,
        last_score=score if last_score is None else last_score,
        test_loss=tested.loss,
        skill=(score - task.baseline) / (task.perfect - task.baseline),
        solved=solved,
        unsolvable=task.unsolvable,
        steps_to_solve=solved_validation_at if solved else None,
        steps_to_solve_validation=solved_validation_at,
        still_improving=still_improving(
            [point.validation_score for point in learner.curve],
            baseline=task.baseline,
            perfect=task.perfect,
        ),
        clipped_share=learner.clipped_share,
        best_step=learner.best_step,
        steps_taken=learner.steps_taken,
        groups=learner.groups,
        implementation=learner.implementation,
        train_seconds=learner.train_seconds,
        baseline=task.baseline,
        perfect=task.perfect,
        solved_threshold=task.solved,
        simple_scores=dict(task.simple_scores),
        extra_scores={**also, **diagnosis.scores},
        curve=tuple(learner.curve),
        items=_items(tested, task),
    )
    return learning, (*diagnosis.plots, *plots)


def _items(tested: Measured, task: Task) -> ItemScores | None:
    if tested.values is None or tested.weights is None:
        return None
    finish, mean = task.metric.finish, tested.mean
    step = 1e-4 * max(abs(mean), 1e-6)
    slope = (finish(mean + step) - finish(mean - step)) / (2 * step)
    return ItemScores.of(
        tested.values.numpy(), tested.weights.numpy(), block=task.test_block, slope=slope
    )


@torch.no_grad()
def _core_plots(network: Network, test: Batch) -> tuple[Plot, ...]:
    draw = getattr(network.core, "plots", None)
    if draw is None:
        return ()
    first = test.rows(slice(0, 1))
    return tuple(draw(network.encoder(first.inputs), first.lengths))


def _gradient(
    network: Network, task: Task, source: Source, spec: TrialSpec, when: Literal["init", "trained"]
) -> GradientMoment:
    return measure_gradient(
        network,
        source.test,
        generator=generator_for(spec.seed_of("data"), "gradient"),
        when=when,
        relevant_lags=task.relevant_lags,
    )


def _joined(before: GradientMoment | None, after: GradientMoment | None) -> Gradient | None:
    moments = [moment for moment in (before, after) if moment is not None]
    if not moments:
        return None
    at_init = before.exponents if before else None
    trained = after.exponents if after else None
    exponents = trained or at_init
    return Gradient(
        profiles=tuple(profile for moment in moments for profile in moment.profiles),
        influence=after.influence if after else (),
        lyapunov_init=() if at_init is None else at_init.values,
        lyapunov_trained=() if trained is None else trained.values,
        lyapunov_method=None if exponents is None else exponents.method,
        lyapunov_steps=None if exponents is None else exponents.steps,
        notes=tuple(dict.fromkeys(note for moment in moments for note in moment.notes)),
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
