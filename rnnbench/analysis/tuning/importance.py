"""Importance of the tuned settings of a study, by Optuna's functional ANOVA.

Source: Hutter et al. 2014 (the share of the variance of scores over the search space that each
setting explains on its own, by a random forest).
"""

from __future__ import annotations

import math

from rnnbench.analysis.tuning.studies import Study, try_of

FEWEST_TRIES = 10
"""With fewer scores a forest finds importance by chance."""
_SEED = 20_140_621


def importances(study: Study) -> dict[str, float] | str:
    """Return the importance of each tuned setting, from 0 to 1, the largest first.

    Returns a reason in words where there is none: fewer than two settings, fewer than ten tries
    with a score, or equal scores.
    """
    if len(study.space) < 2:
        return "a single setting was tuned"
    if len(study.validated) < FEWEST_TRIES:
        return f"{len(study.validated)} tries have a score, and {FEWEST_TRIES} are needed"
    scores = [validated.best_score for validated in study.validated.values()]
    if math.isclose(min(scores), max(scores), rel_tol=1e-12):
        return "all tries have the same score"
    # slow to import, and rarely needed
    import optuna
    from optuna.importance import FanovaImportanceEvaluator, get_param_importances

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    higher = study.direction == "higher"
    imagined = optuna.create_study(direction="maximize" if higher else "minimize")
    spaces = {axis.name: axis.distribution for axis in study.space}
    for record in study.tries:
        number = try_of(record).number
        if number in study.validated:
            imagined.add_trial(
                optuna.trial.create_trial(
                    params=try_of(record).values,
                    distributions=spaces,
                    value=study.validated[number].best_score,
                )
            )
    found = get_param_importances(imagined, evaluator=FanovaImportanceEvaluator(seed=_SEED))
    return {name: float(value) for name, value in found.items()}
