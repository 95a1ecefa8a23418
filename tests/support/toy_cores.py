"""Small cores and networks, most of them with gradients that are known analytically."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from rnnbench.contract.groups import ParameterGroup
from rnnbench.contract.task import Space, Steps, Tokens, Vectors
from rnnbench.training.network import Network


def network_of(
    core: Callable[[int], nn.Module],
    hidden_size: int,
    inputs: Space | None = None,
    *,
    steps: Steps = "last",
    causal: bool = True,
    seed: int = 0,
) -> Network:
    """Build a network with three classes as output."""
    torch.manual_seed(seed)
    read = inputs or Vectors(4)
    return Network(
        core, hidden_size=hidden_size, inputs=read, outputs=Tokens(3), steps=steps, causal=causal
    )


class TorchCore(nn.Module):
    """One of torch's recurrent layers, with torch's state layout (layers, B, H)."""

    def __init__(self, kind: str, input_size: int, hidden_size: int, **options: Any) -> None:
        super().__init__()
        self.layer = getattr(nn, kind)(input_size, hidden_size, batch_first=True, **options)
        self.output_size = hidden_size * (2 if options.get("bidirectional") else 1)

    def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        outputs, state = self.layer(x, state)
        return outputs, state


class TorchRNN(TorchCore):
    """``nn.RNN`` as a core."""

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__("RNN", input_size, hidden_size)


class LinearCore(nn.Module):
    """Linear recurrence ``h_t = W h_{t-1} + U x_t``.

    The state is a dict of ``hidden`` (B, H) and ``count`` (B,), whose keys are not in alphabetical
    order.
    """

    def __init__(self, recurrent: Tensor, into: Tensor) -> None:
        super().__init__()
        self.recurrent = nn.Parameter(recurrent)
        self.into = nn.Parameter(into)

    def forward(
        self, x: Tensor, state: dict[str, Tensor] | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        h = state["hidden"] if state else torch.zeros(x.shape[0], len(self.recurrent))
        count = state["count"] if state else torch.zeros(x.shape[0], dtype=torch.int64)
        outputs = []
        for step in x.unbind(1):
            h = h @ self.recurrent.T + step @ self.into.T
            outputs.append(h)
        return torch.stack(outputs, 1), {"hidden": h, "count": count + x.shape[1]}


class MirroredCore(nn.Module):
    """Sum of a linear recurrence run forward and the same one run backward over valid steps."""

    def __init__(self, recurrent: Tensor, into: Tensor) -> None:
        super().__init__()
        self.one_way = LinearCore(recurrent, into)

    def forward(
        self, x: Tensor, state: None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, None]:
        del state
        steps = torch.arange(x.shape[1])
        length = torch.full((x.shape[0],), x.shape[1]) if lengths is None else lengths
        valid = steps < length[:, None]
        index = torch.where(valid, length[:, None] - 1 - steps, steps)  # (B, T)
        index = index[..., None]
        there, _ = self.one_way(x)
        back, _ = self.one_way(x.gather(1, index.expand_as(x)))
        return there + back.gather(1, index.expand_as(back)), None


class WindowCore(nn.Module):
    """Sum of the last ``width`` inputs: a state of fixed size with a sharp cut-off."""

    def __init__(self, input_size: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.scale = nn.Parameter(torch.ones(input_size))
        self.output_size = input_size

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        before = torch.zeros(x.shape[0], self.width - 1, x.shape[2]) if state is None else state
        seen = torch.cat([before, x * self.scale], 1)
        return seen.unfold(1, self.width, 1).sum(-1), seen[:, -(self.width - 1) :]


class GrowingCore(nn.Module):
    """Mean of all inputs so far, computed from a state that keeps each of them."""

    def __init__(self, input_size: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(input_size))
        self.output_size = input_size

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        memory = x * self.scale if state is None else torch.cat([state, x * self.scale], 1)
        means = memory.cumsum(1) / torch.arange(1, memory.shape[1] + 1)[:, None]
        return means[:, -x.shape[1] :], memory


class IndependentCore(nn.Module):
    """IndRNN (Li et al. 2018), ``h_t = tanh(W x_t + u * h_{t-1} + b)``, with ``|u|`` clamped."""

    bound = 0.5

    def __init__(self, input_size: int, hidden_size: int) -> None:
        super().__init__()
        self.into = nn.Linear(input_size, hidden_size)
        self.recurrent = nn.Parameter(torch.empty(hidden_size).uniform_(0, self.bound))

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        drive = self.into(x)  # (B, T, H)
        h = torch.zeros_like(drive[:, 0]) if state is None else state
        outputs = []
        for step in drive.unbind(1):
            h = torch.tanh(step + self.recurrent * h)
            outputs.append(h)
        return torch.stack(outputs, 1), h

    def after_step(self) -> None:
        """Clamp the recurrent weights."""
        self.recurrent.clamp_(-self.bound, self.bound)


class SlowCore(IndependentCore):
    """The same with a slow recurrent weight that does not decay."""

    factor = 0.1

    def parameter_groups(self) -> list[ParameterGroup]:
        """Ask for a lower rate of the recurrent weight."""
        return [ParameterGroup(("recurrent",), self.factor, weight_decay=0.0)]


def orthogonal(size: int, seed: int = 0) -> Tensor:
    """Draw an orthogonal matrix (size, size) in float64."""
    drawn = torch.randn(
        size, size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64
    )
    q: Tensor = torch.linalg.qr(drawn).Q
    return q


def linear_network(rho: float, size: int = 8, *, steps: Steps = "last", seed: int = 0) -> Network:
    """Build a linear recurrence with W = rho Q and an orthogonal input matrix."""
    return network_of(
        lambda _: LinearCore(rho * orthogonal(size, seed), orthogonal(size, seed + 1)),
        size,
        Vectors(size),
        steps=steps,
    ).double()


def generator(seed: int = 0) -> torch.Generator:
    """Return a seeded generator on the CPU."""
    return torch.Generator().manual_seed(seed)
