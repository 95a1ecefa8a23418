"""Gradients of vanilla networks through time, and the spectral radius of their matrix."""

from __future__ import annotations

import math

from rnnbench.claims import (
    Above,
    Between,
    Claim,
    GradientSlope,
    GradientSteadiness,
    Group,
    Simulated,
    Slope,
    mean,
    slope,
)

from ._sources import BENGIO_1994, PASCANU_2013
from ._untrained import untrained

_INPUTS = "at initialisation, 64 units, orthogonal matrix, inputs of the adding task"

EXPONENTIAL = Claim(
    name="rnn-gradient-exponential",
    statement="The gradient of a vanilla RNN vanishes or explodes exponentially with the lag.",
    citations=(BENGIO_1994, PASCANU_2013),
    trials=untrained(["rnn"], seeds=20, quick_seeds=10),
    groups={"rnn": Group("rnn")},
    # a power of the lag has 0.28 over these lags, and also vanishes
    measure=GradientSteadiness("state"),
    effect=mean("rnn", "slope of ln G at distant lags over that at near ones"),
    rule=Between(0.8, 1.25),
    simulated=Simulated(supported={"rnn": (0.98, 0.05)}, contradicted={"rnn": (0.3, 0.1)}),
    caution=f"{_INPUTS}; shows a constant rate over the lags, not its cause",
)

_RADII = (0.5, 0.9, 1.0, 1.1)
# the predictions stand in the names of the groups, beside which figures show the measurements
_NAMES = {radius: f"radius {radius}: {math.log(radius):.3f} predicted" for radius in _RADII}


def _radius(nonlinearity: str, radii: str = "0.5,0.9,1.0,1.1") -> str:
    return f"radius-rnn[nonlinearity={nonlinearity},init_radius={radii}]"


def _by_radius(nonlinearity: str) -> dict[str, Group]:
    return {name: Group(_radius(nonlinearity, str(radius))) for radius, name in _NAMES.items()}


def _per_log_radius(of: str) -> Slope:
    return slope(
        {name: radius for radius, name in _NAMES.items()},
        f"change of the slope of ln G per unit of ln(radius), {of}",
        over="spectral radius of the recurrent matrix",
        of_logs=True,
    )


def _world(*slopes: float, spread: float) -> dict[str, tuple[float, float]]:
    return {name: (value, spread) for name, value in zip(_NAMES.values(), slopes, strict=True)}


LINEAR_FOLLOWS = Claim(
    name="linear-rnn-rate-follows-radius",
    statement="Without a nonlinearity the gradient changes by the spectral radius per step.",
    citations=(PASCANU_2013,),
    trials=untrained([_radius("linear")], seeds=5, quick_seeds=5),
    groups=_by_radius("linear"),
    measure=GradientSlope("state"),
    effect=_per_log_radius("linear"),
    rule=Between(0.9, 1.1),
    simulated=Simulated(
        supported=_world(-0.693, -0.105, 0.0, 0.095, spread=0.01),
        contradicted=_world(-0.35, -0.05, 0.0, 0.05, spread=0.01),
    ),
    caution="orthogonal matrix, where it is exact; a Gaussian matrix follows only at large lags",
)

TANH_FOLLOWS = Claim(
    name="tanh-rnn-rate-follows-radius",
    statement="The rate at which a vanilla RNN's gradient decays follows its spectral radius.",
    citations=(PASCANU_2013,),
    trials=untrained([_radius("tanh")], seeds=80, quick_seeds=15, length=100),
    groups=_by_radius("tanh"),
    measure=GradientSlope("state"),
    effect=_per_log_radius("tanh"),
    rule=Between(0.9, 1.1),
    simulated=Simulated(
        supported=_world(-0.73, -0.15, -0.05, 0.05, spread=0.005),
        contradicted=_world(-0.7, -0.35, -0.3, -0.3, spread=0.005),
    ),
    caution=f"{_INPUTS}; radii 0.5 to 1.1, of which 0.5 weighs most; saturation adds to the decay",
)

TANH_EXPLODES = Claim(
    name="tanh-rnn-explodes-above-radius-one",
    statement="The gradient of a vanilla RNN explodes where the spectral radius is above 1.",
    citations=(BENGIO_1994, PASCANU_2013),
    trials=untrained([_radius("tanh", "1.1")], seeds=80, quick_seeds=15, length=100),
    groups={"radius 1.1": Group(_radius("tanh", "1.1"))},
    measure=GradientSlope("state"),
    effect=mean("radius 1.1", "slope of ln G per step at radius 1.1"),
    rule=Above(0.0),
    simulated=Simulated(
        supported={"radius 1.1": (0.02, 0.003)}, contradicted={"radius 1.1": (-0.016, 0.003)}
    ),
    caution=f"{_INPUTS}; Pascanu et al. show it to be necessary, not sufficient",
)

CLAIMS = (EXPONENTIAL, LINEAR_FOLLOWS, TANH_FOLLOWS, TANH_EXPLODES)
