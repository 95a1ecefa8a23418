"""The parts of a report as plain text and image files; escaped when HTML or Markdown is written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import TypeAlias


@dataclass(frozen=True)
class Column:
    """A column's title, the axis that it belongs to, and whether it holds numbers."""

    title: str
    group: str = ""
    numeric: bool = True


@dataclass(frozen=True)
class Row:
    """A row of a table.

    Attributes:
        cells: one text for each column.
        simple: whether the row is that of a simple method rather than of a model.
        colour: of the swatch before the first cell.
    """

    cells: tuple[str, ...]
    simple: bool = False
    colour: str | None = None


@dataclass(frozen=True)
class Table:
    """A titled table with notes below it."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Runs of columns of one group, as (group, number of columns); empty without groups."""
        runs: list[tuple[str, int]] = []
        for column in self.columns:
            if runs and runs[-1][0] == column.group:
                runs[-1] = (column.group, runs[-1][1] + 1)
            else:
                runs.append((column.group, 1))
        return runs if any(column.group for column in self.columns) else []


@dataclass(frozen=True, eq=False)
class Figure:
    """A rendered figure.

    Attributes:
        name: file name without its suffix.
        alt: description for readers who do not see the figure.
    """

    name: str
    title: str
    caption: str
    alt: str
    svg: bytes
    png: bytes


Block: TypeAlias = Table | Figure
Made: TypeAlias = Block | list[Figure] | None
"""One block, several figures, or nothing where the records hold nothing to show."""


@dataclass(frozen=True)
class Section:
    """One task, one difficulty sweep, or a comparison across tasks.

    Attributes:
        parts: functions that make the blocks, independent of each other, in reading order.
        conditions: what was equal over the compared models and what was not, which comes first.
        blocks: what the parts made; empty until they were called.
    """

    heading: str
    anchor: str
    sentences: tuple[str, ...]
    parts: tuple[Callable[[], Made], ...]
    small_print: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()
    blocks: tuple[Block, ...] = ()

    def with_blocks(self, made: Iterable[Made]) -> Section:
        """Return the section with what its parts made."""
        blocks: list[Block] = []
        for each in made:
            blocks += each if isinstance(each, list) else [each] if each is not None else []
        return replace(self, blocks=tuple(blocks))


@dataclass(frozen=True)
class Citation:
    """A cited paper and what cites it; ``link`` is safe to follow, or ``None``."""

    key: str
    title: str
    venue: str
    of: str
    link: str | None


@dataclass(frozen=True)
class Report:
    """Everything on the page.

    Attributes:
        conditions: what was equal over the compared models and what was not, which comes first.
        others: records of other runs that are shown, by file and machine.
    """

    title: str
    subtitle: str
    conditions: tuple[str, ...]
    sections: tuple[Section, ...]
    environment: Table
    plugins: Table
    commands: tuple[str, ...]
    citations: tuple[Citation, ...]
    version: str
    others: Table | None = None

    @property
    def figures(self) -> list[Figure]:
        """All figures, in reading order."""
        return [b for section in self.sections for b in section.blocks if isinstance(b, Figure)]
