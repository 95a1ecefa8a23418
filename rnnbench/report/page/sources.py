"""The section on what the seeds vary: the spread of scores by source of randomness."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from rnnbench.analysis.formatting import MISSING, counted, estimate_text, level_text, listed
from rnnbench.analysis.sources import Spread
from rnnbench.records.spec import Varied
from rnnbench.report.blocks import Column, Row, Section, Table
from rnnbench.report.page.leaderboard import MOST_ROWS

_HEADINGS: dict[Varied, str] = {
    "all": "all together",
    "init": "the initial weights alone",
    "data": "the data alone",
    "order": "order and dropout alone",
}


def sources_section(spreads: Sequence[Spread]) -> Section | None:
    """Return the section, or ``None`` where no trial varies one source alone."""
    if not spreads:
        return None
    return Section(
        "What the seeds vary", "sources", tuple(_sentences(spreads)), (partial(_table, spreads),)
    )


def _sentences(spreads: Sequence[Spread]) -> list[str]:
    lines = []
    for source in ("init", "data", "order"):
        ratios = [
            alone.value / together.value
            for each in spreads
            if (alone := each.deviations.get(source)) and (together := each.deviations.get("all"))
            if alone.n > 1 and together.n > 1 and together.value > 0
        ]
        if ratios:
            low, high = min(ratios), max(ratios)
            span = f"{low:.2f}" if len(ratios) == 1 else f"{low:.2f} to {high:.2f}"
            lines.append(
                f"Alone, {_HEADINGS[source].removesuffix(' alone')} give {span} times the standard "
                f"deviation of all sources together ({counted(len(ratios), 'configuration')})."
            )
    return lines


def _table(spreads: Sequence[Spread]) -> Table:
    found = [s for s in _HEADINGS if any(s in each.deviations for each in spreads)]
    rows = [
        Row((each.task, each.model, *(_cell(each, source) for source in found))) for each in spreads
    ]
    columns = (
        Column("task", numeric=False),
        Column("model", numeric=False),
        *(Column(_HEADINGS[source]) for source in found),
    )
    lost = [
        f"{each.model} on {each.task} ({', '.join(f'{n} of {s}' for s, n in missing)})"
        for each in spreads
        if (missing := sorted(each.without_score.items()))
    ]
    notes = [
        f"Standard deviation of the test score over seeds [{level_text()} chi-square interval, "
        "exact for normal scores alone]; n seeds. The sources that are not varied have the seed 0, "
        "so that a column holds at that one value of the others; variances of the sources need "
        "not add up to that of all together. These trials are in no other table.",
    ]
    if lost:
        notes.append(f"Trials without a score are left out: {listed(lost)}.")
    return Table("Spread by source", columns, tuple(rows[:MOST_ROWS]), tuple(notes))


def _cell(spread: Spread, source: Varied) -> str:
    found = spread.deviations.get(source)
    if found is None or found.n < 2:
        return MISSING
    return f"{estimate_text(found)}, n = {found.n}"
