"""What a core may ask of the optimizer: groups of parameters with a rate or decay of their own."""

from __future__ import annotations

import fnmatch
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnbench.errors import PluginError, did_you_mean

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class ParameterGroup:
    """Parameters of a core that are trained otherwise than the rest of the network.

    Attributes:
        names: names of parameters as in ``core.named_parameters()``, or patterns of them:
            ``("cell.log_step", "layers.*.gate")``. Each matches one parameter or more.
        learning_rate_factor: factor on the learning rate of the settings, above 0. A schedule
            applies to the product.
        weight_decay: weight decay in place of the settings' own, for all of these parameters; 0 is
            none. ``None`` keeps the decay that the settings give them.
    """

    names: Sequence[str]
    learning_rate_factor: float = 1.0
    weight_decay: float | None = None


def groups_of(core: nn.Module) -> Mapping[int, ParameterGroup]:
    """Return the group of each parameter of a core that it puts into one, by ``id(parameter)``.

    Raises:
        PluginError: ``core.parameter_groups()`` returns anything else than a sequence of
            :class:`ParameterGroup`, a name that no parameter has, a parameter in two groups, or a
            factor or decay out of range.
    """
    ask = getattr(core, "parameter_groups", None)
    if ask is None:
        return {}
    groups = ask()
    if isinstance(groups, str | Mapping) or not isinstance(groups, Sequence):
        raise PluginError(
            f"parameter_groups returned a {type(groups).__name__}; "
            "return a list of rnnbench.ParameterGroup."
        )
    # a parameter that two modules share has two names
    parameters = dict(core.named_parameters(remove_duplicate=False))
    found: dict[int, ParameterGroup] = {}
    for group in groups:
        _check(group)
        for pattern in group.names:
            matching = fnmatch.filter(parameters, pattern)
            if not matching:
                near = did_you_mean(pattern, parameters)
                raise PluginError(
                    f"parameter_groups names {pattern!r}, which is no parameter of the core.{near} "
                    "Use the names of core.named_parameters()."
                )
            for name in matching:
                if found.setdefault(id(parameters[name]), group) is not group:
                    raise PluginError(
                        f"parameter_groups puts {name!r} into two groups; name it in one."
                    )
    return found


def _check(group: object) -> None:
    if not isinstance(group, ParameterGroup):
        raise PluginError(
            f"parameter_groups returned a sequence with a {type(group).__name__}; "
            "its items are rnnbench.ParameterGroup."
        )
    if isinstance(group.names, str) or not all(isinstance(name, str) for name in group.names):
        raise PluginError(
            f"names={group.names!r} in parameter_groups is not a sequence of names; "
            f"write names=({group.names!r},)."
        )
    factor, decay = group.learning_rate_factor, group.weight_decay
    if not _is_number(factor) or factor <= 0:
        raise PluginError(
            f"learning_rate_factor={factor!r} in parameter_groups is not a number above 0; "
            "a parameter that is not trained has requires_grad=False."
        )
    if decay is not None and (not _is_number(decay) or decay < 0):
        raise PluginError(
            f"weight_decay={decay!r} in parameter_groups is not a number of at least 0; "
            "0 is no decay, None that of the settings."
        )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
