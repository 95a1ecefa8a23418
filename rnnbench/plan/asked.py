"""What a run is asked for: grids of trials, and claims, which bring grids of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rnnbench.claims.planned import Planned, PlannedClaim
from rnnbench.errors import UsageError, did_you_mean
from rnnbench.plan.matching import parse_match
from rnnbench.plan.planning import Request, make_plan
from rnnbench.plan.suites import chosen, load_suite, to_requests
from rnnbench.records.syntax import expand, parse_selectors

if TYPE_CHECKING:
    from rnnbench.claims.claim import Claim
    from rnnbench.contract.registry import Registry
    from rnnbench.records.spec import TrialSpec

_OF_CLAIMS = ("seeds", "preset")
"""What may be asked for of claims, whose trials are otherwise their own."""


@dataclass(frozen=True)
class Asked:
    """What a run is asked for.

    Attributes:
        requests: grids of trials.
        claims: claims by name or glob.
        given: seeds and preset for the trials of claims.
    """

    requests: tuple[Request, ...] = ()
    claims: tuple[str, ...] = ()
    given: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class PlannedGrid:
    """The trials of one request, and the claim that it belongs to, if any."""

    request: Request
    specs: Sequence[TrialSpec]
    claim: Claim | None = None

    @property
    def is_timed(self) -> bool:
        """Whether the speed of its networks is asked for; a claim may need none."""
        needed = self.claim is None or self.claim.measure.of_speed
        return self.request.speed is not False and needed


def ask(
    suite: str | None = None, claims: Sequence[str] = (), given: Mapping[str, Any] | None = None
) -> Asked:
    """Return what flags, a suite and claims ask for; fields that are given override the suite's.

    Args:
        suite: name or YAML file of a suite.
        claims: names or globs of claims.
        given: fields of :class:`rnnbench.plan.planning.Request`.

    Raises:
        UsageError: nothing to run, a suite that cannot be read, or fields that claims do not take.
    """
    given = chosen(given or {})
    if suite is not None and claims:
        raise UsageError(
            "--suite and --claim were both given; give one of them, or list the claims in a suite."
        )
    if suite is not None:
        loaded = load_suite(suite)
        requests = to_requests(loaded, given)
        claims = loaded.claims
        if claims and requests:
            # the claims of a suite with grids of its own keep their trials
            return Asked(tuple(requests), tuple(claims), _of_claims(given))
    elif claims:
        requests = []
    elif given.get("tasks"):
        requests = [Request(**given)]
    else:
        raise UsageError(
            "no task was named; type rnnbench run --task copy-memory, "
            "or rnnbench list tasks to see them all."
        )
    if claims:
        _refuse_others(given)
    return Asked(tuple(requests), tuple(claims), _of_claims(given))


def _of_claims(given: Mapping[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in _OF_CLAIMS if name in given}


def _refuse_others(given: Mapping[str, Any]) -> None:
    """Refuse to change the trials of a claim, whose rule was fixed for them."""
    for name, value in given.items():
        if name not in _OF_CLAIMS and value not in (None, {}, (), []):
            raise UsageError(
                f"{name.replace('_', '-')} is given, and a claim has trials of its own, for which "
                "its rule was fixed; give --seeds and --preset alone."
            )


def claims_named(words: Sequence[str], registry: Registry) -> list[Claim]:
    """Return the claims that names and globs select, each once.

    Raises:
        UsageError: an unknown name, or options, which claims do not have.
    """
    found: dict[str, Claim] = {}
    for selector in parse_selectors(words):
        if selector.options:
            raise UsageError(f"a claim has no options; type --claim {selector.pattern}.")
        for name in expand("claim", selector.pattern, sorted(registry.claims)):
            found[name] = registry.claim(name).claim
    return list(found.values())


def plan_grids(asked: Asked, registry: Registry) -> list[PlannedGrid]:
    """Return the trials of every request and of every claim.

    Raises:
        UsageError: a wrong name, option, value or range.
        DataError: a data file that cannot be read.
    """
    grids = [PlannedGrid(request, make_plan(request, registry)) for request in asked.requests]
    for claim in claims_named(asked.claims, registry) if asked.claims else ():
        grids += claim_grids(claim, registry, asked.given)
    return grids


def claim_grids(claim: Claim, registry: Registry, given: Mapping[str, Any]) -> list[PlannedGrid]:
    """Return the trials of a claim.

    Args:
        claim: the claim.
        registry: the plugins.
        given: ``seeds`` and ``preset``, where the claim's own are not wanted.
    """
    own = dict(given)
    # without presets of its own it is the same at every size
    if not claim.trials.sizes:
        own.pop("preset", None)
    elif (size := own.get("preset")) is not None and size not in claim.trials.sizes:
        raise UsageError(
            f"claim {claim.name!r} has no preset {size!r}.{did_you_mean(size, claim.trials.sizes)} "
            f"It has: {', '.join(claim.trials.sizes)}."
        )
    return [
        PlannedGrid(request, make_plan(request, registry), claim)
        for request in to_requests(claim.trials, own)
    ]


def planned_claims(grids: Sequence[PlannedGrid]) -> list[PlannedClaim]:
    """Return the claims among planned grids, each with all its trials."""
    found: dict[str, tuple[Claim, list[Planned]]] = {}
    for grid in grids:
        if grid.claim is not None:
            match = parse_match(grid.request.match)
            target = None if match is None else (match.quantity, match.asked)
            _, trials = found.setdefault(grid.claim.name, (grid.claim, []))
            trials += [Planned(spec, target) for spec in grid.specs]
    return [PlannedClaim(claim, tuple(trials)) for claim, trials in found.values()]
