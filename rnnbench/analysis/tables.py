"""Records as tidy tables: one row per trial, per validation, or per lag; and their files."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from rnnbench.analysis.columns import COLUMNS, CURVE_COLUMNS, DTYPES, PROFILE_COLUMNS
from rnnbench.analysis.groups import latest
from rnnbench.errors import OutputError, UsageError, one_line
from rnnbench.records.result import Profile, Record, Speed, SpeedMode
from rnnbench.records.syntax import OptionValue, option_text

__all__ = [
    "COLUMNS",
    "CURVE_COLUMNS",
    "PROFILE_COLUMNS",
    "curves",
    "export",
    "profiles",
    "tidy",
]

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""What makes a spreadsheet take a cell for a formula."""


def tidy(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row per trial with the columns of :data:`COLUMNS`, in that order, of the same
    types whatever is missing.
    """
    return _frame([_row(record) for record in latest(records)], COLUMNS)


def curves(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row per trial and validation, with the columns of :data:`CURVE_COLUMNS`."""
    rows = [
        {**trial, **point.model_dump()}
        for record in latest(records)
        if record.result.learning is not None
        for trial in [_identity(record)]
        for point in record.result.learning.curve
    ]
    return _frame(rows, CURVE_COLUMNS)


def profiles(records: Sequence[Record]) -> pd.DataFrame:
    """Return one row per trial, gradient profile and lag, with the columns of
    :data:`PROFILE_COLUMNS`.
    """
    rows = [
        {
            **trial,
            "of": profile.of,
            "when": profile.when,
            "direction": profile.direction,
            "lag": lag,
            "value": value,
        }
        for record in latest(records)
        if record.result.gradient is not None
        for trial in [_identity(record)]
        for profile in record.result.gradient.profiles
        for lag, value in zip(profile.lags, profile.values, strict=False)
    ]
    return _frame(rows, PROFILE_COLUMNS)


def export(frame: pd.DataFrame, path: Path) -> None:
    """Write a table to ``path``: ``.csv``, ``.parquet`` or ``.jsonl`` by its suffix; the file
    appears whole or not at all.

    In CSV, text that a spreadsheet would take for a formula gets a leading apostrophe. Missing
    values are empty in CSV and ``null`` in JSON lines, where an infinity is the text
    ``"Infinity"``, as in the records.

    Raises:
        UsageError: another suffix.
        OutputError: the file cannot be written.
    """
    write = _WRITERS.get(path.suffix.lower())
    if write is None:
        raise UsageError(
            f"cannot tell the format of {one_line(path, 200)!r}: name a file ending in {', '.join(sorted(_WRITERS))}, "
            "e.g. rnnbench export results.csv"
        )
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.is_dir():
            raise OutputError(
                f"{one_line(path, 200)!r} is a folder; name a file in it, e.g. {one_line(path / 'results.csv', 200)}"
            )
        write(frame, part)
        part.replace(path)
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(
            f"cannot write {one_line(path, 200)!r}: {one_line(reason)}. Name a file in a folder that exists and can be written."
        ) from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def options_text(options: Mapping[str, OptionValue]) -> str:
    """Return options as ``a=1,b=x``, sorted by name."""
    return ",".join(f"{name}={option_text(value)}" for name, value in sorted(options.items()))


def _frame(rows: list[dict[str, Any]], columns: Mapping[str, str]) -> pd.DataFrame:
    values = {name: [row.get(name) for row in rows] for name in columns}
    return pd.DataFrame({name: pd.Series(values[name], dtype=DTYPES[name]) for name in columns})


def _identity(record: Record) -> dict[str, Any]:
    spec = record.spec
    return {
        "trial_id": record.trial_id,
        "config_id": spec.config_id,
        "task_id": spec.task.task_id,
        "task": spec.task.name,
        "task_options": options_text(spec.task.shown),
        "model": spec.model.name,
        "model_options": options_text(spec.model.shown),
        "hidden_size": spec.model.hidden_size,
        "seed": spec.seed,
    }


def _row(record: Record) -> dict[str, Any]:
    spec, result = record.spec, record.result
    row = _identity(record) | {
        "status": result.status.value,
        "plugin": spec.model.provider.distribution,
        "plugin_version": spec.model.provider.version,
        "task_version": spec.task.version,
        "task_plugin": spec.task.provider.distribution,
        "task_plugin_version": spec.task.provider.version,
        "causal": spec.model.causal,
        "error": None if result.error is None else one_line(result.error),
        "attempts": record.attempt,
        "started_at": record.started_at,
        "seconds": record.seconds,
        "command": one_line(record.command, 2000),
    }
    row |= spec.settings.model_dump(
        include={"steps", "batch_size", "learning_rate", "optimizer", "weight_decay", "clip_norm"}
    )
    if result.learning is not None:
        row |= _learning_cells(record)
    if result.data_size is not None:
        size = result.data_size
        row |= {"train_sequences": size.train, "validation_sequences": size.validation, "test_sequences": size.test,
                "data_bytes": size.bytes}  # fmt: skip
    if checksums := {**spec.task.checksums, **result.data_checksums}:
        row["data_checksums"] = json.dumps(checksums, sort_keys=True)
    if result.size is not None:
        row |= result.size.model_dump() | {"params_total": result.size.params_total}
    if result.environment is not None:
        row |= result.environment.model_dump(exclude={"cores", "memory_bytes", "deterministic"})
    if record.speed is not None:
        row |= _speed_cells(record.speed)
    return row | _gradient_cells(record)


def _learning_cells(record: Record) -> dict[str, Any]:
    learning = record.result.learning
    assert learning is not None
    cells = learning.model_dump(exclude={"curve", "direction", "reference_scores", "extra_scores"})
    cells["score_direction"] = learning.direction
    for name, scores in (
        ("reference_scores", learning.reference_scores),
        ("extra_scores", learning.extra_scores),
    ):
        cells[name] = json.dumps(_json_safe(scores), sort_keys=True) if scores else None
    return cells


def _speed_cells(speed: Speed) -> dict[str, Any]:
    cells: dict[str, Any] = {
        "speed_reference": speed.reference,
        "speed_noisy": speed.noisy,
        "speed_device": speed.environment.device,
        "peak_memory_bytes": speed.peak_memory_bytes,
    }
    columns: tuple[tuple[SpeedMode, str], ...] = (
        ("train", "train_step_ms"),
        ("forward", "infer_step_ms"),
        ("stream", "stream_step_ms"),
    )
    for mode, column in columns:
        if (point := speed.at_own_length(mode)) is not None:
            cells[column] = point.seconds.median * 1e3
    if (train := speed.at_own_length("train")) is not None:
        cells |= {"speed_length": train.length, "speed_batch_size": train.batch_size, "train_speed_ratio": train.ratio.median,
                  "train_speed_ratio_low": train.ratio.low, "train_speed_ratio_high": train.ratio.high}  # fmt: skip
    return cells


def _gradient_cells(record: Record) -> dict[str, Any]:
    gradient = record.result.gradient
    if gradient is None:
        return {}
    cells: dict[str, Any] = {}
    for when, exponents in (
        ("init", gradient.lyapunov_init),
        ("trained", gradient.lyapunov_trained),
    ):
        cells |= _profile_cells("grad", when, gradient.find("input", when))
        cells |= _profile_cells("grad_state", when, gradient.find("state", when))
        cells[f"lyapunov_{when}"] = exponents[0] if exponents else None
    return cells


def _profile_cells(prefix: str, when: str, profile: Profile | None) -> dict[str, Any]:
    if profile is None:
        return {}
    return {
        f"{prefix}_slope_{when}": profile.slope,
        f"{prefix}_half_life_{when}": profile.half_life,
        f"{prefix}_reach_{when}": profile.reach,
        f"{prefix}_category_{when}": profile.category,
    }


def _write_csv(frame: pd.DataFrame, path: Path) -> None:
    safe = frame.copy()
    for name in safe.columns:
        if not (
            pd.api.types.is_numeric_dtype(safe[name]) or pd.api.types.is_bool_dtype(safe[name])
        ):
            safe[name] = safe[name].map(_defused, na_action="ignore")
    safe.to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def _defused(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA_STARTS) else cell


def _write_jsonl(frame: pd.DataFrame, path: Path) -> None:
    plain = frame.astype(object).where(frame.notna(), None)
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for row in plain.to_dict("records"):
            file.write(json.dumps(_json_safe(row), ensure_ascii=False, allow_nan=False) + "\n")


def _json_safe(row: Mapping[Any, Any]) -> dict[str, Any]:
    def safe(value: Any) -> Any:
        if isinstance(value, float) and not math.isfinite(value):
            return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
        return value

    return {str(name): safe(value) for name, value in row.items()}


def _write_parquet(frame: pd.DataFrame, path: Path) -> None:
    frame.to_parquet(path, index=False)


_WRITERS: dict[str, Callable[[pd.DataFrame, Path], None]] = {
    ".csv": _write_csv,
    ".jsonl": _write_jsonl,
    ".parquet": _write_parquet,
}
