"""The claim under test, with simulated records of which the truth is known."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from rnnbench.analysis.claims.judged import JudgedClaim, decided, measured
from rnnbench.claims.claim import Claim
from rnnbench.claims.effects import Moments
from rnnbench.contract.registry import Registry
from rnnbench.plan.asked import PlannedGrid, claim_grids
from rnnbench.records.result import Record
from rnnbench.records.spec import TrialSpec
from rnnbench.testing.claim.records import blank
from rnnbench.testing.outcome import require

World = Mapping[str, tuple[float, float]]
"""Mean and standard deviation of each group's measurements."""


@dataclass(frozen=True)
class ClaimUnderTest:
    """A claim with the plugins that its trials need."""

    claim: Claim
    registry: Registry

    @property
    def sizes(self) -> list[str]:
        """The presets of its trials."""
        return self.claim.trials.sizes or ["standard"]

    def grids(self, size: str) -> list[PlannedGrid]:
        """Return its planned trials."""
        given = {"preset": size} if self.claim.trials.sizes else {}
        return claim_grids(self.claim, self.registry, given)

    @cached_property
    def smallest(self) -> dict[str, list[TrialSpec]]:
        """The trials of each group in the preset that has fewest."""
        return min(
            (self.groups(size) for size in self.sizes),
            key=lambda groups: sum(map(len, groups.values())),
        )

    def groups(self, size: str) -> dict[str, list[TrialSpec]]:
        """Return the trials of each group; those of tuned recipes stand for the default ones."""
        grids = self.grids(size)
        return {
            name: [
                spec
                for grid in grids
                if grid.request.tune or not group.tuned
                for spec in grid.specs
                if spec.reported and group.holds(spec)
            ]
            for name, group in self.claim.groups.items()
        }

    def judged(self, world: World, seed: int) -> JudgedClaim:
        """Return the claim judged alone, on records drawn from a world."""
        generator = np.random.default_rng([seed, zlib.crc32(self.claim.name.encode())])
        records = {
            name: [self.drawn(record, *world[name], generator) for record in self.blanks[name]]
            for name in self.claim.groups
        }
        (judged,) = decided([measured(self.claim, records)])
        return judged

    @cached_property
    def blanks(self) -> dict[str, list[Record]]:
        """Records of the smallest preset, in which nothing is written yet, by group."""
        return {name: [blank(spec) for spec in specs] for name, specs in self.smallest.items()}

    def drawn(
        self, record: Record, centre: float, spread: float, generator: np.random.Generator
    ) -> Record:
        """Return a record whose measurement is normally distributed, or 0 or 1 of this mean."""
        if self.claim.measure.binary:
            value = float(generator.random() < centre)
        else:
            value = float(generator.normal(centre, spread)) if spread else centre
        return self.claim.measure.write(record, value)

    def mixed(self, share: float) -> dict[str, tuple[float, float]]:
        """Return the world at a share of the way from the contradicted to the supported one."""
        low, high = self.claim.simulated.contradicted, self.claim.simulated.supported
        return {
            name: (
                (1 - share) * low[name][0] + share * high[name][0],
                max(low[name][1], high[name][1]),
            )
            for name in self.claim.groups
        }

    def expected(self, world: World) -> float:
        """Return the effect of the means of a world."""
        claim = self.claim
        logarithms = claim.effect.scale == "log" or claim.measure.logarithmic
        means = {name: world[name][0] for name in claim.effect.groups}
        require(
            not logarithms or all(value > 0 for value in means.values()),
            f"no effect can be computed from the world {dict(world)}: it takes logarithms",
        )
        return claim.effect.estimate(
            {
                name: Moments(math.log(value) if logarithms else value, 0.0, math.inf, 2)
                for name, value in means.items()
            }
        ).effect
