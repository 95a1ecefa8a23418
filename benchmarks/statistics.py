"""Simulate the statistics of reports: ``python -m benchmarks.statistics --write FILE``.

Each table is a world of trials with a known truth, judged by the code that reports use. The figures
are shares of simulated tables; their standard error is stated.
"""

from __future__ import annotations

import argparse
import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from scipy import stats

from rnnbench.analysis.across_tasks import interquartile_mean, interquartile_mean_interval
from rnnbench.analysis.baseline import shown_better
from rnnbench.analysis.statistics import studentized_range
from rnnbench.analysis.statistics.all_pairs import AllPairs
from rnnbench.analysis.statistics.expected_best import expected_best
from rnnbench.analysis.statistics.intervals import Floats, mean_interval, widened
from rnnbench.analysis.statistics.items import item_error
from rnnbench.analysis.statistics.superiority import beating
from rnnbench.analysis.verdicts import Family, Trials
from rnnbench.records.items import ItemScores

MODELS = (2, 3, 5, 10)
SEEDS = (4, 5, 6, 10)
PERMUTATIONS = 499
LIKELY = 0.999
"""Skill of a trial that solved the task in the worlds where trials solve it or do not."""

Generator = np.random.Generator
Draw = Callable[[Generator, tuple[int, ...]], Floats]
"""(random numbers, shape) -> scores."""
PairOfModels = Callable[[Generator, int], tuple[Floats, Floats]]
"""(random numbers, seeds) -> scores of two models."""


@dataclass(frozen=True)
class Shape:
    """A distribution of scores and its mean."""

    draw: Draw
    mean: float
    solves: bool = False
    """Whether a score above 1/2 solves the task."""


def _solve_or_not(rate: float) -> Shape:
    def draw(rng: Generator, shape: tuple[int, ...]) -> Floats:
        return (rng.random(shape) < rate) * LIKELY + rng.normal(size=shape) * 1e-4

    return Shape(draw, rate * LIKELY, solves=True)


def _two_levels(rng: Generator, shape: tuple[int, ...]) -> Floats:
    return (rng.random(shape) < 0.5) * 0.4 + rng.normal(size=shape) * 0.001


SHAPES = {
    "normal": Shape(lambda rng, shape: rng.normal(size=shape), 0.0),
    "lognormal": Shape(lambda rng, shape: rng.lognormal(size=shape), math.exp(0.5)),
    "beta(40, 1)": Shape(lambda rng, shape: rng.beta(40, 1, size=shape), 40 / 41),
    "accuracy on 150 items": Shape(
        lambda rng, shape: rng.binomial(150, 0.96, size=shape) / 150, 0.96
    ),
    "two levels, none solved": Shape(_two_levels, 0.2),
    "solve or not, p = 0.5": _solve_or_not(0.5),
    "solve or not, p = 0.8": _solve_or_not(0.8),
}


def _one_noisy(rng: Generator, shape: tuple[int, ...]) -> Floats:
    scores = rng.normal(size=shape)
    scores[0] *= 10
    return scores


def _half_noisy(rng: Generator, shape: tuple[int, ...]) -> Floats:
    scores = rng.normal(size=shape)
    scores[: len(scores) // 2] *= 10
    return scores


UNEQUAL_SPREADS = {
    "normal, one model 10 times as noisy": Shape(_one_noisy, 0.0),
    "normal, half the models 10 times as noisy": Shape(_half_noisy, 0.0),
}


def family(scores: Floats, shape: Shape, margin: float = 0.0) -> Family:
    """Return the family of models with these scores, (models, seeds); higher is better."""
    solved = (scores > 0.5) & shape.solves
    members = {
        str(place): Trials(
            dict(enumerate(row.tolist())),
            tuple(row.tolist()),
            tuple(done.tolist()),
            tuple(100 if each else None for each in done),
        )
        for place, (row, done) in enumerate(zip(scores, solved, strict=True))
    }
    return Family(members, 1, margin, permutations=PERMUTATIONS)


def any_shown(scores: Floats, shape: Shape) -> bool:
    """Return whether the rule says of any pair that one is better."""
    judged = family(scores, shape)
    return any(
        (p_value := judged.p_value(a, b)) is not None and p_value <= 0.05
        for a, b in itertools.combinations(judged.members, 2)
    )


def false_alarms(tables: int, name: str) -> list[str]:
    """Return, by models and seeds, the share of tables of equal models with a verdict."""
    shape = {**SHAPES, **UNEQUAL_SPREADS}[name]
    rng = np.random.default_rng(1)
    return [
        _percent(sum(any_shown(shape.draw(rng, (m, n)), shape) for _ in range(tables)), tables)
        for m, n in itertools.product(MODELS, SEEDS)
    ]


def each_test_alone(tables: int, name: str) -> list[str]:
    """Return the false alarms of Games & Howell's test, of the permutation test, and of both."""
    shape = {**SHAPES, **UNEQUAL_SPREADS}[name]
    rng = np.random.default_rng(7)
    cells = []
    for m, n in CORNERS:
        alarms = np.zeros(3)
        for _ in range(tables):
            pairs = AllPairs(list(shape.draw(rng, (m, n))), permutations=PERMUTATIONS)
            statistics = [pairs.statistic(a, b) for a, b in itertools.combinations(range(m), 2)]
            t, freedom = np.array(statistics).T
            parametric = studentized_range.tail(np.minimum(t, 1e6) * math.sqrt(2), m, freedom)
            by_permutation = np.array([pairs.chance_of(each) for each in t])
            both = np.maximum(parametric, by_permutation)
            alarms += [(p <= 0.05).any() for p in (parametric, by_permutation, both)]
        cells.append(" / ".join(f"{100 * share / tables:.0f}" for share in alarms))
    return cells


CORNERS = ((2, 4), (5, 5), (10, 4), (10, 10))


def ladder_alarms(tables: int, correlation: float) -> list[str]:
    """Return how often Friedman's test tells five equal models apart over five levels of a task.

    The two seeds of a model are the same at every level, and their quality carries over from level
    to level with this correlation.
    """
    rng = np.random.default_rng(8)
    alarms = 0
    for _ in range(tables):
        quality = rng.normal(size=(5, 2, 1)) * math.sqrt(correlation)
        scores = quality + rng.normal(size=(5, 2, 5)) * math.sqrt(1 - correlation)
        alarms += int(stats.friedmanchisquare(*scores.mean(axis=1)).pvalue <= 0.05)
    return [_percent(alarms, tables)]


def coverage(tables: int, name: str) -> list[str]:
    """Return, by seeds, the share of intervals of a mean that hold the true mean."""
    shape = SHAPES[name]
    rng = np.random.default_rng(2)
    cells = []
    for n in INTERVAL_SEEDS:
        held = 0
        for sample in shape.draw(rng, (tables, n)):
            estimate = mean_interval(sample)
            assert estimate.low is not None
            assert estimate.high is not None
            held += estimate.low <= shape.mean + 1e-12 and shape.mean - 1e-12 <= estimate.high
        cells.append(_percent(held, tables))
    return cells


def item_coverage(tables: int, items: int) -> list[str]:
    """Return, by seeds, the coverage of the interval of an accuracy on a finite test set.

    Without and with the choice of the test items. Seeds differ in their mean accuracy by a standard
    deviation of 0.02, items in their difficulty by one of 0.25.
    """
    rng = np.random.default_rng(9)
    truth = np.clip(0.8 + 0.25 * rng.normal(size=1_000_000), 0, 1).mean()
    cells = []
    for n in ITEM_SEEDS:
        held = np.zeros(2)
        for _ in range(tables):
            skill = rng.normal(0.8, 0.02, (n, 1))
            chance = np.clip(skill + rng.normal(0, 0.25, items), 0, 1)
            answers = (rng.random((n, items)) < chance).astype(float)
            alone = mean_interval(answers.mean(axis=1))
            error = item_error([ItemScores.of(each) for each in answers])
            assert error is not None
            for place, estimate in enumerate((alone, widened(alone, error))):
                assert estimate.low is not None
                assert estimate.high is not None
                held[place] += estimate.low <= truth <= estimate.high
        cells.append(" / ".join(f"{100 * share / tables:.0f}" for share in held))
    return cells


ITEM_SEEDS = (3, 5, 10)
INTERVAL_SEEDS = (2, 3, 4, 5, 6, 8, 10, 20)


def power(tables: int, models: int) -> list[str]:
    """Return, by seeds, the share of tables that show the difference said to be detectable."""
    rng = np.random.default_rng(3)
    cells = []
    for n in SEEDS:
        true_error = math.sqrt(2 / n)
        claims = []
        for _ in range(max(20, tables // 10)):
            pairs = AllPairs(list(rng.normal(size=(models, n))), permutations=PERMUTATIONS)
            # at the true spread instead of the observed one
            claims.append(pairs.detectable_at(0, 1, true_error))
        claimed = float(np.median(claims))
        shown = 0
        for _ in range(tables):
            scores = rng.normal(size=(models, n))
            scores[1] += claimed
            p_value = family(scores, SHAPES["normal"]).p_value("0", "1")
            shown += p_value is not None and p_value <= 0.05
        cells.append(f"{claimed:.2f}: {_percent(shown, tables)}")
    return cells


def outcomes(tables: int, distance: float) -> list[str]:
    """Return, by seeds, the shares of better or worse, equivalent and undecided of two models."""
    rng = np.random.default_rng(4)
    cells = []
    for n in OUTCOME_SEEDS:
        found = dict.fromkeys(("better", "worse", "equivalent", "undecided"), 0)
        for _ in range(tables):
            scores = rng.normal(size=(2, n)) * 0.5
            scores[1] += distance
            outcome = family(scores, SHAPES["normal"], margin=1.0).verdict("0", "1").outcome
            found[outcome] += 1
        shares = (found["better"] + found["worse"], found["equivalent"], found["undecided"])
        cells.append(" / ".join(f"{100 * share / tables:.0f}" for share in shares))
    return cells


OUTCOME_SEEDS = (4, 5, 6, 10, 20)


def baseline_alarms(tables: int, name: str) -> list[str]:
    """Return, by models and seeds, how often a model at the baseline is said to be better."""
    shape = SHAPES[name]
    rng = np.random.default_rng(5)
    cells = []
    for m, n in itertools.product(MODELS[::2], SEEDS[1::2]):
        wrong = sum(
            bool(shown_better(family(shape.draw(rng, (m, n)), shape).members, shape.mean, 1))
            for _ in range(tables)
        )
        cells.append(_percent(wrong, tables))
    return cells


def across_coverage(tables: int, tasks: int) -> list[str]:
    """Return, by seeds, the coverage of the interquartile mean of several tasks."""
    rng = np.random.default_rng(6)
    levels = np.linspace(0, 1, tasks)
    truth = interquartile_mean((levels[:, None] + 0.2 * rng.normal(size=(tasks, 200_000))).ravel())
    cells = []
    for n in ACROSS_SEEDS:
        held = 0
        for _ in range(tables):
            estimate = interquartile_mean_interval(
                list(levels[:, None] + 0.2 * rng.normal(size=(tasks, n)))
            )
            assert estimate.low is not None
            assert estimate.high is not None
            held += estimate.low <= truth <= estimate.high
        cells.append(_percent(held, tables))
    return cells


ACROSS_SEEDS = (2, 3, 5, 10)


def _normals(distance: float, spread: float = 1.0) -> PairOfModels:
    def draw(rng: Generator, n: int) -> tuple[Floats, Floats]:
        return rng.normal(distance, spread, n), rng.normal(size=n)

    return draw


def _rates(a: float, b: float) -> PairOfModels:
    def draw(rng: Generator, n: int) -> tuple[Floats, Floats]:
        return (rng.random(n) < a).astype(float), (rng.random(n) < b).astype(float)

    return draw


PAIRS: dict[str, PairOfModels] = {
    **{f"normal, {d:g} standard deviations apart": _normals(d) for d in (0.0, 1.0, 2.0, 3.0)},
    "one 10 times as noisy, same mean": _normals(0.0, 10.0),
    "one 10 times as noisy, one of its deviations apart": _normals(10.0, 10.0),
    "lognormal, 1 apart": lambda rng, n: (rng.lognormal(size=n) + 1, rng.lognormal(size=n)),
    "accuracy on 150 items, 0.97 and 0.95": lambda rng, n: (
        rng.binomial(150, 0.97, n) / 150,
        rng.binomial(150, 0.95, n) / 150,
    ),
    "solve or not, p = 0.8 and 0.2": _rates(0.8, 0.2),
    "solve or not, p = 0.5 and 0.5": _rates(0.5, 0.5),
}


def beating_coverage(tables: int, name: str) -> list[str]:
    """Return, by seeds, the coverage of the probability that one model beats another."""
    draw = PAIRS[name]
    rng = np.random.default_rng(10)
    first, second = draw(rng, 1_000_000)
    truth = float((first > second).mean() + 0.5 * (first == second).mean())
    cells = []
    for n in (*SEEDS, 20):
        held = 0
        for _ in range(tables):
            estimate = beating(*draw(rng, n))
            assert estimate.low is not None
            assert estimate.high is not None
            held += estimate.low <= truth <= estimate.high
        cells.append(_percent(held, tables))
    return cells


TRIES: dict[str, Callable[[Generator, int], Floats]] = {
    "uniform": lambda rng, n: rng.random(n),
    "normal": lambda rng, n: rng.normal(size=n),
    "beta(0.5, 0.5)": lambda rng, n: rng.beta(0.5, 0.5, n),
    "minus exponential": lambda rng, n: -rng.exponential(size=n),
}
STUDIES = (6, 10, 20, 30)


def best_coverage(tables: int, name: str) -> list[str]:
    """Return, by tries, the coverage of the expected best of 1 and of half of the tries."""
    draw = TRIES[name]
    rng = np.random.default_rng(11)
    cells = []
    for tries in STUDIES:
        half = tries // 2
        truth = [float(draw(rng, n * 100_000).reshape(-1, n).max(axis=1).mean()) for n in (1, half)]
        held = np.zeros(2)
        for _ in range(tables):
            found = expected_best(draw(rng, tries).tolist(), 1)
            for place, n in enumerate((1, half)):
                held[place] += found.low[n - 1] <= truth[place] <= found.high[n - 1]
        cells.append(" / ".join(f"{100 * share / tables:.0f}" for share in held))
    return cells


def tables_of(count: int, pool: ProcessPoolExecutor) -> Iterator[str]:
    """Yield Markdown: each table with its heading and its meaning."""
    grid = [f"{m} models, {n} seeds" for m, n in itertools.product(MODELS, SEEDS)]
    worlds = [*SHAPES, *UNEQUAL_SPREADS]
    yield "## Family-wise false alarms"
    yield (
        "Share of tables of equal models in which the rule calls any of all pairs better or worse "
        "(at most 5 % is claimed; in the last two rows the means are equal and the spreads are "
        "not)."
    )
    rows = list(pool.map(partial(false_alarms, count), worlds))
    yield _wide(worlds, grid, rows)
    yield "## Each test alone"
    yield (
        "Percentages of false alarms of Games & Howell's test alone / of the permutation test "
        "alone / of both, which is the rule for mean scores."
    )
    alone = ["normal", "two levels, none solved", *UNEQUAL_SPREADS]
    rows = list(pool.map(partial(each_test_alone, count), alone))
    corners = [f"{m} models, {n} seeds" for m, n in CORNERS]
    yield _table(["scores", *corners], alone, rows)
    yield "## Coverage of the interval of a mean"
    yield "Share of 95 % intervals that hold the true mean, by the shape of the scores."
    rows = list(pool.map(partial(coverage, 4 * count), SHAPES))
    yield _table(["scores", *(f"{n} seeds" for n in INTERVAL_SEEDS)], list(SHAPES), rows)
    yield "## Coverage on a finite test set"
    yield (
        "Percentages of intervals of an accuracy that hold that of new seeds on new items: from "
        "the seeds alone / with the choice of the items."
    )
    sizes = (50, 150, 1000)
    rows = list(pool.map(partial(item_coverage, count), sizes))
    yield _table(["items", *(f"{n} seeds" for n in ITEM_SEEDS)], [str(n) for n in sizes], rows)
    yield "## Power"
    yield (
        "The difference that the report calls detectable, in standard deviations of one model, and "
        "the share of tables that show a true difference of that size (0.8 is claimed)."
    )
    rows = list(pool.map(partial(power, 2 * count), MODELS))
    yield _table(["models", *(f"{n} seeds" for n in SEEDS)], [str(m) for m in MODELS], rows)
    yield "## Better, equivalent, undecided"
    yield (
        "Two models whose true means differ by a multiple of the smallest effect of interest, with "
        "a standard deviation of half that effect: percentages better or worse / equivalent / "
        "undecided."
    )
    distances = (0.0, 0.5, 1.0, 2.0)
    rows = list(pool.map(partial(outcomes, count), distances))
    yield _table(
        ["true difference", *(f"{n} seeds" for n in OUTCOME_SEEDS)],
        [f"{distance:g}" for distance in distances],
        rows,
    )
    yield "## Better than the baseline"
    yield "Share of tables of models at the baseline of which any is called better than it."
    unsolved = [name for name, shape in SHAPES.items() if not shape.solves]
    rows = list(pool.map(partial(baseline_alarms, 4 * count), unsolved))
    corners = [f"{m} models, {n} seeds" for m, n in itertools.product(MODELS[::2], SEEDS[1::2])]
    yield _table(["scores", *corners], unsolved, rows)
    yield "## Levels of a difficulty sweep as tasks"
    yield (
        "Share of false alarms of Friedman's test at 5 %, with five equal models, five levels and "
        "the same two seeds at each, by the correlation of a seed's quality between levels. Sweeps "
        "are therefore left out of the statistics across tasks."
    )
    correlations = (0.0, 0.3, 0.6, 0.9)
    rows = list(pool.map(partial(ladder_alarms, count), correlations))
    yield _table(["correlation", "false alarms"], [f"{r:g}" for r in correlations], rows)
    yield "## Coverage across tasks"
    yield "Share of intervals of the interquartile mean that hold the true one; normal scores."
    counts = (2, 5, 7, 20)
    rows = list(pool.map(partial(across_coverage, count), counts))
    yield _table(["tasks", *(f"{n} seeds" for n in ACROSS_SEEDS)], [str(n) for n in counts], rows)
    yield from tables_of_recipes(count, pool)


def tables_of_recipes(count: int, pool: ProcessPoolExecutor) -> Iterator[str]:
    """Yield the tables on the probability of beating and on the best of several tries."""
    yield "## Coverage of the probability that one model beats another"
    yield "Share of 95 % intervals that hold the true probability."
    rows = list(pool.map(partial(beating_coverage, 4 * count), PAIRS))
    heads = [f"{n} seeds" for n in (*SEEDS, 20)]
    yield _table(["scores", *heads], list(PAIRS), rows)
    yield "## Coverage of the expected best score"
    yield (
        "Percentages of 95 % intervals that hold the expected best score of one try / of half as "
        "many tries as the study has, by the shape of the scores of tries."
    )
    rows = list(pool.map(partial(best_coverage, count), TRIES))
    yield _table(["scores", *(f"{n} tries" for n in STUDIES)], list(TRIES), rows)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"


def _table(heads: Sequence[str], names: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads)]
    lines += [[name, *row] for name, row in zip(names, rows, strict=True)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _wide(names: Sequence[str], heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return the table turned, a row for each head: it has more columns than a page."""
    return _table(
        ["", *names], heads, [[row[place] for row in rows] for place in range(len(heads))]
    )


def main() -> None:
    """Simulate all tables and print or write them."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.statistics", description=__doc__)
    parser.add_argument("--tables", type=int, default=1000, help="simulated tables per figure")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--write", type=Path, metavar="FILE", help="write Markdown instead")
    given = parser.parse_args()
    error = 100 * math.sqrt(0.05 * 0.95 / given.tables)
    with ProcessPoolExecutor(given.processes) as pool:
        text = "\n\n".join(
            [
                "# Simulations of the statistics",
                f"Made by `python -m benchmarks.statistics --tables {given.tables}`. The standard "
                f"error of a share near 5 % is {error:.1f} %. The rule is in "
                "[statistics.md](statistics.md).",
                *tables_of(given.tables, pool),
            ]
        )
    if given.write is None:
        print(text)
    else:
        given.write.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
