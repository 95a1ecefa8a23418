"""Checks of what a core asks of its training: parameter groups, and ``after_step``."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnbench.contract.groups import groups_of
from rnnbench.testing.model.subject import ModelUnderTest
from rnnbench.testing.outcome import require

_UPDATES = (0.01, 1.0)
"""Standard deviations of random changes of the weights, in place of optimizer steps."""


def the_parameter_groups_are_valid(subject: ModelUnderTest) -> None:
    """``parameter_groups`` names each parameter at most once, with a factor above 0."""
    groups_of(subject.core())


def after_step_leaves_finite_parameters(subject: ModelUnderTest) -> None:
    """``after_step`` changes the values of parameters alone, in place, and leaves them finite."""
    for scale in _UPDATES:
        core = _after_an_update(subject, scale)
        before = _parameters(core)
        layout = {name: (tensor.shape, tensor.dtype) for name, tensor in before.items()}
        trained = {name: tensor.requires_grad for name, tensor in before.items()}
        _after_step(core)
        after = _parameters(core)
        require(
            after.keys() == before.keys() and all(after[name] is before[name] for name in before),
            "after_step replaces parameters, which the optimizer then does not train; "
            "change them in place: weight.copy_(...), weight.clamp_(...).",
        )
        for name, tensor in after.items():
            require(
                (tensor.shape, tensor.dtype) == layout[name],
                f"after_step changes the shape or data type of {name}; keep both.",
            )
            require(
                tensor.is_leaf and tensor.requires_grad == trained[name],
                f"after {name} was changed by after_step it cannot be trained as before; "
                "change it in place and leave requires_grad alone.",
            )
            require(
                tensor.isfinite().all(),
                f"after_step makes {name} NaN or infinite after a random change of the weights "
                f"with standard deviation {scale:g}.",
            )


def after_step_twice_is_after_step_once(subject: ModelUnderTest) -> None:
    """A second ``after_step`` changes nothing, as of a projection or a clamping."""
    for scale in _UPDATES:
        core = _after_an_update(subject, scale)
        _after_step(core)
        once = {name: tensor.detach().clone() for name, tensor in _parameters(core).items()}
        _after_step(core)
        for name, tensor in _parameters(core).items():
            gap = subject.difference(tensor, once[name])
            require(
                not gap,
                f"a second after_step changes {name} by {gap:.2g}: it is no projection, and its "
                "effect depends on the number of steps; project onto a set, or clamp.",
            )


def _after_an_update(subject: ModelUnderTest, scale: float) -> nn.Module:
    """Return a core whose weights are off the set onto which ``after_step`` brings them."""
    core = subject.core()
    drawn = torch.Generator().manual_seed(3)
    with torch.no_grad():
        for parameter in core.parameters():
            change = torch.randn(parameter.shape, generator=drawn, dtype=parameter.dtype)
            parameter.add_(scale * change)
    return core


def _after_step(core: nn.Module) -> None:
    with torch.no_grad():
        core.after_step()  # type: ignore[operator]


def _parameters(core: nn.Module) -> dict[str, Tensor]:
    return dict(core.named_parameters())
