"""Suites: what a suite file may hold, and the grids of trials that it stands for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_MODELS = ("rnn", "lstm", "gru", "bilstm", "attention-lstm")
"""The models of a request that names none: a run of every model takes hours."""
STANDARD = "standard"
"""The preset of a suite that overrides none of its fields."""


class Grid(BaseModel):
    """A grid of trials: every task with every model and every seed."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    tasks: list[str] = Field(
        default=[],
        min_length=1,
        description="tasks by name or glob, options inline, several values as a grid: "
        "'copy-memory[delay=10,20]'; all for every task",
    )
    models: list[str] = Field(
        default=list(DEFAULT_MODELS),
        min_length=1,
        description="models by name or glob, options inline: 'lstm[hidden_size=32,64]'; "
        "family:gated for those of a family, all for every model; "
        "rnn, lstm, gru, bilstm and attention-lstm if unset",
    )
    seeds: int | list[int] | None = Field(
        default=None,
        description="how many seeds, counted from 0, or a list of the seeds themselves; "
        "5 for the preset quick, else 10 if unset",
    )
    preset: str | None = Field(
        default=None,
        description="the tasks' own sizes: quick, standard or paper; "
        "standard where a task has it if unset",
    )
    hidden_size: int | None = Field(
        default=None, gt=0, description="hidden size of every model that does not set it inline"
    )
    match: str | None = Field(
        default=None,
        description="quantity that the hidden sizes make equal: params=50k, core-params, state, "
        "flops or time, or that of a model: params=lstm[hidden_size=128]",
    )
    vary: list[str] = Field(
        default=[],
        description="sources of randomness that further trials vary alone: init, data, order",
    )
    tune: list[str] = Field(
        default=[],
        description="search space of the tuning: 'learning_rate=1e-4..1e-2'; "
        "choices are separated by bars",
    )
    tune_trials: int | None = Field(
        default=None, gt=0, description="tries of each model on each task; 10 if unset"
    )
    tune_sampler: str | None = Field(
        default=None, description="random, tpe or grid; random if unset"
    )
    tune_pruner: str | None = Field(
        default=None, description="none, median or halving; none if unset"
    )
    tune_report: str | None = Field(
        default=None,
        description="recipes that are trained with the seeds: both, the default and the tuned one, "
        "or tuned; both if unset",
    )
    speed: bool | None = Field(
        default=None,
        description="whether the speed of these configurations is measured; true if unset",
    )
    settings: dict[str, Any] = Field(
        default={}, description="training settings, which override those of the preset"
    )

    def over(self, other: Grid) -> dict[str, Any]:
        """Return the fields of ``other``, overridden by those that this grid gives."""
        fields = set(Grid.model_fields)
        below = other.model_dump(include=other.model_fields_set & fields)
        above = self.model_dump(include=self.model_fields_set & fields)
        settings = {**below.get("settings", {}), **above.get("settings", {})}
        return {**below, **above, **({"settings": settings} if settings else {})}


class Part(Grid):
    """One of several grids of a suite; what it leaves out is as in the suite."""

    presets: dict[str, Grid] = Field(
        default={},
        description="sizes of the suite by name, chosen by --preset: fields that replace those of "
        "the suite and of its parts",
    )


class Suite(Part):
    """The content of a suite file."""

    description: str = Field(default="", description="what the suite is for, in one line")
    claims: list[str] = Field(
        default=[],
        min_length=1,
        description="claims by name or glob, whose trials are run and whose verdicts are reported",
    )
    parts: list[Part] = Field(
        default=[],
        min_length=1,
        description="several grids, each with its own tasks, models and settings; "
        "what a part leaves out is as in the suite",
    )

    @classmethod
    def of(cls, **fields: Any) -> Suite:
        """Return a suite with fields as a file has them: mappings stand for parts and presets.

        Raises:
            pydantic.ValidationError: a field that a suite does not have, or a wrong value.
        """
        return cls.model_validate(fields)

    @property
    def sizes(self) -> list[str]:
        """Names of its presets, ``standard`` first; empty for a suite without presets."""
        names = dict.fromkeys(name for each in (self, *self.parts) for name in each.presets)
        return list(dict.fromkeys([STANDARD, *names])) if names else []

    def grids(self, size: str = STANDARD) -> Iterator[Grid]:
        """Return its grids, each with every field that it has in this preset of the suite.

        A preset replaces the fields of the suite and of every part; that of a part replaces those
        of the part alone, and comes last.
        """
        own = self.presets.get(size, Grid())
        for part in self.parts or ([Part()] if self.tasks else []):
            fields: Grid = self
            for above in (part, own, part.presets.get(size, Grid())):
                fields = Grid.model_validate(above.over(fields))
            yield fields
