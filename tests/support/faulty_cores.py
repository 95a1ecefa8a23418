"""Two models that keep the contract, and many that break it in one way each."""

from __future__ import annotations

import os
from typing import Any

import torch
from torch import Tensor, nn

from rnnbench.contract.groups import ParameterGroup
from rnnbench.records.plots import HeatmapPlot


class Good(nn.Module):
    """A leaky integrator that keeps the contract; the others below break it in one way each."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.hidden_size = hidden_size
        self.drive = nn.Linear(input_size, hidden_size)
        self.recurrence = nn.Linear(hidden_size, hidden_size, bias=False)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Any, Any]:
        h = self.start(x) if state is None else state
        outputs = []
        for x_t in x.unbind(1):  # (B, D)
            h = 0.5 * h + 0.5 * torch.tanh(self.drive(x_t) + self.recurrence(h))  # (B, H)
            outputs.append(h)
        return torch.stack(outputs, 1), h

    def start(self, x: Tensor) -> Tensor:
        return x.new_zeros(x.shape[0], self.hidden_size)

    def plots(self, x: Tensor, lengths: Tensor | None = None) -> list[Any]:
        del lengths
        values = tuple(tuple(row) for row in self(x)[0][0].tolist())
        return [HeatmapPlot(title="state", x_label="unit", y_label="step", values=values)]


class GoodBidirectional(nn.Module):
    output_size: int

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.forwards, self.backwards = Good(input_size, hidden_size), Good(input_size, hidden_size)
        self.output_size = 2 * hidden_size

    def forward(
        self, x: Tensor, state: Any = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        del state
        valid = self.valid(x, lengths)
        # Padding lies first once time is reversed: while it lasts, the state is held at zero.
        h = self.backwards.start(x)
        back = []
        for step in reversed(range(x.shape[1])):
            _, h = self.backwards(x[:, step : step + 1], h)
            h = torch.where(valid[:, step, None], h, torch.zeros_like(h))
            back.append(h)
        return torch.cat([self.forwards(x)[0], torch.stack(back[::-1], 1)], -1), ()

    def forward_last(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        outputs, _ = self(x, None, lengths)
        valid = self.valid(x, lengths)
        last = valid.sum(1) - 1
        half = outputs.shape[-1] // 2
        return torch.cat([outputs[torch.arange(len(x)), last, :half], outputs[:, 0, half:]], -1)

    def valid(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        ends = torch.full((x.shape[0],), x.shape[1]) if lengths is None else lengths
        return torch.arange(x.shape[1]) < ends[:, None]  # (B, T)


class OnlyOutputs(Good):
    def forward(self, x: Tensor, state: Any = None) -> Any:
        return super().forward(x, state)[0]


class Undeclared(Good):
    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        outputs, state = super().forward(x, state)
        return torch.cat([outputs, outputs], -1), state


class Infinite(Good):
    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        outputs, state = super().forward(x, state)
        return outputs / 0, state


class ChangesInput(Good):
    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        if not x.requires_grad:
            x.mul_(2)
        return super().forward(x, state)


class CountsInState(Good):
    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        h, steps = state or (None, 0)
        outputs, h = super().forward(x, h)
        return outputs, (h, steps + 1)


class LooksAhead(Good):
    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        return super().forward(x + 1e-3 * x.roll(-1, 1), state)


class NormalisesOverTime(Good):
    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        return super().forward(x - x.mean(1, keepdim=True), state)


class DropsState(Good):
    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        del state
        return super().forward(x)


class ReturnsFirstState(Good):
    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        outputs, _ = super().forward(x, state)
        return outputs, outputs[:, 0]


class WritesIntoState(Good):
    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        outputs, last = super().forward(x, state)
        if state is None or state.requires_grad:
            return outputs, last
        return outputs, state.copy_(last)


class KeepsOutputs(Good):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.past: list[Tensor] = []

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        outputs, last = super().forward(x, state)
        self.past.append(outputs.detach())
        return outputs, last


class KeepsState(Good):
    kept: Tensor | None = None

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        usable = self.kept is not None and self.kept.shape[0] == x.shape[0]
        outputs, last = super().forward(x, self.kept if state is None and usable else state)
        self.kept = last.detach()
        return outputs, last


class DetachesState(Good):
    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        outputs, last = super().forward(x, state)
        return outputs, last.detach()


class DetachesTime(Good):
    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        outputs, state = (
            super().forward(x[:, :-1].detach(), state)
            if x.shape[1] > 1
            else (x.new_zeros(0), state)
        )
        if x.shape[1] == 1:
            return super().forward(x, state)
        last, state = super().forward(x[:, -1:], state)
        return torch.cat([outputs, last], 1), state


class MixesSequences(Good):
    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        return super().forward(x - x.mean(0, keepdim=True), state)


class UnusedParameter(Good):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.forgotten = nn.Parameter(torch.zeros(3))


class ForeignRandomness(Good):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        nn.init.constant_(self.drive.bias, int.from_bytes(os.urandom(4)) / 2**32)


class AlwaysDrops(Good):
    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        return super().forward(nn.functional.dropout(x, 0.5), state)


class SetsSeed(Good):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        torch.manual_seed(0)
        super().__init__(input_size, hidden_size)


class SinglePrecision(Good):
    def start(self, x: Tensor) -> Tensor:
        return torch.zeros(x.shape[0], self.hidden_size)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        outputs, state = super().forward(x, state)
        return outputs.float(), state


class UnsavedTensor(Good):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__(input_size, hidden_size)
        self.scale = torch.rand(()).item()

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        return super().forward(self.scale * x, state)


class SharesOnCopy(Good):
    def __deepcopy__(self, memo: dict[int, Any]) -> SharesOnCopy:
        return self


class DrawsText(Good):
    def plots(self, x: Tensor, lengths: Tensor | None = None) -> list[Any]:
        del x, lengths
        return ["a picture"]


class OtherLast(Good):
    def forward_last(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        del lengths
        mean: Tensor = self(x)[0].mean(1)
        return mean


class CannotBeBuilt(Good):
    def __init__(self, input_size: int, hidden_size: int) -> None:
        raise ValueError(f"{input_size} does not divide {hidden_size}")


class LeaksPadding(GoodBidirectional):
    def valid(self, x: Tensor, lengths: Tensor | None) -> Tensor:
        del lengths
        return torch.ones(x.shape[:2], dtype=torch.bool)


class NeedsLengths(GoodBidirectional):
    def forward(
        self, x: Tensor, state: Any = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, Any]:
        outputs, state = super().forward(x, state, lengths)
        return (outputs, state) if lengths is not None else (2 * outputs, state)


class LastStepOfPadding(GoodBidirectional):
    def forward_last(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        outputs: Tensor = self(x, None, lengths)[0]
        return outputs[:, -1]


class OtherLoop(Good):
    """With ``loop`` its outputs are larger than without."""

    def __init__(self, input_size: int, hidden_size: int, loop: bool = False) -> None:
        super().__init__(input_size, hidden_size)
        self.loop = loop

    def forward(self, x: Tensor, state: Any = None) -> tuple[Any, Any]:
        outputs, state = super().forward(x, state)
        return (1.01 * outputs if self.loop else outputs), state


class LoopWithMore(Good):
    """With ``loop`` it has a parameter that it lacks without."""

    def __init__(self, input_size: int, hidden_size: int, loop: bool = False) -> None:
        super().__init__(input_size, hidden_size)
        if loop:
            self.scale = nn.Parameter(torch.ones(hidden_size))


class LoopInTorch(nn.GRU):
    """Its ``loop`` is torch's layer again."""

    def __init__(self, input_size: int, hidden_size: int, loop: bool = False) -> None:
        super().__init__(input_size, hidden_size, batch_first=True)
        self.loop = loop


class GoodTraining(Good):
    """Has parameter groups, and keeps its recurrent matrix orthogonal and its biases bounded."""

    def parameter_groups(self) -> list[ParameterGroup]:
        return [ParameterGroup(("recurrence.*",), 0.1), ParameterGroup(("drive.bias",), 1, 0.0)]

    def after_step(self) -> None:
        left, _, right = torch.linalg.svd(self.recurrence.weight)
        self.recurrence.weight.copy_(left @ right)
        self.drive.bias.clamp_(-0.1, 0.1)


class NamesNoParameter(Good):
    def parameter_groups(self) -> list[ParameterGroup]:
        return [ParameterGroup(("drive.biases",))]


class NamesTwice(Good):
    def parameter_groups(self) -> list[ParameterGroup]:
        return [ParameterGroup(("drive.*",)), ParameterGroup(("drive.bias",), 2.0)]


class StopsTraining(Good):
    def parameter_groups(self) -> list[ParameterGroup]:
        return [ParameterGroup(("drive.bias",), 0.0)]


class ShrinksEachStep(Good):
    def after_step(self) -> None:
        self.recurrence.weight.mul_(0.99)


class ReplacesParameters(Good):
    def after_step(self) -> None:
        self.drive.bias = nn.Parameter(self.drive.bias.clamp(-0.1, 0.1))


class ReshapesParameters(Good):
    def after_step(self) -> None:
        self.drive.bias.data = self.drive.bias.data[None]


class FreezesParameters(Good):
    def after_step(self) -> None:
        self.drive.bias.requires_grad_(False)


class TakesRoots(Good):
    def after_step(self) -> None:
        self.recurrence.weight.copy_(self.recurrence.weight.sqrt())


class ProjectsWithArguments(Good):
    def after_step(self, step: int) -> None:
        self.recurrence.weight.clamp_(-step, step)
