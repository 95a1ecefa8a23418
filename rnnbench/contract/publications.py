"""The check of the published results that a task declares.

It looks at names and types only and builds no option's validator, because it runs whenever a
plugin is loaded. ``rnnbench check`` also validates the values of options and settings.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import get_args

from rnnbench.contract.options import Option
from rnnbench.records.citation import Citation
from rnnbench.records.published import Bound, Published
from rnnbench.records.settings import Settings

SETTINGS = (*Settings.model_fields, "hidden_size")
"""Settings that a source's training may have, as those of a preset."""
_SHA256 = re.compile(r"[0-9a-f]{64}")
_BOUNDS = get_args(Bound)


def published_fault(published: object, options: Mapping[str, Option]) -> str | None:
    """Return what to change in ``Task.published``; ``None`` where nothing is wrong.

    Args:
        published: the attribute.
        options: the options of the task.
    """
    if not isinstance(published, tuple) or not all(
        isinstance(each, Published) for each in published
    ):
        return "published must be a tuple of rnnbench.Published."
    for place, each in enumerate(published, start=1):
        for fault in _faults(each, options):
            return f"published, entry {place} ({each.model!r}): {fault}"
    return _repeated(published)


def _faults(each: Published, options: Mapping[str, Option]) -> Iterator[str]:
    if not isinstance(each.model, str) or not each.model.strip():
        yield "model is empty; name the model or architecture."
    if not isinstance(each.citation, Citation):
        yield "citation must be a rnnbench.Citation."
    if not isinstance(each.where, str) or not each.where.strip():
        yield 'where is empty; name the place in the source, e.g. "Table 1".'
    if not _is_number(each.value):
        yield f"value={each.value!r} must be a finite number, in units of the score."
    if not _is_number(each.rounding) or each.rounding < 0:
        yield f"rounding={each.rounding!r} must be a number from 0."
    if each.bound not in _BOUNDS:
        yield f"bound={each.bound!r} must be one of {', '.join(_BOUNDS)}."
    if bool(each.score) != (each.direction is not None):
        yield (
            'score and direction belong together: direction="lower" or "higher" for an extra '
            "score, neither for the task's own."
        )
    if each.parameters is not None and not (
        isinstance(each.parameters, int) and each.parameters > 0
    ):
        yield f"parameters={each.parameters!r} must be a number of parameters, or None."
    yield from _fault_of_options(each, options)
    for name in each.settings:
        if name not in SETTINGS:
            yield f"there is no setting {name!r}; use {', '.join(SETTINGS)}."
    if isinstance(each.free, str):
        yield "free must be a tuple of names of options."
    if isinstance(each.differences, str) or not all(isinstance(d, str) for d in each.differences):
        yield "differences must be a tuple of texts."


def _fault_of_options(each: Published, options: Mapping[str, Option]) -> Iterator[str]:
    for name in (*each.options, *each.data, *each.free):
        if name not in options:
            yield f"the task has no option {name!r}; it has {', '.join(options) or 'none'}."
        elif name not in each.free and options[name].is_file != (name in each.data):
            yield (
                f"option {name!r} is a data file; give its SHA-256 in data."
                if options[name].is_file
                else f"option {name!r} is no data file; give its value in options."
            )
    for name, digest in each.data.items():
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            yield f"data[{name!r}]={digest!r} must be a SHA-256 of 64 hexadecimal digits."


def _repeated(published: Sequence[Published]) -> str | None:
    seen = []
    for each in published:
        key = (each.model, each.citation, each.where, each.score, each.options, each.data)
        if key in seen:
            return (
                f"published has two entries for {each.model!r} from {each.citation.key}, "
                f"{each.where}, with the same options; keep one."
            )
        seen.append(key)
    return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
