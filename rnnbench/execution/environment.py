"""The environment of an attempt, recorded with every result."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from rnnbench.records.result import Environment

if TYPE_CHECKING:
    import torch

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
"""Environment variables that set the number of threads of numerical libraries."""


@cache
def processor_name() -> str:
    """Return the processor's model name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass  # not Linux
    return platform.processor() or platform.machine()


@cache
def software() -> dict[str, str]:
    """Return the platform and the versions; looking them up takes longer than a short trial."""
    return {
        "platform": platform.platform(),
        "python_version": platform.python_version(),
        "lightning_version": version("pytorch-lightning"),
    }


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def describe(device: torch.device) -> Environment:
    """Describe this process and ``device``."""
    import torch

    import rnnbench

    return Environment(
        device=torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu",
        processor=processor_name(),
        cores=available_cores(),
        threads=torch.get_num_threads(),
        memory_bytes=psutil.virtual_memory().total,
        torch_version=torch.__version__,
        rnnbench_version=rnnbench.__version__,
        deterministic=device.type == "cpu" or torch.are_deterministic_algorithms_enabled(),
        platform=software()["platform"],
        python_version=software()["python_version"],
        lightning_version=software()["lightning_version"],
    )
