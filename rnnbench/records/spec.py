"""Specifications that define a trial, and the hashes that identify it."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, Literal

from pydantic import Field, PositiveInt

from rnnbench.records.base import Data, Line, content_hash
from rnnbench.records.syntax import OptionValue, with_options

RECORD_SCHEMA = 2
"""Version of the meaning of identities and records."""
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


class Settings(Data):
    """The budget and the training settings, which a comparison holds equal."""

    steps: PositiveInt = Field(default=1000, description="optimizer steps")
    batch_size: PositiveInt = Field(default=64, description="sequences per step")
    learning_rate: float = Field(
        default=1e-3, gt=0, allow_inf_nan=False, description="learning rate"
    )
    optimizer: Literal["adam", "adamw", "rmsprop", "sgd"] = Field(
        default="adam", description="optimizer"
    )
    weight_decay: float = Field(default=0.0, ge=0, allow_inf_nan=False, description="weight decay")
    clip_norm: float | None = Field(
        default=1.0, gt=0, allow_inf_nan=False, description="gradient norm is clipped to this"
    )
    embedding_size: PositiveInt | None = Field(
        default=None, description="embedding width; min(vocab, hidden_size) if unset"
    )
    validate_every: PositiveInt | None = Field(
        default=None, description="steps between validations; steps/20 if unset"
    )
    validation_size: PositiveInt = Field(default=500, description="generated validation sequences")
    test_size: PositiveInt = Field(default=2000, description="generated test sequences")
    precision: Literal["32", "64", "bf16-mixed"] = Field(
        default="32", description="Lightning's precision"
    )

    @property
    def validation_interval(self) -> int:
        """Steps between two validations."""
        return self.validate_every or max(1, self.steps // 20)


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


class ModelSpec(_Registered):
    """A model with every option resolved; ``hidden_size`` is not among its options."""

    hidden_size: PositiveInt
    causal: bool = True
    code: str | None = None
    """Source code of a class that was given in Python; ``None`` for the model of a plugin."""

    def identity(self) -> dict[str, Any]:
        """Return the definition of the model, with checksums of data files in place of paths."""
        return {**super().identity(), "hidden_size": self.hidden_size}


class TrialSpec(Data):
    """One training run: the unit of work, identity and failure."""

    task: TaskSpec
    model: ModelSpec
    settings: Settings
    seed: int = Field(ge=0)

    @property
    def trial_id(self) -> str:
        """Hash of everything that defines the trial."""
        return content_hash({**self._config(), "seed": self.seed})

    @property
    def config_id(self) -> str:
        """Hash of the trial without its seed; trials of equal ids are replicates."""
        return content_hash(self._config())

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
            }
        )

    def _config(self) -> dict[str, Any]:
        return {**self._network(), "settings": self.settings.model_dump()}

    def _network(self) -> dict[str, Any]:
        return {
            "schema": RECORD_SCHEMA,
            "measurement": MEASUREMENT,
            "task": self.task.identity(),
            "model": self.model.identity(),
        }
