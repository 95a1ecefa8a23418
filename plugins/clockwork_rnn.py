"""The clockwork recurrent network: groups of units that run at different rates.

The hidden state has g groups, group k (k = 0 to g - 1) with the period 2^k. Equations, for layer
input x_t (D), the steps counted from t = 0, and the state h_t^k of group k (H_k)::

    h_t^k = tanh(W^k x_t + sum over j >= k of U^(k,j) h_{t-1}^j + b^k)    if t mod 2^k = 0
    h_t^k = h_{t-1}^k                                                     otherwise

A group reads itself and the slower ones. U (H, H) is block upper triangular with the groups by
increasing period; only its blocks on and above the diagonal are parameters. All groups run at the
first step.

The state is h (B, H) and the step count modulo the longest period (B, 1) int64, so that a sequence
can be continued at any step. Values of groups that do not run are computed and discarded: on
batches that is faster than choosing rows, so that the source's saving of time does not show.

Source: Koutnik et al. 2014. Without deviation in the equations; groups may differ in size by one
unit, so that every hidden size is possible.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from pydantic import PositiveInt
from torch import Tensor, nn

from rnnbench import Cell, Citation, RegisterModel, hookimpl

CITATIONS = (
    Citation(
        "Koutnik et al. 2014",
        "A clockwork RNN",
        "ICML",
        "https://arxiv.org/abs/1402.3511",
    ),
)
_DEVIATION = 0.1
_MOST_GROUPS = 32


class ClockworkRNN(Cell):
    """Clockwork recurrent network with exponential periods (Koutnik et al. 2014).

    Initialisation: W and U normal with standard deviation 0.1, as in the source, b = 0.

    Args:
        input_size: D.
        hidden_size: H, also the output width. The first H mod g groups have one unit more.
        num_groups: g, with the periods 1, 2, 4 to 2^(g - 1).

    Raises:
        ValueError: more groups than units, or more than 32.
    """

    periods: Tensor
    """(H,) int64, the period of each unit."""

    def __init__(self, input_size: int, hidden_size: int, num_groups: PositiveInt = 8) -> None:
        super().__init__(input_size, hidden_size)
        if num_groups > min(hidden_size, _MOST_GROUPS):
            raise ValueError(
                f"num_groups={num_groups} with hidden_size={hidden_size}: each group needs a unit, "
                f"and there are at most {_MOST_GROUPS}; "
                f"set num_groups={min(hidden_size, _MOST_GROUPS)} or less."
            )
        sizes = [len(units) for units in torch.arange(hidden_size).tensor_split(num_groups)]
        self.into = nn.Linear(input_size, hidden_size)
        # the rows of each group, from its own first column on
        self.recurrent = nn.ParameterList(
            torch.empty(size, hidden_size - sum(sizes[:group])).normal_(std=_DEVIATION)
            for group, size in enumerate(sizes)
        )
        nn.init.normal_(self.into.weight, std=_DEVIATION)
        nn.init.zeros_(self.into.bias)
        periods = 2 ** torch.arange(num_groups)
        self.register_buffer("periods", periods.repeat_interleave(torch.tensor(sizes)))
        self.longest = 2 ** (num_groups - 1)

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to W x + b (B, T, H)."""
        return self.into(x)  # type: ignore[no-any-return]

    def initial_state(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        """Return h (B, H), zero, and the count (B, 1) int64, zero."""
        count = torch.zeros(projected.shape[0], 1, dtype=torch.int64, device=projected.device)
        return projected.new_zeros(projected.shape[0], self.hidden_size), count

    def weights(self) -> dict[str, Tensor]:
        """Return U (H, H), with zeros below its blocks."""
        width = self.hidden_size
        rows = [F.pad(block, (width - block.shape[1], 0)) for block in self.recurrent]
        return {"recurrent": torch.cat(rows)}

    def step(
        self,
        projected: Tensor,
        state: tuple[Tensor, Tensor],
        recurrent: Tensor | None = None,
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Map W x_t + b (B, H) and (h, count) to h_t (B, H) and the new state."""
        if recurrent is None:
            recurrent = self.weights()["recurrent"]
        h, count = state
        runs = count % self.periods == 0  # (B, H)
        h = torch.where(runs, torch.tanh(projected + F.linear(h, recurrent)), h)
        return h, (h, (count + 1) % self.longest)


@hookimpl
def register_models(register: RegisterModel) -> None:
    """Register ``clockwork-rnn``."""
    register("clockwork-rnn", ClockworkRNN, citations=CITATIONS, family="simple")
