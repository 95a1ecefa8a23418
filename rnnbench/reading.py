"""What a store or a file of records holds, from Python: records, tables and reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from rnnbench.errors import UsageError, did_you_mean
from rnnbench.files import expanded

if TYPE_CHECKING:
    import pandas as pd

    from rnnbench.analysis.claims.judged import JudgedClaim
    from rnnbench.records.merging import Merged
    from rnnbench.records.result import Record

TABLES = ("trials", "curves", "profiles")


def read_records(store: str | Path, *, every_attempt: bool = False) -> list[Record]:
    """Return the records of a store, oldest first: the last attempt at each trial.

    Tries of tuning studies are not among them: :func:`read_tries` returns those.

    Args:
        store: the SQLite file, e.g. ``"rnnbench.db"``, or a file of :func:`write_records`.
        every_attempt: also return the earlier attempts at each trial.

    Raises:
        rnnbench.errors.StoreError: there is no such store, or it cannot be read.
    """
    from rnnbench.records.source import read_source

    return read_source(expanded(store), every_attempt=every_attempt)


def read_tries(store: str | Path, *, every_attempt: bool = False) -> list[Record]:
    """Return the records of tries in tuning studies, oldest first: the last attempt at each.

    Their scores are validation scores, in ``result.validated``; they are no results of a model.
    ``rnnbench.analysis.tuning.studies`` arranges them by study.

    Args:
        store: the SQLite file, e.g. ``"rnnbench.db"``, or a file of :func:`write_records`.
        every_attempt: also return the earlier attempts at each try.

    Raises:
        rnnbench.errors.StoreError: there is no such store, or it cannot be read.
    """
    from rnnbench.records.source import read_source

    return read_source(expanded(store), every_attempt=every_attempt, purpose="tuning")


def write_records(
    source: str | Path | Sequence[Record], path: str | Path, *, compact: bool = False
) -> int:
    """Write whole records to a Parquet file, as ``rnnbench export --records`` does.

    The functions of this module read such a file as they read a store.

    Args:
        source: a store, with its tries of tuning studies; or records.
        path: the file; an older one is replaced.
        compact: leave out logs, tracebacks and plots, round learning curves, gradient profiles and
            influence by lag to four significant digits, and the values of test items within 0.2 %.

    Returns:
        The number of records.

    Raises:
        rnnbench.errors.StoreError: there is no such store, or it cannot be read.
        rnnbench.errors.OutputError: the file cannot be written.
    """
    from rnnbench.records.archive import compacted, write_archive
    from rnnbench.records.source import read_source

    found: Iterable[Record] = (
        read_source(expanded(source), purpose="all") if isinstance(source, str | Path) else source
    )
    return write_archive(map(compacted, found) if compact else found, expanded(path))


def merge_stores(target: str | Path, *sources: str | Path) -> Merged:
    """Take the records of stores into one, as ``rnnbench merge`` does.

    Every attempt is kept, and the sources are left as they are. Of a trial with several results the
    latest finished one counts. Merging the same files again changes nothing.

    Args:
        target: the store, created when absent.
        sources: stores, or files of :func:`write_records`.

    Returns:
        Numbers of added and known attempts, and the trials with different results.

    Raises:
        rnnbench.errors.StoreError: a file cannot be read or written; nothing is written then.
    """
    from rnnbench.records import merging

    return merging.merge_stores(expanded(target), [expanded(source) for source in sources])


def results(
    source: str | Path | Sequence[Record],
    table: Literal["trials", "curves", "profiles"] = "trials",
) -> pd.DataFrame:
    """Return a tidy table of the results in a store, as ``rnnbench export`` writes it.

    Args:
        source: a store or a file of :func:`write_records`, or records from :func:`read_records`.
        table: ``"trials"``, one row per trial; ``"curves"``, one row per trial and validation; or
            ``"profiles"``, one row per trial, gradient profile and lag.

    Returns:
        The table; ``docs/report.md`` describes its columns.

    Raises:
        rnnbench.errors.UsageError: there is no such table.
        rnnbench.errors.StoreError: there is no such store, or it cannot be read.
    """
    from rnnbench.analysis import tables

    if table not in TABLES:
        raise UsageError(
            f"there is no table {table!r}.{did_you_mean(str(table), TABLES)} "
            f"There are: {', '.join(TABLES)}."
        )
    make = {"trials": tables.tidy, "curves": tables.curves, "profiles": tables.profiles}[table]
    return make(_records(source))


def write_report(
    source: str | Path | Sequence[Record],
    folder: str | Path,
    *,
    title: str | None = None,
    smallest_effect: float = 0.01,
    tries: Sequence[Record] = (),
) -> Path:
    """Write a report, as ``rnnbench report`` does, and return the path of its page.

    An earlier report in the folder is replaced; other files in it are kept. Trials of recipes that
    a tuning study had chosen from fewer tries than it has now are left out.

    Args:
        source: a store or a file of :func:`write_records`, or records from :func:`read_records`.
        folder: where to write; created with its parents when missing.
        title: heading of the page. Default: the tasks.
        smallest_effect: the smallest effect of interest, as a share of the range from a task's
            baseline to its perfect score.
        tries: tries of tuning studies from :func:`read_tries`, beside records; those of a file are
            read with it.

    Raises:
        rnnbench.errors.UsageError: there are no records, or the effect is not between 0 and 1.
        rnnbench.errors.StoreError: there is no such store, or it cannot be read.
        rnnbench.errors.OutputError: the folder cannot be written, or holds files that are not a
            report.
    """
    from rnnbench.analysis.tuning.recipes import without_superseded
    from rnnbench.analysis.tuning.studies import studies
    from rnnbench.report.write import write_report as write

    if not 0 <= smallest_effect <= 1:
        raise UsageError(
            f"smallest_effect={smallest_effect!r} is not a share; give a number from 0 to 1, "
            "e.g. smallest_effect=0.01"
        )
    tries = _tries(source, tries)
    return write(
        without_superseded(_records(source), studies(tries)),
        expanded(folder),
        title=title,
        smallest_effect=smallest_effect,
        tries=tries,
    )


def judge_claims(
    source: str | Path, claims: str | Sequence[str] = "all", *, preset: str | None = None
) -> pd.DataFrame:
    """Return the verdicts on claims as a table, one row per claim.

    Args:
        source: the SQLite file, e.g. ``"rnnbench.db"``.
        claims: names or globs; default: every claim of which the store has a trial.
        preset: size of their trials; default: for each claim the size of which the store has most.

    Returns:
        Columns ``claim``, ``verdict``, ``effect`` in the unit ``unit``, its interval ``low`` to
        ``high`` at 95 % for this claim alone, ``rule``, ``p_value`` corrected over the claims of
        the table, ``trials`` of the smallest group and ``seeds_needed`` of an undecided one.

    Raises:
        rnnbench.errors.UsageError: an unknown claim or preset, or no trial of any claim.
        rnnbench.errors.StoreError: there is no such store, or it cannot be read.
    """
    from rnnbench.analysis.claims.table import verdict_table

    return verdict_table(judged_claims(source, claims, preset=preset))


def judged_claims(
    source: str | Path, claims: str | Sequence[str] = "all", *, preset: str | None = None
) -> list[JudgedClaim]:
    """Return the verdicts on claims from the records of a store, in the order of their names.

    The claims that are judged together share one error rate.

    Args:
        source: the SQLite file.
        claims: names or globs; default: every claim of which the store has a trial.
        preset: size of their trials; default: for each claim the size of which the store has most.

    Raises:
        rnnbench.errors.UsageError: an unknown claim or preset, or no trial of any claim.
        rnnbench.errors.StoreError: there is no such store, or it cannot be read.
    """
    from rnnbench.analysis.claims.evidence import evidence
    from rnnbench.analysis.claims.judged import judge
    from rnnbench.analysis.tuning.studies import studies
    from rnnbench.contract import registry as plugins
    from rnnbench.plan.asked import claim_grids, claims_named, planned_claims

    words = [claims] if isinstance(claims, str) else list(claims)
    registry = plugins.load()
    records, tries = read_records(source), read_tries(source)
    tuned = studies(tries)
    found = []
    for claim in claims_named(words, registry):
        own: list[str | None] = [*claim.trials.sizes] or [None]
        sizes = own if preset is None else [preset]
        plans = []
        for size in sizes:
            given: Mapping[str, str] = {} if size is None else {"preset": size}
            plans += planned_claims(claim_grids(claim, registry, given))
        best = max(plans, key=lambda plan: len(evidence(plan.trials, records, tuned)))
        if evidence(best.trials, records, tuned):
            found.append(best)
    if not found:
        raise UsageError(
            f"{source} holds no trial of these claims; type: rnnbench run --claim NAME"
        )
    return judge(found, records, tries)


def _records(source: str | Path | Sequence[Record]) -> Sequence[Record]:
    return read_records(source) if isinstance(source, str | Path) else source


def _tries(source: str | Path | Sequence[Record], tries: Sequence[Record]) -> Sequence[Record]:
    return read_tries(source) if isinstance(source, str | Path) and not tries else tries
