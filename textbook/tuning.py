"""Recipes: what tuning gains, and whether it changes which architecture is the better one."""

from __future__ import annotations

from rnnbench import Citation, Suite
from rnnbench.claims import Above, Claim, Contrast, Group, Reversals, Simulated, Skill

from ._sources import GREFF_2017, JOZEFOWICZ_2015

MELIS_2018 = Citation(
    "Melis et al. 2018",
    "On the state of the art of evaluation in neural language models",
    "ICLR",
    "https://arxiv.org/abs/1707.05589",
)

ADDING = "adding[length=20]"
RECALL = "noisy-recall[length=16,keys=4,values=4]"
_MODELS = ("rnn", "lstm", "gru", "mgu", "minlstm")


def recipes(models: list[str]) -> Suite:
    """Return trials of equal size on two tasks, with the default and with a tuned learning rate.

    The default rate is that of the tasks' presets, 0.003, which is also one of the tries.
    """
    return Suite.of(
        tasks=[ADDING, RECALL],
        models=models,
        preset="quick",
        match="params=5k",
        seeds=10,
        tune=["learning_rate=3e-4|1e-3|3e-3|1e-2"],
        tune_sampler="grid",
        tune_trials=4,
        settings={"steps": 3000, "batch_size": 32, "test_size": 1000},
        presets={"quick": {"seeds": 5, "settings": {"steps": 1000, "validate_every": 250}}},
    )


def _names(where: str) -> list[tuple[str, str]]:
    """Return the groups of each model on one task, with the default and with the tuned recipe."""
    return [(f"{model} {where}", f"{model} {where}, tuned") for model in _MODELS]


_TASKS = {"adding": ADDING, "recall": RECALL}
_GROUPS = {
    name: Group(model, task, tuned=tuned)
    for where, task in _TASKS.items()
    for model, both in zip(_MODELS, _names(where), strict=True)
    for name, tuned in zip(both, (False, True), strict=True)
}
_SPREAD = 0.02
_SCALE = "five models of about 5,000 parameters on two tasks; the learning rate alone was tuned"

TUNING_HELPS = Claim(
    name="tuning-helps",
    statement="A learning rate tuned for each model gives better scores than one rate for all.",
    citations=(GREFF_2017,),
    trials=recipes(list(_MODELS)),
    groups=_GROUPS,
    measure=Skill(),
    effect=Contrast(
        {name: (1 if group.tuned else -1) * 2 / len(_GROUPS) for name, group in _GROUPS.items()},
        "skill with tuned minus skill with default recipe, mean of models and tasks",
    ),
    rule=Above(0.0),
    simulated=Simulated(
        supported={name: (0.8 if g.tuned else 0.6, 0.1) for name, g in _GROUPS.items()},
        contradicted={name: (0.5 if g.tuned else 0.6, 0.1) for name, g in _GROUPS.items()},
    ),
    caution=_SCALE,
)


def _ranked(*, first_becomes_best: bool) -> dict[str, tuple[float, float]]:
    """Return a world in which tuning keeps the ranking, or takes the worst model to the top."""
    found = {}
    for where in _TASKS:
        for place, (default, tuned) in enumerate(_names(where)):
            last = place == 0 and first_becomes_best
            found[default] = (0.1 + 0.15 * place, _SPREAD)
            found[tuned] = (1.0 if last else 0.1 + 0.15 * place, _SPREAD)
    return found


TUNING_REVERSES = Claim(
    name="tuning-reverses-rankings",
    statement="Which of two architectures is the better one depends on tuning in one case of ten "
    "or more.",
    citations=(MELIS_2018, JOZEFOWICZ_2015),
    trials=recipes(list(_MODELS)),
    groups=_GROUPS,
    measure=Skill(),
    effect=Reversals(
        [_names(where) for where in _TASKS],
        "share of the pairs sure under both recipes whose order is reversed by tuning",
        least=0.02,
    ),
    rule=Above(0.1),
    simulated=Simulated(
        supported=_ranked(first_becomes_best=True), contradicted=_ranked(first_becomes_best=False)
    ),
    caution=_SCALE,
)

CLAIMS = (TUNING_HELPS, TUNING_REVERSES)
