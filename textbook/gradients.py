"""Gradients through time: how they vanish, and the part that gates have in it."""

from __future__ import annotations

from rnnbench import Suite
from rnnbench.claims import (
    Above,
    Claim,
    GradientHalfLife,
    Group,
    Simulated,
    ratio,
)

from ._sources import HOCHREITER_1997, PASCANU_2013

# One optimizer step at a tiny rate: the trials are about the network at its initialisation.
_UNTRAINED = {"steps": 1, "validate_every": 1, "learning_rate": 1e-8}

LSTM_DECAYS_MORE_SLOWLY = Claim(
    name="lstm-gradient-decays-more-slowly",
    statement="The gradient of an LSTM reaches further back than that of a vanilla RNN, "
    "at initialisation.",
    citations=(HOCHREITER_1997, PASCANU_2013),
    trials=Suite(
        tasks=["copy-memory[delay=80]"],
        models=["rnn", "lstm"],
        seeds=10,
        settings=_UNTRAINED,
        presets={"quick": {"seeds": 5}},  # type: ignore[dict-item]
    ),
    groups={"lstm": Group("lstm"), "rnn": Group("rnn")},
    measure=GradientHalfLife("state", "init"),
    effect=ratio("lstm", "rnn", "half-life of the state gradient of lstm over that of rnn"),
    rule=Above(1.0),
    simulated=Simulated(
        supported={"lstm": (3.0, 0.3), "rnn": (1.5, 0.3)},
        contradicted={"lstm": (1.0, 0.1), "rnn": (1.5, 0.2)},
    ),
    caution="initial weights and forget bias of torch; training changes both",
)

CLAIMS = (LSTM_DECAYS_MORE_SLOWLY,)
