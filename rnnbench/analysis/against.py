"""Records of other runs beside those of a run: which of them are shown, and where they come from.

They are shown with the tasks of the run alone, and are neither stored nor run again. A trial that
the run has itself is its own.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rnnbench.analysis.formatting import listed
from rnnbench.analysis.tuning.recipes import without_superseded
from rnnbench.analysis.tuning.studies import studies
from rnnbench.errors import UsageError
from rnnbench.records.result import Record
from rnnbench.records.source import read_source
from rnnbench.records.spec import TaskSpec
from rnnbench.records.store import comparable_key
from rnnbench.records.syntax import option_text

_Warn = Callable[[str], object]
_MOST_DIFFERENCES = 4


@dataclass(frozen=True, eq=False)
class Others:
    """Records from a file, beside those of a run.

    Attributes:
        path: the file, a store or a Parquet file of records.
        records: the last attempt at each trial.
        tries: the tries of tuning studies.
        without_speed: how many of the records had a speed of another machine, which is left out.
    """

    path: Path
    records: tuple[Record, ...]
    tries: tuple[Record, ...] = ()
    without_speed: int = 0


def read_others(path: Path) -> Others:
    """Return the records of a file.

    Raises:
        rnnbench.errors.StoreError: there is no such file, or it cannot be read.
    """
    tries = read_source(path, purpose="tuning")
    reported = without_superseded(read_source(path), studies(tries))
    return Others(path, tuple(reported), tuple(tries))


def on_tasks(others: Others, tasks: Iterable[TaskSpec], warn: _Warn) -> Others:
    """Return the records on the tasks of a run.

    Args:
        others: the records of a file.
        tasks: those of the run.
        warn: called with one line for each task that no record is on.

    Raises:
        UsageError: no record is on any of the tasks.
    """
    wanted = {task.task_id: task for task in tasks}
    theirs = {record.spec.task.task_id: record.spec.task for record in others.records}
    reasons = [
        _reason(others.path, task, list(theirs.values()))
        for task_id, task in wanted.items()
        if task_id not in theirs
    ]
    if not wanted.keys() & theirs.keys():
        further = f" ({len(reasons) - 1} further tasks likewise)" if len(reasons) > 1 else ""
        raise UsageError(
            f"{reasons[0] if reasons else f'{others.path} has no records'}{further}; "
            "omit --against, or name a file with records on the same tasks."
        )
    for reason in reasons:
        warn(reason)
    return replace(
        others,
        records=tuple(r for r in others.records if r.spec.task.task_id in wanted),
        tries=tuple(r for r in others.tries if r.spec.task.task_id in wanted),
    )


def beside(
    own: Sequence[Record], own_tries: Sequence[Record], others: Sequence[Others], warn: _Warn
) -> list[Others]:
    """Return what is shown of the records of files beside those of a run.

    Trials that the run has are left out, and so are, in a tuning study that the run has too, the
    tries and the recipe that they chose. Records on other data than the run's are left out with a
    warning. A speed of another machine, or of another torch, is removed from its record.

    Args:
        own: the records of the run.
        own_tries: its tries.
        others: the records of files on the tasks of the run; of equal trials the first counts.
        warn: called with one line for each task of a file with other data.
    """
    taken = {record.trial_id for record in own}
    own_studies = studies(own_tries)
    chosen = {study.study_id: study.tuned_config_id for study in own_studies}
    data = _data(own)
    machines = {
        comparable_key(record.result.environment) for record in own if record.result.environment
    }
    shown = []
    for each in others:
        superseded = {
            study.tuned_config_id
            for study in studies(each.tries)
            if study.study_id in chosen
            and study.tuned_config_id not in (chosen[study.study_id], study.default_config_id)
        }
        kept, differing = [], {}
        for record in each.records:
            task = record.spec.task
            checksums = record.result.data_checksums
            if record.trial_id in taken or record.spec.recipe_id in superseded:
                continue
            if checksums and checksums != data.setdefault(task.task_id, checksums):
                differing[task.task_id] = task.label
                continue
            taken.add(record.trial_id)
            kept.append(record)
        for label in differing.values():
            warn(f"no record of {each.path} is on the same data: its {label} read other data")
        tries = [
            record
            for record in each.tries
            if record.spec.tuning is not None and record.spec.tuning.study not in chosen
        ]
        chosen |= {study.study_id: study.tuned_config_id for study in studies(tries)}
        compared = [_with_comparable_speed(record, machines) for record in kept]
        removed = sum(
            before.speed is not None and after.speed is None
            for before, after in zip(kept, compared, strict=True)
        )
        left = replace(each, records=tuple(compared), tries=tuple(tries))
        shown.append(replace(left, without_speed=removed))
    return shown


def _data(records: Iterable[Record]) -> dict[str, dict[str, str]]:
    """Return the checksums of the data that no option names, by task."""
    return {
        record.spec.task.task_id: record.result.data_checksums
        for record in records
        if record.result.data_checksums
    }


def _with_comparable_speed(record: Record, machines: set[str]) -> Record:
    """Return a record without its speed where that is of none of these machines.

    The first machine with a speed counts where there are none.
    """
    if record.speed is None:
        return record
    key = comparable_key(record.speed.environment)
    if not machines:
        machines.add(key)
    return record if key in machines else record.model_copy(update={"speed": None})


def _reason(path: Path, task: TaskSpec, theirs: Sequence[TaskSpec]) -> str:
    """Return why no record is on a task, compared with the most similar task of its name."""
    found = [list(_differences(task, each)) for each in theirs if each.name == task.name]
    if not found:
        return f"no record of {path} is on {task.label}"
    differences = min(found, key=len)
    return (
        f"no record of {path} is on the same task: its {task.name} has "
        f"{listed([f'{name} {its}' for name, its, _ in differences], _MOST_DIFFERENCES)}, this one "
        f"{listed([f'{name} {ours}' for name, _, ours in differences], _MOST_DIFFERENCES)}"
    )


def _differences(task: TaskSpec, other: TaskSpec) -> Iterable[tuple[str, str, str]]:
    """Yield (part, of the other task, of this task) for each part in which identities differ."""
    ours, theirs = task.identity(), other.identity()
    parts: dict[str, tuple[Any, Any]] = {"version": (theirs["version"], ours["version"])}
    for group, prefix in (
        ("options", ""),
        ("checksums", "checksum of "),
        ("provider", "plugin's "),
    ):
        for name in dict.fromkeys(itertools.chain(theirs[group], ours[group])):
            parts[f"{prefix}{name}"] = (theirs[group].get(name), ours[group].get(name))
    for name, (its, this) in parts.items():
        if its != this:
            yield name, _part_text(its), _part_text(this)


def _part_text(value: Any) -> str:
    if isinstance(value, str) and value.startswith("sha256:"):
        return value.removeprefix("sha256:")[:8]
    return "none" if value is None else option_text(value)
