"""What the variants of the LSTM share: stacked gates, and the state (h, c)."""

from __future__ import annotations

from torch import Tensor

from rnnbench import Cell, Citation

from .gates import input_weights, recurrent_weights

GREFF = Citation(
    "Greff et al. 2017",
    "LSTM: a search space odyssey",
    "IEEE Transactions on Neural Networks and Learning Systems 28(10)",
    "https://arxiv.org/abs/1503.04069",
)


class LSTMVariant(Cell):
    """One layer with G gates, whose state is h and c.

    Args:
        input_size: D.
        hidden_size: H.
        gates: G.
    """

    def __init__(self, input_size: int, hidden_size: int, gates: int) -> None:
        super().__init__(input_size, hidden_size)
        self.into = input_weights(gates, input_size, hidden_size)
        self.recurrent = recurrent_weights(gates, hidden_size)

    def project(self, x: Tensor) -> Tensor:
        """Map x (B, T, D) to W x + b (B, T, GH)."""
        return self.into(x)  # type: ignore[no-any-return]

    def initial_state(self, projected: Tensor) -> tuple[Tensor, Tensor]:
        """Return h and c (B, H), zero."""
        zero = projected.new_zeros(projected.shape[0], self.hidden_size)
        return zero, zero
