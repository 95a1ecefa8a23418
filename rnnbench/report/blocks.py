"""What a report is made of, ready to be set in HTML or Markdown: plain text only, escaped when it
is set.
"""

from __future__ import annotations

from dataclasses import dataclass

from rnnbench.report.figures.style import Picture


@dataclass(frozen=True)
class Column:
    """A column's title, the axis that it belongs to, and whether it holds numbers."""

    title: str
    group: str = ""
    numeric: bool = True


@dataclass(frozen=True)
class Row:
    """Cells of a table; ``reference`` rows are no contestants; ``colour`` is the swatch before the
    first cell.
    """

    cells: tuple[str, ...]
    reference: bool = False
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
        """Neighbouring columns of one group, as (group, number of columns); empty when no column
        has a group.
        """
        runs: list[tuple[str, int]] = []
        for column in self.columns:
            if runs and runs[-1][0] == column.group:
                runs[-1] = (column.group, runs[-1][1] + 1)
            else:
                runs.append((column.group, 1))
        return runs if any(column.group for column in self.columns) else []


@dataclass(frozen=True)
class Section:
    """One task, or a view across all: sentences, then tables and pictures in reading order."""

    heading: str
    anchor: str
    sentences: tuple[str, ...]
    blocks: tuple[Table | Picture, ...]
    small_print: tuple[str, ...] = ()


@dataclass(frozen=True)
class Cited:
    """A reference with all that it stands for; ``link`` is safe to follow, or ``None``."""

    key: str
    title: str
    venue: str
    of: str
    link: str | None


@dataclass(frozen=True)
class Report:
    """Everything on the page."""

    title: str
    subtitle: str
    sections: tuple[Section, ...]
    environment: Table
    plugins: Table
    commands: tuple[str, ...]
    citations: tuple[Cited, ...]
    version: str

    @property
    def pictures(self) -> list[Picture]:
        """All pictures, in reading order."""
        return [
            block
            for section in self.sections
            for block in section.blocks
            if isinstance(block, Picture)
        ]
