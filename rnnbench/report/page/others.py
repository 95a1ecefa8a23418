"""Records of other runs on the page: which files they come from, and from which machines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from rnnbench.analysis.against import Others
from rnnbench.analysis.formatting import MISSING, counted, listed
from rnnbench.records.environment import Environment
from rnnbench.records.result import Record
from rnnbench.report.blocks import Column, Row, Table

_MOST_ROWS = 40


def others_sentences(records: Sequence[Record], others: Sequence[Others]) -> list[str]:
    """Return the lines that open a page with records of other runs.

    Args:
        records: all records of the page.
        others: which of them come from files.
    """
    shown = {record.trial_id for each in others for record in each.records}
    own = [record for record in records if record.trial_id not in shown]
    ours = {_software(e) for e in _environments(own)}
    lines = []
    for each in others:
        if not each.records:
            lines.append(f"No trial is taken from {each.path.name}: this run has all of them.")
            continue
        models = dict.fromkeys(record.spec.model.name for record in each.records)
        line = (
            f"From {each.path.name}: {counted(len(each.records), 'trial')} of "
            f"{counted(len(models), 'model')}, not run with the {counted(len(own), 'trial')} of "
            f"this run ({_models(own)})."
        )
        theirs = {_software(e) for e in _environments(each.records)}
        if own and (differing := _differing(ours, theirs)):
            line += (
                f" Their scores come from {listed(differing)}: with the same seed they may differ "
                "as much as with another seed."
            )
        if each.without_speed:
            line += (
                f" The speeds of {counted(each.without_speed, 'trial')} are left out: they were "
                "measured in another environment, and speeds are compared within one alone."
            )
        lines.append(line)
    return lines


def others_table(others: Sequence[Others]) -> Table | None:
    """Return the table of the files and their machines, or ``None`` without any."""
    rows = []
    for each in others:
        found: dict[Environment | None, list[Record]] = defaultdict(list)
        for record in each.records:
            found[record.result.environment].append(record)
        for environment, records in found.items():
            days = sorted(record.started_at[:10] for record in records)
            when = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
            models = dict.fromkeys(record.spec.model.name for record in records)
            machine = (MISSING,) * 4
            if environment is not None:
                e = environment
                machine = (e.trained_on, str(e.threads), e.torch_version, e.rnnbench_version)
            rows.append(
                Row((each.path.name, f"{len(records):,}", f"{len(models):,}", when, *machine))
            )
    if not rows:
        return None
    titles = ("file", "trials", "models", "run", "trained on", "threads", "torch", "rnnbench")
    columns = tuple(Column(title, numeric=False) for title in titles)
    return Table("Records of other runs", columns, tuple(rows[:_MOST_ROWS]))


def _models(records: Iterable[Record]) -> str:
    return listed(list(dict.fromkeys(record.spec.model.name for record in records)))


def _environments(records: Iterable[Record]) -> set[Environment]:
    return {record.result.environment for record in records if record.result.environment}


def _software(environment: Environment) -> tuple[str, str, str]:
    """Return what decides the last bits of a score: the processor, torch and rnnbench."""
    return environment.trained_on, environment.torch_version, environment.rnnbench_version


def _differing(ours: set[tuple[str, str, str]], theirs: set[tuple[str, str, str]]) -> list[str]:
    """Return in which respects the environments of two sets differ."""
    names = ("another processor or GPU", "another torch", "another rnnbench")
    return [
        name
        for place, name in enumerate(names)
        if {each[place] for each in theirs} - {each[place] for each in ours}
    ]
