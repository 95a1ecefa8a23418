"""Specifications that define a trial, and the hashes that identify it."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, Literal, TypeAlias

from pydantic import Field, PositiveInt

from rnnbench.records.base import Data, Line, content_hash
from rnnbench.records.settings import Settings
from rnnbench.records.space import Axis
from rnnbench.records.syntax import OptionValue, option_text, with_options

RECORD_SCHEMA = 2
"""Version of the meaning of identities; what was added since is left out of them where unused."""
MEASUREMENT = 1
"""Version of training and measurement; raised when the same trial would get another result.

It is part of the identity of a trial, and the version of rnnbench is not, so that a release that
changes no result runs no trial again.
"""
OWN_DISTRIBUTION = "rnnbench"


class Provider(Data):
    """The distribution that a plugin came from."""

    distribution: Line
    version: Line


class _Registered(Data):
    """What the specifications of a task and of a model have in common."""

    name: str
    provider: Provider
    source: str = ""
    """SHA-256 of the source code that defines it; empty where no source is installed."""
    options: dict[str, OptionValue]
    shown: dict[str, OptionValue] = Field(default_factory=dict)
    """The options that differ from their defaults."""
    checksums: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of each data file, by option; replaces the path in the identity."""

    def identity(self) -> dict[str, Any]:
        """Return the definition, with checksums of data files in place of paths."""
        options = {
            name: value for name, value in self.options.items() if name not in self.checksums
        }
        return {
            "name": self.name,
            "provider": self._provided(),
            "options": options,
            "checksums": self.checksums,
        }

    def _provided(self) -> dict[str, str]:
        provider = self.provider.model_dump()
        if self.source:
            # The source of rnnbench's own members is pinned, and MEASUREMENT stands for the rest
            # of rnnbench: a release that changes neither keeps the identity.
            if self.provider.distribution == OWN_DISTRIBUTION:
                del provider["version"]
            provider["source"] = self.source
        return provider

    @property
    def label(self) -> str:
        """The name and options as typed on the command line, data files without folder."""
        return with_options(
            self.name, {name: self._short(name, value) for name, value in self.shown.items()}
        )

    def _short(self, name: str, value: OptionValue) -> OptionValue:
        return PurePath(value).name if name in self.checksums and isinstance(value, str) else value


class TaskSpec(_Registered):
    """A task with every option resolved."""

    version: int

    def identity(self) -> dict[str, Any]:
        """Return the definition of the task, with checksums of data files in place of paths."""
        return {**super().identity(), "version": self.version}

    @property
    def task_id(self) -> str:
        """Hash of the task; scores of equal ids may be compared."""
        return content_hash(self.identity())


EQUAL_WITHIN = 0.05
"""Relative error up to which a quantity counts as equal."""
Quantity: TypeAlias = Literal["params", "core-params", "state", "flops", "time"]
QUANTITIES_IN_WORDS: dict[Quantity, str] = {
    "params": "parameters",
    "core-params": "core parameters",
    "state": "state",
    "flops": "FLOPs",
    "time": "training time",
}


class Matched(Data):
    """The size that a model's hidden size was chosen for."""

    quantity: Quantity
    """The quantity that was made equal: parameters of the network or of the core, numbers of state,
    floating-point operations per time step, or seconds of training.
    """
    target: float = Field(gt=0)
    asked: Line
    """The target as typed, e.g. ``50k`` or ``lstm[hidden_size=128]``."""
    achieved: float

    @property
    def error(self) -> float:
        """Relative error of the achieved value."""
        return self.achieved / self.target - 1

    @property
    def is_off(self) -> bool:
        """Whether the relative error is larger than :data:`EQUAL_WITHIN`."""
        return abs(self.error) > EQUAL_WITHIN


class ModelSpec(_Registered):
    """A model with every option resolved; ``hidden_size`` is not among its options."""

    hidden_size: PositiveInt
    causal: bool = True
    code: str | None = None
    """Source code of a class that was given in Python; ``None`` for the model of a plugin."""
    matched: Matched | None = None
    """How ``hidden_size`` was chosen by ``--match``; not part of the identity."""

    def identity(self) -> dict[str, Any]:
        """Return the definition of the model, with checksums of data files in place of paths."""
        return {**super().identity(), "hidden_size": self.hidden_size}


Sampler: TypeAlias = Literal["random", "tpe", "grid"]
Pruner: TypeAlias = Literal["none", "median", "halving"]


class Try(Data):
    """One try of a tuning study: a trial that chooses a recipe and is never reported as a score."""

    study: Line
    """Identity of the study: hash of task, model, settings, search space, sampler and seed."""
    number: int = Field(ge=0)
    """From 0, in the order in which the sampler proposed it."""
    values: dict[str, OptionValue]
    """The values tried, by setting or model option."""
    space: tuple[Axis, ...] = ()
    """The search space, in the order of the names."""
    sampler: Sampler = "random"
    pruner: Pruner = "none"
    asked: PositiveInt = 1
    """Tries that the run asked for which trained this one; no part of the study's identity."""
    default_id: str = ""
    """``config_id`` of the default recipe, which the study improves on."""

    @property
    def label(self) -> str:
        """The values as typed, e.g. ``learning_rate=0.003, optimizer=sgd``."""
        return ", ".join(f"{name}={option_text(v)}" for name, v in self.values.items())


VariedSource: TypeAlias = Literal["init", "data", "order"]
Varied: TypeAlias = Literal["all", "init", "data", "order"]
"""Sources of randomness that the seed varies.

``init`` are the initial weights; ``data`` the sequences that a generated task draws; ``order`` the
order of the training sequences of a finite data set, and the masks of dropout.
"""


class TrialSpec(Data):
    """One training run: the unit of work, identity and failure."""

    task: TaskSpec
    model: ModelSpec
    settings: Settings
    seed: int = Field(ge=0)
    varied: Varied = "all"
    """What the seed varies; the other sources have the seed 0."""
    tuning: Try | None = None
    """The try that this trial is; ``None`` for a trial whose score is reported."""

    def seed_of(self, source: VariedSource) -> int:
        """Return the seed of one source of randomness: 0 where the trial varies another one."""
        return self.seed if self.varied in ("all", source) else 0

    @property
    def seed_label(self) -> str:
        """The seed in words: ``3``, or ``3 of init`` where it is that of one source alone."""
        return str(self.seed) if self.varied == "all" else f"{self.seed} of {self.varied}"

    @property
    def reported(self) -> bool:
        """Whether its score counts: it varies all sources, and is no try of a tuning study."""
        return self.varied == "all" and self.tuning is None

    @property
    def trial_id(self) -> str:
        """Hash of everything that defines the trial."""
        return content_hash({**self._config(), "seed": self.seed})

    @property
    def config_id(self) -> str:
        """Hash of the trial without its seed; trials of equal ids are replicates."""
        return content_hash(self._config())

    @property
    def recipe_id(self) -> str:
        """``config_id`` of reported trials with this model and these settings, of all sources."""
        return self.model_copy(update={"tuning": None, "varied": "all"}).config_id

    @property
    def speed_id(self) -> str:
        """Hash of the network and its batch, which determine the speed."""
        settings = self.settings
        return content_hash(
            {
                **self._network(),
                "batch_size": settings.batch_size,
                "embedding_size": settings.embedding_size,
                "precision": settings.precision,
                **settings.network_identity(),
            }
        )

    def _config(self) -> dict[str, Any]:
        found = {**self._network(), "settings": self.settings.identity()}
        if self.varied != "all":
            found["varied"] = self.varied
        if self.tuning is not None:
            found["tuning"] = [self.tuning.study, self.tuning.number]
        return found

    def _network(self) -> dict[str, Any]:
        return {
            "schema": RECORD_SCHEMA,
            "measurement": MEASUREMENT,
            "task": self.task.identity(),
            "model": self.model.identity(),
        }
