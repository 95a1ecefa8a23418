"""A claim: a statement about architectures with the trials and the rule that decide on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from rnnbench.claims.effects import Effect
from rnnbench.claims.measures import Measure
from rnnbench.claims.rules import Rule
from rnnbench.errors import UsageError
from rnnbench.records.citation import Citation
from rnnbench.records.result import Record
from rnnbench.records.spec import TrialSpec
from rnnbench.records.suite import Suite
from rnnbench.records.syntax import OptionValue, Selector, option_text, parse_selectors


@dataclass(frozen=True)
class Group:
    """Trials of a claim that are measured together: those of one model on one task.

    What is left out is not looked at, so that a group holds every trial of the claim that agrees.

    Attributes:
        model: the model with the options that tell it from others, ``lstm[num_layers=2]``; several,
            separated by commas, are measured together. Empty: every model.
        task: the task likewise, ``copy-memory[delay=50]``.
        settings: training settings that tell its trials from others.
        tuned: whether it holds the trials with tuned recipes, or those with the default one.
    """

    model: str = ""
    task: str = ""
    settings: Mapping[str, OptionValue] = field(default_factory=dict)
    tuned: bool = False

    def holds(self, spec: TrialSpec) -> bool:
        """Return whether a trial agrees with model, task and settings."""
        model = {"hidden_size": spec.model.hidden_size, **spec.model.options}
        return (
            _agrees(self.model, spec.model.name, model)
            and _agrees(self.task, spec.task.name, spec.task.options)
            and all(
                _same(getattr(spec.settings, name, None), value)
                for name, value in self.settings.items()
            )
        )

    def selectors(self) -> list[Selector]:
        """Return the parts of its texts.

        Raises:
            UsageError: a text that is no selector.
        """
        return [each for text in (self.model, self.task) if text for each in _parsed(text)]


def _agrees(text: str, name: str, options: Mapping[str, OptionValue]) -> bool:
    if not text:
        return True
    return any(
        selector.pattern == name
        and all(
            option in options and any(_same(options[option], word) for word in words)
            for option, words in selector.options
        )
        for selector in _parsed(text)
    )


@lru_cache(maxsize=1024)
def _parsed(text: str) -> tuple[Selector, ...]:
    """Return the selectors of a text, which is compared with every record of a store."""
    return tuple(parse_selectors([text]))


def _same(value: OptionValue, asked: OptionValue) -> bool:
    """Return whether a value is the one asked for, which may be its text: ``1e-3`` is 0.001."""
    if isinstance(value, bool) or value is None or isinstance(asked, bool) or asked is None:
        return option_text(value) == (asked if isinstance(asked, str) else option_text(asked))
    if isinstance(value, int | float):
        try:
            return float(value) == float(str(asked))
        except ValueError:
            return False
    return str(value) == str(asked)


@dataclass(frozen=True)
class Simulated:
    """Measurements of two imaginary worlds, on which the rule is checked.

    Attributes:
        supported: mean and standard deviation of each group's measurements where the claim holds;
            of a measure that is 0 or 1 the mean is the share of ones, and the other is not used.
        contradicted: the same where it does not.
    """

    supported: Mapping[str, tuple[float, float]]
    contradicted: Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Claim:
    """A statement about architectures, decided by a rule that was fixed before the trials ran.

    Attributes:
        name: lower-case letters, digits and single hyphens.
        statement: what is commonly said, in one line and in your own words.
        citations: where it is said, or first shown.
        trials: the grids of trials, as in a suite file; presets are ``quick`` and others.
        groups: the trials that are measured together, by name.
        measure: what is measured of each trial.
        effect: the number that decides, computed from the groups.
        rule: the effects with which the claim holds.
        simulated: two imaginary worlds, for ``rnnbench check``.
        caution: what the verdict does not show, in one line, e.g. the scale of the trials.
    """

    name: str
    statement: str
    citations: tuple[Citation, ...]
    trials: Suite
    groups: Mapping[str, Group]
    measure: Measure
    effect: Effect
    rule: Rule
    simulated: Simulated
    caution: str = ""

    def faults(self) -> list[str]:
        """Return what is wrong with it, each with what to change; empty for none."""
        found = []
        for text in ("statement", "caution"):
            value = getattr(self, text)
            if not isinstance(value, str) or "\n" in value:
                found.append(f"{text} must be one line of text.")
        if not self.statement:
            found.append("statement is empty; write what is commonly said, in one line.")
        if not self.citations or not all(isinstance(each, Citation) for each in self.citations):
            found.append("citations must be a tuple of rnnbench.Citation, at least one.")
        if self.trials.claims:
            found.append("trials must not name claims; give tasks and models.")
        if unknown := sorted(set(self.effect.groups) - set(self.groups)):
            found.append(f"the effect needs the group {unknown[0]!r}, which groups does not have.")
        for truth in ("supported", "contradicted"):
            planted: Mapping[str, Any] = getattr(self.simulated, truth)
            if set(planted) != set(self.groups):
                found.append(f"simulated.{truth} must have the same names as groups.")
        for name, group in self.groups.items():
            try:
                group.selectors()
            except UsageError as error:
                found.append(f"group {name!r}: {error}")
        return found

    def sorted_into(self, records: list[tuple[Record, bool]]) -> dict[str, list[Record]]:
        """Return the records of each group.

        Args:
            records: the records of its trials, each with whether its recipe is a tuned one.
        """
        return {
            name: [
                record
                for record, tuned in records
                if tuned is group.tuned and group.holds(record.spec)
            ]
            for name, group in self.groups.items()
        }
