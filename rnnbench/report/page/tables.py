"""Further tables of a task: comparisons, timings, extra scores and failed trials."""

from __future__ import annotations

import math
from collections import defaultdict

from rnnbench.analysis.formatting import (
    MISSING,
    counted,
    estimate_text,
    level_text,
    listed,
    number,
    p_text,
    verdict_text,
    whole,
)
from rnnbench.analysis.groups import TaskGroup
from rnnbench.analysis.judged import Field
from rnnbench.analysis.remarks import marked
from rnnbench.analysis.statistics.intervals import mean_interval
from rnnbench.analysis.statistics.superiority import probability_of_beating
from rnnbench.records.speed import SpeedPoint
from rnnbench.report.blocks import Column, Row, Table
from rnnbench.report.page.leaderboard import (
    MODES,
    MOST_ROWS,
    NOISY_NOTE,
    as_built_text,
    comparator,
    interval,
    plain_loop_text,
)

MOST_PAIRS = 45
"""All pairs are listed up to this number, that of ten configurations."""


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
                    estimate_text(probability_of_beating(first, second, field.family.sign)),
                    " / ".join(verdict.rates),
                    p_text(verdict.p_value),
                    p_text(field.sooner(first, second)),
                    verdict_text(verdict, first.label, second.label),
                )
            )
        )
    by = field.family.analysis
    columns = (
        Column("A", numeric=False),
        Column("B", numeric=False),
        Column(f"B minus A, {score_name} [{level_text()} over all pairs]"),
        Column(f"P(A beats B on a new seed) [{level_text()}]"),
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
    notes = [
        f"{test} The chance that any pair of equal models is called better or worse is held at "
        f"5 %. Equivalent: the interval lies within ±{number(field.family.margin, 2)}, the "
        "smallest effect of interest. Steps to solve: log-rank test, corrected over all pairs "
        "likewise.",
        "P(A beats B on a new seed): share of the pairs of seeds in which A has the better score, "
        "ties counted half, with the interval of each pair on its own; 0.5 is a coin toss."
        + (
            " A diverged trial loses; the difference of mean scores leaves it out, and solve "
            "rates and steps to solve count it as unsolved."
            if any(c.diverged for c in field.configurations)
            else ""
        ),
    ]
    if field.others:
        notes.append(
            "The 5 % are shared with the comparisons of the other recipes on this task: all pairs "
            "of default recipes and all pairs of tuned ones are one family. A default recipe is "
            "not tested against a tuned one."
        )
    if any(c.item_error is not None for c in field.configurations):
        notes.append(
            "The test set is finite and the same for all: verdicts are about its items, and hold "
            "for new seeds."
        )
    title = "Comparisons of tuned recipes" if field.tuned else "Comparisons"
    return Table(title, columns, tuple(rows), tuple(notes))


def timings(task: TaskGroup) -> Table | None:
    """Return the timings at the task's own length, one row for each speed pass."""
    rows, shown = [], []
    for configuration in task.configurations:
        for speed in configuration.speeds:
            train, forward, stream = map(speed.at_own_length, MODES)
            shown += [point for point in (forward, stream) if point is not None]
            kernel = speed.kernels.get("train")
            rows.append(
                Row(
                    (
                        marked(configuration),
                        speed.environment.device,
                        str(speed.environment.threads),
                        MISSING if train is None else f"{train.length:,} × {train.batch_size:,}",
                        MISSING if kernel is None else kernel.label,
                        _milliseconds(train),
                        MISSING if train is None else whole(train.timesteps_per_second),
                        _milliseconds(forward),
                        as_built_text(speed, "forward"),
                        plain_loop_text(speed, "forward"),
                        _milliseconds(stream),
                        as_built_text(speed, "stream"),
                        plain_loop_text(speed, "stream"),
                        f"{speed.peak_memory_bytes / 2**20:,.0f}",
                    )
                )
            )
            shown += [p for p in speed.plain_points if p.mode != "train"]
    if not rows:
        return None
    other, level = comparator(task), interval(task)
    columns = (
        Column("model", numeric=False),
        Column("device", numeric=False),
        Column("threads"),
        Column("length × batch"),
        Column("kernel in training, as built", numeric=False),
        Column("training step, ms"),
        Column("time steps per second, training"),
        Column("forward pass, ms"),
        Column(f"forward over {other}, as built {level}"),
        Column(f"forward, plain loops {level}"),
        Column("one streamed step, ms"),
        Column(f"streamed step over {other}, as built {level}"),
        Column(f"streamed step, plain loops {level}"),
        Column("peak memory, MiB"),
    )
    notes = [
        "Medians at the task's own length, with nothing else of rnnbench running. Ratios were "
        "taken in turn with the comparator. Milliseconds of different rows were taken at different "
        "times: compare models by ratios.",
        *_comparator_kernels(task),
    ]
    if any(point.noisy for point in shown):
        notes.append(NOISY_NOTE)
    return Table("Timings", columns, tuple(rows[:MOST_ROWS]), tuple(notes))


def _milliseconds(point: SpeedPoint | None) -> str:
    return MISSING if point is None else number(point.seconds.median * 1e3)


def _comparator_kernels(task: TaskGroup) -> list[str]:
    found = dict.fromkeys(
        f"{speed.comparator} ran {kernel.label}"
        for configuration in task.configurations
        for speed in configuration.speeds
        if (kernel := speed.comparator_kernels.get("train")) is not None
    )
    return [f"The comparator {listed(list(found))}, by torch's profiler."] if found else []


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
