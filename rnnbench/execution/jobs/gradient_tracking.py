"""What a trial needs to record its gradients through training (``track_gradients``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnbench.probes.gradient.through_training import TrackedLags
from rnnbench.training.gradient_log import GradientLog
from rnnbench.training.randomness import generator_for

if TYPE_CHECKING:
    from rnnbench.contract.task import Task
    from rnnbench.records.settings import Settings
    from rnnbench.records.spec import TrialSpec
    from rnnbench.training.data import Source
    from rnnbench.training.network import Network


def gradient_log_of(settings: Settings) -> GradientLog | None:
    """Return an empty log if the settings ask for one."""
    if not settings.track_gradients:
        return None
    return GradientLog(clips=settings.clip_norm is not None or settings.clip_value is not None)


def lag_probe(network: Network, task: Task, source: Source, spec: TrialSpec) -> TrackedLags:
    """Return the measurement of G(k) that is repeated in the training of a network.

    It uses validation sequences, because a try of a tuning study has no test set.
    """
    # drawing a batch has no effect on later ones
    rows, steps = source.train(0).inputs.shape[:2]
    return TrackedLags(
        network,
        source.validation,
        (rows, steps),
        generator=generator_for(spec.seed_of("data"), "gradient history"),
        mixed=spec.settings.precision == "bf16-mixed",
        relevant_lags=task.relevant_lags,
    )
