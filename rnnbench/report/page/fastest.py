"""Sentences on the fastest model of a task."""

from __future__ import annotations

from rnnbench.analysis.formatting import listed, ratio_text
from rnnbench.analysis.groups import Configuration, TaskGroup
from rnnbench.records.speed import SpeedPoint


def fastest(task: TaskGroup) -> list[str]:
    """Return which model has the fastest training step, as built and with plain loops.

    A model is the fastest where its interval is below those of all others. Models are compared by
    ratios alone, and only where all ratios refer to the same network on the same machine.
    """
    timed = [c for c in task.configurations if c.speed is not None]
    # ratios compare models only where they refer to the same times
    if len({_timed_against(c) for c in timed}) != 1:
        return []
    lines = []
    for condition, of in (
        ("As built", Configuration.speed_point),
        ("With a plain loop for each model", Configuration.plain_loop),
    ):
        found = [(point, c) for c in timed if (point := of(c, "train")) is not None]
        if len(found) > 1:
            lines.append(f"{condition}, {_fastest_of(found)}.")
    return lines


def _timed_against(configuration: Configuration) -> tuple[object, ...]:
    """Return what two ratios must share to be compared: the comparator's network and machine."""
    speed, spec = configuration.speed, configuration.spec
    assert speed is not None
    where = speed.environment
    return (
        *(speed.comparator, speed.comparator_size or spec.model.hidden_size, speed.dtype),
        spec.settings.batch_size,
        *(spec.settings.embedding_size, where.device, where.processor, where.threads),
        where.torch_version,
    )


def _fastest_of(found: list[tuple[SpeedPoint, Configuration]]) -> str:
    """Return the fastest by ratio, with those whose intervals overlap its interval."""
    found = sorted(found, key=lambda pair: pair[0].ratio.median)
    (best, first), *others = found
    top = best.ratio.high
    alike = [
        (point, c)
        for point, c in others
        if top is None or point.ratio.low is None or point.ratio.low <= top
    ]

    def named(point: SpeedPoint, configuration: Configuration) -> str:
        return f"{configuration.label} ({ratio_text(point.ratio)})"

    if not alike and first.speed and first.spec.model.label == first.speed.comparator:
        return f"{first.label} has the fastest training step"
    if not alike:
        return (
            f"{first.label} has the fastest training step, {ratio_text(best.ratio)} "
            f"the time of {first.comparator}"
        )
    others_text = listed([named(*pair) for pair in alike], most=4)
    return (
        f"no model is shown to have the fastest training step: {named(best, first)} has the "
        f"smallest ratio to {first.comparator}, and is not told apart from {others_text}"
    )
