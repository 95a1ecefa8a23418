"""Loggers of Lightning, by name: where the course of a training goes beside its record, for those
who watch it elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnbench.errors import UsageError

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

    from rnnbench.records.spec import TrialSpec

LOGGERS: dict[str, str | None] = {"csv": None, "tensorboard": "tensorboard"}
"""The distribution that each needs beside rnnbench."""


def check_loggers(names: Sequence[str]) -> None:
    """Raise :class:`UsageError` where a logger's distribution is not installed, before the first
    trial.
    """
    for name in names:
        needed = LOGGERS[name]
        if needed is not None and find_spec(needed) is None:
            raise UsageError(
                f"--logger {name} needs {needed}; type: pip install 'rnnbench[{name}]'"
            )


def make_loggers(names: Sequence[str], folder: Path, spec: TrialSpec) -> list[Logger]:
    """Return loggers that write below ``folder``, one place per trial, with all that defines the
    trial as hyperparameters.
    """
    from pytorch_lightning.loggers import CSVLogger, TensorBoardLogger

    place: dict[str, Any] = {
        "name": f"{spec.task.name}/{spec.model.name}",
        "version": f"seed-{spec.seed}-{spec.trial_id}",
    }
    kinds: dict[str, Callable[[str], Logger]] = {
        "csv": lambda below: CSVLogger(below, **place),
        "tensorboard": lambda below: TensorBoardLogger(below, default_hp_metric=False, **place),
    }
    made: list[Logger] = []
    for name in names:
        logger = kinds[name](str(folder / name))
        logger.log_hyperparams(_hyperparameters(spec))
        made.append(logger)
    return made


def _hyperparameters(spec: TrialSpec) -> dict[str, Any]:
    return {
        "task": spec.task.label,
        "model": spec.model.label,
        "hidden_size": spec.model.hidden_size,
        "seed": spec.seed,
        **spec.settings.model_dump(),
    }
