"""Which records of a store belong to a claim: those of its planned trials."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rnnbench.claims.planned import Planned
from rnnbench.records.base import content_hash
from rnnbench.records.result import Record
from rnnbench.records.spec import TrialSpec


def evidence(
    planned: Iterable[Planned], records: Iterable[Record], tuned: Mapping[str, str]
) -> list[tuple[Record, bool]]:
    """Return the records of planned trials, each with whether its recipe is a tuned one.

    A recipe that a study chose and that is also the default one is returned as both.

    Args:
        planned: the trials of a claim.
        records: the last attempt of each trial.
        tuned: ``config_id`` of each configuration that a tuning study chose, with that of the
            default one.
    """
    keys = {_key(each.spec, each.match) for each in planned}
    reported = [record for record in records if record.spec.reported]
    found = [(record, False) for record in reported if not keys.isdisjoint(_keys(record.spec))]
    defaults = {record.spec.config_id for record, _ in found}
    return [
        *found,
        *((record, True) for record in reported if tuned.get(record.spec.config_id) in defaults),
    ]


def _keys(spec: TrialSpec) -> Sequence[str]:
    matched = spec.model.matched
    own = _key(spec, None)
    return [own] if matched is None else [own, _key(spec, (matched.quantity, matched.asked))]


def _key(spec: TrialSpec, match: tuple[str, str] | None) -> str:
    model = spec.model.identity()
    if match is not None:
        model["hidden_size"] = list(match)
    # the seed is left out: further seeds of a planned trial are further evidence
    return content_hash([spec.task.identity(), model, spec.settings.identity()])
