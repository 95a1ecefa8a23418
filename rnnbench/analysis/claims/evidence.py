"""Which records of a store belong to a claim: those of its planned trials."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rnnbench.analysis.tuning.studies import Study
from rnnbench.claims.planned import Planned
from rnnbench.records.base import content_hash
from rnnbench.records.result import Record
from rnnbench.records.spec import TrialSpec


def evidence(
    planned: Sequence[Planned], records: Iterable[Record], found: Iterable[Study] = ()
) -> list[tuple[Record, bool]]:
    """Return the records of planned trials, each with whether its recipe is a tuned one.

    A recipe that a study chose and that is also the default one is returned as both. The trials
    with the default recipe need not have run: a planned trial and one with a chosen recipe agree if
    they differ in the tuned values alone.

    Args:
        planned: the trials of a claim.
        records: the last attempt of each trial.
        found: tuning studies.
    """
    chosen: dict[str, frozenset[str]] = {
        each.tuned_config_id: frozenset(axis.name for axis in each.space)
        for each in found
        if each.tuned_config_id is not None
    }
    keys = {
        names: {_key(each.spec, each.match, names) for each in planned}
        for names in {frozenset[str](), *chosen.values()}
    }
    reported = [record for record in records if record.spec.reported]

    def agrees(record: Record, names: frozenset[str]) -> bool:
        return not keys[names].isdisjoint(_keys(record.spec, names))

    return [
        *((record, False) for record in reported if agrees(record, frozenset())),
        *(
            (record, True)
            for record in reported
            if (names := chosen.get(record.spec.config_id)) is not None and agrees(record, names)
        ),
    ]


def _keys(spec: TrialSpec, without: frozenset[str]) -> Sequence[str]:
    matched = spec.model.matched
    own = _key(spec, None, without)
    if matched is None:
        return [own]
    return [own, _key(spec, (matched.quantity, matched.asked), without)]


def _key(spec: TrialSpec, match: tuple[str, str] | None, without: frozenset[str]) -> str:
    """Return what a trial has in common with its other seeds, without the values of these names."""
    model, settings = spec.model.identity(), spec.settings.identity()
    if match is not None:
        model["hidden_size"] = list(match)
    if "hidden_size" in without:
        del model["hidden_size"]
    if "weight_decay" in without:
        # it is part of the identity only beside a weight decay
        settings.pop("weight_decay_on", None)
    model["options"] = {n: value for n, value in model["options"].items() if n not in without}
    settings = {name: value for name, value in settings.items() if name not in without}
    # the seed is left out: further seeds of a planned trial are further evidence
    return content_hash([spec.task.identity(), model, settings])
