"""Specifications that define a trial, and the hashes that identify it."""

from __future__ import annotations

from pathlib import PurePath
from typing import Any, Literal

from pydantic import Field, PositiveInt

from rnnbench.records.base import Data, Line, content_hash
from rnnbench.records.syntax import OptionValue, with_options

RECORD_SCHEMA = 2
"""Version of the meaning of identities and records."""


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


class TaskSpec(Data):
    """A task with every option resolved."""

    name: str
    version: int
    provider: Provider
    options: dict[str, OptionValue]
    shown: dict[str, OptionValue] = Field(default_factory=dict)
    """The options that differ from their defaults."""
    checksums: dict[str, str] = Field(default_factory=dict)
    """SHA-256 of each data file, by option; replaces the path in the identity."""

    def identity(self) -> dict[str, Any]:
        """Return the definition of the task, with checksums of data files in place of paths."""
        options = {
            name: value for name, value in self.options.items() if name not in self.checksums
        }
        return {
            "name": self.name,
            "version": self.version,
            "provider": self.provider.model_dump(),
            "options": options,
            "checksums": self.checksums,
        }

    @property
    def task_id(self) -> str:
        """Hash of the task; scores of equal ids may be compared."""
        return content_hash(self.identity())

    @property
    def label(self) -> str:
        """The task as typed on the command line, data files by name without folder."""
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
        """Return the definition of the model."""
        return {
            "name": self.name,
            "provider": self.provider.model_dump(),
            "hidden_size": self.hidden_size,
            "options": self.options,
        }

    @property
    def label(self) -> str:
        """The model as typed on the command line, without its hidden size."""
        return with_options(self.name, self.shown)


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
            "task": self.task.identity(),
            "model": self.model.identity(),
        }
