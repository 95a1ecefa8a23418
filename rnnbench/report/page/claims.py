"""The section on claims: a table of verdicts, and a figure for each claim."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

from rnnbench.analysis.claims.judged import JudgedClaim
from rnnbench.analysis.claims.words import (
    effect_text,
    needed_text,
    p_text,
    seeds_text,
)
from rnnbench.analysis.formatting import counted, listed
from rnnbench.analysis.statistics.intervals import LEVEL
from rnnbench.records.result import RecordedCitation
from rnnbench.report.blocks import Column, Made, Row, Section, Table
from rnnbench.report.figures.claims import claim_figure


def claims_section(judged: Sequence[JudgedClaim]) -> Section:
    """Return the section on claims, in the order in which they were judged."""
    parts: tuple[Callable[[], Made], ...] = (
        partial(_table, judged),
        partial(_details, judged),
        *(
            partial(claim_figure, each, f"claim-{place:02d}-{each.claim.name}")
            for place, each in enumerate(judged, start=1)
        ),
    )
    return Section("Claims", "claims", tuple(_sentences(judged)), parts, tuple(_small_print()))


def cited_by(judged: Sequence[JudgedClaim]) -> list[RecordedCitation]:
    """Return the sources of claims."""
    return [
        RecordedCitation(of=each.claim.name, key=c.key, title=c.title, venue=c.venue, url=c.url)
        for each in judged
        for c in each.claim.citations
    ]


def _sentences(judged: Sequence[JudgedClaim]) -> list[str]:
    counts = Counter(each.verdict for each in judged)
    lines = [
        f"Of {counted(len(judged), 'claim')}, {counts['supported']} are supported, "
        f"{counts['contradicted']} contradicted and {counts['undecided']} undecided."
    ]
    if wrong := [each.claim.name for each in judged if each.verdict == "contradicted"]:
        lines.append(f"Contradicted: {listed(wrong)}.")
    return lines


def _small_print() -> list[str]:
    return [
        f"A claim is decided by a rule that is part of it and was fixed before its trials ran, at "
        f"the level {1 - LEVEL:.2g} over all claims of this page (Holm 1979). Intervals are at "
        f"{LEVEL:.0%} for each claim alone, so that one may exclude a bound while the claim is "
        "still undecided.",
        "A verdict is about the trials named under each claim: these sizes, tasks and budgets.",
        "Skill is 0 at the baseline of a task and 1 at perfection. G(k) is the norm of the "
        "gradient of an output with respect to the state k time steps before. The core is the "
        "recurrent part of a network.",
        "A spread below the resolution of its measure is taken as that, which is 0.01 for the "
        "skill. A time is one trial's, timed in several processes; the peak memory is measured "
        "once and taken as known to 2 %.",
    ]


def _table(judged: Sequence[JudgedClaim]) -> Table:
    columns = (
        Column("claim", numeric=False),
        Column("what is said", numeric=False),
        Column("found"),
        Column("holds if", numeric=False),
        Column("p"),
        Column("trials"),
        Column("verdict", numeric=False),
    )
    rows = tuple(
        Row(
            (
                each.claim.name,
                each.claim.statement,
                effect_text(each),
                str(each.claim.rule),
                p_text(each),
                seeds_text(each),
                each.verdict,
            )
        )
        for each in judged
    )
    notes = [f"{each.claim.name}: {text}." for each in judged if (text := needed_text(each))]
    return Table("Verdicts", columns, rows, tuple(notes))


def _details(judged: Sequence[JudgedClaim]) -> Table:
    columns = tuple(
        Column(title, numeric=False)
        for title in ("claim", "effect", "measured", "caution", "source")
    )
    rows = tuple(
        Row(
            (
                each.claim.name,
                each.claim.effect.unit,
                each.claim.measure.name,
                each.claim.caution,
                listed([citation.key for citation in each.claim.citations]),
            )
        )
        for each in judged
    )
    return Table("What was measured", columns, rows)
