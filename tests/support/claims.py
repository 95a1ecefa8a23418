"""A claim that tests take apart."""

from __future__ import annotations

from rnnbench.claims import Above, Claim, Group, Simulated, Skill, difference
from rnnbench.records.citation import Citation
from rnnbench.records.suite import Grid, Suite

CLAIM = Claim(
    name="lstm-remembers-more",
    statement="An LSTM copies over a longer delay than a vanilla RNN.",
    citations=(Citation("Someone 1997", "On memory"),),
    trials=Suite(
        tasks=["copy-memory[delay=20]"],
        models=["rnn", "lstm"],
        seeds=10,
        preset="quick",
        presets={"quick": Grid(seeds=6)},
    ),
    groups={"lstm": Group("lstm"), "rnn": Group("rnn")},
    measure=Skill(),
    effect=difference("lstm", "rnn", "skill of lstm minus skill of rnn"),
    rule=Above(0.0),
    simulated=Simulated(
        supported={"lstm": (0.8, 0.1), "rnn": (0.3, 0.1)},
        contradicted={"lstm": (0.3, 0.1), "rnn": (0.8, 0.1)},
    ),
)
