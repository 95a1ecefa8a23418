"""Specifications: what defines a trial, with the hashes that identify it."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, Literal

from pydantic import Field, PositiveInt

from rnnbench.records.base import Data, content_hash
from rnnbench.records.syntax import OptionValue, with_options

RECORD_SCHEMA = 1
"""Raised whenever the meaning of a trial's identity or of a record changes."""


class Provider(Data):
    """The distribution that a plugin came from."""

    distribution: str
    version: str


class Settings(Data):
    """What a comparison holds equal: the budget and the trainer's settings."""

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


class TaskSpec(Data):
    """A task with every option resolved."""

    name: str
    version: int
    provider: Provider
    options: dict[str, OptionValue]
    shown: dict[str, OptionValue] = Field(default_factory=dict)
    """The options that differ from their defaults: what a person would type."""
    checksums: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of each data file, by option; in the identity it stands in place of the path."""

    def identity(self) -> dict[str, Any]:
        """Return what defines the task; paths are replaced by checksums of their content."""
        options = {
            name: value for name, value in self.options.items() if name not in self.checksums
        }
        return {"name": self.name, "version": self.version, "provider": self.provider.model_dump(),
                "options": options, "checksums": self.checksums}  # fmt: skip

    @property
    def task_id(self) -> str:
        """Identify what scores may be compared with each other."""
        return content_hash(self.identity())

    @property
    def label(self) -> str:
        """The task as a person would type it, its data files by their names alone."""
        return with_options(
            self.name, {name: self._short(name, value) for name, value in self.shown.items()}
        )

    def _short(self, name: str, value: OptionValue) -> OptionValue:
        return PurePath(value).name if name in self.checksums and isinstance(value, str) else value


class ModelSpec(Data):
    """A model with every option resolved."""

    name: str
    provider: Provider
    hidden_size: PositiveInt
    causal: bool = True
    options: dict[str, OptionValue]
    shown: dict[str, OptionValue] = Field(default_factory=dict)
    """The options that differ from their defaults, ``hidden_size`` not among them."""

    def identity(self) -> dict[str, Any]:
        """Return what defines the model."""
        return {"name": self.name, "provider": self.provider.model_dump(), "hidden_size": self.hidden_size,
                "options": self.options}  # fmt: skip

    @property
    def label(self) -> str:
        """The model as a person would type it, without its hidden size."""
        return with_options(self.name, self.shown)


class TrialSpec(Data):
    """One training: the unit of work, identity and failure."""

    task: TaskSpec
    model: ModelSpec
    settings: Settings
    seed: int = Field(ge=0)

    @property
    def trial_id(self) -> str:
        """Identify the trial by all that defines it, and by nothing else."""
        return content_hash({**self._config(), "seed": self.seed})

    @property
    def config_id(self) -> str:
        """Identify the trial but for its seed: the trials of one configuration are replicates of
        each other.
        """
        return content_hash(self._config())

    @property
    def speed_id(self) -> str:
        """Identify what a speed is measured on: the network and its batch, not how long it trains."""
        settings = self.settings
        return content_hash({"schema": RECORD_SCHEMA, "task": self.task.identity(), "model": self.model.identity(),
                             "batch_size": settings.batch_size, "embedding_size": settings.embedding_size,
                             "precision": settings.precision})  # fmt: skip

    def _config(self) -> dict[str, Any]:
        return {"schema": RECORD_SCHEMA, "task": self.task.identity(), "model": self.model.identity(),
                "settings": self.settings.model_dump()}  # fmt: skip
