"""Whether the steps of cells are compiled, decided before a training starts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from rnnbench.cells import fast_path
from rnnbench.cells.compiler import NoCompilerError
from rnnbench.cells.estimate import START_UP, Counts, count
from rnnbench.cells.refusals import NoPlanError
from rnnbench.errors import PluginError

if TYPE_CHECKING:
    from rnnbench.cells.layers import Layers


def prepare_together(cores: Sequence[Layers], x: Tensor, steps: int | None) -> str | None:
    """Compile the steps of cores where that is worth its time; see :mod:`rnnbench.contract.core`.

    With ``impl=auto`` the seconds of the plain loop in the training are estimated from the
    operations of a step (:mod:`rnnbench.cells.estimate`), and the steps are compiled if that
    saves more than it takes. The cores of a network are layers of one cell, whose compiled step
    serves all of them: their savings are added up, and the compiler is paid once.

    Args:
        cores: of one class with equal options, each above the one before.
        x: (B, T, D), inputs of the size that each of them gets.
        steps: optimizer steps; ``None`` where the cores are about to be timed.

    Returns:
        How all of them will run; ``None`` with ``impl=parallel``.

    Raises:
        PluginError: ``impl=compiled``, and the step cannot be compiled.
    """
    impl = cores[0].impl
    if impl == "parallel":
        return None
    if impl == "reference":
        return "plain loop: impl=reference"
    if x.shape[1] == 1:
        return "plain loop: the sequences have one step"
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        given = [core.inputs_of_layers(x) for core in cores]
    spent = ""
    if steps is not None and impl == "auto":
        try:
            counts = [
                count(layer, projected[:, 0], state)
                for layers in given
                for layer, _, projected, state in layers
            ]
        # the training raises it again, at its place
        except Exception:
            return "plain loop: the step fails"
        plain, saved = _seconds(counts, x.shape[1] * steps)
        spent = f"; estimated {plain:.0f} s of plain loop in training"
        if saved < START_UP:
            return f"plain loop: {steps} steps are too few to compile (estimated {plain:.0f} s)"
    try:
        for core, layers in zip(cores, given, strict=True):
            for index, (layer, own, projected, state) in enumerate(layers):
                if core.plans.find(index, layer, projected, state) is None:
                    core.plans.make(index, layer, own, projected, state)
    except (NoPlanError, NoCompilerError) as reason:
        if impl == "compiled":
            raise refusal(reason) from None
        for core in cores:
            core.plans = fast_path.Plans()
        if isinstance(reason, NoCompilerError):
            fast_path.warn_once(str(reason))
        return f"plain loop: {reason}"
    return f"compiled step{spent}"


def refusal(reason: Exception) -> PluginError:
    """Return the error of ``impl=compiled`` where a step cannot be compiled."""
    return PluginError(f"impl=compiled: {reason}; use impl=auto or impl=reference.")


def _seconds(counts: Sequence[Counts], steps: int) -> tuple[float, float]:
    """Return the estimated seconds of the plain loop over that many steps, and those saved."""
    plain = steps * sum(each.plain_seconds for each in counts)
    return plain, plain - steps * sum(each.compiled_seconds for each in counts)
