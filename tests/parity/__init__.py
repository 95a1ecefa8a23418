"""Second implementations of the models, written from the published equations in numpy float64.

One module for each family or model. A function decorated with :func:`oracle` computes the outputs
of a core from its weights, in a loop over time, without any code of the plugin::

    @oracle("mgu", "Zhou et al. 2016, equations 5 to 7", {}, {"num_layers": 2})
    def mgu(core: nn.Module, x: np.ndarray) -> np.ndarray:
        weights = arrays(core)
        ...

``x`` is (B, T, D) and the result (B, T, O). Each of the further arguments is a set of options that
is compared. An oracle may use a published package from the registry instead, which is skipped
where it is not installed.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import nn

from rnnbench.contract import registry
from rnnbench.contract.core import to_double

Array: TypeAlias = np.ndarray[Any, Any]
Outputs: TypeAlias = Callable[[nn.Module, Array], Array]

SHAPE = (3, 12, 5)
"""B, T and D of the inputs that are compared."""
HIDDEN = 8


@dataclass(frozen=True)
class Oracle:
    """An independent truth about a model."""

    model: str
    source: str
    """What it was written from."""
    options: dict[str, Any]
    outputs: Outputs

    @property
    def label(self) -> str:
        """The model with its options."""
        shown = ",".join(f"{name}={value}" for name, value in self.options.items())
        return f"{self.model}[{shown}]" if shown else self.model

    def difference(self) -> float:
        """Return the largest difference of the outputs, relative to the largest output.

        Weights are shifted at random, so that zeros and ones of the initialisation are no cover.
        """
        entry = registry.load().models[self.model]
        options = {**{name: each.default for name, each in entry.options.items()}, **self.options}
        torch.manual_seed(3)
        core = to_double(entry.build(SHAPE[2], HIDDEN, options)).eval()
        with torch.no_grad():
            for parameter in core.parameters():
                if parameter.requires_grad:
                    parameter.add_(0.1 * torch.randn_like(parameter))
            if hasattr(core, "after_step"):
                core.after_step()  # type: ignore[operator]
            x = torch.randn(SHAPE, dtype=torch.float64)
            found = core(x)[0].numpy()
        wanted = self.outputs(core, x.numpy())
        assert wanted.shape == found.shape, (wanted.shape, found.shape)
        return float(np.abs(found - wanted).max() / max(1e-300, np.abs(wanted).max()))


_ORACLES: list[Oracle] = []


def oracle(model: str, source: str, *options: dict[str, Any]) -> Callable[[Outputs], Outputs]:
    """Register a function as the independent truth about a model."""

    def register(outputs: Outputs) -> Outputs:
        _ORACLES.extend(Oracle(model, source, each, outputs) for each in options or ({},))
        return outputs

    return register


def oracles() -> list[Oracle]:
    """Return the oracles of all modules of this package, by name of the model."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    return sorted(_ORACLES, key=lambda each: each.model)


def arrays(core: nn.Module) -> dict[str, Array]:
    """Return the parameters and buffers of a core by name, in numpy."""
    return {name: value.detach().numpy() for name, value in core.state_dict().items()}


def layers_of(core: nn.Module) -> Iterator[dict[str, Array]]:
    """Yield the parameters of each layer of a core of the kit, by their name in the cell."""
    for layer in core.layers:  # type: ignore[union-attr]
        yield arrays(layer)


def sigmoid(x: Array) -> Array:
    """Return the logistic function."""
    result: Array = 1 / (1 + np.exp(-x))
    return result


def softplus(x: Array) -> Array:
    """Return log(1 + exp(x))."""
    result: Array = np.logaddexp(0, x)
    return result
