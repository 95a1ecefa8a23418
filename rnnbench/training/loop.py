"""Training loop: the LightningModule and its Trainer.

Lightning's ``training_step`` takes one *chunk* of optimizer steps (manual optimization), so that
Lightning's overhead is paid once per chunk and not once per step. A Lightning epoch is the interval
between two validations. The chunk size does not change the optimizer's trajectory by a single bit:
batches and their order are keyed by step.
"""

from __future__ import annotations

import logging
import math
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytorch_lightning as pl
import torch

from rnnbench.metrics import loss_of
from rnnbench.records.result import CurvePoint
from rnnbench.training.evaluation import evaluate
from rnnbench.training.optimizers import (
    build_optimizer,
    can_be_replayed,
    move_rates,
    rate_on_device,
    recorded_groups,
)
from rnnbench.training.preparation import prepare
from rnnbench.training.schedules import Schedule, ScheduledStepper
from rnnbench.training.stateful import StatefulForward
from rnnbench.training.steppers import EagerStepper, make_stepper

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger
    from torch import Tensor

    from rnnbench.contract.task import Task
    from rnnbench.records.result import ParameterGroup
    from rnnbench.records.settings import Settings
    from rnnbench.training.data import Source
    from rnnbench.training.gradient_log import GradientLog
    from rnnbench.training.network import Network
    from rnnbench.training.steppers import Stepper

CHUNK = 64
"""Maximum optimizer steps per ``training_step``; a non-finite loss is noticed at its end."""

_PRECISION: dict[str, Any] = {"32": "32-true", "64": "64-true", "bf16-mixed": "bf16-mixed"}


@dataclass(frozen=True)
class _Items:
    """Minimal data loader: Lightning takes a plain list for a collection of loaders."""

    items: Sequence[Any]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)


class DivergedError(Exception):
    """The training or validation loss is not finite; the message names the step."""


class Learner(pl.LightningModule):
    """Training of a network for a number of optimizer steps, with the best weights kept.

    After ``patience`` validations in a row without a better score it ends early.

    Args:
        network: trained in place.
        task: gives loss and metric.
        source: gives training batches and validation set.
        settings: recipe, number of steps, validation interval, precision.
        chunk: maximum optimizer steps per ``training_step``.
        cuda_graphs: whether steps on a CUDA device are replayed from a CUDA graph where possible.
        gradient_log: logs gradients through the training; ``None`` logs nothing. The training is
            the same to the bit.

    Attributes:
        curve: one point per validation.
        best_step: the step with the best validation score. Ties go to the lower validation loss,
            then to the earlier step.
        best_weights: the network's weights at that step, on the CPU.
        clipped_share: share of the steps whose gradient was clipped, known after the training;
            ``None`` without clipping.
        groups: the groups of parameters; empty where all of them are trained alike.
        implementation: how the core runs, where it says so.
        train_seconds: time spent in optimizer steps, without validation.
        steps_taken: optimizer steps so far.
        is_watched: whether a logger or callback reads logged values. Logging is skipped otherwise,
            since it dominates the time of very short trials.
    """

    def __init__(
        self,
        network: Network,
        task: Task,
        source: Source,
        settings: Settings,
        chunk: int = CHUNK,
        *,
        cuda_graphs: bool = True,
        gradient_log: GradientLog | None = None,
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network = network
        self.settings = settings
        self.curve: list[CurvePoint] = []
        self.best_step = 0
        self.best_weights: dict[str, Tensor] = {}
        self.clipped_share: float | None = None
        self.groups: tuple[ParameterGroup, ...] = ()
        self.implementation: str | None = None
        self.train_seconds = 0.0
        self.steps_taken = 0
        self.last_loss = math.nan
        self.is_watched = False
        self._task = task
        self._source = source
        self._chunk = chunk
        self._cuda_graphs = cuda_graphs
        self._gradient_log = gradient_log
        self._observed: Tensor | None = None
        self._stepper: Stepper | None = None
        self._clipped: Tensor | None = None
        self._since_validation: list[Tensor] = []
        self._best: tuple[float, float] | None = None
        self._without_better = 0
        self._schedule: Schedule | None = None

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Return the optimizer; called by Lightning."""
        optimizer = build_optimizer(self.network, self.settings)
        self.groups = recorded_groups(self.network, optimizer, self.settings)
        return optimizer

    def train_dataloader(self) -> _Items:
        """Return the chunks ``(first step, last step + 1)`` up to the next validation."""
        end = min(self.steps_taken + self.settings.validation_interval, self.settings.steps)
        return _Items(
            [
                (first, min(first + self._chunk, end))
                for first in range(self.steps_taken, end, self._chunk)
            ]
        )

    def val_dataloader(self) -> _Items:
        """Return one item: ``validation_step`` evaluates the whole validation set."""
        return _Items([0])

    def on_train_start(self) -> None:
        """Create schedule and stepper; network and optimizer are on their device by now.

        The core prepares here, before the clock of the training starts.
        """
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, torch.optim.Optimizer)
        schedule = Schedule(optimizer, self.settings, self._task.metric.direction)
        mixed = self.settings.precision == "bf16-mixed"
        if hasattr(self.network.core, "prepare"):
            # drawing a batch has no effect on later ones
            inputs = self._source.train(0).inputs
            self.implementation = prepare(self.network, inputs, self.settings.steps, mixed=mixed)
        stateful = self._task.stateful
        eager = EagerStepper(
            self.network,
            loss_of(self._task),
            optimizer,
            self.settings.clip_norm,
            mixed=mixed,
            forward=StatefulForward(self.network) if stateful else None,
            clip_value=self.settings.clip_value,
            after_step=getattr(self.network.core, "after_step", None),
            observe=self._gradient_log is not None,
        )
        self._clipped = eager.clipped
        self._observed = eager.observed
        # a graph would replay the recurrent state, or the rate, that it was captured with
        replayed = self._cuda_graphs and not stateful and can_be_replayed(optimizer)
        if schedule.changes and self.device.type == "cuda":
            replayed = replayed and rate_on_device(optimizer)
            if replayed:
                move_rates(optimizer)
        self._stepper = make_stepper(eager, self.device, cuda_graphs=replayed)
        if schedule.changes_by_step:
            self._stepper = ScheduledStepper(self._stepper, schedule)
        self._schedule = schedule
        if self._gradient_log is not None:
            self._gradient_log.started()

    def on_train_end(self) -> None:
        """Read the count of clipped steps, and release the stepper.

        Its CUDA graph and the optimizer hold memory that evaluation and probes need.
        """
        if self._clipped is not None:
            self.clipped_share = self._clipped.item() / max(1, self.steps_taken)
        self._stepper = self._schedule = None

    def training_step(self, chunk: tuple[int, int], batch_idx: int) -> None:
        """Take the optimizer steps of one chunk; the device is waited for at its end alone.

        Raises:
            DivergedError: a training loss of the chunk is not finite.
        """
        del batch_idx
        assert self._stepper is not None
        started = time.perf_counter()
        taken, observed = [], []
        for step in range(*chunk):
            taken.append(self._stepper(self._source.train(step)))
            if self._observed is not None:
                observed.append(self._observed.clone())
        losses = torch.stack(taken)
        # waits for the device, so that train_seconds holds the computation too
        values = losses.tolist()
        of_steps = torch.stack(observed).tolist() if observed else []
        self.train_seconds += time.perf_counter() - started
        for offset, value in enumerate(values):
            if not math.isfinite(value):
                self._log_steps(of_steps[: offset + 1])
                raise DivergedError(
                    f"the training loss became {value} at step {chunk[0] + offset + 1}."
                )
        self._log_steps(of_steps)
        self._since_validation.append(losses)
        self.steps_taken = chunk[1]
        self.last_loss = values[-1]

    def _log_steps(self, observed: list[list[float]]) -> None:
        if self._gradient_log is not None:
            self._gradient_log.stepped(observed)

    def validation_step(self, item: int, batch_idx: int) -> None:
        """Evaluate on the validation set, extend the curve and keep the weights if they are best.

        Schedule and early stop take the score into account.

        Raises:
            DivergedError: the validation loss or score is not finite.
        """
        del item, batch_idx
        loss, score = evaluate(self.network, self._task, self._source.validation)
        if not (math.isfinite(loss) and math.isfinite(score)):
            raise DivergedError(
                f"the validation loss became {loss} (score {score}) at step {self.steps_taken}."
            )
        if self._gradient_log is not None:
            self._gradient_log.validated()
        assert self._schedule is not None
        learning_rate = self._schedule.rate(self.steps_taken)
        train_loss = torch.cat(self._since_validation).double().mean().item()
        self._since_validation.clear()
        self.curve.append(
            CurvePoint(
                step=self.steps_taken,
                seconds=self.train_seconds,
                train_loss=train_loss,
                validation_loss=loss,
                validation_score=score,
                learning_rate=learning_rate,
            )
        )
        if self.is_watched:
            # Lightning counts chunks; a logged "step" overrides the step that loggers see
            values = {
                "train_loss": train_loss,
                "val_loss": loss,
                "val_score": score,
                "learning_rate": learning_rate,
                "step": float(self.steps_taken),
            }
            self.log_dict(values, batch_size=1)
        better = self._best is None or self._task.metric.better(score, self._best[0])
        self._without_better = 0 if better else self._without_better + 1
        if self._without_better == self.settings.patience:
            self.trainer.should_stop = True
        self._schedule.validated(score, self.steps_taken)
        if self._is_best(score, loss):
            self._best = (score, loss)
            self.best_step = self.steps_taken
            self.best_weights = {
                name: tensor.detach().cpu().clone()
                for name, tensor in self.network.state_dict().items()
            }

    def _is_best(self, score: float, loss: float) -> bool:
        if self._best is None:
            return True
        best_score, best_loss = self._best
        return self._task.metric.better(score, best_score) or (
            score == best_score and loss < best_loss
        )


class _Progress(pl.Callback):
    """Callback that reports (steps taken, last loss) after each chunk."""

    reads_no_log = True

    def __init__(self, on_progress: Callable[[int, float], None]) -> None:
        self._on_progress = on_progress

    def on_train_batch_end(self, trainer: Any, learner: Any, *rest: Any) -> None:
        del trainer, rest
        self._on_progress(learner.steps_taken, learner.last_loss)


def fit(
    learner: Learner,
    *,
    device: torch.device,
    on_progress: Callable[[int, float], None] | None = None,
    callbacks: Sequence[pl.Callback] = (),
    loggers: Sequence[Logger] = (),
) -> None:
    """Train ``learner`` by its settings on one device; print and write nothing.

    Args:
        learner: holds the results afterwards.
        device: ``cpu`` or a CUDA device.
        on_progress: called with (steps taken, last loss) after each chunk.
        callbacks: Lightning callbacks. A chunk is their batch, the interval between validations
            their epoch. A callback whose attribute ``reads_no_log`` is true needs no logged values.
            Lightning adds the callbacks of installed distributions (entry points of the group
            ``pytorch_lightning.callbacks_factory``).
        loggers: Lightning loggers. Their steps are optimizer steps.

    Raises:
        DivergedError: the training or validation loss is not finite.
    """
    # Lightning logs the devices that it finds; the record holds them
    for name in ("pytorch_lightning", "lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    settings = learner.settings
    epochs = math.ceil(settings.steps / settings.validation_interval)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"pytorch_lightning|lightning_fabric")
        trainer = pl.Trainer(
            accelerator="gpu" if device.type == "cuda" else "cpu",
            devices=[device.index or 0] if device.type == "cuda" else 1,
            precision=_PRECISION[settings.precision],
            max_epochs=epochs,
            reload_dataloaders_every_n_epochs=1,
            num_sanity_val_steps=0,
            logger=list(loggers) or False,
            callbacks=[*callbacks, *([_Progress(on_progress)] if on_progress else [])],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            # cores may cache tensors in validation that training reads later
            inference_mode=False,
        )
        learner.is_watched = bool(loggers) or not all(
            getattr(each, "reads_no_log", False) for each in _callbacks_of(trainer)
        )
        trainer.fit(learner)


def _callbacks_of(trainer: pl.Trainer) -> list[pl.Callback]:
    """Return all callbacks, including those that Lightning added."""
    # Lightning sets the attribute in a function that mypy does not see
    found: list[pl.Callback] = trainer.callbacks  # type: ignore[attr-defined]
    return found
