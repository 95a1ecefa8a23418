"""GPU set-up before a trial: deterministic algorithms and a memory limit."""

from __future__ import annotations

import warnings
from typing import Any

import torch

_NONDETERMINISTIC = "does not have a deterministic implementation"
"""Part of torch's warning at the first use of a nondeterministic operation."""


class Determinism:
    """Whether repeating the trial on the same machine would give bit-identical results.

    Attributes:
        reached: set to ``False`` by the first operation without a deterministic implementation.
    """

    def __init__(self) -> None:
        self.reached = True

    def watch(self) -> None:
        """Watch torch's warnings for the rest of this process. They are still shown."""
        # not catch_warnings(record=True): a trial that is killed would never show its warnings
        warnings.filterwarnings("default", message=f".*{_NONDETERMINISTIC}")
        show = warnings.showwarning

        def noted(message: Warning | str, *rest: Any, **more: Any) -> None:
            self.reached = self.reached and _NONDETERMINISTIC not in str(message)
            show(message, *rest, **more)

        warnings.showwarning = noted


def request_determinism(device: torch.device) -> Determinism:
    """Request deterministic algorithms on a CUDA device for the rest of this process.

    An operation without a deterministic implementation still runs; the returned object records it.
    ``CUBLAS_WORKSPACE_CONFIG`` must be set before CUDA starts, as it is in isolated processes. The
    CPU needs no set-up.
    """
    determinism = Determinism()
    if device.type == "cuda":
        torch.use_deterministic_algorithms(True, warn_only=True)
        # filling new memory finds bugs, but costs time in every operation
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
        determinism.watch()
    return determinism


def cap_memory(device: torch.device, limit: int | None) -> None:
    """Limit the GPU memory of this process to ``limit`` bytes; does nothing on the CPU.

    Beyond the limit torch raises :class:`torch.OutOfMemoryError`. The CUDA context, a few hundred
    MB, is not counted.
    """
    if device.type == "cuda" and limit is not None:
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, limit / total), device)
