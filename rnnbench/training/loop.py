"""The one LightningModule and its Trainer.

Lightning runs its machinery once per *chunk*: ``training_step`` takes many optimizer steps (manual
optimization) over batches that are drawn on the device, so that the machinery costs next to nothing
per step. An epoch is the stretch between two validations. The optimizer's trajectory does not
depend on the size of the chunks, bit for bit: batches and order are keyed by step, and nothing else
in a step knows where a chunk ends.
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
from torch import nn

from rnnbench.metrics import loss_of
from rnnbench.records.result import CurvePoint
from rnnbench.training.evaluation import evaluate
from rnnbench.training.stateful import Carrying
from rnnbench.training.steps import EagerStepper, make_stepper

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger
    from torch import Tensor

    from rnnbench.contract.task import Task
    from rnnbench.records.spec import Settings
    from rnnbench.training.data import Source
    from rnnbench.training.network import Network
    from rnnbench.training.steps import Stepper

CHUNK = 64
"""Optimizer steps per ``training_step`` at most: bounds how late a non-finite loss is noticed."""

_PRECISION: dict[str, Any] = {"32": "32-true", "64": "64-true", "bf16-mixed": "bf16-mixed"}


@dataclass(frozen=True)
class _Items:
    """What Lightning iterates over; it would take a bare list for a collection of loaders."""

    items: Sequence[Any]

    def __len__(self) -> int:
        return len(self.items)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.items)


class DivergedError(Exception):
    """The loss was no longer finite; the text says where."""


def build_optimizer(network: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """Return the optimizer that the settings name, fused where torch has that, and fit for a CUDA
    graph on a CUDA device.
    """
    parameters = [p for p in network.parameters() if p.requires_grad]
    lr, decay = settings.learning_rate, settings.weight_decay
    capturable = any(p.is_cuda for p in parameters)
    if settings.optimizer == "adam":
        return torch.optim.Adam(
            parameters, lr=lr, weight_decay=decay, fused=True, capturable=capturable
        )
    if settings.optimizer == "adamw":
        return torch.optim.AdamW(
            parameters, lr=lr, weight_decay=decay, fused=True, capturable=capturable
        )
    if settings.optimizer == "rmsprop":
        return torch.optim.RMSprop(
            parameters, lr=lr, alpha=0.9, weight_decay=decay, capturable=capturable
        )
    return torch.optim.SGD(parameters, lr=lr, momentum=0.9, weight_decay=decay, fused=True)


class Learner(pl.LightningModule):
    """Train a network on a source of batches for a fixed number of optimizer steps, keeping the
    best-validation weights.

    Args:
        network, task, source, settings: what is trained, on what, from where, how.
        chunk: optimizer steps per ``training_step`` at most.
        cuda_graphs: whether steps on a CUDA device are replayed from a graph where they can be.

    Attributes:
        curve: one point per validation.
        best_step: the step whose validation score was best (ties: lower validation loss, then the
            earlier).
        best_weights: the network's weights there, on the CPU.
        train_seconds: time spent in optimizer steps, validation excluded.
        is_watched: whether a logger or a callback is there to see what is logged: Lightning's
            logging costs more than any other part of a trial that has next to nothing to train.
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
    ) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.network = network
        self.curve: list[CurvePoint] = []
        self.best_step = 0
        self.best_weights: dict[str, Tensor] = {}
        self.train_seconds = 0.0
        self.steps_taken = 0
        self.last_loss = math.nan
        self.is_watched = False
        self._task = task
        self._source = source
        self._settings = settings
        self._chunk = chunk
        self._cuda_graphs = cuda_graphs
        self._stepper: Stepper | None = None
        self._since_validation: list[Tensor] = []
        self._best: tuple[float, float] | None = None

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """Build the optimizer for Lightning."""
        return build_optimizer(self.network, self._settings)

    def train_dataloader(self) -> _Items:
        """Return the chunks ``(first step, step after the last)`` up to the next validation."""
        end = min(self.steps_taken + self._settings.validation_interval, self._settings.steps)
        return _Items(
            [
                (first, min(first + self._chunk, end))
                for first in range(self.steps_taken, end, self._chunk)
            ]
        )

    def val_dataloader(self) -> _Items:
        """Return one item: validation takes the whole set at once."""
        return _Items([0])

    def on_train_start(self) -> None:
        """Make the stepper, now that network and optimizer are on their device."""
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, torch.optim.Optimizer)
        mixed = self._settings.precision == "bf16-mixed"
        stateful = self._task.stateful
        eager = EagerStepper(
            self.network,
            loss_of(self._task),
            optimizer,
            self._settings.clip_norm,
            mixed=mixed,
            forward=Carrying(self.network) if stateful else None,
        )
        # a graph would replay the state that it was captured with
        self._stepper = make_stepper(
            eager, self.device, cuda_graphs=self._cuda_graphs and not stateful
        )

    def on_train_end(self) -> None:
        """Let go of the stepper: a CUDA graph holds memory that the tests and probes to come may
        need.
        """
        self._stepper = None

    def training_step(self, chunk: tuple[int, int], batch_idx: int) -> None:
        """Take the optimizer steps of one chunk, without reading anything back from the device in
        between.
        """
        del batch_idx
        assert self._stepper is not None
        started = time.perf_counter()
        losses = torch.stack([self._stepper(self._source.train(step)) for step in range(*chunk)])
        values = losses.tolist()  # waits for the device, so that the time is the work's
        self.train_seconds += time.perf_counter() - started
        for offset, value in enumerate(values):
            if not math.isfinite(value):
                raise DivergedError(
                    f"the training loss became {value} at step {chunk[0] + offset + 1}."
                )
        self._since_validation.append(losses)
        self.steps_taken = chunk[1]
        self.last_loss = values[-1]

    def validation_step(self, item: int, batch_idx: int) -> None:
        """Evaluate on the validation set, extend the curve and keep the weights if they are the
        best so far.
        """
        del item, batch_idx
        loss, score = evaluate(self.network, self._task, self._source.validation)
        if not (math.isfinite(loss) and math.isfinite(score)):
            raise DivergedError(
                f"the validation loss became {loss} (score {score}) at step {self.steps_taken}."
            )
        train_loss = torch.cat(self._since_validation).double().mean().item()
        self._since_validation.clear()
        self.curve.append(CurvePoint(step=self.steps_taken, seconds=self.train_seconds, train_loss=train_loss,
                                     validation_loss=loss, validation_score=score))  # fmt: skip
        if self.is_watched:
            # Lightning counts chunks; "step" is its way to be told what a logger's step is
            told = {
                "train_loss": train_loss,
                "val_loss": loss,
                "val_score": score,
                "step": float(self.steps_taken),
            }
            self.log_dict(told, batch_size=1)
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


@dataclass(frozen=True)
class _ReportProgress:
    """Makes the callback that tells how far a training has come, once per chunk."""

    tell: Callable[[int, float], None]

    def callback(self) -> pl.Callback:
        tell = self.tell

        class Progress(pl.Callback):
            reads_no_log = True

            def on_train_batch_end(self, trainer: Any, learner: Any, *rest: Any) -> None:
                del trainer, rest
                tell(learner.steps_taken, learner.last_loss)

        return Progress()


def fit(
    learner: Learner,
    settings: Settings,
    *,
    device: torch.device,
    tell: Callable[[int, float], None] | None = None,
    callbacks: Sequence[pl.Callback] = (),
    loggers: Sequence[Logger] = (),
) -> None:
    """Train ``learner`` for the steps of the settings on one device, silently, writing no files.

    Args:
        learner: what is trained; it holds the results afterwards.
        settings: the budget.
        device: ``cpu`` or a CUDA device.
        tell: called with (steps taken, last loss) after each chunk.
        callbacks: Lightning callbacks; they see a chunk as a batch and the stretch between
            validations as an epoch. One with an attribute ``reads_no_log`` that is true does not
            need anything to be logged. Lightning adds those of installed distributions (entry
            points of the group ``pytorch_lightning.callbacks_factory``).
        loggers: loggers of Lightning; their steps are optimizer steps.

    Raises:
        DivergedError: the training or validation loss was not finite.
    """
    for name in ("pytorch_lightning", "lightning", "lightning_fabric"):
        logging.getLogger(name).setLevel(
            logging.ERROR
        )  # which devices it sees is in the record, not on the screen
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
            callbacks=[*callbacks, *([_ReportProgress(tell).callback()] if tell else [])],
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            inference_mode=False,  # cores may cache tensors in validation that training reads later
        )
        learner.is_watched = bool(loggers) or not all(
            getattr(each, "reads_no_log", False) for each in _callbacks_of(trainer)
        )
        trainer.fit(learner)


def _callbacks_of(trainer: pl.Trainer) -> list[pl.Callback]:
    """Return all callbacks, those among them that Lightning has added."""
    found: list[pl.Callback] = trainer.callbacks  # type: ignore[attr-defined]  # set where mypy does not see it
    return found
