"""Published results, as tasks declare them and as trials record them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

from pydantic import Field, PositiveInt

from rnnbench.records.base import Data, Line
from rnnbench.records.citation import Citation
from rnnbench.records.syntax import OptionValue

Bound: TypeAlias = Literal["=", "<", ">"]
"""Whether a source states a value, or that the score is below or above it."""
BOUNDS: Mapping[Bound, str] = {"=": "", "<": "below ", ">": "above "}
"""Words before the value, by bound."""


@dataclass(frozen=True, kw_only=True)
class Published:
    """A result that a source states for a model on a task.

    It holds for a trial whose task has exactly these options: those of ``options`` as given, data
    files of ``data`` by content, those of ``free`` at any value, all others at their defaults.

    Attributes:
        model: the model: its registered name, or that of an architecture which is not registered.
        value: the result, in units of the score.
        citation: the source.
        where: place in the source: table, figure or section.
        score: name of the score, where it is not the task's own but one of its extra scores.
        direction: of such a score, ``"higher"`` or ``"lower"``, whichever is better.
        options: options of the task by name.
        data: SHA-256 of each data file, by the option that names it.
        free: options whose value does not matter.
        bound: ``"<"`` where the source states that the result is below ``value``, ``">"`` above.
        rounding: half a unit of the last digit that the source prints, in units of the score.
        printed: the result as the source prints it, where its unit differs.
        parameters: of the source's network, as it states them.
        settings: settings of the source's training by name, as in a :class:`rnnbench.Preset`.
        runs: runs that the value summarises, and how, e.g. ``"best of 10 seeds"``.
        chosen_on_test: whether checkpoint or settings were chosen on the test data; ``None``: not
            stated.
        differences: further differences of protocol between the source and a trial.
    """

    model: str
    value: float
    citation: Citation
    where: str
    score: str = ""
    direction: Literal["higher", "lower"] | None = None
    options: Mapping[str, OptionValue] = field(default_factory=dict)
    data: Mapping[str, str] = field(default_factory=dict)
    free: tuple[str, ...] = ()
    bound: Bound = "="
    rounding: float = 0.0
    printed: str = ""
    parameters: int | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    runs: str = ""
    chosen_on_test: bool | None = None
    differences: tuple[str, ...] = ()

    def holds_for(
        self,
        options: Mapping[str, OptionValue],
        defaults: Mapping[str, OptionValue],
        checksums: Mapping[str, str],
    ) -> bool:
        """Return whether it holds for a task with these options.

        Args:
            options: every option of the task by name.
            defaults: their defaults.
            checksums: of each data file, by option, as specifications have them: ``sha256:...``.
        """
        expected = {**defaults, **self.options}
        data = {name: f"sha256:{digest}" for name, digest in self.data.items()}
        return data == dict(checksums) and all(
            value == expected.get(name)
            for name, value in options.items()
            if name not in checksums and name not in self.free
        )


class RecordedPublished(Data):
    """A published result that holds for the task of a trial, as recorded."""

    model: Line
    value: float
    citation: Line
    """Key of the citation, e.g. ``Bai et al. 2018``."""
    url: Line = ""
    where: Line
    score: Line = ""
    """Name of an extra score; empty for the task's own."""
    direction: Literal["higher", "lower"] | None = None
    """Of an extra score."""
    bound: Bound = "="
    rounding: float = Field(default=0.0, ge=0)
    printed: Line = ""
    parameters: PositiveInt | None = None
    settings: dict[str, OptionValue] = Field(default_factory=dict)
    runs: Line = ""
    chosen_on_test: bool | None = None
    differences: tuple[Line, ...] = ()

    @classmethod
    def of(cls, published: Published) -> RecordedPublished:
        """Return what is recorded of a declared result."""
        given = published
        return cls(
            model=given.model,
            value=given.value,
            citation=given.citation.key,
            url=given.citation.url,
            where=given.where,
            score=given.score,
            direction=given.direction,
            bound=given.bound,
            rounding=given.rounding,
            printed=given.printed,
            parameters=given.parameters,
            settings=dict(given.settings),
            runs=given.runs,
            chosen_on_test=given.chosen_on_test,
            differences=given.differences,
        )
