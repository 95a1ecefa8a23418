"""Set two models of one store, or two stores, side by side: differences paired by seed, and
verdicts in words.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rnnbench.analysis.formatting import (
    MISSING,
    censored_text,
    compact,
    counted,
    estimate_text,
    number,
    p_text,
    quartiles_text,
    rate_text,
    whole,
)
from rnnbench.analysis.groups import Configuration, TaskGroup, group
from rnnbench.analysis.verdicts import Verdict, judge
from rnnbench.errors import UsageError, did_you_mean, one_line
from rnnbench.records.result import Record
from rnnbench.records.spec import TrialSpec
from rnnbench.records.syntax import option_text, with_options

_LABEL_LIMIT = 80


@dataclass(frozen=True, eq=False)
class Pairing:
    """Two configurations on one task.

    Attributes:
        name: what is compared: the task, and for two stores the model as well.
        score_name: the task's score.
        sign: +1 where a higher score is better, else -1.
        a, b: the two sides.
        verdict: of ``b`` beside ``a``.
        differs: settings in which the two differ, in words; empty when the budgets are equal.
    """

    name: str
    score_name: str
    sign: int
    a: Configuration
    b: Configuration
    verdict: Verdict
    differs: str

    @property
    def regressed(self) -> bool:
        """Whether ``b`` was shown to be worse: by the verdict that is printed, so that chance alone
        does not close a gate.
        """
        return self.verdict.outcome == "worse"


@dataclass(frozen=True, eq=False)
class Comparison:
    """Everything compared between ``a`` and ``b``; ``notes`` say what could not be."""

    a: str
    b: str
    pairings: tuple[Pairing, ...]
    notes: tuple[str, ...] = ()

    @property
    def regressions(self) -> tuple[Pairing, ...]:
        """The pairings in which ``b`` is entirely worse: grounds to fail a run that compares with
        an earlier store.
        """
        return tuple(pairing for pairing in self.pairings if pairing.regressed)

    def table(self, pairing: Pairing) -> list[tuple[str, str, str]]:
        """Return rows of (what, of ``a``, of ``b``) for one pairing."""
        return [(what, of(pairing.a), of(pairing.b)) for what, of in _ROWS]

    def text(self) -> str:
        """Return the comparison as plain text for a terminal."""
        blocks = []
        for pairing in self.pairings:
            rows = [("", self.a, self.b), *self.table(pairing)]
            widths = [
                max(len(one_line(row[column], _LABEL_LIMIT)) for row in rows) for column in range(3)
            ]
            lines = [
                pairing.name,
                *("  " + _line(row, widths) for row in rows),
                *(f"  {line}" for line in self._findings(pairing)),
            ]
            blocks.append("\n".join(_printable(line) for line in lines))
        return "\n\n".join([*blocks, *(f"note: {one_line(note)}" for note in self.notes)])

    def markdown(self) -> str:
        """Return the comparison as Markdown, with everything that came from records escaped."""
        from rnnbench.report.escaping import markdown_text

        blocks = [f"# {markdown_text(self.a)} and {markdown_text(self.b)}"]
        for pairing in self.pairings:
            rows = [("", self.a, self.b), ("---", "---", "---"), *self.table(pairing)]
            table = "\n".join(
                "| " + " | ".join(c if c == "---" else markdown_text(c) for c in row) + " |"
                for row in rows
            )
            findings = "\n".join(f"- {markdown_text(line)}" for line in self._findings(pairing))
            blocks += [f"## {markdown_text(pairing.name)}", table, findings]
        return (
            "\n\n".join([*blocks, *(f"Note: {markdown_text(note)}" for note in self.notes)]) + "\n"
        )

    def _findings(self, pairing: Pairing) -> list[str]:
        verdict = pairing.verdict
        lines = [f"Verdict: {verdict.words(self.a, self.b)}."]
        if verdict.paired is not None:
            test = (
                ""
                if verdict.paired.test is None
                else f"; {verdict.paired.test} p {p_text(verdict.p_adjusted)}"
            )
            lines.append(
                f"{pairing.score_name}, {self.b} minus {self.a}: {estimate_text(verdict.paired.estimate, signed=True)} "
                f"over {counted(verdict.seeds, 'seed')}{test}; {self.b} better on {verdict.wins}, worse on {verdict.losses}, "
                f"equal on {verdict.ties}."
            )
        if pairing.differs:
            lines.append(f"Not an equal budget: {pairing.differs}.")
        return lines


def compare(
    records_a: Sequence[Record], records_b: Sequence[Record] | None, a: str, b: str
) -> Comparison:
    """Compare two models of one store, or two stores.

    Args:
        records_a: the store's records.
        records_b: the other store's, or ``None`` to compare two models within ``records_a``.
        a: the first model as typed (``lstm``, ``gru[num_layers=2]``, ``lstm[hidden_size=64]``), or
            the first store's name.
        b: the second; differences are ``b - a``.

    Raises:
        UsageError: no records, a model that is not in the store (the near one is suggested), or no
            task in common.
    """
    for name, records in ((a, records_a), (b, records_b)):
        if records is not None and not records:
            raise UsageError(
                f"no records in {one_line(name, 120)!r}; type: rnnbench run -t copy-memory --preset quick"
            )
    a, b = one_line(a, _LABEL_LIMIT), one_line(b, _LABEL_LIMIT)
    return (
        _models(group(records_a), a, b)
        if records_b is None
        else _stores(group(records_a), group(records_b), a, b)
    )


def _models(groups: list[TaskGroup], a: str, b: str) -> Comparison:
    known = {label: None for each in groups for c in each.configurations for label in _labels(c)}
    for label in (a, b):
        if _normal(label) not in known:
            shown = sorted({c.spec.model.label for each in groups for c in each.configurations})
            raise UsageError(
                f"no records of model {label!r}.{did_you_mean(label, known)} The store has: {one_line(', '.join(shown), 300)}"
            )
    pairings: list[Pairing] = []
    notes: list[str] = []
    for each in groups:
        ours = [c for c in each.configurations if _normal(a) in _labels(c)]
        theirs = [c for c in each.configurations if _normal(b) in _labels(c)]
        if not (ours and theirs):
            notes.append(
                f"{each.label}: only {a if ours else b} was run"
            ) if ours or theirs else None
            continue
        matched = _matched(ours, theirs, _budget)
        if not matched:
            if len(ours) > 1 or len(theirs) > 1:
                notes.append(
                    f"{each.label}: several configurations and no two of equal budget; name hidden_size in the model"
                )
                continue
            matched = [(ours[0], theirs[0])]
        for first, second in matched:
            size = f" (hidden_size={first.spec.model.hidden_size})" if len(matched) > 1 else ""
            pairings.append(_pair(f"{each.label}{size}", each, first, second))
    if not pairings:
        raise UsageError(
            f"{a!r} and {b!r} have no task in common; type: rnnbench run -m {a},{b} -t copy-memory"
        )
    return Comparison(a, b, tuple(pairings), tuple(notes))


def _stores(groups_a: list[TaskGroup], groups_b: list[TaskGroup], a: str, b: str) -> Comparison:
    pairings: list[Pairing] = []
    notes: list[str] = []
    others = {_task_key(each): each for each in groups_b}
    for each in groups_a:
        other = others.pop(_task_key(each), None)
        if other is None:
            notes.append(f"{each.label} is only in {a}")
            continue
        matched = _matched(each.configurations, other.configurations, _model_key)
        pairings += [
            _pair(f"{each.label}, {first.label}", each, first, second) for first, second in matched
        ]
        for name, side, index in ((a, each, 0), (b, other, 1)):
            taken = {id(pair[index]) for pair in matched}
            notes += [
                f"{side.label}, {c.label} is only in {name}"
                for c in side.configurations
                if id(c) not in taken
            ]
    notes += [f"{each.label} is only in {b}" for each in others.values()]
    if not pairings:
        raise UsageError(
            f"{a!r} and {b!r} have no task, model and settings in common; run the same suite into both stores"
        )
    return Comparison(a, b, tuple(pairings), tuple(notes))


def _pair(name: str, task: TaskGroup, a: Configuration, b: Configuration) -> Pairing:
    verdict = judge(a.scores, [b.scores], task.sign)[0]
    score_name = one_line(task.learning.score_name, 60) if task.learning is not None else "score"
    return Pairing(
        one_line(name, 200),
        score_name,
        task.sign,
        a,
        b,
        verdict,
        _budget_difference(a.spec, b.spec),
    )


def _matched(
    ours: Sequence[Configuration],
    theirs: Sequence[Configuration],
    key: Callable[[Configuration], str],
) -> list[tuple[Configuration, Configuration]]:
    """Pair the configurations of equal key, where exactly one on each side has it."""
    by_key: dict[str, list[Configuration]] = defaultdict(list)
    for configuration in theirs:
        by_key[key(configuration)].append(configuration)
    counts: dict[str, int] = defaultdict(int)
    for configuration in ours:
        counts[key(configuration)] += 1
    return [
        (c, by_key[key(c)][0]) for c in ours if counts[key(c)] == 1 and len(by_key[key(c)]) == 1
    ]


def _budget(configuration: Configuration) -> str:
    spec = configuration.spec
    return json.dumps([spec.settings.model_dump(), spec.model.hidden_size], sort_keys=True)


def _model_key(configuration: Configuration) -> str:
    model = configuration.spec.model
    return json.dumps(
        [model.name, model.provider.distribution, model.options, _budget(configuration)],
        sort_keys=True,
    )


def _task_key(task: TaskGroup) -> str:
    """Identify a task by what it is, not by which version of its distribution provided it."""
    identity = task.spec.identity()
    identity["provider"] = task.spec.provider.distribution
    identity["checksums"] = task.data_checksums
    return json.dumps(identity, sort_keys=True)


def _budget_difference(a: TrialSpec, b: TrialSpec) -> str:
    ours = {"hidden_size": a.model.hidden_size, **a.settings.model_dump()}
    theirs = {"hidden_size": b.model.hidden_size, **b.settings.model_dump()}
    return ", ".join(
        f"{name} {option_text(ours[name])} and {option_text(theirs[name])}"
        for name in ours
        if ours[name] != theirs[name]
    )


def _labels(configuration: Configuration) -> set[str]:
    """Return the ways in which a person may type the model of this configuration."""
    model = configuration.spec.model
    with_size = with_options(model.name, {**model.shown, "hidden_size": model.hidden_size})
    return {_normal(model.label), _normal(with_size), _normal(configuration.label)}


def _normal(label: str) -> str:
    """Return a model label with its options in alphabetical order and no spaces."""
    name, bracket, rest = label.replace(" ", "").partition("[")
    return f"{name}[{','.join(sorted(rest.removesuffix(']').split(',')))}]" if bracket else name


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(
        one_line(cell, _LABEL_LIMIT).ljust(width) for cell, width in zip(row, widths, strict=True)
    ).rstrip()


def _printable(line: str) -> str:
    """Return ``line`` without control characters, its spaces kept for the columns."""
    return "".join(character if character.isprintable() else " " for character in line)


def _speed(configuration: Configuration) -> str:
    point = configuration.speed_point("train")
    return (
        MISSING
        if point is None
        else f"{number(point.seconds.median * 1e3)} ms, ratio {quartiles_text(point.ratio)}"
    )


_ROWS: tuple[tuple[str, Callable[[Configuration], str]], ...] = (
    ("score, mean [interval]", lambda c: estimate_text(c.score)),
    ("skill", lambda c: estimate_text(c.skill)),
    ("solved", lambda c: rate_text(c.solved)),
    (
        "steps to solve, median",
        lambda c: (
            MISSING if c.solved is None else censored_text(c.steps_to_solve, c.spec.settings.steps)
        ),
    ),
    ("trials without a score", lambda c: str(len(c.failures))),
    ("parameters", lambda c: MISSING if c.size is None else whole(c.size.params_total)),
    ("FLOPs per step", lambda c: MISSING if c.size is None else compact(c.size.flops_per_step)),
    ("state size", lambda c: MISSING if c.size is None else whole(c.size.state_size)),
    ("training step", _speed),
    ("gradient half-life at initialisation", lambda c: number(c.half_life("init"))),
    ("gradient half-life after training", lambda c: number(c.half_life("trained"))),
)
