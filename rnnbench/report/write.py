"""Put a report into a folder: whole or not at all, and never over something that is not a report."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from rnnbench.analysis.tables import export, tidy
from rnnbench.errors import OutputError, UsageError, one_line
from rnnbench.records.result import Record
from rnnbench.report.figures.forked import results_of
from rnnbench.report.figures.style import styled
from rnnbench.report.page.contents import Blocks, contents
from rnnbench.report.page.render import GENERATOR, html, markdown

_PAGE = "index.html"
_OURS = (_PAGE, "report.md", "results.csv", "figures")


def write_report(
    records: Sequence[Record],
    folder: Path,
    *,
    command: str | None = None,
    title: str | None = None,
    processes: int = 1,
) -> Path:
    """Write ``index.html``, ``report.md``, ``results.csv`` and ``figures/`` into ``folder`` and
    return the page's path.

    The folder is made beside its place and moved there in one step. An earlier report is replaced;
    files that rnnbench did not put into it are kept. The same records give the same bytes.

    Args:
        records: attempts; the last one of each trial counts.
        folder: where to write; made when missing, its parents too.
        command: what to type to make this report again, added to the commands that the records
            tell.
        title: heading of the page; tells the tasks when ``None``.
        processes: that draw figures at the same time, forked from this one where there is more than
            one.

    Raises:
        UsageError: no records.
        OutputError: the folder cannot be written, or holds something that is not a report.
    """
    if not records:
        raise UsageError(
            "no records to report on; type: rnnbench run --task copy-memory --preset quick"
        )
    folder = Path(folder)
    try:
        target = folder.resolve()
        _refuse_strangers(target, folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{target.name}.{os.getpid()}.part")
        part.mkdir()
    except (OSError, RuntimeError) as error:
        raise _unwritable(folder, error) from None
    try:
        _fill(part, records, command, title, processes)
        _put_in_place(part, target)
    except OSError as error:
        raise _unwritable(folder, error) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return folder / _PAGE


def check_folder(folder: Path) -> None:
    """Raise :class:`OutputError` where :func:`write_report` could not write, before the work that
    leads up to it.

    Leaves nothing behind but the parents of ``folder``.
    """
    target = Path(folder).resolve()
    try:
        _refuse_strangers(target, folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name[:100]}."):
            # asking for permission would not do: some places refuse even a user who may write
            # anywhere
            pass
    except (OSError, RuntimeError) as error:
        raise _unwritable(folder, error) from None


def _fill(
    part: Path, records: Sequence[Record], command: str | None, title: str | None, processes: int
) -> None:
    def compute(parts: Sequence[Callable[[], Blocks]]) -> Sequence[Blocks]:
        """Share out the parts of the report, and its table of trials beside them."""
        work: list[Callable[[], Blocks]] = [
            partial(_write_table, records, part / "results.csv"),
            *parts,
        ]
        return results_of(work, processes)[1:]

    with styled():
        report = contents(records, command, title, compute)
    figures = part / "figures"
    figures.mkdir()
    for picture in report.pictures:
        (figures / f"{picture.name}.svg").write_bytes(picture.svg)
        (figures / f"{picture.name}.png").write_bytes(picture.png)
    (part / "report.md").write_text(markdown(report), encoding="utf-8", newline="\n")
    (part / _PAGE).write_text(html(report), encoding="utf-8", newline="\n")


def _write_table(records: Sequence[Record], path: Path) -> None:
    export(tidy(records), path)


def _refuse_strangers(target: Path, named: Path) -> None:
    """Raise unless ``target`` is missing, empty, or an earlier report."""
    if not target.exists():
        return
    if not target.is_dir():
        raise OutputError(f"{one_line(named, 200)!r} is a file; name a folder for the report.")
    if any(target.iterdir()) and not _is_report(target):
        raise OutputError(
            f"{one_line(named, 200)!r} holds files and is no rnnbench report; name a new folder, "
            f"e.g. {one_line(named / 'report', 200)}"
        )


def _is_report(folder: Path) -> bool:
    try:
        with (folder / _PAGE).open(encoding="utf-8", errors="replace") as page:
            return f'content="{GENERATOR}' in page.read(2000)
    except OSError:
        return False


def _put_in_place(part: Path, target: Path) -> None:
    """Move the finished folder to its place; what strangers left in the old one moves along."""
    if not target.exists():
        part.rename(target)
        return
    old = target.with_name(f".{target.name}.{os.getpid()}.old")
    target.rename(old)
    try:
        part.rename(target)
    except OSError:
        old.rename(target)
        raise
    for entry in old.iterdir():
        if entry.name not in _OURS:
            with suppress(OSError):
                entry.rename(target / entry.name)
    for name in _OURS:
        left = old / name
        shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)
    with suppress(OSError):
        old.rmdir()  # stays behind, with its content, should a stranger's file not have moved


def _unwritable(folder: Path, error: OSError | RuntimeError) -> OutputError:
    reason = getattr(error, "strerror", None) or error
    return OutputError(
        f"cannot write the report to {one_line(folder, 200)!r}: {one_line(reason, 200)}. Name a folder you may write."
    )
