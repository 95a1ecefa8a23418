"""What is asked of a GPU before a trial runs on it: to be deterministic, and to lend no more memory
than the trial's share.
"""

from __future__ import annotations

import warnings
from typing import Any

import torch

_REFUSAL = "does not have a deterministic implementation"
"""Part of what torch warns of, at the first use of an operation that cannot do as asked."""


class Determinism:
    """Tells whether the same trial would give the same bits again on the same machine.

    Attributes:
        reached: false as soon as an operation was used that has no deterministic implementation.
    """

    def __init__(self) -> None:
        self.reached = True

    def watch(self) -> None:
        """Note what torch warns of from now on; every warning is still shown as before."""
        warnings.filterwarnings("default", message=f".*{_REFUSAL}")
        show = warnings.showwarning

        def noted(message: Warning | str, *rest: Any, **more: Any) -> None:
            self.reached = self.reached and _REFUSAL not in str(message)
            show(message, *rest, **more)

        warnings.showwarning = noted


def request_determinism(device: torch.device) -> Determinism:
    """Ask for deterministic operations on ``device``, for the rest of this process; the CPU needs
    no asking.

    An operation that has no deterministic implementation is used all the same, which the returned
    object then tells. ``CUBLAS_WORKSPACE_CONFIG`` must have been set before CUDA started, as it is
    for every isolated process.
    """
    determinism = Determinism()
    if device.type == "cuda":
        torch.use_deterministic_algorithms(True, warn_only=True)
        torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined] # finds bugs, costs time
        torch.backends.cudnn.deterministic = True
        torch.backends.cudnn.benchmark = False
        determinism.watch()
    return determinism


def cap_memory(device: torch.device, limit: int | None) -> None:
    """Let this process take ``limit`` bytes of a GPU's memory at most, so that several can share
    it.

    Beyond that torch raises :class:`torch.OutOfMemoryError`. The CUDA context itself, some hundred
    MB, is not counted.
    """
    if device.type == "cuda" and limit is not None:
        total = torch.cuda.get_device_properties(device).total_memory
        torch.cuda.set_per_process_memory_fraction(min(1.0, limit / total), device)
