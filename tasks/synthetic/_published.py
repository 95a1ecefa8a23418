"""Published results on copy memory and adding."""

from __future__ import annotations

from rnnbench import Published

from .._common.citations import BAI

_LAST_EPOCHS = (
    "the source's value is the mean of the test results of the last three epochs "
    "(its first author, locuslab/TCN issue 40)"
)
_FIGURE_5 = "section 5, text on figure 5"
_NOT_COMPARED = "optimizer, learning rate and steps of the source are not compared"

COPY_MEMORY = (
    *(
        Published(
            model=model,
            value=0.2,
            bound="<",
            citation=BAI,
            where=_FIGURE_5,
            options={"variant": "bai-2018", "delay": delay},
            parameters=10_000,
            differences=(_NOT_COMPARED,),
        )
        for model, delay in (("lstm", 50), ("gru", 200))
    ),
    *(
        Published(
            model=model,
            value=value,
            citation=BAI,
            where="table 1",
            score="cross-entropy",
            direction="lower",
            options={"variant": "bai-2018", "delay": 1000},
            rounding=rounding,
            parameters=16_000,
            differences=(_LAST_EPOCHS, _NOT_COMPARED),
        )
        for model, value, rounding in (
            ("lstm", 0.0204, 5e-5),
            ("gru", 0.0197, 5e-5),
            ("rnn", 0.0202, 5e-5),
            ("tcn", 3.5e-5, 5e-7),
        )
    ),
)

ADDING = tuple(
    Published(
        model=model,
        value=value,
        citation=BAI,
        where="table 1",
        options={"length": 600},
        rounding=rounding,
        parameters=70_000,
        differences=(_LAST_EPOCHS, _NOT_COMPARED),
    )
    for model, value, rounding in (
        ("lstm", 0.164, 5e-4),
        ("gru", 5.3e-5, 5e-7),
        ("rnn", 0.177, 5e-4),
        ("tcn", 5.8e-5, 5e-7),
    )
)
