"""The environment of an attempt, recorded with every result."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from rnnbench.records.environment import Environment

if TYPE_CHECKING:
    import torch

THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)
"""Environment variables that set the number of threads of numerical libraries."""
LAUNCHERS = (
    *("SLURM_", "RAY_", "OMPI_", "PMI_", "PMIX_", "LSB_", "TORCHELASTIC_", "KUBERNETES_"),
    *("RANK", "LOCAL_RANK", "GROUP_RANK", "NODE_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE"),
    *("MASTER_ADDR", "MASTER_PORT"),
)
"""Variables of cluster schedulers and launchers, or their beginnings.

With them Lightning takes a trial for one rank of a distributed training.
"""


_MODEL_FIELDS = (
    ("vendor_id", "cpu family", "model", "stepping"),  # x86
    ("CPU implementer", "CPU architecture", "CPU variant", "CPU part", "CPU revision"),  # ARM
)
"""Lines of ``/proc/cpuinfo`` that identify a processor."""


@cache
def _cpuinfo() -> dict[str, str]:
    """Return the first processor of ``/proc/cpuinfo``; empty where there is no such file."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}  # not Linux
    return parse_cpuinfo(text)


def parse_cpuinfo(text: str) -> dict[str, str]:
    """Return the fields of the first processor in the text of ``/proc/cpuinfo``."""
    pairs = (line.partition(":") for line in text.partition("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, colon, value in pairs if colon}


@cache
def processor_name() -> str:
    """Return the processor's model name."""
    return _cpuinfo().get("model name") or platform.processor() or platform.machine()


@cache
def processor_model() -> str:
    """Return maker, family, model and stepping, which tell processors of one name apart."""
    return model_of(_cpuinfo()) or platform.processor()


def model_of(cpuinfo: Mapping[str, str]) -> str:
    """Return the identifying fields of a processor; empty where there are none."""
    for names in _MODEL_FIELDS:
        if names[0] in cpuinfo:
            maker, *others = names
            named = (
                f"{name.removeprefix('cpu ').removeprefix('CPU ')} {cpuinfo[name]}"
                for name in others
                if name in cpuinfo
            )
            return " ".join([cpuinfo[maker], *named])
    return ""


@cache
def software() -> dict[str, str]:
    """Return the platform and the versions; looking them up takes longer than a short trial."""
    return {
        "platform": platform.platform(),
        "python_version": platform.python_version(),
        "lightning_version": version("pytorch-lightning"),
    }


def without_launchers(environment: Mapping[str, str]) -> dict[str, str]:
    """Return environment variables without those of schedulers and launchers."""

    def is_theirs(name: str) -> bool:
        return name in LAUNCHERS or any(
            name.startswith(each) for each in LAUNCHERS if each.endswith("_")
        )

    return {name: value for name, value in environment.items() if not is_theirs(name)}


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
        processor_model=processor_model(),
        instruction_set=torch.backends.cpu.get_cpu_capability(),
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
