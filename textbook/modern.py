"""Newer recurrences: minimal gates, linear recurrences, and matrices as memory."""

from __future__ import annotations

from rnnbench import Citation, Suite
from rnnbench.claims import (
    Above,
    Below,
    Between,
    Claim,
    Contrast,
    Group,
    Simulated,
    Skill,
    difference,
)

from ._sources import HOCHREITER_1997
from .tuning import ADDING, RECALL, recipes

ZHOU_2016 = Citation(
    "Zhou et al. 2016",
    "Minimal gated unit for recurrent neural networks",
    "International Journal of Automation and Computing",
    "https://arxiv.org/abs/1603.09420",
)
FENG_2024 = Citation(
    "Feng et al. 2024",
    "Were RNNs all we needed?",
    "arXiv",
    "https://arxiv.org/abs/2410.01201",
)
GRAZZI_2025 = Citation(
    "Grazzi et al. 2025",
    "Unlocking state-tracking in linear RNNs through negative eigenvalues",
    "ICLR",
    "https://arxiv.org/abs/2411.12537",
)
MERRILL_2024 = Citation(
    "Merrill et al. 2024",
    "The illusion of state in state-space models",
    "ICML",
    "https://arxiv.org/abs/2404.08819",
)
BECK_2024 = Citation(
    "Beck et al. 2024",
    "xLSTM: extended long short-term memory",
    "NeurIPS",
    "https://arxiv.org/abs/2405.04517",
)
HAHN_2020 = Citation(
    "Hahn 2020",
    "Theoretical limitations of self-attention in neural sequence models",
    "Transactions of the Association for Computational Linguistics",
    "https://arxiv.org/abs/1906.06755",
)
DELETANG_2023 = Citation(
    "Delétang et al. 2023",
    "Neural networks and the Chomsky hierarchy",
    "ICLR",
    "https://arxiv.org/abs/2207.02098",
)
ARORA_2023 = Citation(
    "Arora et al. 2023",
    "Zoology: measuring and improving recall in efficient language models",
    "arXiv",
    "https://arxiv.org/abs/2312.04927",
)
YANG_2025 = Citation(
    "Yang et al. 2025",
    "Gated delta networks: improving Mamba2 with delta rule",
    "ICLR",
    "https://arxiv.org/abs/2412.06464",
)

# -- minimal gates

_EQUIVALENT = Between(-0.05, 0.05)
"""A twentieth of the way from the baseline to perfect; smaller differences are called none."""


def _equivalence(model: str, statement: str, citation: Citation, caution: str) -> Claim:
    """Return the claim that a model is as accurate as an LSTM, on the mean of two tasks."""
    groups = {
        f"{name} {where}": Group(name, task, tuned=True)
        for name in (model, "lstm")
        for where, task in (("adding", ADDING), ("recall", RECALL))
    }
    return Claim(
        name=f"{model}-as-accurate-as-lstm",
        statement=statement,
        citations=(citation, HOCHREITER_1997),
        trials=recipes([model, "lstm"]),
        groups=groups,
        measure=Skill(),
        effect=Contrast(
            {name: 0.5 if name.startswith(model) else -0.5 for name in groups},
            f"skill of {model} minus skill of lstm, mean of two tasks",
        ),
        rule=_EQUIVALENT,
        simulated=Simulated(
            supported=dict.fromkeys(groups, (0.97, 0.01)),
            contradicted={name: (0.7 if name.startswith(model) else 0.97, 0.02) for name in groups},
        ),
        caution=caution,
    )


MGU_IS_AS_ACCURATE = _equivalence(
    "mgu",
    "A minimal gated unit, which has one gate, learns as well as an LSTM of equal size.",
    ZHOU_2016,
    "one layer, adding and noisy recall, about 5,000 parameters, learning rates tuned",
)
MINLSTM_IS_AS_ACCURATE = _equivalence(
    "minlstm",
    "A minLSTM, whose gates read the input alone, learns as well as an LSTM of equal size.",
    FENG_2024,
    "one layer, adding and noisy recall; the source stacks layers with convolutions",
)

# -- tracking a state

_PARITY = "parity[train_length=10,test_length=30]"
_FAR = 0.5
"""Half of the way from chance to perfect."""
_UNSOLVED = 0.2
"""As far from chance as the threshold of a solved parity, a skill of 0.8, is from perfect."""
_ONE_RATE = "strings to length 10 in training, 11 to 30 in the test; one learning rate for all"


def _tracking(*models: str, match: str | None = None) -> Suite:
    """Return trials on parity, trained on short strings and tested on longer ones."""
    size: dict[str, object] = {"hidden_size": 32} if match is None else {"match": match}
    return Suite.of(
        tasks=[_PARITY],
        models=list(models),
        preset="quick",
        seeds=10,
        settings={"steps": 3000, "test_size": 400, "validate_every": 250},
        presets={"quick": {"seeds": 5, "settings": {"steps": 1500}}},
        **size,
    )


def _far_apart(a: str, b: str, spread: float) -> Simulated:
    """Return worlds in which one model tracks a parity and the other does not, or neither does."""
    return Simulated(
        supported={a: (0.97, spread), b: (0.0, 0.05)},
        contradicted={a: (0.05, 0.05), b: (0.0, 0.05)},
    )


POSITIVE_CANNOT_TRACK = Claim(
    name="positive-eigenvalues-cannot-track-parity",
    statement="A linear recurrence with positive eigenvalues does not track a parity.",
    citations=(GRAZZI_2025, MERRILL_2024),
    trials=_tracking("mamba", "deltanet[num_heads=1]"),
    groups={name: Group(f"{name}[negative_eigenvalues=false]") for name in ("mamba", "deltanet")},
    measure=Skill(),
    effect=Contrast(
        {"mamba": 0.5, "deltanet": 0.5}, "skill of mamba and deltanet with positive eigenvalues"
    ),
    rule=Below(_UNSOLVED),
    simulated=Simulated(
        supported={"mamba": (0.0, 0.05), "deltanet": (0.0, 0.05)},
        contradicted={"mamba": (0.9, 0.1), "deltanet": (0.9, 0.1)},
    ),
    caution=_ONE_RATE,
)

_SIGNS = {
    f"{name}, {sign}": Group(f"{name}[negative_eigenvalues={value}]")
    for name in ("mamba", "deltanet")
    for sign, value in (("negative", "true"), ("positive", "false"))
}

NEGATIVE_TRACK = Claim(
    name="negative-eigenvalues-track-parity",
    statement="With negative eigenvalues a linear recurrence tracks a parity, which it does not "
    "with positive ones.",
    citations=(GRAZZI_2025,),
    trials=_tracking(
        "mamba[negative_eigenvalues=true,false]",
        "deltanet[num_heads=1,negative_eigenvalues=true,false]",
    ),
    groups=_SIGNS,
    measure=Skill(),
    effect=Contrast(
        {name: 0.5 if "negative" in name else -0.5 for name in _SIGNS},
        "skill with negative minus skill with positive eigenvalues, mean of mamba and deltanet",
    ),
    rule=Above(_FAR),
    simulated=Simulated(
        supported={name: ((0.97, 0.05) if "negative" in name else (0.0, 0.05)) for name in _SIGNS},
        contradicted=dict.fromkeys(_SIGNS, (0.05, 0.05)),
    ),
    caution=_ONE_RATE,
)

MINLSTM_CANNOT_TRACK = Claim(
    name="minlstm-cannot-track-parity",
    statement="A minLSTM, whose gates do not read its state, does not track a parity that an LSTM "
    "of equal size tracks.",
    citations=(MERRILL_2024, FENG_2024),
    trials=_tracking("lstm", "minlstm", match="params=5k"),
    groups={"lstm": Group("lstm"), "minlstm": Group("minlstm")},
    measure=Skill(),
    effect=difference("lstm", "minlstm", "skill of lstm minus skill of minlstm on parity"),
    rule=Above(_FAR),
    simulated=_far_apart("lstm", "minlstm", 0.05),
    caution=f"equal parameters; {_ONE_RATE}",
)

SLSTM_TRACKS = Claim(
    name="slstm-tracks-parity-and-mlstm-does-not",
    statement="An sLSTM, whose gates read its state, tracks a parity, and an mLSTM does not.",
    citations=(BECK_2024,),
    trials=_tracking("slstm", "mlstm"),
    groups={"slstm": Group("slstm"), "mlstm": Group("mlstm")},
    measure=Skill(),
    effect=difference("slstm", "mlstm", "skill of slstm minus skill of mlstm on parity"),
    rule=Above(_FAR),
    simulated=_far_apart("slstm", "mlstm", 0.05),
    caution=f"equal hidden sizes, at which slstm has fewer parameters; {_ONE_RATE}",
)

TRANSFORMER_CANNOT_TRACK = Claim(
    name="transformer-does-not-extend-parity",
    statement="A Transformer does not tell the parity of strings that are longer than those it was "
    "trained on.",
    citations=(HAHN_2020, DELETANG_2023),
    trials=_tracking("transformer"),
    groups={"transformer": Group("transformer")},
    measure=Skill(),
    effect=Contrast({"transformer": 1.0}, "skill of transformer on parity"),
    rule=Below(_UNSOLVED),
    simulated=Simulated(
        supported={"transformer": (0.0, 0.05)}, contradicted={"transformer": (0.9, 0.1)}
    ),
    caution="two layers with rotary positions; trials that did not learn the short strings count "
    f"too, which are most of them in the preset quick; {_ONE_RATE}",
)

# -- matrices as memory

_STORE = "associative-recall[pairs=4,length=16,vocab=32]"
_MATRICES = ("mlstm", "gated-deltanet")
# One head, because the sizes of states with several are too far apart to be matched.
_OF_ONE_HEAD = [f"{name}[num_heads=1]" for name in _MATRICES]

MATRICES_RECALL_MORE = Claim(
    name="matrix-memory-recalls-more",
    statement="A gated matrix memory learns to recall more than an LSTM whose state has as many "
    "numbers.",
    citations=(ARORA_2023, BECK_2024, YANG_2025),
    trials=Suite.of(
        tasks=[_STORE],
        models=[*_OF_ONE_HEAD, "lstm"],
        preset="quick",
        match="state=480",
        seeds=10,
        settings={"steps": 6000, "batch_size": 32, "validate_every": 250, "test_size": 1000},
        presets={"quick": {"seeds": 5, "settings": {"steps": 1000}}},
    ),
    groups={name: Group(name) for name in (*_MATRICES, "lstm")},
    measure=Skill(),
    effect=Contrast(
        {**dict.fromkeys(_MATRICES, 0.5), "lstm": -1.0},
        "skill of mlstm and gated-deltanet minus skill of lstm, at equal state",
    ),
    rule=Above(0.0),
    simulated=Simulated(
        supported={**dict.fromkeys(_MATRICES, (0.9, 0.1)), "lstm": (0.3, 0.05)},
        contradicted={**dict.fromkeys(_MATRICES, (0.3, 0.05)), "lstm": (0.9, 0.1)},
    ),
    caution="one task, one learning rate, as many training steps for all, in which the LSTM does "
    "not converge: it shows how soon recall is learned, not the capacity; at equal state the LSTM "
    "has far more parameters",
)

CLAIMS = (
    MGU_IS_AS_ACCURATE,
    MINLSTM_IS_AS_ACCURATE,
    MINLSTM_CANNOT_TRACK,
    POSITIVE_CANNOT_TRACK,
    NEGATIVE_TRACK,
    SLSTM_TRACKS,
    TRANSFORMER_CANNOT_TRACK,
    MATRICES_RECALL_MORE,
)
