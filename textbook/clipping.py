"""Clipping of the gradient, and trainings that diverge without it."""

from __future__ import annotations

from rnnbench import Suite
from rnnbench.claims import Above, Below, Claim, Contrast, Diverged, Group, Simulated

from ._sources import PASCANU_2013

_RATES = (0.03, 0.1, 0.3)
_SHARE = {f"rate {rate:g}": 1 / len(_RATES) for rate in _RATES}


def _groups(clip_norm: float | None) -> dict[str, Group]:
    return {
        f"rate {rate:g}": Group(settings={"learning_rate": rate, "clip_norm": clip_norm})
        for rate in _RATES
    }


def _trials(clip_norm: float | None) -> Suite:
    return Suite.of(
        tasks=["adding[length=50]"],
        models=["rnn"],
        hidden_size=32,
        seeds=40,
        settings={
            "steps": 400,
            "batch_size": 32,
            "optimizer": "sgd",
            "clip_norm": clip_norm,
            "validation_size": 100,
            "test_size": 100,
        },
        parts=[{"settings": {"learning_rate": rate}} for rate in _RATES],
        presets={"quick": {"seeds": 20, "settings": {"steps": 100}}},
    )


_CAUTION = (
    "vanilla RNN on adding, SGD with momentum at rates of 0.03, 0.1 and 0.3, chosen in a pilot on "
    "other seeds; divergence is a loss that is infinite or no number; steps that are too large "
    "diverge for other reasons than gradients through time as well"
)

UNCLIPPED_DIVERGES = Claim(
    name="unclipped-trainings-diverge",
    statement="Without gradient clipping some trainings of a vanilla RNN diverge.",
    citations=(PASCANU_2013,),
    trials=_trials(None),
    groups=_groups(None),
    measure=Diverged(),
    effect=Contrast(_SHARE, "share of trainings that diverge, mean over the learning rates"),
    # "some" is more than one in ten
    rule=Above(0.1),
    simulated=Simulated(
        supported={"rate 0.03": (0.0, 0.2), "rate 0.1": (1.0, 0.2), "rate 0.3": (1.0, 0.2)},
        contradicted=dict.fromkeys(_SHARE, (0.0, 0.2)),
    ),
    caution=_CAUTION,
)

CLIPPING_PREVENTS = Claim(
    name="clipping-prevents-divergence",
    statement="With the gradient's norm clipped at 1, the loss of a vanilla RNN stays finite.",
    citations=(PASCANU_2013,),
    trials=_trials(1.0),
    groups=_groups(1.0),
    measure=Diverged(),
    effect=Contrast(_SHARE, "share of trainings that diverge, mean over the learning rates"),
    rule=Below(0.1),
    simulated=Simulated(
        supported=dict.fromkeys(_SHARE, (0.0, 0.2)),
        contradicted={"rate 0.03": (0.0, 0.2), "rate 0.1": (0.5, 0.2), "rate 0.3": (1.0, 0.2)},
    ),
    caution=f"{_CAUTION}; a finite loss may still be above that of the baseline",
)

CLAIMS = (UNCLIPPED_DIVERGES, CLIPPING_PREVENTS)
