"""A comparison as text for a terminal, and as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rnnbench.analysis.comparison import Comparison, Pairing
from rnnbench.analysis.formatting import (
    MISSING,
    censored_text,
    estimate_text,
    level_text,
    number,
    operations_text,
    p_text,
    rate_text,
    ratio_text,
    verdict_text,
    whole,
)
from rnnbench.analysis.gradients import horizon_text, initial_half_life, memory_horizon
from rnnbench.analysis.groups import Configuration
from rnnbench.errors import one_line
from rnnbench.records.syntax import option_text
from rnnbench.report.escaping import markdown_text

_CELL_LIMIT = 80
_NAME_LIMIT = 200


def comparison_text(comparison: Comparison, shown: Callable[[str], str] = str) -> str:
    """Return the comparison as plain text for a terminal.

    Args:
        comparison: two models or two stores.
        shown: changes each cell before the columns are aligned, e.g. for another encoding.
    """
    a, b = _labels(comparison)
    blocks = []
    for pairing in comparison.pairings:
        rows = [
            [shown(one_line(cell, _CELL_LIMIT)) for cell in row]
            for row in (("", a, b), *_rows(pairing))
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            one_line(pairing.name, _NAME_LIMIT),
            *(f"  {_aligned(row, widths)}" for row in rows),
            *(f"  {one_line(line, 2000)}" for line in _findings(pairing, a, b)),
        ]
        blocks.append("\n".join(lines))
    return "\n\n".join([*blocks, *(f"note: {one_line(note)}" for note in comparison.notes)])


def comparison_markdown(comparison: Comparison) -> str:
    """Return the comparison as Markdown, with all text from records escaped."""
    a, b = _labels(comparison)
    blocks = [f"# {markdown_text(a)} and {markdown_text(b)}"]
    for pairing in comparison.pairings:
        head, *rows = (
            f"| {' | '.join(map(markdown_text, row))} |" for row in (("", a, b), *_rows(pairing))
        )
        findings = (f"- {markdown_text(line)}" for line in _findings(pairing, a, b))
        blocks += [
            f"## {markdown_text(pairing.name, _NAME_LIMIT)}",
            "\n".join([head, "| --- | --- | --- |", *rows]),
            "\n".join(findings),
        ]
    blocks += [f"Note: {markdown_text(note)}" for note in comparison.notes]
    return "\n\n".join(blocks) + "\n"


def _labels(comparison: Comparison) -> tuple[str, str]:
    return one_line(comparison.a, _CELL_LIMIT), one_line(comparison.b, _CELL_LIMIT)


def _rows(pairing: Pairing) -> list[tuple[str, str, str]]:
    return [(title, of(pairing.a), of(pairing.b)) for title, of in _ROWS]


def _findings(pairing: Pairing, a: str, b: str) -> list[str]:
    verdict, difference = pairing.verdict, pairing.verdict.difference
    lines = [f"Verdict: {verdict_text(verdict, a, b)}."]
    if difference is not None:
        known = verdict.p_value is not None
        tested = f", p {p_text(verdict.p_value)} by {verdict.analysis}" if known else ""
        lines.append(
            f"{one_line(pairing.score_name, 60)}, {b} minus {a}: "
            f"{estimate_text(difference.estimate, signed=True)} ({level_text()} interval){tested}."
        )
    if pairing.beats is not None and verdict.outcome != "identical":
        lines.append(
            f"Probability that {b} beats {a} on a new seed: {estimate_text(pairing.beats)} "
            f"({level_text()} interval)."
        )
    if pairing.differing:
        values = (f"{n} {option_text(x)} and {option_text(y)}" for n, x, y in pairing.differing)
        lines.append(f"Not an equal budget: {', '.join(values)}.")
    return lines


def _aligned(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
    return "  ".join(cells).rstrip()


def _steps_to_solve(configuration: Configuration) -> str:
    if configuration.solved is None:
        return MISSING
    return censored_text(configuration.steps_to_solve, configuration.spec.settings.steps)


def _speed(configuration: Configuration) -> str:
    point = configuration.speed_point("train")
    return MISSING if point is None else f"{ratio_text(point.ratio)} {configuration.comparator}"


def _plain_loop(configuration: Configuration) -> str:
    point = configuration.plain_loop("train")
    if point is not None:
        return f"{ratio_text(point.ratio)} {configuration.comparator}"
    return MISSING if configuration.speed is None else "not timed"


_ROWS: tuple[tuple[str, Callable[[Configuration], str]], ...] = (
    ("score, mean [interval]", lambda c: estimate_text(c.score)),
    ("skill", lambda c: estimate_text(c.skill)),
    ("solved", lambda c: rate_text(c.solved)),
    ("steps to solve, median", _steps_to_solve),
    ("trials without a score", lambda c: str(len(c.failures))),
    ("parameters", lambda c: MISSING if c.size is None else whole(c.size.params_total)),
    ("matrix-product FLOPs + elementwise operations per step", lambda c: operations_text(c.size)),
    ("state size", lambda c: MISSING if c.size is None else whole(c.size.state_size)),
    ("training step, as built [interval]", _speed),
    ("training step, plain loops [interval]", _plain_loop),
    ("gradient half-life at initialisation", lambda c: number(initial_half_life(c))),
    ("memory horizon after training", lambda c: horizon_text(memory_horizon(c))),
)
