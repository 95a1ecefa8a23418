"""The trials of a run: planned, at matched sizes, with their tuning studies."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Container, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rnnbench.claims.planned import PlannedClaim
from rnnbench.errors import UsageError
from rnnbench.execution.isolation import Processes
from rnnbench.plan.asked import Asked, PlannedGrid, plan_grids, planned_claims
from rnnbench.plan.matching import parse_match
from rnnbench.plan.sharding import parse_shard
from rnnbench.plan.tuning import TUNED
from rnnbench.records.spec import TrialSpec

if TYPE_CHECKING:
    from torch import nn

    from rnnbench.contract.registry import Registry
    from rnnbench.execution.options import RunOptions
    from rnnbench.plan.matching import Match
    from rnnbench.plan.tuning import StudyPlan
    from rnnbench.records.result import Status

Warn = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """The trials of a run, and the plugins that define them.

    Attributes:
        grids: the trials of each request; their hidden sizes are final.
        registry: the plugins.
        claims: the claims with their trials as planned.
        studies: the tuning studies.
        timed_elsewhere: the ``speed_id`` of networks whose speed another shard measures.
    """

    grids: Sequence[PlannedGrid]
    registry: Registry
    claims: Sequence[PlannedClaim] = ()
    studies: Sequence[StudyPlan] = ()
    timed_elsewhere: frozenset[str] = frozenset()

    @cached_property
    def specs(self) -> list[TrialSpec]:
        """The trials, each once, by seed first, so that every configuration has a result early.

        Those with the default recipe are left out where only the tuned one is to be reported.
        """
        wanted = [grid for grid in self.grids if grid.request.tune_report != TUNED]
        distinct: dict[str, TrialSpec] = {}
        for grid in wanted:
            for spec in grid.specs:
                distinct.setdefault(spec.trial_id, spec)
        found = list(distinct.values())
        if len(self.grids) < 2:
            return found
        return sorted(found, key=lambda spec: (spec.varied != "all", spec.seed))

    @property
    def untimed(self) -> frozenset[str]:
        """The ``speed_id`` of networks whose speed is not asked for, or whose claims need none.

        A tuned recipe of training has the network of the default one.
        """
        timed = {spec.speed_id for grid in self.grids if grid.is_timed for spec in grid.specs}
        known = frozenset(spec.speed_id for grid in self.grids for spec in grid.specs)
        return (known - timed) | self.timed_elsewhere


def plan(asked: Asked, warn: Warn = warnings.warn, given: Sequence[type[nn.Module]] = ()) -> Plan:
    """Load the plugins and plan the trials; ``warn`` is called for each plugin left out.

    Models given as classes are registered beside those of the plugins.
    """
    from rnnbench.contract import registry as plugins
    from rnnbench.contract.given import take_class

    registry = plugins.load()
    for plugin in registry.faults:
        where = f"{plugin.name} of {plugin.provider.distribution} {plugin.provider.version}"
        warn(f"plugin {where} was left out: {plugin.error}")
    for each in given:
        registry.add_class(take_class(each), each)
    grids = plan_grids(asked, registry)
    return Plan(grids, registry, planned_claims(grids))


def matched(
    planned: Plan,
    options: RunOptions,
    processes: Processes,
    *,
    store: Path,
    device: str | None = None,
    warn: Warn = warnings.warn,
) -> Plan:
    """Return the plan with the hidden sizes that its requests ask for.

    Args:
        planned: the plan at equal hidden sizes.
        options: of the run.
        processes: that the networks are built in.
        store: file with the records of earlier runs, which may be missing.
        device: of the trials; picked by ``options`` if it is needed and not given.
        warn: called for each model that has another size than the target.

    Raises:
        UsageError: an unreachable target; or sizes by measured time in a shard.
    """
    # grids with one target share the processes that build their networks
    targets: dict[Match, list[TrialSpec]] = {}
    for grid in planned.grids:
        if (match := parse_match(grid.request.match)) is not None:
            targets.setdefault(match, []).extend(grid.specs)
    if not targets:
        return planned
    from rnnbench.execution.matching import Matching
    from rnnbench.execution.run import pick_device

    sizes: dict[Match, dict[str, TrialSpec]] = {}
    for match, specs in targets.items():
        timed = match.quantity == "time"
        if timed and options.shard is not None:
            raise UsageError(
                f"--shard {options.shard} and {match}: sizes that are matched by measured times "
                "would differ between the shards; match params, or omit --shard."
            )
        on = device or (pick_device(options.accelerator) if timed else "cpu")
        matching = Matching(
            match,
            planned.registry,
            processes,
            warn,
            # Sizes are counted without a GPU.
            device=on if timed else "cpu",
            memory=options.memory if on == "cpu" or timed else None,
            store=store,
        )
        sizes[match] = matching.resized(specs)
    return replace(planned, grids=[_resized(grid, sizes) for grid in planned.grids])


def _resized(grid: PlannedGrid, sizes: dict[Match, dict[str, TrialSpec]]) -> PlannedGrid:
    match = parse_match(grid.request.match)
    if match is None:
        return grid
    specs = {
        found.trial_id: found for spec in grid.specs for found in [sizes[match][spec.trial_id]]
    }
    return replace(grid, specs=list(specs.values()))


def tuned(planned: Plan) -> Plan:
    """Return a plan with its tuning studies, whose trials have their sizes by now.

    A study that several requests ask for is run once, for the seeds of all of them.

    Raises:
        UsageError: a search space that cannot be searched.
    """
    from rnnbench.plan.tuning import plan_studies

    found: dict[str, StudyPlan] = {}
    for grid in planned.grids:
        for study in plan_studies(grid.request, grid.specs, planned.registry):
            other = found.get(study.study_id, study)
            reported = {spec.trial_id: spec for spec in (*other.reported, *study.reported)}
            found[study.study_id] = replace(
                study, reported=tuple(reported.values()), tries=max(other.tries, study.tries)
            )
    return replace(planned, studies=list(found.values()))


def sharded(planned: Plan, text: str | None) -> Plan:
    """Return the part of a plan that ``--shard`` names; the whole plan for ``None``.

    The part of a trial follows from its identity alone. All trials of a tuning study are in one
    part, with those of the default recipe. The speed of a network is measured in the part that has
    the first of its trials. Claims are left out: a verdict needs all parts.
    """
    if text is None:
        return planned
    shard = parse_shard(text)
    keys = {spec.trial_id: study.study_id for study in planned.studies for spec in study.reported}

    def holds(spec: TrialSpec) -> bool:
        return shard.holds(keys.get(spec.trial_id, spec.trial_id))

    first: dict[str, TrialSpec] = {}
    for spec in (spec for grid in planned.grids if grid.is_timed for spec in grid.specs):
        if spec.speed_id not in first or spec.trial_id < first[spec.speed_id].trial_id:
            first[spec.speed_id] = spec
    return replace(
        planned,
        grids=[replace(grid, specs=list(filter(holds, grid.specs))) for grid in planned.grids],
        claims=(),
        studies=[study for study in planned.studies if shard.holds(study.study_id)],
        timed_elsewhere=frozenset(speed for speed, spec in first.items() if not holds(spec)),
    )


def dry_plan(
    asked: Asked,
    options: RunOptions,
    store: Path,
    warn: Warn = warnings.warn,
    given: Sequence[type[nn.Module]] = (),
) -> Plan:
    """Return the plan of a run with its studies; only matched sizes start a process."""
    planned = plan(asked, warn, given)
    if any(parse_match(grid.request.match) is not None for grid in planned.grids):
        with Processes(options.threads) as processes:
            planned = matched(planned, options, processes, store=store, warn=warn)
    return sharded(tuned(planned), options.shard)


def tries_of(planned: Plan, path: Path) -> list[TrialSpec]:
    """Return the tries of a plan whose values are known before they run, and those in a store."""
    if not planned.studies:
        return []
    from rnnbench.execution.sampling import fixed_tries
    from rnnbench.records.store import Store

    found: dict[tuple[str, int], TrialSpec] = {}
    if os.path.exists(path):  # noqa: PTH110 - unlike Path's, false for any impossible name
        with Store(path, must_exist=True) as store:
            for record in store.records(purpose="tuning"):
                if (tuning := record.spec.tuning) is not None:
                    found[tuning.study, tuning.number] = record.spec
    specs = []
    for study in planned.studies:
        new = dict(enumerate(fixed_tries(study)))
        for number in range(study.tries):
            spec = found.get((study.study_id, number), new.get(number))
            if spec is not None:
                specs.append(spec)
    return specs


def to_run(planned: Plan, tries: Sequence[TrialSpec], known: Container[str]) -> list[TrialSpec]:
    """Return the trials that are not stored, with those that follow from tries among them.

    The recipes of the latter are not known before, and stand here as the default ones.
    """
    missing = [spec for spec in (*tries, *planned.specs) if spec.trial_id not in known]
    open_studies = {spec.tuning.study for spec in missing if spec.tuning is not None}
    for study in planned.studies:
        if study.study_id in open_studies:
            missing.extend(study.reported)
    return missing


def stored(path: Path, retry: Iterable[Status]) -> dict[str, Status]:
    """Return the trials of a store that are not run again, with their last statuses."""
    from rnnbench.records.store import Store, runs_again

    if not os.path.exists(path):  # noqa: PTH110 - unlike Path's, false for any impossible name
        return {}
    with Store(path, must_exist=True) as store:
        statuses = store.statuses()
    wanted = frozenset(retry)
    return {trial: status for trial, status in statuses.items() if not runs_again(status, wanted)}
