"""A GRU beside an LSTM: its time, by kind of implementation, and its accuracy."""

from __future__ import annotations

from rnnbench import Citation, Suite
from rnnbench.claims import (
    Below,
    Between,
    Claim,
    Contrast,
    Group,
    Simulated,
    Skill,
    SpeedRatio,
    mean,
    ratio,
)

from ._sources import GREFF_2017, JOZEFOWICZ_2015
from ._untrained import ONE_STEP

CHUNG_2014 = Citation(
    "Chung et al. 2014",
    "Empirical evaluation of gated recurrent neural networks on sequence modeling",
    "NIPS workshop on deep learning",
    "https://arxiv.org/abs/1412.3555",
)

# -- faster


def _faster(
    name: str,
    statement: str,
    model: str,
    measure: SpeedRatio,
    caution: str,
) -> Claim:
    """Return the claim that a training step of a GRU takes less time than that of ``lstm``."""
    return Claim(
        name=name,
        statement=statement,
        citations=(CHUNG_2014,),
        trials=_ONE_CORE.model_copy(update={"models": [model]}),
        groups={"gru": Group(model)},
        measure=measure,
        effect=mean("gru", "time of a training step of gru over that of lstm", scale="log"),
        rule=Below(1.0),
        simulated=Simulated(supported={"gru": (0.75, 0.01)}, contradicted={"gru": (1.5, 0.01)}),
        caution=caution,
    )


_ONE_CORE = Suite.of(
    tasks=["copy-memory[delay=80]"],
    models=["gru"],
    seeds=1,
    preset="quick",
    hidden_size=128,
    settings=ONE_STEP,
)
_AT_128 = "128 units, batches of 32 on one core of a CPU"

GRU_FASTER_AS_BUILT = _faster(
    "gru-faster-as-built",
    "A GRU trains faster than an LSTM with as many units, each as torch runs it.",
    "gru",
    SpeedRatio("train"),
    f"{_AT_128}, where torch has a fused kernel for LSTM and none for GRU; a GPU has both",
)
GRU_FASTER_PLAIN = _faster(
    "gru-faster-as-plain-loops",
    "A GRU trains faster than an LSTM with as many units, both as plain loops.",
    "gru",
    SpeedRatio("train", plain=True),
    f"{_AT_128}; loops in Python, whose overhead is part of both times",
)
GRU_FASTER_COMPILED = Claim(
    name="gru-faster-as-compiled-steps",
    statement="A GRU trains faster than an LSTM with as many units, both as compiled steps.",
    citations=(CHUNG_2014, GREFF_2017),
    trials=_ONE_CORE.model_copy(update={"models": ["gru[impl=compiled]", "peephole-lstm"]}),
    groups={"gru": Group("gru[impl=compiled]"), "lstm": Group("peephole-lstm")},
    measure=SpeedRatio("train"),
    effect=ratio("gru", "lstm", "time of a training step of gru over that of peephole-lstm"),
    rule=Below(1.0),
    simulated=Simulated(
        supported={"gru": (0.75, 0.01), "lstm": (1.0, 0.01)},
        contradicted={"gru": (1.3, 0.01), "lstm": (1.0, 0.01)},
    ),
    caution=f"{_AT_128}; the compiled LSTM has peepholes, three products of H more per step",
)

# -- as accurate

_TASKS = {
    "digits": "sequential-digits[rows=true]",
    "sine": "sine-forecasting",
    "music": "polyphonic-music",
}
"""Three tasks of different kinds that both models learn in part: classes, a series, and notes."""
_EQUIVALENT = 0.05
"""Difference of skill, in either direction, that is taken for none."""

GRU_AS_ACCURATE = Claim(
    name="gru-as-accurate-as-lstm",
    statement="A GRU and an LSTM with as many parameters learn equally well.",
    citations=(CHUNG_2014, GREFF_2017, JOZEFOWICZ_2015),
    trials=Suite.of(
        models=["lstm", "gru"],
        seeds=10,
        preset="quick",
        match="params=lstm[hidden_size=32]",
        tune=["learning_rate=1e-3..3e-2"],
        tune_trials=6,
        tune_report="tuned",
        presets={"quick": {"seeds": 5, "tune_trials": 3, "settings": {"steps": 400}}},
        parts=[
            {"tasks": [_TASKS["digits"], _TASKS["sine"]]},
            {
                "tasks": [_TASKS["music"]],
                # both models learn it slowly
                "presets": {"quick": {"settings": {"steps": 800}}},
            },
        ],
    ),
    groups={
        f"{model}, {name}": Group(model, task, tuned=True)
        for name, task in _TASKS.items()
        for model in ("gru", "lstm")
    },
    measure=Skill(),
    effect=Contrast(
        {
            f"{model}, {name}": sign / len(_TASKS)
            for name in _TASKS
            for model, sign in (("gru", 1.0), ("lstm", -1.0))
        },
        "skill of gru minus that of lstm, mean over three tasks",
    ),
    rule=Between(-_EQUIVALENT, _EQUIVALENT),
    simulated=Simulated(
        supported={f"{model}, {name}": (0.8, 0.02) for name in _TASKS for model in ("gru", "lstm")},
        contradicted={
            f"{model}, {name}": (0.8 if model == "lstm" else 0.65, 0.02)
            for name in _TASKS
            for model in ("gru", "lstm")
        },
    ),
    caution="small tasks, at equal numbers of steps; the learning rate alone is tuned; opposite "
    "differences on two tasks cancel, and one task may decide: in the preset quick it is music, on "
    "which both models still improve at the end",
)

CLAIMS = (GRU_FASTER_AS_BUILT, GRU_FASTER_PLAIN, GRU_FASTER_COMPILED, GRU_AS_ACCURATE)
