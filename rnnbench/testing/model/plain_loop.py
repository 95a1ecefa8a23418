"""Checks of the plain loop that a model declares: the same function, as a loop in Python."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from rnnbench.contract.core import state_tensors
from rnnbench.probes.speed.kernels import kernel_of
from rnnbench.testing.model.subject import ModelUnderTest, run, run_last
from rnnbench.testing.outcome import require


@torch.no_grad()
def the_plain_loop_computes_the_same(subject: ModelUnderTest) -> None:
    """With equal parameters the plain loop gives equal outputs and states."""
    core, loop = subject.core(), _plain_loop(subject)
    names, loop_names = core.state_dict().keys(), loop.state_dict().keys()
    require(
        names == loop_names,
        f"the plain loop has other parameters: {', '.join(sorted(names ^ loop_names))}; "
        "build the same ones in both.",
    )
    loop.load_state_dict(core.state_dict())
    x = subject.inputs()
    (outputs, state), (loop_outputs, loop_state) = run(core, x), run(loop, x)
    _require_equal(subject, "outputs", loop_outputs, outputs)
    for tensor, loop_tensor in zip(state_tensors(state), state_tensors(loop_state), strict=True):
        _require_equal(subject, "states", loop_tensor, tensor)
    if not subject.model.causal:
        (outputs, _), (loop_outputs, _) = (
            run(each, x, None, subject.lengths) for each in (core, loop)
        )
        _require_equal(subject, "outputs with lengths", loop_outputs, outputs)
    if hasattr(core, "forward_last"):
        last, loop_last = (run_last(each, x, subject.lengths) for each in (core, loop))
        _require_equal(subject, "results of forward_last", loop_last, last)


def the_plain_loop_is_a_loop_in_python(subject: ModelUnderTest) -> None:
    """The plain loop runs in Python, step by step, not in a kernel of torch."""
    x = subject.inputs()
    loop = _plain_loop(subject)

    def forward(steps: int) -> Any:
        return run(loop, x[:, :steps])

    kernel = kernel_of(forward, subject.length)
    require(
        kernel.kind == "Python loop",
        f"the plain loop is no loop in Python: it ran {kernel.label}; "
        "write it step by step, or remove plain_loop from register.",
    )


def _plain_loop(subject: ModelUnderTest) -> nn.Module:
    options = {**subject.options, **(subject.model.plain_loop or {})}
    return replace(subject, options=options).core()


def _require_equal(subject: ModelUnderTest, what: str, seen: Tensor, expected: Tensor) -> None:
    require(
        seen.shape == expected.shape,
        f"the {what} of the plain loop are {tuple(seen.shape)}, not {tuple(expected.shape)}; "
        "return the same shapes in both.",
    )
    gap = subject.difference(seen, expected)
    require(
        not gap,
        f"the {what} of the plain loop differ by {gap:.2g}; compute the same function in both.",
    )
