"""The model under test, with its inputs and the tolerance of comparisons."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from rnnbench.contract.core import output_size, to_double
from rnnbench.testing.outcome import require
from rnnbench.training.network import in_block

if TYPE_CHECKING:
    from torch import nn

    from rnnbench.contract.entries import RegisteredModel
    from rnnbench.records.recipe import Residual
    from rnnbench.records.syntax import OptionValue


@dataclass(frozen=True)
class ModelUnderTest:
    """A registered model with the options and sizes that it is checked at.

    D, H, T and B are all different, so that exchanged axes are noticed.
    """

    model: RegisteredModel
    options: dict[str, OptionValue] = field(default_factory=dict)
    input_size: int = 5
    hidden_size: int = 16
    length: int = 9
    batch_size: int = 4
    block: Residual | None = None
    """The residual block that the cores are checked in; ``None`` checks a core by itself."""

    def core(self, seed: int = 0, dtype: torch.dtype | None = None) -> nn.Module:
        """Build a core from ``seed`` in evaluation mode; the global random state is unchanged."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            core = self.built()
        wanted = dtype or self.dtype
        core = to_double(core) if wanted == torch.float64 else core.to(wanted)
        return core.eval()

    def built(self) -> nn.Module:
        """Build a core, or its block, from torch's random numbers as they are."""
        if self.block is None:
            return self.model.build(self.input_size, self.hidden_size, self.options)
        return in_block(
            self.model,
            self.input_size,
            options=self.options,
            width=self.hidden_size,
            block=self.block,
        )

    def inputs(
        self, seed: int = 1, *, length: int | None = None, dtype: torch.dtype | None = None
    ) -> Tensor:
        """Draw sequences (B, T, D) from the standard normal distribution."""
        shape = (self.batch_size, length or self.length, self.input_size)
        return torch.randn(
            shape, generator=torch.Generator().manual_seed(seed), dtype=dtype or self.dtype
        )

    @property
    def lengths(self) -> Tensor:
        """Lengths (B,), unsorted, with the longest and the shortest possible one."""
        return torch.tensor([self.length - 3, self.length, 1, 4])

    @cached_property
    def dtype(self) -> torch.dtype:
        """Data type of the checks: float64 for strict comparisons, or float32 as a fallback."""
        try:
            outputs, _ = run(self.core(dtype=torch.float64), self.inputs(dtype=torch.float64))
        # the check of float64 reports it
        except Exception:
            return torch.float32
        return torch.float64 if outputs.dtype == torch.float64 else torch.float32

    def width(self, core: nn.Module) -> int:
        """Return the declared output width O."""
        return output_size(core, self.hidden_size)

    def difference(self, seen: Tensor, expected: Tensor) -> float:
        """Return the largest absolute difference, or 0 if it is within rounding error."""
        rtol, atol = (1e-7, 1e-9) if self.dtype == torch.float64 else (1e-4, 1e-5)
        if torch.allclose(seen, expected, rtol=rtol, atol=atol):
            return 0.0
        return float((seen - expected).abs().max())

    def first_difference(self, seen: Tensor, expected: Tensor) -> tuple[int, float] | None:
        """Return the first step at which (B, T, O) outputs differ, and by how much, or ``None``."""
        for step in range(seen.shape[1]):
            if gap := self.difference(seen[:, step], expected[:, step]):
                return step, gap
        return None


def run(
    core: nn.Module, x: Tensor, state: Any = None, lengths: Tensor | None = None
) -> tuple[Tensor, Any]:
    """Call the core as the harness does: x (B, T, D) -> outputs (B, T, O), state."""
    returned = core(x, state) if lengths is None else core(x, state, lengths=lengths)
    require(
        isinstance(returned, tuple) and len(returned) == 2 and isinstance(returned[0], Tensor),
        f"forward returned {_described(returned)}; return a pair: outputs (B, T, O), state.",
    )
    outputs, state = returned
    return outputs, state


def run_last(core: nn.Module, x: Tensor, lengths: Tensor | None = None) -> Tensor:
    """Call ``core.forward_last``: x (B, T, D) -> (B, O)."""
    last = core.forward_last(x, lengths)  # type: ignore[operator]
    require(
        isinstance(last, Tensor),
        f"forward_last returned {_described(last)}; return one tensor (B, O).",
    )
    return last  # type: ignore[no-any-return]


def _described(value: Any) -> str:
    if isinstance(value, tuple):
        return f"a tuple of {len(value)}"
    return f"a {type(value).__name__}"
