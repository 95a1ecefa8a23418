"""Measures of size."""

from __future__ import annotations

from dataclasses import dataclass

from rnnbench.claims.measures.measure import Measure, with_part
from rnnbench.records.result import Record


@dataclass(frozen=True)
class CoreParameters(Measure):
    """Trainable parameters, which have no chance in them.

    The formula of a gated layer with input width D and H units counts, for each gate, both matrices
    and its biases, and further vectors of the layer: ``gates * (H * (D + H) + biases * H) +
    vectors * H``.

    Attributes:
        gates: blocks of rows of the matrices, 4 for an LSTM, 3 for a GRU; above 0 the number of
            parameters is divided by the formula.
        biases: bias vectors of each gate: 1 in the equations, 2 in torch's layers.
        vectors: further vectors of H numbers, e.g. 3 for peepholes.
        directions: layers side by side, 2 for a bidirectional core.
        input_size: D; 0 is the setting ``embedding_size``, and where that is unset the hidden size.
    """

    gates: int = 0
    biases: int = 2
    vectors: int = 0
    directions: int = 1
    input_size: int = 0
    name = "parameters of the core"
    exact = True

    def __post_init__(self) -> None:
        if self.gates:
            object.__setattr__(self, "name", "parameters of the core over the formula's")

    def _unit(self, record: Record) -> float:
        if not self.gates:
            return 1.0
        hidden = record.spec.model.hidden_size
        width = self.input_size or record.spec.settings.embedding_size or hidden
        of_gates = self.gates * (hidden * (width + hidden) + self.biases * hidden)
        return float(self.directions * (of_gates + self.vectors * hidden))

    def read(self, record: Record) -> float | None:
        """Return the number, or its ratio to the formula."""
        size = record.result.size
        return None if size is None else size.params_core / self._unit(record)

    def write(self, record: Record, value: float) -> Record:
        """Return the record with this number."""
        return with_part(record, "size", params_core=round(value * self._unit(record)))
