"""From records to everything on the page."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from functools import partial

from rnnbench import __version__
from rnnbench.analysis.formatting import counted, estimate_text, listed, number, p_text
from rnnbench.analysis.groups import TaskGroup, group
from rnnbench.analysis.tables import latest
from rnnbench.analysis.verdicts import Verdict, judge
from rnnbench.errors import one_line
from rnnbench.records.result import Record
from rnnbench.report.blocks import Cited, Column, Report, Row, Section, Table
from rnnbench.report.escaping import web_link
from rnnbench.report.figures.across import (
    across_figure,
    interquartile_means,
    rank_configurations,
    rank_figure,
    skills_on_all_tasks,
)
from rnnbench.report.figures.curves import learning_curves
from rnnbench.report.figures.difficulty import difficulty_section, ladders
from rnnbench.report.figures.gradients import gradient_profiles
from rnnbench.report.figures.plots import drawings
from rnnbench.report.figures.speed import speed_against_length
from rnnbench.report.figures.style import Look, Picture, looks
from rnnbench.report.figures.tradeoffs import tradeoffs
from rnnbench.report.page.leaderboard import leaderboard
from rnnbench.report.page.sentences import budget, findings
from rnnbench.report.page.tables import comparisons, extra_scores, failures, timings

_MOST_COMMANDS = 20

Blocks = list[Picture] | Table | Picture | None
"""What one part of a section comes to."""
Compute = Callable[[Sequence[Callable[[], Blocks]]], Sequence[Blocks]]


def contents(
    records: Sequence[Record], command: str | None, title: str | None, compute: Compute
) -> Report:
    """Build the report of at least one record; call it within
    ``rnnbench.report.figures.style.styled``.

    ``compute`` calls what makes each table and picture, all independent of each other, and returns
    what they return.
    """
    last = latest(records)
    tasks = group(last)
    appearance = looks(
        sorted({configuration.label for task in tasks for configuration in task.configurations})
    )
    verdicts = [
        judge(t.scored[0].scores, [c.scores for c in t.scored[1:]], t.sign) if t.scored else []
        for t in tasks
    ]
    judged = list(enumerate(zip(tasks, verdicts, strict=True), start=1))
    parts = [_parts(task, found, appearance, place) for place, (task, found) in judged]
    made = iter(compute([part for of_task in parts for part in of_task]))
    sections = [
        _task_section(task, found, place, [next(made) for _ in of_task])
        for (place, (task, found)), of_task in zip(judged, parts, strict=True)
    ]
    difficulty = [
        difficulty_section(ladder, appearance, place)
        for place, ladder in enumerate(ladders(tasks), start=1)
    ]
    across = _across_section(tasks, appearance)
    return Report(
        title=one_line(
            title or f"Recurrent architectures on {listed([task.label for task in tasks], most=4)}",
            200,
        ),
        subtitle=_subtitle(last, tasks),
        sections=(*sections, *difficulty, *([across] if across else [])),
        environment=_environments(last),
        plugins=_plugins(last),
        commands=tuple(_commands(last, command)),
        citations=tuple(_citations(last)),
        version=__version__,
    )


def _parts(
    task: TaskGroup, verdicts: list[Verdict], appearance: Mapping[str, Look], place: int
) -> list[Callable[[], Blocks]]:
    """Return what makes each table and picture of a task, in reading order."""
    slug = re.sub(r"[^a-z0-9]+", "-", task.spec.name.lower())[:40].strip("-") or "task"
    name = f"{place:02d}-{slug}"
    return [
        partial(leaderboard, task, appearance),
        partial(learning_curves, task, appearance, f"{name}-learning"),
        partial(comparisons, task, verdicts),
        partial(extra_scores, task),
        partial(drawings, task, appearance, f"{name}-drawing"),
        partial(tradeoffs, task, appearance, f"{name}-cost"),
        partial(gradient_profiles, task, appearance, "input", f"{name}-gradient"),
        partial(gradient_profiles, task, appearance, "state", f"{name}-state-gradient"),
        partial(speed_against_length, task, appearance, f"{name}-speed"),
        partial(timings, task),
        partial(failures, task),
    ]


def _task_section(
    task: TaskGroup, verdicts: list[Verdict], place: int, made: Sequence[Blocks]
) -> Section:
    shown: list[Table | Picture] = []
    for blocks in made:
        shown += blocks if isinstance(blocks, list) else [blocks] if blocks is not None else []
    return Section(
        task.label,
        f"task-{place}",
        tuple(findings(task, verdicts)),
        tuple(shown),
        tuple(budget(task)),
    )


def _across_section(tasks: Sequence[TaskGroup], appearance: Mapping[str, Look]) -> Section | None:
    skills = skills_on_all_tasks(tasks)
    if len(skills) < 2:
        return None
    means = interquartile_means(skills)
    best, estimate = next(iter(means.items()))
    sentences = [
        f"Over {counted(len(tasks), 'task')}, {best} has the highest interquartile mean skill: {estimate_text(estimate)}."
    ]
    rows = [
        Row((label, estimate_text(mean)), colour=appearance[label].colour)
        for label, mean in means.items()
    ]
    columns = [Column("model", numeric=False), Column("interquartile mean skill [interval]")]
    blocks: list[Table | Picture] = []
    ranked = rank_configurations(skills)
    if ranked is not None:
        columns.append(Column("mean rank"))
        rows = [
            Row((*row.cells, number(float(ranked.mean[row.cells[0]]))), colour=row.colour)
            for row in rows
        ]
        sentences.append(
            f"Friedman's test that all rank alike over {ranked.tasks} tasks: p {p_text(ranked.friedman_p)}."
        )
    note = "Configurations with a score on every task. The interval resamples seeds within tasks; other tasks may rank otherwise."
    blocks.append(Table("Skill over all tasks", tuple(columns), tuple(rows), (note,)))
    blocks.append(across_figure(skills, means, appearance, "across-tasks"))
    if ranked is not None:
        blocks.append(rank_figure(ranked, appearance, "across-ranks"))
    return Section("Across tasks", "across", tuple(sentences), tuple(blocks))


def _subtitle(records: Sequence[Record], tasks: Sequence[TaskGroup]) -> str:
    days = sorted(record.started_at[:10] for record in records)
    models = {configuration.label for task in tasks for configuration in task.configurations}
    when = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    done = sum(len(configuration.scores) for task in tasks for configuration in task.configurations)
    counts = (
        f"{counted(len(records), 'trial')}, {done:,} with a score; {counted(len(models), 'model')}"
    )
    return f"{counts}, {counted(len(tasks), 'task')}; run {one_line(when, 40)}"


def _environments(records: Sequence[Record]) -> Table:
    found = Counter(
        record.result.environment for record in records if record.result.environment is not None
    )
    names = (
        "trials",
        "device",
        "processor",
        "cores",
        "threads",
        "memory",
        "system",
        "Python",
        "torch",
        "Lightning",
        "rnnbench",
    )
    rows = [
        Row((f"{count:,}", e.device, e.processor, str(e.cores), str(e.threads), f"{e.memory_bytes / 2**30:.0f} GiB", e.platform,
             e.python_version, e.torch_version, e.lightning_version, e.rnnbench_version))
        for e, count in found.most_common(20)
    ]  # fmt: skip
    notes = (
        ("Trials ran in more than one environment: compare scores, and speeds only within one.",)
        if len(found) > 1
        else ()
    )
    return Table(
        "Environment", tuple(Column(name, numeric=False) for name in names), tuple(rows), notes
    )


def _plugins(records: Sequence[Record]) -> Table:
    found = dict.fromkeys(
        entry
        for record in records
        for entry in (
            ("task", record.spec.task.name, record.spec.task.provider),
            ("model", record.spec.model.name, record.spec.model.provider),
        )
    )
    rows = sorted(
        (kind, name, provider.distribution, provider.version) for kind, name, provider in found
    )
    columns = tuple(
        Column(name, numeric=False) for name in ("kind", "name", "distribution", "version")
    )
    return Table("Plugins", columns, tuple(Row(row) for row in rows[:200]))


def _commands(records: Sequence[Record], command: str | None) -> list[str]:
    found = [record.command for record in records if record.command.strip()] + (
        [command] if command else []
    )
    return [one_line(each, 2000) for each in dict.fromkeys(found)][:_MOST_COMMANDS]


def _citations(records: Sequence[Record]) -> list[Cited]:
    of: dict[tuple[str, str, str, str], dict[str, None]] = {}
    for record in records:
        for each in record.result.citations:
            of.setdefault((each.key, each.title, each.venue, each.url), {})[each.of] = None
    return [
        Cited(
            one_line(key, 120),
            one_line(title, 300),
            one_line(venue, 200),
            listed(sorted(users), most=8),
            web_link(url),
        )
        for (key, title, venue, url), users in sorted(of.items())
    ][:300]
