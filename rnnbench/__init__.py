"""rnnbench: which recurrent architecture, and why.

Any recurrent architecture, on any sequence task, measured the same honest way on four axes: how
well it learns, how fast it runs, how big it is, and how far its gradient reaches.

This module is the public API: the names in ``__all__``, and the modules ``rnnbench.claims``,
``rnnbench.metrics``, ``rnnbench.errors`` and ``rnnbench.testing``. They, the hooks, the entry-point
group ``rnnbench``, the command line and the columns of exported tables change only with a note in
the changelog and, from version 1.0 on, only with a new major version. Every other module is
internal.

Names are loaded when first used, so that ``import rnnbench`` and the command line start without
torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from rnnbench.contract.hookspecs import (
    RegisterClaim,
    RegisterExecutor,
    RegisterModel,
    RegisterTask,
    hookimpl,
)

if TYPE_CHECKING:
    from rnnbench.api import run as run
    from rnnbench.cells.cell import Cell as Cell
    from rnnbench.cells.core import recurrent as recurrent
    from rnnbench.cells.layers import CellCore as CellCore
    from rnnbench.cells.linear_recurrence import linear_recurrence as linear_recurrence
    from rnnbench.contract.core import last_valid as last_valid
    from rnnbench.contract.core import padding_mask as padding_mask
    from rnnbench.contract.groups import ParameterGroup as ParameterGroup
    from rnnbench.contract.task import Batch as Batch
    from rnnbench.contract.task import Bits as Bits
    from rnnbench.contract.task import Diagnosis as Diagnosis
    from rnnbench.contract.task import FiniteTask as FiniteTask
    from rnnbench.contract.task import GeneratedTask as GeneratedTask
    from rnnbench.contract.task import Metric as Metric
    from rnnbench.contract.task import Predict as Predict
    from rnnbench.contract.task import Preset as Preset
    from rnnbench.contract.task import Space as Space
    from rnnbench.contract.task import Splits as Splits
    from rnnbench.contract.task import Steps as Steps
    from rnnbench.contract.task import Task as Task
    from rnnbench.contract.task import Tokens as Tokens
    from rnnbench.contract.task import Vectors as Vectors
    from rnnbench.contract.text import SetsTask as SetsTask
    from rnnbench.contract.text import TextTask as TextTask
    from rnnbench.errors import DataError as DataError
    from rnnbench.reading import judge_claims as judge_claims
    from rnnbench.reading import merge_stores as merge_stores
    from rnnbench.reading import read_records as read_records
    from rnnbench.reading import read_tries as read_tries
    from rnnbench.reading import results as results
    from rnnbench.reading import write_records as write_records
    from rnnbench.reading import write_report as write_report
    from rnnbench.records.citation import Citation as Citation
    from rnnbench.records.plots import HeatmapPlot as HeatmapPlot
    from rnnbench.records.plots import LinePlot as LinePlot
    from rnnbench.records.plots import Plot as Plot
    from rnnbench.records.published import Published as Published
    from rnnbench.records.result import Record as Record
    from rnnbench.records.suite import Suite as Suite

__version__ = "0.1.0"

_LAZY = {
    "rnnbench.api": ("run",),
    "rnnbench.cells.cell": ("Cell",),
    "rnnbench.cells.layers": ("CellCore",),
    "rnnbench.cells.core": ("recurrent",),
    "rnnbench.cells.linear_recurrence": ("linear_recurrence",),
    "rnnbench.contract.core": ("last_valid", "padding_mask"),
    "rnnbench.contract.groups": ("ParameterGroup",),
    "rnnbench.contract.task": (
        "Batch",
        "Bits",
        "Diagnosis",
        "FiniteTask",
        "GeneratedTask",
        "Metric",
        "Predict",
        "Preset",
        "Space",
        "Splits",
        "Steps",
        "Task",
        "Tokens",
        "Vectors",
    ),
    "rnnbench.contract.text": ("SetsTask", "TextTask"),
    "rnnbench.errors": ("DataError",),
    "rnnbench.reading": (
        "judge_claims",
        "merge_stores",
        "read_records",
        "read_tries",
        "results",
        "write_records",
        "write_report",
    ),
    "rnnbench.records.citation": ("Citation",),
    "rnnbench.records.plots": ("Plot", "HeatmapPlot", "LinePlot"),
    "rnnbench.records.published": ("Published",),
    "rnnbench.records.result": ("Record",),
    "rnnbench.records.suite": ("Suite",),
}
_HOME = {name: module for module, names in _LAZY.items() for name in names}

__all__ = [
    "RegisterClaim",
    "RegisterExecutor",
    "RegisterModel",
    "RegisterTask",
    "__version__",
    "hookimpl",
    *_HOME,
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'rnnbench' has no attribute {name!r}")
