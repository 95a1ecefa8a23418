"""Regularisation: what dropout does, and which models overfit."""

from __future__ import annotations

from rnnbench import Citation, Suite
from rnnbench.claims import Above, Below, Claim, Group, OverfitGap, Simulated, Skill, difference

ZAREMBA_2014 = Citation(
    "Zaremba et al. 2014",
    "Recurrent neural network regularization",
    "arXiv",
    "https://arxiv.org/abs/1409.2329",
)
GAL_2016 = Citation(
    "Gal and Ghahramani 2016",
    "A theoretically grounded application of dropout in recurrent neural networks",
    "NeurIPS",
    "https://arxiv.org/abs/1512.05287",
)

_SMALL = "sequential-digits[rows=true,held_out=0.49]"
"""Sequences of 8 steps, 467 of them for training; the same ones for every seed."""
_RATES = ["learning_rate=1e-3|3e-3|1e-2"]

# -- dropout

_NONE, _DROPPED = "lstm[num_layers=2,dropout=0.0]", "lstm[num_layers=2,dropout=0.5]"

DROPOUT_HELPS = Claim(
    name="dropout-between-layers-helps-on-small-data",
    statement="Dropout between its layers makes an LSTM more accurate where there is little data.",
    citations=(ZAREMBA_2014,),
    trials=Suite.of(
        tasks=[_SMALL],
        models=[_NONE, _DROPPED],
        preset="quick",
        hidden_size=64,
        seeds=30,
        tune=_RATES,
        tune_sampler="grid",
        tune_trials=3,
        tune_report="tuned",
        settings={"steps": 1000, "batch_size": 32, "validate_every": 50},
        presets={"quick": {"seeds": 16, "settings": {"steps": 500}}},
    ),
    groups={"with": Group(_DROPPED, tuned=True), "without": Group(_NONE, tuned=True)},
    measure=Skill(),
    effect=difference("with", "without", "skill with dropout of 0.5 minus skill without"),
    rule=Above(0.0),
    simulated=Simulated(
        supported={"with": (0.95, 0.01), "without": (0.9, 0.01)},
        contradicted={"with": (0.9, 0.01), "without": (0.95, 0.01)},
    ),
    caution="two layers of 64 units, 467 images of digits read row by row; both models are those "
    "of their best validation, as with early stopping",
)

_REMEMBERS, _FORGETS = "lstm[recurrent_dropout=0.0]", "lstm[recurrent_dropout=0.25]"

RECURRENT_DROPOUT_KEEPS_MEMORY = Claim(
    name="recurrent-dropout-does-not-hurt-long-memory",
    statement="Dropout on the hidden state, with one mask per sequence, does not hurt the memory "
    "of an LSTM over tens of steps.",
    citations=(GAL_2016,),
    trials=Suite.of(
        tasks=["adding[length=50]"],
        models=[_REMEMBERS, _FORGETS],
        preset="quick",
        hidden_size=32,
        seeds=10,
        tune=_RATES,
        tune_sampler="grid",
        tune_trials=3,
        tune_report="tuned",
        settings={"steps": 3000, "batch_size": 32, "validate_every": 250, "test_size": 1000},
        presets={"quick": {"seeds": 5, "settings": {"steps": 1000}}},
    ),
    groups={"with": Group(_FORGETS, tuned=True), "without": Group(_REMEMBERS, tuned=True)},
    measure=Skill(),
    effect=difference("with", "without", "skill with recurrent dropout minus skill without"),
    rule=Above(-0.05),
    simulated=Simulated(
        supported={"with": (0.97, 0.01), "without": (0.98, 0.01)},
        contradicted={"with": (0.7, 0.05), "without": (0.98, 0.01)},
    ),
    caution="32 units on adding at 50 steps, a rate of 0.25, as many training steps with and "
    "without; a mask per step is another method",
)

# -- overfitting

_COMPARED = Suite.of(
    tasks=[_SMALL],
    models=["lstm", "rnn"],
    preset="quick",
    match="core-params=10k",
    seeds=20,
    tune=_RATES,
    tune_sampler="grid",
    tune_trials=3,
    tune_report="tuned",
    settings={"steps": 1000, "batch_size": 32, "validate_every": 50},
    presets={"quick": {"seeds": 12, "settings": {"steps": 500}}},
)
_GROUPS = {name: Group(name, tuned=True) for name in ("lstm", "rnn")}
_SCALE = (
    "467 images of digits read row by row, cores of about 10,000 parameters, each at its tuned "
    "learning rate"
)

LSTM_OVERFITS_MORE = Claim(
    name="lstm-overfits-more-on-small-data",
    statement="On few short sequences an LSTM overfits more than a vanilla RNN of equal size.",
    citations=(ZAREMBA_2014, GAL_2016),
    trials=_COMPARED,
    groups=_GROUPS,
    measure=OverfitGap(),
    effect=difference("lstm", "rnn", "gap of lstm minus that of rnn, in nats"),
    rule=Above(0.0),
    simulated=Simulated(
        supported={"lstm": (0.5, 0.05), "rnn": (0.2, 0.05)},
        contradicted={"lstm": (0.2, 0.05), "rnn": (0.5, 0.05)},
    ),
    caution=f"validation loss minus training loss after equal numbers of steps; {_SCALE}",
)
RNN_MORE_ACCURATE = Claim(
    name="rnn-more-accurate-on-small-data",
    statement="On few short sequences a vanilla RNN is more accurate than an LSTM of equal size.",
    citations=(ZAREMBA_2014, GAL_2016),
    trials=_COMPARED,
    groups=_GROUPS,
    measure=Skill(),
    effect=difference("lstm", "rnn", "skill of lstm minus skill of rnn"),
    rule=Below(0.0),
    simulated=Simulated(
        supported={"lstm": (0.85, 0.02), "rnn": (0.92, 0.02)},
        contradicted={"lstm": (0.92, 0.02), "rnn": (0.85, 0.02)},
    ),
    caution=_SCALE,
)

CLAIMS = (
    DROPOUT_HELPS,
    RECURRENT_DROPOUT_KEEPS_MEMORY,
    LSTM_OVERFITS_MORE,
    RNN_MORE_ACCURATE,
)
