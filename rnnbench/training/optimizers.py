"""The optimizer of a training: one of ``torch.optim``, and its groups of parameters."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch

from rnnbench.contract.groups import groups_of
from rnnbench.records import recipe
from rnnbench.records.recipe import optimizer_of
from rnnbench.records.result import ParameterGroup

if TYPE_CHECKING:
    from torch import Tensor, nn

    from rnnbench.records.settings import Settings

_CLASSES: Mapping[type[recipe.Part], Callable[..., torch.optim.Optimizer]] = {
    recipe.Adam: torch.optim.Adam,
    recipe.AdamW: torch.optim.AdamW,
    recipe.NAdam: torch.optim.NAdam,
    recipe.RAdam: torch.optim.RAdam,
    recipe.Adamax: torch.optim.Adamax,
    recipe.Adagrad: torch.optim.Adagrad,
    recipe.Adadelta: torch.optim.Adadelta,
    recipe.RMSprop: torch.optim.RMSprop,
    recipe.SGD: torch.optim.SGD,
}
FACTOR = "learning_rate_factor"
"""Key of a group's factor on the learning rate among the options of ``torch.optim``."""


def build_optimizer(network: nn.Module, settings: Settings) -> torch.optim.Optimizer:
    """Return the optimizer that the settings name, with the groups that the core asks for.

    Parameters with one learning rate and one weight decay are one group, in the order of
    ``network.parameters()``. The optimizer is fused where torch offers that (not for complex
    parameters), and can be captured in a CUDA graph on a CUDA device. The fused and the plain
    update agree within rounding.

    Raises:
        PluginError: the core asks for groups that it cannot have.
    """
    part = optimizer_of(settings.optimizer)
    options = part.model_dump()
    if "beta1" in options:
        options["betas"] = (options.pop("beta1"), options.pop("beta2"))
    parameters = [p for p in network.parameters() if p.requires_grad]
    cls = _CLASSES[type(part)]
    offered = inspect.signature(cls).parameters
    if "fused" in offered and _fuses(part, parameters):
        options["fused"] = True
    if "capturable" in offered:
        options["capturable"] = any(p.is_cuda for p in parameters)
    return cls(_groups(network, settings), lr=settings.learning_rate, **options)


def _fuses(part: recipe.Part, parameters: list[nn.Parameter]) -> bool:
    # the fused Adagrad keeps its count of steps on the device of the parameters, the plain one not
    return not isinstance(part, recipe.Adagrad) and all(p.is_floating_point() for p in parameters)


def _groups(network: nn.Module, settings: Settings) -> list[dict[str, Any]]:
    core = getattr(network, "core", None)
    asked = {} if core is None else groups_of(core)
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in network.parameters():
        if not parameter.requires_grad:
            continue
        group = asked.get(id(parameter))
        factor = 1.0 if group is None else float(group.learning_rate_factor)
        if group is None or group.weight_decay is None:
            decayed = settings.weight_decay_on == "all" or parameter.ndim > 1
            decay = settings.weight_decay if decayed else 0.0
        else:
            decay = float(group.weight_decay)
        groups.setdefault((factor, decay), []).append(parameter)
    return [
        {
            "params": parameters,
            "lr": settings.learning_rate * factor,
            "weight_decay": decay,
            FACTOR: factor,
        }
        for (factor, decay), parameters in groups.items()
    ]


def recorded_groups(
    network: nn.Module, optimizer: torch.optim.Optimizer, settings: Settings
) -> tuple[ParameterGroup, ...]:
    """Return the optimizer's groups for the record; none where all is trained as the settings say.

    Args:
        network: gives the names of the parameters.
        optimizer: made by :func:`build_optimizer`.
        settings: their weight decay is that of an ordinary group.
    """
    names = {id(parameter): name for name, parameter in network.named_parameters()}
    groups = tuple(
        ParameterGroup(
            parameters=tuple(names[id(parameter)] for parameter in group["params"]),
            numbers=sum(parameter.numel() for parameter in group["params"]),
            learning_rate_factor=group[FACTOR],
            weight_decay=group["weight_decay"],
        )
        for group in optimizer.param_groups
    )
    ordinary = [(each.learning_rate_factor, each.weight_decay) for each in groups]
    return () if ordinary == [(1.0, settings.weight_decay)] else groups


def rate_on_device(optimizer: torch.optim.Optimizer) -> bool:
    """Return whether a rate that changes can be read from the device, inside a CUDA graph.

    SGD reads it so only where it is fused, and Adagrad never.
    """
    if isinstance(optimizer, torch.optim.SGD):
        return bool(optimizer.defaults["fused"])
    return not isinstance(optimizer, torch.optim.Adagrad)


def can_be_replayed(optimizer: torch.optim.Optimizer) -> bool:
    """Return whether a captured update at a constant rate equals the eager one at every step.

    Adagrad counts its steps on the CPU, where a replay does not, and its rate depends on the count.
    """
    return not (isinstance(optimizer, torch.optim.Adagrad) and optimizer.defaults["lr_decay"])


def move_rates(optimizer: torch.optim.Optimizer) -> None:
    """Hold the learning rate of each group in a scalar tensor on the device of its parameters."""
    for group in optimizer.param_groups:
        first: Tensor = group["params"][0]
        # torch's fused kernels read the rate in single precision
        group["lr"] = torch.tensor(float(group["lr"]), dtype=torch.float32, device=first.device)
