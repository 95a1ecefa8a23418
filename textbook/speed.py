"""Speed: gated layers compared, and what the length of a sequence costs with and without a loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnbench import Citation, Suite
from rnnbench.claims import (
    Above,
    Below,
    Between,
    Claim,
    Contrast,
    Group,
    Measure,
    PeakMemory,
    Rule,
    Simulated,
    Skill,
    SpeedRatio,
    StepTime,
    mean,
    ratio,
    slope,
)

from ._sources import GREFF_2017, JOZEFOWICZ_2015

CHUNG_2014 = Citation(
    "Chung et al. 2014",
    "Empirical evaluation of gated recurrent neural networks on sequence modeling",
    "NIPS workshop on deep learning",
    "https://arxiv.org/abs/1412.3555",
)
VASWANI_2017 = Citation(
    "Vaswani et al. 2017",
    "Attention is all you need",
    "NeurIPS",
    "https://arxiv.org/abs/1706.03762",
)
BAI_2018 = Citation(
    "Bai et al. 2018",
    "An empirical evaluation of generic convolutional and recurrent networks for sequence modeling",
    "arXiv",
    "https://arxiv.org/abs/1803.01271",
)

# The speed pass times untrained networks: a trial of one step lets it run.
_UNTRAINED = {"steps": 1, "validate_every": 1, "validation_size": 10, "test_size": 10}

# -- a GRU beside an LSTM


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
    settings=_UNTRAINED,
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
    statement="A GRU learns as well as an LSTM with as many parameters.",
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
    "differences on two tasks cancel",
)

# -- the length of a sequence

_LENGTHS = (128, 256, 512, 1024)
_AT_LENGTHS = (
    "lengths of 128 to 1,024 at about 20,000 parameters, batches of 8 on one core; times of "
    "different lengths are measured one after the other"
)


_BUILT = {"tcn": "tcn[num_layers=2]", "transformer": "transformer[num_layers=1]"}
"""Models with few layers, so that 20,000 parameters are a usual width."""


def _along(models: Sequence[str], lengths: Sequence[int]) -> Suite:
    """Return one trial of each model at every length, at matched sizes."""
    places = ",".join(map(str, lengths))
    return Suite.of(
        tasks=[f"adding[length={places}]"],
        models=[_BUILT.get(model, model) for model in models],
        seeds=1,
        preset="quick",
        settings={**_UNTRAINED, "batch_size": 8},
        match="core-params=20k",
    )


def _exponent(
    name: str,
    statement: str,
    model: str,
    measure: Measure,
    rule: Rule,
    exponents: tuple[float, float],
    citations: tuple[Citation, ...],
    quantity: str,
    caution: str = "",
) -> Claim:
    """Return a claim on the exponent over the length with which ``quantity`` of a model grows.

    ``exponents`` are those of the simulated worlds in which the claim holds and does not.
    """
    groups = {str(length): Group(model, f"adding[length={length}]") for length in _LENGTHS}

    def world(exponent: float) -> Mapping[str, tuple[float, float]]:
        least = 1e5 if isinstance(measure, PeakMemory) else 1e-2
        sizes = {length: least * (length / _LENGTHS[0]) ** exponent for length in _LENGTHS}
        return {str(length): (size, 0.005 * size) for length, size in sizes.items()}

    return Claim(
        name=name,
        statement=statement,
        citations=citations,
        trials=_along([model], _LENGTHS),
        groups=groups,
        measure=measure,
        effect=slope(
            {str(length): float(length) for length in _LENGTHS},
            f"exponent of {quantity} of {model} over length",
            of_logs=True,
        ),
        rule=rule,
        simulated=Simulated(supported=world(exponents[0]), contradicted=world(exponents[1])),
        caution="; ".join(text for text in (_AT_LENGTHS, caution) if text),
    )


_LINEAR = Between(0.9, 1.1)
_CONSTANT = Between(-0.1, 0.1)
_TIME, _MEMORY, _STREAM = (
    "the time of a training step",
    "the peak memory of a training step",
    "the time of one more step of one sequence",
)

LSTM_TIME = _exponent(
    "lstm-time-linear-in-length",
    "The cost of a recurrent network grows linearly with the length of the sequence.",
    "lstm",
    StepTime("train"),
    _LINEAR,
    (1.0, 1.3),
    (VASWANI_2017,),
    _TIME,
)
TRANSFORMER_TIME = _exponent(
    "transformer-time-grows-faster-than-length",
    "The cost of a causal Transformer grows faster than the length of the sequence.",
    "transformer",
    StepTime("train"),
    Above(1.1),
    (1.3, 1.0),
    (VASWANI_2017,),
    _TIME,
    "attention outweighs the layers only at lengths well above the width",
)
TCN_TIME = _exponent(
    "tcn-time-linear-in-length",
    "The cost of a temporal convolution grows linearly with the length of the sequence.",
    "tcn",
    StepTime("train"),
    _LINEAR,
    (1.0, 1.3),
    (BAI_2018,),
    _TIME,
)
TRANSFORMER_MEMORY = _exponent(
    "transformer-memory-quadratic-in-length",
    "The memory of training a causal Transformer grows with the square of the length.",
    "transformer",
    PeakMemory(),
    Above(1.5),
    (2.0, 1.0),
    (VASWANI_2017,),
    _MEMORY,
    "torch's attention on a CPU, which may compute the weights in blocks",
)
LSTM_STREAM = _exponent(
    "lstm-streams-at-constant-time",
    "The time of one more step of an LSTM does not depend on how many steps there were before.",
    "lstm",
    StepTime("stream"),
    _CONSTANT,
    (0.0, 0.3),
    (BAI_2018,),
    _STREAM,
)
TRANSFORMER_STREAM = _exponent(
    "transformer-streams-ever-slower",
    "The time of one more step of a causal Transformer grows with the steps before it.",
    "transformer",
    StepTime("stream"),
    Above(0.1),
    (0.3, 0.0),
    (VASWANI_2017,),
    _STREAM,
)


def _more_memory(model: str, name: str, statement: str, citation: Citation) -> Claim:
    """Return the claim that training a model takes more memory than an LSTM of the same size."""
    longest = _LENGTHS[-1]
    return Claim(
        name=name,
        statement=statement,
        citations=(citation,),
        trials=_along([model, "lstm"], [longest]),
        groups={model: Group(model), "lstm": Group("lstm")},
        measure=PeakMemory(),
        effect=ratio(model, "lstm", f"peak memory of a training step of {model} over that of lstm"),
        rule=Above(1.0),
        simulated=Simulated(
            supported={model: (3e7, 0.0), "lstm": (1e7, 0.0)},
            contradicted={model: (0.5e7, 0.0), "lstm": (1e7, 0.0)},
        ),
        caution=f"length {longest}, about 20,000 parameters, batches of 8, on a CPU; memory that a "
        "library allocates for itself is not counted",
    )


TRANSFORMER_MORE_MEMORY = _more_memory(
    "transformer",
    "transformer-takes-more-memory",
    "Training a causal Transformer takes more memory than an LSTM with as many parameters.",
    VASWANI_2017,
)
TCN_MORE_MEMORY = _more_memory(
    "tcn",
    "tcn-takes-more-memory",
    "Training a temporal convolution takes more memory than an LSTM with as many parameters.",
    BAI_2018,
)

_WIDE, _LONG = {"batch_size": 8}, {"batch_size": 1}
"""The same number of time steps: 8 sequences of 32 steps, or one of 256."""
_PARALLEL = {
    f"{model}, {place}": Group(model, f"adding[length={length}]", settings)
    for model in ("lstm", "tcn")
    for place, length, settings in (("8 of 32", 32, _WIDE), ("1 of 256", 256, _LONG))
}

NOT_PARALLEL = Claim(
    name="recurrence-not-parallel-over-time",
    statement="A recurrence cannot be computed in parallel over time, as a convolution can.",
    citations=(VASWANI_2017, BAI_2018),
    trials=Suite.of(
        models=["lstm", _BUILT["tcn"]],
        seeds=1,
        preset="quick",
        match="core-params=20k",
        parts=[
            {"tasks": ["adding[length=32]"], "settings": {**_UNTRAINED, **_WIDE}},
            {"tasks": ["adding[length=256]"], "settings": {**_UNTRAINED, **_LONG}},
        ],
    ),
    groups=_PARALLEL,
    measure=StepTime("train"),
    effect=Contrast(
        {
            "lstm, 1 of 256": 1.0,
            "lstm, 8 of 32": -1.0,
            "tcn, 1 of 256": -1.0,
            "tcn, 8 of 32": 1.0,
        },
        "factor on the time of 256 steps from 8 short sequences to a long one, lstm over tcn",
        "log",
    ),
    rule=Above(1.5),
    simulated=Simulated(
        supported={
            **dict.fromkeys(_PARALLEL, (0.01, 0.0001)),
            "lstm, 1 of 256": (0.02, 0.0001),
        },
        contradicted=dict.fromkeys(_PARALLEL, (0.01, 0.0001)),
    ),
    caution="as built, about 20,000 parameters, one core: what is parallel here is the arithmetic "
    "of one core; on a GPU the factor is larger",
)

CLAIMS = (
    GRU_FASTER_AS_BUILT,
    GRU_FASTER_PLAIN,
    GRU_FASTER_COMPILED,
    GRU_AS_ACCURATE,
    LSTM_TIME,
    TRANSFORMER_TIME,
    TCN_TIME,
    NOT_PARALLEL,
    TRANSFORMER_MEMORY,
    TRANSFORMER_MORE_MEMORY,
    TCN_MORE_MEMORY,
    LSTM_STREAM,
    TRANSFORMER_STREAM,
)
