"""Further tables of a task: comparisons, timings, extra scores and failed trials."""

from __future__ import annotations

import math
from collections import defaultdict

from rnnbench.analysis.formatting import (
    MISSING,
    counted,
    estimate_text,
    level_text,
    number,
    p_text,
    quartiles_text,
    verdict_text,
    whole,
)
from rnnbench.analysis.groups import TaskGroup
from rnnbench.analysis.intervals import mean_interval
from rnnbench.analysis.judged import Field
from rnnbench.records.result import SpeedMode
from rnnbench.report.blocks import Column, Row, Table
from rnnbench.report.page.leaderboard import MOST_ROWS, comparator, marked

MOST_PAIRS = 45
"""All pairs are listed up to this number, that of ten configurations."""
_MODES: tuple[SpeedMode, ...] = ("train", "forward", "stream")


def comparisons(field: Field | None, score_name: str) -> Table | None:
    """Return the comparisons of all pairs, or of each configuration with the best one."""
    if field is None or len(field.configurations) < 2:
        return None
    rows = []
    for first, second in field.pairs(MOST_PAIRS)[:MOST_ROWS]:
        verdict = field.verdict(first, second)
        difference = verdict.difference
        rows.append(
            Row(
                (
                    marked(first),
                    marked(second),
                    MISSING if difference is None else estimate_text(difference.estimate, True),
                    " / ".join(verdict.rates),
                    p_text(verdict.p_value),
                    p_text(field.family.sooner(first.label, second.label)),
                    verdict_text(verdict, first.label, second.label),
                )
            )
        )
    by = field.family.analysis
    columns = (
        Column("A", numeric=False),
        Column("B", numeric=False),
        Column(f"B minus A, {score_name} [{level_text()} over all pairs]"),
        Column("A / B solved"),
        Column(f"p, {by}"),
        Column("p, steps to solve"),
        Column("verdict", numeric=False),
    )
    test = (
        "Scores are all or none: the verdict compares solve rates (Boschloo's test, Holm's "
        "correction over all pairs)."
        if by == "solve rates"
        else "The verdict compares mean scores: the larger p-value of Games & Howell's test and of "
        "the permutation test of the largest difference, both over all pairs."
    )
    notes = (
        f"{test} The chance that any pair of equal models is called better or worse is 5 %. "
        f"Equivalent: the interval lies within {number(field.family.margin, 2)}, the smallest "
        "effect of interest. Steps to solve: log-rank test, corrected over all pairs likewise.",
    )
    return Table("Comparisons", columns, tuple(rows), notes)


def timings(task: TaskGroup) -> Table | None:
    """Return the timings at the task's own length, one row for each speed pass."""
    rows = []
    for configuration in task.configurations:
        for speed in configuration.speeds:
            train, forward, stream = map(speed.at_own_length, _MODES)
            rows.append(
                Row(
                    (
                        marked(configuration),
                        speed.environment.device,
                        str(speed.environment.threads),
                        MISSING if train is None else f"{train.length:,} × {train.batch_size:,}",
                        MISSING if train is None else number(train.seconds.median * 1e3),
                        MISSING if train is None else whole(train.timesteps_per_second),
                        MISSING if forward is None else number(forward.seconds.median * 1e3),
                        quartiles_text(forward.ratio if forward else None, "×"),
                        MISSING if stream is None else number(stream.seconds.median * 1e3),
                        f"{speed.peak_memory_bytes / 2**20:,.0f}",
                        "scattered" if speed.noisy else "steady",
                    )
                )
            )
    if not rows:
        return None
    columns = (
        Column("model", numeric=False),
        Column("device", numeric=False),
        Column("threads"),
        Column("length × batch"),
        Column("training step, ms"),
        Column("time steps per second, training"),
        Column("forward pass, ms"),
        Column(f"forward over {comparator(task)} (IQR)"),
        Column("one streamed step, ms"),
        Column("peak memory, MiB"),
        Column("timings", numeric=False),
    )
    notes = (
        "Medians at the task's own length, with nothing else of rnnbench running. "
        "Milliseconds depend on the machine; ratios less so.",
    )
    return Table("Timings", columns, tuple(rows[:MOST_ROWS]), notes)


def extra_scores(task: TaskGroup) -> Table | None:
    """Return the extra scores of the task, mean with interval over seeds."""
    names = list(
        dict.fromkeys(
            n for c in task.scored for learning in c.learned.values() for n in learning.extra_scores
        )
    )[:12]
    if not names:
        return None
    rows = []
    for configuration in task.scored[:MOST_ROWS]:
        by_name: dict[str, list[float]] = defaultdict(list)
        for learning in configuration.learned.values():
            for name, score in learning.extra_scores.items():
                if math.isfinite(score):
                    by_name[name].append(score)
        cells = (
            estimate_text(mean_interval(by_name[name])) if by_name[name] else MISSING
            for name in names
        )
        rows.append(Row((marked(configuration), *cells)))
    columns = (Column("model", numeric=False), *(Column(name) for name in names))
    return Table(
        "Further scores",
        columns,
        tuple(rows),
        (f"Mean [{level_text()} interval] over seeds, of the same checkpoints on test data.",),
    )


def failures(task: TaskGroup) -> Table | None:
    """Return the trials without a score, grouped by configuration and reason."""
    seeds: dict[tuple[str, str, str], list[int]] = defaultdict(list)
    for configuration in task.configurations:
        for record in configuration.failures:
            reason = record.result.error or "it ended without a finite score"
            seeds[configuration.label, record.result.status.value, reason].append(record.spec.seed)
    if not seeds:
        return None
    rows = [
        Row((label, status, _seed_list(found), reason))
        for (label, status, reason), found in seeds.items()
    ]
    columns = tuple(
        Column(title, numeric=False) for title in ("model", "status", "seeds", "reason")
    )
    left_out = len(rows) - MOST_ROWS
    notes = (f"{counted(left_out, 'more row')} in results.csv.",) if left_out > 0 else ()
    return Table("Trials without a score", columns, tuple(rows[:MOST_ROWS]), notes)


def _seed_list(seeds: list[int]) -> str:
    listed = ", ".join(str(seed) for seed in seeds[:8])
    return listed if len(seeds) <= 8 else f"{listed} and {len(seeds) - 8} more"
