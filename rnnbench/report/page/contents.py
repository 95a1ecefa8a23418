"""The contents of a report: its sections, and the facts about all records on the page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from rnnbench import __version__
from rnnbench.analysis.against import Others
from rnnbench.analysis.difficulty import difficulty_sweeps
from rnnbench.analysis.formatting import counted, listed
from rnnbench.analysis.groups import TUNED, TaskGroup
from rnnbench.analysis.judged import JudgedTask
from rnnbench.analysis.sources import Spread
from rnnbench.analysis.tuning.recipes import tuned_models
from rnnbench.analysis.tuning.studies import Study
from rnnbench.analysis.verdicts import SMALLEST_EFFECT
from rnnbench.errors import one_line
from rnnbench.records.result import Record, RecordedCitation
from rnnbench.report.blocks import Citation, Column, Report, Row, Section, Table
from rnnbench.report.escaping import web_link
from rnnbench.report.figures.style import assign_styles
from rnnbench.report.page.across import across_section
from rnnbench.report.page.conditions import conditions, conditions_over
from rnnbench.report.page.difficulty import difficulty_section
from rnnbench.report.page.others import others_sentences, others_table
from rnnbench.report.page.published import published_section
from rnnbench.report.page.sources import sources_section
from rnnbench.report.page.task import task_section
from rnnbench.report.page.tuning import tuning_section

_MOST_COMMANDS = 20


def sections_of(
    tasks: Sequence[TaskGroup],
    smallest_effect: float = SMALLEST_EFFECT,
    studies: Sequence[Study] = (),
    spreads: Sequence[Spread] = (),
) -> list[Section]:
    """Return the sections: across tasks, published values, each task, its tuning, and difficulty.

    Args:
        tasks: the records in groups.
        smallest_effect: as a share of the range from the baseline to perfection.
        studies: the tuning studies.
        spreads: what the seeds vary.
    """
    styles = assign_styles(sorted({c.label for task in tasks for c in task.configurations}))
    across = across_section(tasks, styles)
    published = published_section(tasks, smallest_effect)
    sources = sources_section(spreads)
    of_tasks = []
    # With one task its conditions open the page.
    several = len(tasks) > 1
    for place, task in enumerate(tasks, start=1):
        judged, tuned = JudgedTask(task, smallest_effect), tuned_models(task, studies)
        opening = conditions(task, studies) if several else ()
        of_tasks.append(task_section(judged, styles, place, tuned, opening))
        if tuned:
            of_tasks.append(tuning_section(judged, tuned, styles, place))
    return [
        *([] if across is None else [across]),
        *([] if published is None else [published]),
        *of_tasks,
        *(
            difficulty_section(sweep, styles, place)
            for place, sweep in enumerate(difficulty_sweeps(tasks), start=1)
        ),
        *([] if sources is None else [sources]),
    ]


def report_of(
    records: Sequence[Record],
    tasks: Sequence[TaskGroup],
    sections: Sequence[Section],
    command: str | None,
    title: str | None,
    studies: Sequence[Study] = (),
    others: Sequence[Others] = (),
) -> Report:
    """Return the report: the sections, and the facts about all records.

    Args:
        records: the last attempt of each trial, at least one.
        tasks: the records in groups.
        sections: with their blocks, in reading order.
        command: the command that makes this report, listed after those of the records.
        title: the heading; the tasks are named when ``None``.
        studies: the tuning studies.
        others: the records that come from files, which are among ``records``.
    """
    labels = listed([task.label for task in tasks], most=4)
    return Report(
        title=one_line(title or f"Recurrent architectures on {labels}", 200),
        subtitle=_subtitle(records, tasks),
        conditions=(*others_sentences(records, others), *conditions_over(tasks, studies)),
        sections=tuple(sections),
        environment=_environments(records),
        plugins=_plugins(records),
        commands=tuple(_commands(records, command)),
        citations=tuple(citations_of(recorded(records))),
        version=__version__,
        others=others_table(others),
    )


def _subtitle(records: Sequence[Record], tasks: Sequence[TaskGroup]) -> str:
    days = sorted(record.started_at[:10] for record in records)
    models = {c.label.removesuffix(TUNED) for task in tasks for c in task.configurations}
    alone = sum(record.spec.varied != "all" for record in records)
    when = days[0] if days[0] == days[-1] else f"{days[0]} to {days[-1]}"
    done = sum(len(configuration.scores) for task in tasks for configuration in task.configurations)
    counts = (
        f"{counted(len(records) - alone, 'trial')}, {done:,} with a score"
        + (f", and {alone:,} that vary one source of randomness" if alone else "")
        + f"; {counted(len(models), 'model')}"
    )
    return f"{counts}, {counted(len(tasks), 'task')}; run {when}"


def _environments(records: Sequence[Record]) -> Table:
    found = Counter(
        record.result.environment for record in records if record.result.environment is not None
    )
    names = (
        "trials",
        "device",
        "processor",
        "model and instruction set",
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
        Row(
            (
                f"{count:,}",
                e.device,
                e.processor,
                ", ".join(part for part in (e.processor_model, e.instruction_set) if part),
                str(e.cores),
                str(e.threads),
                f"{e.memory_bytes / 2**30:.0f} GiB",
                e.platform,
                e.python_version,
                e.torch_version,
                e.lightning_version,
                e.rnnbench_version,
            )
        )
        for e, count in found.most_common(20)
    ]
    notes = (
        (
            "Trials ran in more than one environment: compare speeds only within one. Scores of "
            "one seed may differ between processors as much as between seeds.",
        )
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
    return list(dict.fromkeys(found))[:_MOST_COMMANDS]


def recorded(records: Iterable[Record]) -> Iterator[RecordedCitation]:
    """Yield the citations of records."""
    for record in records:
        yield from record.result.citations


def citations_of(found: Iterable[RecordedCitation]) -> list[Citation]:
    """Return the papers that models, tasks and claims cite, each once with what cites it."""
    cited: dict[tuple[str, ...], tuple[str, str, str, str]] = {}
    of: dict[tuple[str, ...], dict[str, None]] = {}
    for each in found:
        words = (each.key, each.title, each.venue, each.url)
        # Plugins spell one paper differently.
        same = (each.url,) if each.url else words
        cited[same] = min(words, cited.get(same, words))
        of.setdefault(same, {})[each.of] = None
    return [
        Citation(
            one_line(key, 120),
            one_line(title, 300),
            one_line(venue, 200),
            listed(sorted(users), most=8),
            web_link(url),
        )
        for (key, title, venue, url), users in sorted((cited[same], of[same]) for same in of)
    ][:300]
