"""Memory: how far back recurrent networks reach, and what extends it."""

from __future__ import annotations

from collections.abc import Mapping

from rnnbench import Citation, Suite
from rnnbench.claims import (
    Above,
    Below,
    Between,
    Claim,
    Group,
    Rule,
    Simulated,
    Skill,
    difference,
    mean,
)

from ._sources import BENGIO_1994, HOCHREITER_1997, SCHUSTER_1997, TALLEC_2018

LE_2015 = Citation(
    "Le et al. 2015",
    "A simple way to initialize recurrent networks of rectified linear units",
    "arXiv",
    "https://arxiv.org/abs/1504.00941",
)
HENAFF_2016 = Citation(
    "Henaff et al. 2016",
    "Recurrent orthogonal networks and long-memory tasks",
    "ICML",
    "https://arxiv.org/abs/1602.06662",
)
BAHDANAU_2015 = Citation(
    "Bahdanau et al. 2015",
    "Neural machine translation by jointly learning to align and translate",
    "ICLR",
    "https://arxiv.org/abs/1409.0473",
)

_HALF = 0.5
"""Half of the way from the baseline to perfect; on adding, more than that needs both addends."""
_MARGIN = 0.05
"""A twentieth of the way from the baseline to perfect; smaller differences are called none."""
_RATES = {
    "tune": ["learning_rate=1e-3|3e-3|1e-2"],
    "tune_sampler": "grid",
    "tune_trials": 3,
    "tune_report": "tuned",
}

# -- lags of an LSTM


_QUICKER = 2
"""How many times shorter the sequences of the preset quick are."""


def _reach(
    name: str,
    statement: str,
    length: int,
    option: str,
    rule: Rule,
    worlds: tuple[float, float],
    citations: tuple[Citation, ...],
) -> Claim:
    """Return a claim on the skill of an LSTM at one length of adding.

    Args:
        name: of the claim.
        statement: of the claim.
        length: of the sequences; the first of both numbers is half of it back, or more.
        option: an option of the LSTM that is set to the length; empty for none.
        rule: the skills with which the claim holds.
        worlds: a skill with which it holds, and one with which it does not.
        citations: of the claim.
    """
    true, false = worlds
    lengths = (length, length // _QUICKER)
    whole, quick = (f"lstm[{option}={steps}]" if option else "lstm" for steps in lengths)
    group = f"lstm[{option}={lengths[0]},{lengths[1]}]" if option else "lstm"
    return Claim(
        name=name,
        statement=statement,
        citations=citations,
        trials=Suite.of(
            tasks=[f"adding[length={length}]"],
            models=[whole],
            preset="quick",
            hidden_size=32,
            seeds=10,
            **_RATES,
            settings={"steps": 5000, "batch_size": 32, "validate_every": 250, "test_size": 1000},
            presets={
                "quick": {
                    "tasks": [f"adding[length={lengths[1]}]"],
                    "models": [quick],
                    "seeds": 5,
                    "settings": {"steps": 1000, "test_size": 500},
                }
            },
        ),
        groups={"lstm": Group(group, tuned=True)},
        measure=Skill(),
        effect=mean("lstm", f"skill of lstm{f'[{option}]' if option else ''} on adding"),
        rule=rule,
        simulated=Simulated(supported={"lstm": (true, 0.02)}, contradicted={"lstm": (false, 0.02)}),
        caution=f"32 units on adding with {length} steps and 5,000 training steps, in the preset "
        f"quick with {lengths[1]} and 1,000; the first number is half of the length back, or more",
    )


LSTM_AT_100 = _reach(
    "lstm-manages-100-steps",
    "An LSTM learns dependencies over tens of steps, up to 100.",
    100,
    "",
    Above(_HALF),
    (0.97, 0.02),
    (HOCHREITER_1997,),
)
# Hochreiter and Schmidhuber (1997) bridge lags of more than 1,000 steps, on other tasks and without
# this budget of steps.
LSTM_AT_1000 = _reach(
    "lstm-struggles-at-1000-steps",
    "An LSTM struggles with dependencies over hundreds of steps, up to 1,000.",
    1000,
    "",
    Below(_HALF),
    (0.0, 0.97),
    (TALLEC_2018,),
)
CHRONO_AT_1000 = _reach(
    "chrono-lstm-manages-1000-steps",
    "With chrono initialisation an LSTM learns dependencies over hundreds of steps, up to 1,000.",
    1000,
    "chrono",
    Above(_HALF),
    (0.97, 0.02),
    (TALLEC_2018,),
)

# -- lags of a vanilla RNN

_SHORT, _LONG = (f"copy-memory[delay={lag},symbols=1,variant=gu-2022]" for lag in (10, 100))
_RNN = "rnn[init=torch]"


def _vanilla(tasks: list[str], models: list[str]) -> Suite:
    """Return trials of vanilla RNNs, which differ in their tasks or their initial weights."""
    return Suite.of(
        tasks=tasks,
        models=models,
        preset="quick",
        hidden_size=64,
        seeds=10,
        **_RATES,
        settings={"steps": 3000, "batch_size": 32, "validate_every": 100, "test_size": 1000},
        presets={"quick": {"seeds": 5, "settings": {"steps": 800, "test_size": 500}}},
    )


RNN_LEARNS_SHORT_LAGS_ONLY = Claim(
    name="rnn-learns-short-dependencies-only",
    statement="A vanilla RNN learns dependencies over 10 steps and not over 100.",
    citations=(BENGIO_1994,),
    trials=_vanilla([_SHORT, _LONG], [_RNN]),
    groups={"10": Group(_RNN, _SHORT, tuned=True), "100": Group(_RNN, _LONG, tuned=True)},
    measure=Skill(),
    effect=difference("10", "100", "skill of rnn at a lag of 10 steps minus that at 100"),
    rule=Above(_HALF),
    simulated=Simulated(
        supported={"10": (0.98, 0.02), "100": (0.0, 0.02)},
        contradicted={"10": (0.98, 0.02), "100": (0.9, 0.05)},
    ),
    caution="one symbol of eight, 64 units of tanh with torch's initial weights; as many training "
    "steps at both lags",
)


def _initialised(name: str, statement: str, plain: str, other: str, citation: Citation) -> Claim:
    """Return the claim that other initial weights let a vanilla RNN learn a lag of 100 steps."""
    return Claim(
        name=name,
        statement=statement,
        citations=(citation,),
        trials=_vanilla([_LONG], [plain, other]),
        groups={"plain": Group(plain, tuned=True), "other": Group(other, tuned=True)},
        measure=Skill(),
        effect=difference("other", "plain", f"skill of {other} minus that of {plain}"),
        rule=Above(_HALF),
        simulated=Simulated(
            supported={"plain": (0.0, 0.02), "other": (0.95, 0.05)},
            contradicted={"plain": (0.0, 0.02), "other": (0.0, 0.02)},
        ),
        caution="64 units, one symbol of eight; only the initial weights differ, and the tuned "
        "learning rates",
    )


ORTHOGONAL_EXTENDS = _initialised(
    "orthogonal-weights-extend-rnn-memory",
    "With orthogonal initial weights a vanilla RNN learns dependencies over 100 steps that it does "
    "not learn otherwise.",
    _RNN,
    "rnn[init=orthogonal]",
    HENAFF_2016,
)
IDENTITY_EXTENDS = _initialised(
    "identity-weights-extend-rnn-memory",
    "Initialised with the identity, an RNN of rectified linear units learns dependencies over 100 "
    "steps that it does not learn otherwise.",
    "rnn[nonlinearity=relu,init=torch]",
    "rnn[nonlinearity=relu,init=identity]",
    LE_2015,
)

# -- both directions, and attention


def _pair(task: str, other: str, match: str, steps: tuple[int, int]) -> Suite:
    """Return trials of an LSTM and of another model of its size, at tuned learning rates.

    Args:
        task: with its options.
        other: the other model.
        match: the size that is made equal.
        steps: optimizer steps of the presets standard and quick.
    """
    whole, quick = steps
    return Suite.of(
        tasks=[task],
        models=["lstm", other],
        preset="quick",
        match=match,
        seeds=10,
        **_RATES,
        settings={"steps": whole, "batch_size": 32, "validate_every": 100, "test_size": 1000},
        presets={"quick": {"seeds": 5, "settings": {"steps": quick}}},
    )


def _both(other: str) -> Mapping[str, Group]:
    return {name: Group(name, tuned=True) for name in ("lstm", other)}


BIDIRECTIONAL_GAINS = Claim(
    name="bidirectional-gains-where-the-future-matters",
    statement="Where later inputs tell about an output, a bidirectional LSTM is better than an "
    "LSTM of equal size.",
    citations=(SCHUSTER_1997,),
    trials=_pair("hidden-state", "bilstm", "core-params=5k", (2000, 600)),
    groups=_both("bilstm"),
    measure=Skill(),
    effect=difference("bilstm", "lstm", "skill of bilstm minus skill of lstm"),
    rule=Above(_MARGIN),
    simulated=Simulated(
        supported={"bilstm": (0.95, 0.02), "lstm": (0.6, 0.02)},
        contradicted={"bilstm": (0.6, 0.02), "lstm": (0.6, 0.02)},
    ),
    caution="states of a Markov chain seen through noise, about 5,000 parameters of the core; no "
    "causal model can be expected to have more than a skill of 0.63 there",
)
BIDIRECTIONAL_IS_EQUAL = Claim(
    name="bidirectional-no-gain-where-the-future-does-not-matter",
    statement="Where only earlier inputs matter, a bidirectional LSTM is as good as an LSTM of "
    "equal size, and no better.",
    citations=(SCHUSTER_1997,),
    trials=_pair("copy-memory[delay=5,symbols=2]", "bilstm", "core-params=5k", (4000, 2000)),
    groups=_both("bilstm"),
    measure=Skill(),
    effect=difference("bilstm", "lstm", "skill of bilstm minus skill of lstm"),
    rule=Between(-_MARGIN, _MARGIN),
    simulated=Simulated(
        supported=dict.fromkeys(("bilstm", "lstm"), (0.99, 0.01)),
        contradicted={"bilstm": (0.7, 0.03), "lstm": (0.97, 0.02)},
    ),
    caution="copying two symbols after 5 steps, which both models learn perfectly; about 5,000 "
    "parameters of the core, of which the backward direction has half",
)
ATTENTION_HELPS = Claim(
    name="attention-helps-with-one-distant-step",
    statement="Attention over its states helps an LSTM where one distant step decides.",
    citations=(BAHDANAU_2015,),
    trials=_pair(
        "copy-memory[delay=100,symbols=1,variant=gu-2022]",
        "attention-lstm",
        "params=10k",
        (1500, 500),
    ),
    groups=_both("attention-lstm"),
    measure=Skill(),
    effect=difference("attention-lstm", "lstm", "skill of attention-lstm minus skill of lstm"),
    rule=Above(0.0),
    simulated=Simulated(
        supported={"attention-lstm": (0.95, 0.05), "lstm": (0.1, 0.1)},
        contradicted={"attention-lstm": (0.1, 0.1), "lstm": (0.95, 0.05)},
    ),
    caution="one symbol of eight, 100 blanks back, about 10,000 parameters; attention also keeps "
    "every state, which a recurrence does not",
)

CLAIMS = (
    LSTM_AT_100,
    LSTM_AT_1000,
    CHRONO_AT_1000,
    RNN_LEARNS_SHORT_LAGS_ONLY,
    ORTHOGONAL_EXTENDS,
    IDENTITY_EXTENDS,
    BIDIRECTIONAL_GAINS,
    BIDIRECTIONAL_IS_EQUAL,
    ATTENTION_HELPS,
)
