"""Cells with unusual states and steps, and cells that the fast path refuses."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from rnnbench import Cell


class Halves(NamedTuple):
    slow: Tensor
    fast: Tensor


class Nested(Cell):
    """A state of a dict, a named tuple and an integer counter; one matrix in two products."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.inputs = nn.Linear(input_size, hidden_size)
        self.shared = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.3)
        self.rate = nn.Parameter(torch.randn(hidden_size))
        self.scale: Tensor
        self.register_buffer("scale", torch.linspace(0.5, 1, hidden_size))

    def project(self, x: Tensor) -> Tensor:
        projected: Tensor = self.inputs(x)
        return projected

    def initial_state(self, projected: Tensor) -> dict[str, Any]:
        zeros = projected.new_zeros(len(projected), self.hidden_size)
        count = torch.zeros(len(projected), dtype=torch.int64, device=projected.device)
        return {"halves": Halves(zeros, zeros), "count": count}

    def step(self, projected: Tensor, state: dict[str, Any]) -> tuple[Tensor, object]:
        slow, fast = state["halves"]
        decay = torch.sigmoid(F.softplus(self.rate))
        drive = projected + slow @ self.shared + fast @ self.shared.t()
        # changes a new tensor in place, as does the gradient of maximum
        fast = torch.maximum(torch.tanh(drive), 0.1 * drive).clamp_(-0.9, 0.9)
        slow = decay * slow + (1 - decay) * fast * self.scale
        count = state["count"] + 1
        output = slow * (count % 2 == 0).to(slow.dtype)[:, None] + fast
        return output, {"halves": Halves(slow, fast), "count": count}


class Heads(Cell):
    """A matrix for each of four heads, and an output narrower than the state."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.output_size = hidden_size // 2
        size = hidden_size // 4
        self.inputs = nn.Linear(input_size, hidden_size)
        self.heads = nn.Parameter(torch.randn(4, size, size) * 0.3)
        self.read = nn.Linear(hidden_size, self.output_size)
        self.unused = nn.Parameter(torch.zeros(3))

    def project(self, x: Tensor) -> Tensor:
        projected: Tensor = self.inputs(x)
        return projected

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        heads = state.view(len(state), 4, -1)
        mixed = torch.einsum("bni,nio->bno", heads, self.heads).flatten(1)
        state = torch.tanh(projected + mixed)
        return self.read(state), state


class FastWeights(Cell):
    """A matrix as state, changed by outer products; no parameter in the step."""

    def initial_state(self, projected: Tensor) -> Tensor:
        return projected.new_zeros(len(projected), self.input_size, self.input_size)

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.output_size = input_size
        self.inputs = nn.Linear(input_size, input_size)

    def project(self, x: Tensor) -> Tensor:
        projected: Tensor = self.inputs(x)
        return projected

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = 0.9 * state + projected[:, :, None] * projected[:, None, :]
        return torch.tanh(torch.einsum("bij,bj->bi", state, projected)), state


class Derived(Cell):
    """Recurrent weights that follow from a parameter by a power series, with a buffer besides."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.inputs = nn.Linear(input_size, hidden_size)
        self.entries = nn.Parameter(torch.randn(hidden_size, hidden_size) * 0.5)
        self.scale: Tensor
        self.register_buffer("scale", torch.linspace(0.5, 1, hidden_size))

    def project(self, x: Tensor) -> Tensor:
        projected: Tensor = self.inputs(x)
        return projected

    def weights(self) -> dict[str, Tensor]:
        skew = self.entries - self.entries.t()
        # not contiguous, and a second one that is used elementwise
        return {"recurrent": torch.matrix_exp(skew).t(), "decay": self.entries.diag().sigmoid()}

    def step(
        self,
        projected: Tensor,
        state: Tensor,
        recurrent: Tensor | None = None,
        decay: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        if recurrent is None or decay is None:
            derived = self.weights()
            recurrent, decay = derived["recurrent"], derived["decay"]
        h = decay * state + torch.tanh(projected + F.linear(state, recurrent)) * self.scale
        return h, h


class Refused(Cell):
    """A base of cells whose step is refused."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.inputs = nn.Linear(input_size, hidden_size)
        self.decay = nn.Parameter(torch.full((hidden_size,), 0.5))

    def project(self, x: Tensor) -> Tensor:
        projected: Tensor = self.inputs(x)
        return projected


class Branches(Refused):
    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = self.decay * state + projected
        if state.sum() > 0:
            state = state * 0.5
        return state, state


class ReadsValues(Refused):
    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = self.decay * state + float(projected.mean()) * projected
        return state, state


class KeepsTensors(Refused):
    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        self.last = self.decay * state + projected
        return self.last, self.last


class HoldsTensors(Refused):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.mask = torch.ones(hidden_size)

    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = self.decay * state + self.mask.to(projected) * projected
        return state, state


class Draws(Refused):
    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = self.decay * state + projected + torch.randn_like(projected)
        return state, state


class ChangesShape(Refused):
    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = self.decay * state[..., : self.hidden_size] + projected
        return state, torch.cat([state, state], dim=-1)


class ChangesType(Refused):
    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state = self.decay * state.to(projected.dtype) + projected
        return state, state.to(torch.float16)


class ChangesInPlace(Refused):
    def step(self, projected: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        state.mul_(self.decay.detach())
        return state + projected, state + projected


ODD = {"nested": Nested, "heads": Heads, "fast-weights": FastWeights, "derived": Derived}
REFUSED: dict[type[Cell], str] = {
    Branches: "values",
    ReadsValues: "values",
    KeepsTensors: "self.last",
    HoldsTensors: "register_buffer",
    Draws: "random",
    ChangesShape: "shape",
    ChangesType: "type",
    ChangesInPlace: "in place",
}
