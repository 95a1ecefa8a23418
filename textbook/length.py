"""Time and memory against the length of a sequence, with and without a loop over time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnbench import Citation, Suite
from rnnbench.claims import (
    Above,
    Between,
    Claim,
    Contrast,
    Group,
    Measure,
    PeakMemory,
    Rule,
    Simulated,
    StepTime,
    ratio,
    slope,
)

from ._untrained import ONE_STEP

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

_LENGTHS = (128, 256, 512, 1024)
_AT_LENGTHS = "lengths of 128 to 1,024 at about 20,000 parameters"
_IN_TURN = "times of different lengths are measured one after the other"


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
        settings={**ONE_STEP, "batch_size": 8},
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
            over="length of the sequences",
            of_logs=True,
        ),
        rule=rule,
        simulated=Simulated(supported=world(exponents[0]), contradicted=world(exponents[1])),
        caution="; ".join(text for text in (_AT_LENGTHS, _HOW[quantity], caution) if text),
    )


_TIME, _MEMORY, _STREAM = (
    "the time of a training step",
    "the peak memory of a training step",
    "the time of one more step of one sequence",
)
_HOW = {
    _TIME: f"batches of 8 on one core; {_IN_TURN}",
    _MEMORY: "batches of 8",
    _STREAM: f"one sequence on one core; {_IN_TURN}",
}

_LINEAR = Between(0.9, 1.1)
_CONSTANT = Between(-0.1, 0.1)

LSTM_TIME = _exponent(
    "lstm-time-linear-in-length",
    "The time of a training step of an LSTM grows linearly with the length of the sequence.",
    "lstm",
    StepTime("train"),
    _LINEAR,
    (1.0, 1.3),
    (VASWANI_2017,),
    _TIME,
    "linear to 512; at 1,024 a step takes about 50 MiB, which glibc returns to the system each "
    "time, and with MALLOC_TRIM_THRESHOLD_ and MALLOC_MMAP_THRESHOLD_ above that it is linear to "
    "2,048",
)
TRANSFORMER_TIME = _exponent(
    "transformer-time-grows-faster-than-length",
    "The time of a training step of a causal Transformer grows faster than the length of the "
    "sequence.",
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
    "The time of a training step of a temporal convolution grows linearly with the length of the "
    "sequence.",
    "tcn",
    StepTime("train"),
    _LINEAR,
    (1.0, 1.3),
    (BAI_2018,),
    _TIME,
    "the time that a training step takes at any length lowers the exponent; two layers, whose "
    "outputs see 13 steps",
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


def _more_memory(model: str, name: str, statement: str, citation: Citation, layers: str) -> Claim:
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
        caution=f"length {longest}, about 20,000 parameters, batches of 8, as built by torch on a "
        f"CPU; {layers}; memory that a library allocates for itself is not counted",
    )


TRANSFORMER_MORE_MEMORY = _more_memory(
    "transformer",
    "transformer-takes-more-memory",
    "Training a causal Transformer takes more memory than an LSTM with as many parameters.",
    VASWANI_2017,
    "the Transformer has one layer",
)
TCN_MORE_MEMORY = _more_memory(
    "tcn",
    "tcn-takes-more-memory",
    "Training a temporal convolution takes more memory than an LSTM with as many parameters.",
    BAI_2018,
    "the convolution has two layers, whose outputs see 13 steps",
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
    statement="One long sequence in place of several short ones slows an LSTM more than a temporal "
    "convolution.",
    citations=(VASWANI_2017, BAI_2018),
    trials=Suite.of(
        models=["lstm", _BUILT["tcn"]],
        seeds=1,
        preset="quick",
        match="core-params=20k",
        parts=[
            {"tasks": ["adding[length=32]"], "settings": {**ONE_STEP, **_WIDE}},
            {"tasks": ["adding[length=256]"], "settings": {**ONE_STEP, **_LONG}},
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
    caution="as built, about 20,000 parameters, on one core; no GPU was measured; other "
    "recurrences, which are linear, can be computed in parallel over time",
)

CLAIMS = (
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
