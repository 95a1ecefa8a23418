"""Lightning's loggers, by name: they log a training in addition to its record."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rnnbench.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from pytorch_lightning.loggers import Logger

    from rnnbench.records.spec import TrialSpec

LOGGERS: dict[str, str | None] = {"csv": None, "tensorboard": "tensorboard"}
"""The loggers, each with the distribution that it needs in addition to rnnbench."""


def check_loggers(names: Sequence[str]) -> tuple[str, ...]:
    """Return the names, each once.

    Raises:
        UsageError: an unknown logger, or one whose distribution is not installed.
    """
    for name in names:
        if name not in LOGGERS:
            raise UsageError(
                f"there is no logger {name!r}.{did_you_mean(name, LOGGERS)} "
                f"There are: {', '.join(LOGGERS)}."
            )
        needed = LOGGERS[name]
        if needed is not None and find_spec(needed) is None:
            raise UsageError(f"logger {name} needs {needed}; type: pip install 'rnnbench[{name}]'")
    return tuple(dict.fromkeys(names))


def make_loggers(names: Sequence[str], folder: Path, spec: TrialSpec) -> list[Logger]:
    """Return loggers that write below ``folder``, with the trial's settings as hyperparameters."""
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
