"""Size: how many parameters a layer has, and what more units and more layers bring and cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rnnbench import Citation, Suite
from rnnbench.claims import (
    Above,
    Below,
    Between,
    Claim,
    CoreParameters,
    Group,
    Rule,
    Simulated,
    Skill,
    StepTime,
    difference,
    mean,
    ratio,
)

from ._sources import (
    CHO_2014,
    GERS_2000,
    GERS_PEEPHOLES_2000,
    GREFF_2017,
    HOCHREITER_1997,
    SCHUSTER_1997,
)
from ._untrained import ONE_STEP

BA_2016 = Citation(
    "Ba et al. 2016", "Layer normalization", "arXiv", "https://arxiv.org/abs/1607.06450"
)
HERMANS_2013 = Citation(
    "Hermans and Schrauwen 2013",
    "Training and analysing deep recurrent neural networks",
    "NeurIPS",
    "https://papers.nips.cc/paper/2013/hash/1ff8a7b5dc7a7d1f0ed65aaa29c04b1e-Abstract.html",
)

_WIDTHS = (4, 24)
"""Embedding widths D, one below the hidden sizes and one not."""
_UNITS = "[hidden_size=8,24]"
"""Hidden sizes H, so small that a single parameter changes the ratio to the formula by 1e-4."""
_EXACTLY = Between(0.9999, 1.0001)
_AT_SMALL_SIZES = "H and D of at most 24; every parameter of the core counts"


def _counted(models: str, widths: Sequence[int] = _WIDTHS) -> Suite:
    """Return one trial of every model at every input width and hidden size."""
    return Suite.of(
        tasks=["copy-memory[delay=1,symbols=24]"],
        models=[models],
        seeds=1,
        preset="quick",
        parts=[{"settings": {**ONE_STEP, "embedding_size": width}} for width in widths],
    )


def _formula(
    name: str,
    statement: str,
    models: str,
    measure: CoreParameters,
    citations: tuple[Citation, ...],
    caution: str = "",
    *,
    widths: Sequence[int] = _WIDTHS,
) -> Claim:
    """Return the claim that a formula counts the parameters of models, to the last one."""
    return Claim(
        name=name,
        statement=statement,
        citations=citations,
        trials=_counted(models, widths),
        groups={"counted": Group()},
        measure=measure,
        effect=mean("counted", "parameters of the core over the formula's"),
        rule=_EXACTLY,
        simulated=Simulated(
            supported={"counted": (1.0, 0.0)}, contradicted={"counted": (1.25, 0.0)}
        ),
        caution="; ".join(text for text in (_AT_SMALL_SIZES, caution) if text),
    )


LSTM_TWO_BIASES = _formula(
    "lstm-parameters-two-biases",
    "An LSTM layer with two bias vectors per gate has 4(H(D+H)+2H) parameters.",
    f"lstm{_UNITS}, lstm[impl=reference,hidden_size=8,24]",
    CoreParameters(gates=4, biases=2),
    (HOCHREITER_1997, GERS_2000),
    "torch's layer and its plain loop",
)
LSTM_ONE_BIAS = _formula(
    "lstm-parameters-one-bias",
    "An LSTM layer has 4(H(D+H)+H) parameters, also as torch builds it.",
    "lstm[hidden_size=24]",
    CoreParameters(gates=4, biases=1),
    (HOCHREITER_1997, GERS_2000),
    "the equations have one bias per gate, torch's layer has two",
    # a single size: the share of a bias depends on it, and an exact measure is a single number
    widths=(24,),
)
PEEPHOLE_LSTM = _formula(
    "peephole-lstm-parameters",
    "An LSTM layer has 4(H(D+H)+H) parameters, and 3H more with peepholes.",
    f"peephole-lstm{_UNITS}",
    CoreParameters(gates=4, biases=1, vectors=3),
    (GERS_PEEPHOLES_2000, GREFF_2017),
)
LAYER_NORM_LSTM = _formula(
    "layer-norm-lstm-parameters",
    "Layer normalisation adds 10H parameters to the 4(H(D+H)+H) of an LSTM layer.",
    f"layer-norm-lstm{_UNITS}",
    CoreParameters(gates=4, biases=1, vectors=10),
    (BA_2016,),
    "a gain of each of both products, a gain and a shift of the cell, and one bias per gate",
)
THREE_GATES = _formula(
    "lstm-without-a-gate-parameters",
    "An LSTM layer with coupled gates, or without its forget gate, has 3(H(D+H)+H) parameters.",
    f"coupled-lstm{_UNITS},no-forget-lstm{_UNITS}",
    CoreParameters(gates=3, biases=1),
    (GREFF_2017,),
)
BIDIRECTIONAL = _formula(
    "bilstm-parameters",
    "A bidirectional LSTM layer has the parameters of two LSTM layers, 8(H(D+H)+2H).",
    f"bilstm{_UNITS}",
    CoreParameters(gates=4, biases=2, directions=2),
    (SCHUSTER_1997,),
    "H units in each direction",
)


def _fewer(name: str, statement: str, rule: Rule, contradicted: tuple[float, float]) -> Claim:
    """Return a claim on the parameters of a GRU over those of an LSTM with as many units."""
    return Claim(
        name=name,
        statement=statement,
        citations=(CHO_2014,),
        trials=Suite.of(
            tasks=["copy-memory[delay=1,symbols=24]"],
            models=["lstm,gru"],
            seeds=1,
            preset="quick",
            hidden_size=64,
            settings=ONE_STEP,
        ),
        groups={"gru": Group("gru"), "lstm": Group("lstm")},
        measure=CoreParameters(),
        effect=ratio("gru", "lstm", "parameters of gru over those of lstm"),
        rule=rule,
        simulated=Simulated(
            supported={"gru": (100 * _middle(rule), 0.0), "lstm": (100.0, 0.0)},
            contradicted={"gru": contradicted, "lstm": (100.0, 0.0)},
        ),
        caution="torch's layers, with two bias vectors per gate each; equal numbers of units",
    )


def _middle(rule: Rule) -> float:
    assert isinstance(rule, Between)
    return (rule.low + rule.high) / 2


GRU_A_THIRD_FEWER = _fewer(
    "gru-a-third-fewer-parameters",
    "A GRU has about a third fewer parameters than an LSTM with as many units.",
    Between(0.63, 0.7),
    (75.0, 0.0),
)
GRU_A_QUARTER_FEWER = _fewer(
    "gru-a-quarter-fewer-parameters",
    "A GRU has a quarter fewer parameters than an LSTM with as many units.",
    Between(0.7499, 0.7501),
    (67.0, 0.0),
)
GRU_A_QUARTER_FEWER_ONE_BIAS = Claim(
    name="gru-a-quarter-fewer-parameters-one-bias",
    statement="A GRU has a quarter fewer parameters than the 4(H(D+H)+H) of an LSTM, "
    "counted with one bias per gate.",
    citations=(CHO_2014,),
    trials=_counted(f"gru-reset-before{_UNITS}"),
    groups={"gru": Group()},
    measure=CoreParameters(gates=4, biases=1),
    effect=mean("gru", "parameters of gru-reset-before over 4(H(D+H)+H)"),
    rule=Between(0.7499, 0.7501),
    simulated=Simulated(supported={"gru": (0.75, 0.0)}, contradicted={"gru": (0.5, 0.0)}),
    caution="the GRU as published, with one bias per gate; " + _AT_SMALL_SIZES,
)

# -- more units, more layers

_MARGIN = 0.05
"""Largest gain of skill by a doubling that counts as none."""


def _saturates(
    name: str,
    statement: str,
    models: Mapping[str, str],
    citation: Citation,
    caution: str,
) -> Claim:
    """Return the claim that the last doubling of a size brings less than the margin."""
    (small, few), (large, many) = models.items()
    return Claim(
        name=name,
        statement=statement,
        citations=(citation,),
        trials=Suite.of(
            tasks=["sequential-digits[rows=true]"],
            models=[few, many],
            seeds=10,
            preset="quick",
            hidden_size=64,
            tune=["learning_rate=3e-4..1e-2"],
            tune_trials=6,
            tune_report="tuned",
            presets={"quick": {"seeds": 8, "tune_trials": 3, "settings": {"steps": 300}}},
        ),
        groups={small: Group(few, tuned=True), large: Group(many, tuned=True)},
        measure=Skill(),
        effect=difference(large, small, f"skill of {large} minus that of {small}"),
        rule=Below(_MARGIN),
        simulated=Simulated(
            supported={large: (0.8, 0.02), small: (0.8, 0.02)},
            contradicted={large: (0.8, 0.02), small: (0.65, 0.02)},
        ),
        caution=caution,
    )


def _costs(
    name: str, statement: str, models: Mapping[str, str], citation: Citation, caution: str
) -> Claim:
    """Return the claim that the last doubling of a size takes half as much time again, or more."""
    (small, few), (large, many) = models.items()
    return Claim(
        name=name,
        statement=statement,
        citations=(citation,),
        trials=Suite.of(
            tasks=["adding[length=50]"],
            models=[few, many],
            seeds=1,
            preset="quick",
            settings=ONE_STEP,
        ),
        groups={small: Group(few), large: Group(many)},
        measure=StepTime("train"),
        effect=ratio(large, small, f"time of a training step of {large} over that of {small}"),
        rule=Above(1.5),
        simulated=Simulated(
            supported={large: (2.0, 0.01), small: (1.0, 0.01)},
            contradicted={large: (1.1, 0.01), small: (1.0, 0.01)},
        ),
        caution=caution,
    )


_LAST_UNITS = {"256 units": "lstm[hidden_size=256]", "512 units": "lstm[hidden_size=512]"}
_LAST_LAYERS = {"2 layers": "lstm[num_layers=2]", "4 layers": "lstm[num_layers=4]"}

UNITS_SATURATE = _saturates(
    "more-units-saturate",
    "With more and more hidden units accuracy saturates: twice 256 add less than 0.05 of skill.",
    _LAST_UNITS,
    GREFF_2017,
    "one layer, images of digits read row by row, from 256 to 512 units at equal numbers of steps;"
    " a loss of accuracy counts as none gained",
)
LAYERS_SATURATE = _saturates(
    "more-layers-saturate",
    "With more and more layers accuracy saturates: twice 2 add less than 0.05 of skill.",
    _LAST_LAYERS,
    HERMANS_2013,
    "64 units per layer, images of digits read row by row, from 2 to 4 layers at equal numbers of "
    "steps; a loss of accuracy counts as none gained",
)
UNITS_COST = _costs(
    "more-units-cost-more-time",
    "Training time keeps growing with the number of hidden units.",
    _LAST_UNITS,
    GREFF_2017,
    "one layer on one core, from 256 to 512 units; smaller sizes are not shown",
)
LAYERS_COST = _costs(
    "more-layers-cost-more-time",
    "Training time keeps growing with the number of layers.",
    _LAST_LAYERS,
    HERMANS_2013,
    "64 units per layer on one core, from 2 to 4 layers, as torch runs them; plain loops and the "
    "forward pass take about twice as long",
)

CLAIMS = (
    LSTM_TWO_BIASES,
    LSTM_ONE_BIAS,
    PEEPHOLE_LSTM,
    LAYER_NORM_LSTM,
    THREE_GATES,
    BIDIRECTIONAL,
    GRU_A_THIRD_FEWER,
    GRU_A_QUARTER_FEWER,
    GRU_A_QUARTER_FEWER_ONE_BIAS,
    UNITS_SATURATE,
    LAYERS_SATURATE,
    UNITS_COST,
    LAYERS_COST,
)
