"""Write a report to a folder: whole or not at all, and never over files that are not a report."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

from rnnbench.analysis.against import Others
from rnnbench.analysis.claims.judged import JudgedClaim
from rnnbench.analysis.claims.table import verdict_table
from rnnbench.analysis.groups import group, latest
from rnnbench.analysis.sources import spreads
from rnnbench.analysis.tables import export, tidy
from rnnbench.analysis.tuning.recipes import tuned_configurations
from rnnbench.analysis.tuning.studies import Study, studies
from rnnbench.analysis.verdicts import SMALLEST_EFFECT
from rnnbench.errors import OutputError, UsageError
from rnnbench.files import replacing
from rnnbench.records.result import Record
from rnnbench.report.blocks import Made
from rnnbench.report.figures.style import styled
from rnnbench.report.page.claims import cited_by, claims_section
from rnnbench.report.page.contents import citations_of, recorded, report_of, sections_of
from rnnbench.report.page.render import GENERATOR, html, markdown
from rnnbench.report.parallel import call_all

_PAGE = "index.html"
_OURS = (_PAGE, "report.md", "results.csv", "verdicts.csv", "figures")


def write_report(
    records: Sequence[Record],
    folder: Path,
    *,
    tries: Sequence[Record] = (),
    others: Sequence[Others] = (),
    command: str | None = None,
    title: str | None = None,
    smallest_effect: float = SMALLEST_EFFECT,
    processes: int = 1,
    claims: Sequence[JudgedClaim] = (),
) -> Path:
    """Write a report to a folder and return the path of its page.

    A report is ``index.html``, ``report.md``, ``results.csv`` and ``figures/``. It is written next
    to ``folder`` and then moved there in one step. An earlier report is replaced; other files in
    the folder are kept. The same records give the same bytes.

    Args:
        records: attempts; the last one of each trial counts.
        folder: where to write; created with its parents when missing.
        tries: records of tuning studies; they are shown, and never counted as scores.
        others: what of these records and tries comes from files of other runs; the page says so.
        command: the command that makes this report, listed after those of the records.
        title: heading of the page; the tasks are named when ``None``.
        smallest_effect: the smallest effect of interest, as a share of the range from a task's
            baseline to perfection.
        processes: number of processes that draw figures, forked from this one when more than one.
        claims: claims with their verdicts; the page is then about them, not about each task.

    Raises:
        UsageError: no records.
        OutputError: the folder cannot be written, or holds files that are not a report.
    """
    if not records:
        raise UsageError(
            "no records to report on; type: rnnbench run --task copy-memory --preset quick"
        )
    with _explained(folder):
        target = _target(folder)
        old = target.with_name(f".{target.name[:200]}.{os.getpid()}.old")
        try:
            with replacing(target) as part:
                part.mkdir()
                _fill(
                    part,
                    latest(records),
                    studies(tries),
                    command,
                    title,
                    smallest_effect,
                    processes,
                    claims,
                    others,
                )
                if target.exists():
                    target.rename(old)
        finally:
            if old.exists() and not target.exists():
                old.rename(target)
        if old.exists():
            _keep_other_files(old, target)
    return Path(folder) / _PAGE


def check_folder(folder: Path) -> None:
    """Raise :class:`OutputError` where :func:`write_report` could not write to ``folder``.

    Creates the parents of ``folder`` and nothing else.
    """
    with _explained(folder):
        target = _target(folder)
        # Permission bits are not enough: some file systems refuse even a privileged user.
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name[:100]}."):
            pass


def _fill(
    part: Path,
    records: Sequence[Record],
    tuning: Sequence[Study],
    command: str | None,
    title: str | None,
    smallest_effect: float,
    processes: int,
    claims: Sequence[JudgedClaim],
    others: Sequence[Others],
) -> None:
    tasks = group(records, tuned_configurations(tuning))
    with styled():
        sections = (
            [claims_section(claims)]
            if claims
            else sections_of(tasks, smallest_effect, tuning, spreads(tasks, records))
        )
        calls: list[Callable[[], Made]] = [partial(_write_table, records, part / "results.csv")]
        calls += [make for section in sections for make in section.parts]
        made = iter(call_all(calls, processes)[1:])
    if claims:
        _write_verdicts(claims, part / "verdicts.csv")
    sections = [section.with_blocks(islice(made, len(section.parts))) for section in sections]
    if claims:
        title = title or "Claims about recurrent architectures"
    report = report_of(records, tasks, sections, command, title, () if claims else tuning, others)
    if claims:
        # the trials of different claims are not compared with each other
        sources = citations_of([*recorded(records), *cited_by(claims)])
        report = replace(report, conditions=(), citations=tuple(sources))
    figures = part / "figures"
    figures.mkdir()
    for figure in report.figures:
        (figures / f"{figure.name}.svg").write_bytes(figure.svg)
        (figures / f"{figure.name}.png").write_bytes(figure.png)
    (part / "report.md").write_text(markdown(report), encoding="utf-8", newline="\n")
    (part / _PAGE).write_text(html(report), encoding="utf-8", newline="\n")


def _write_verdicts(judged: Sequence[JudgedClaim], path: Path) -> None:
    export(verdict_table(judged), path)


def _write_table(records: Sequence[Record], path: Path) -> None:
    export(tidy(records), path)


def _target(folder: Path) -> Path:
    """Return the absolute folder, its parents created.

    Raises:
        OutputError: it is neither missing, nor empty, nor an earlier report.
    """
    try:
        target = Path(folder).resolve()
    except RuntimeError as error:
        # a loop of symbolic links, before Python 3.13
        raise OSError(str(error)) from None
    if target.exists():
        if not target.is_dir():
            raise OutputError(f"'{folder}' is a file; name a folder for the report.")
        if any(target.iterdir()) and not _is_report(target):
            raise OutputError(
                f"'{folder}' holds files and is not an rnnbench report; name a new folder, "
                f"e.g. {folder / 'report'}"
            )
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _is_report(folder: Path) -> bool:
    try:
        with (folder / _PAGE).open(encoding="utf-8", errors="replace") as page:
            return f'content="{GENERATOR}' in page.read(2000)
    except OSError:
        return False


def _keep_other_files(old: Path, target: Path) -> None:
    """Move files that are no part of a report from the old folder, and remove that folder."""
    for entry in old.iterdir():
        if entry.name not in _OURS:
            with suppress(OSError):
                entry.rename(target / entry.name)
    for name in _OURS:
        left = old / name
        shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)
    # A file that could not be moved stays in the old folder.
    with suppress(OSError):
        old.rmdir()


@contextmanager
def _explained(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(
            f"cannot write the report to '{folder}': {reason}. Name a folder you may write."
        ) from None
