"""Models that take certain hidden sizes only, or none."""

from __future__ import annotations

import ctypes
import time
from typing import Any

from torch import Tensor, nn

import rnnbench


class Good(nn.Module):
    """A plain recurrent network of any size."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.cell = nn.RNN(input_size, hidden_size, batch_first=True)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        outputs, state = self.cell(x, state)
        return outputs, state


class Eights(Good):
    """Takes multiples of 8."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        if hidden_size % 8:
            raise ValueError("hidden_size must be a multiple of 8")
        super().__init__(input_size, hidden_size)


class Hundreds(Good):
    """Takes multiples of 100, between which its parameters grow by more than 10 %."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        assert hidden_size % 100 == 0
        super().__init__(input_size, hidden_size)


class OnCpuOnly(Good):
    """Computes with its weights, which the meta device cannot."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        weight: Tensor = self.cell.all_weights[0][1]
        self.norm = float(weight.norm())


class NeverBuilds(Good):
    """Raises at every size."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        raise KeyError(f"no size suits, not {hidden_size} either")


class CrashesWhenBuilt(Good):
    """Reads a null pointer."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        ctypes.string_at(0)


class HangsWhenBuilt(Good):
    """Sleeps without end."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        time.sleep(3600)


@rnnbench.hookimpl
def register_models(register: Any) -> None:
    register("eights", Eights)
    register("hundreds", Hundreds)
    register("on-cpu-only", OnCpuOnly)
    register("never-builds", NeverBuilds)
    register("crashes-when-built", CrashesWhenBuilt)
    register("hangs-when-built", HangsWhenBuilt)
