"""The checks of a claim: its trials can be planned, and its rule decides worlds that are known."""

from __future__ import annotations

from rnnbench.analysis.claims.decision import Verdict
from rnnbench.analysis.statistics.intervals import LEVEL
from rnnbench.testing.claim.subject import ClaimUnderTest, World
from rnnbench.testing.outcome import CheckResult, require, run_all

_DRAWS = 200
_DECIDED = 0.8
"""Share of simulated runs that a claim should decide where its effect is as large as simulated."""
_WRONG = 0.05
_CHANCE = 0.045
"""Largest excess over 0.05 among 200 draws, with a probability of 0.999."""


def results(subject: ClaimUnderTest) -> list[CheckResult]:
    """Run every check of a claim."""
    return run_all(
        (
            its_trials_can_be_planned,
            every_group_has_trials,
            compared_groups_differ,
            the_measure_reads_back_what_it_writes,
            its_worlds_are_on_both_sides_of_the_rule,
            a_true_claim_is_supported,
            a_false_claim_is_contradicted,
            an_effect_on_the_bound_is_rarely_decided,
        ),
        subject,
    )


def its_trials_can_be_planned(subject: ClaimUnderTest) -> None:
    """Every preset of its trials names tasks, models, options and settings that exist."""
    for size in subject.sizes:
        require(
            any(grid.specs for grid in subject.grids(size)),
            f"preset {size!r} of its trials is empty; name tasks and models",
        )


def every_group_has_trials(subject: ClaimUnderTest) -> None:
    """Every preset has trials of every group: at least two seeds where their chance counts."""
    measure = subject.claim.measure
    fewest = 1 if measure.exact or measure.of_speed else 2
    for size in subject.sizes:
        for name, specs in subject.groups(size).items():
            require(
                len(specs) >= fewest,
                f"group {name!r} holds {len(specs)} trials of preset {size!r} and needs {fewest}; "
                "its model, task and settings must agree with those of the trials, and a tuned "
                "group needs trials that are tuned",
            )


def compared_groups_differ(subject: ClaimUnderTest) -> None:
    """Two groups that the effect compares do not hold the same trials."""
    kept = {
        name: (subject.claim.groups[name].tuned, frozenset(s.trial_id for s in specs))
        for name, specs in subject.smallest.items()
    }
    names = subject.claim.effect.groups
    for place, name in enumerate(names):
        for other in names[place + 1 :]:
            require(
                kept[name] != kept[other],
                f"the groups {name!r} and {other!r} hold the same trials; name the option or "
                "setting that tells them apart",
            )


def the_measure_reads_back_what_it_writes(subject: ClaimUnderTest) -> None:
    """Writing a number into a record and reading it again gives the number."""
    measure = subject.claim.measure
    for world in (subject.claim.simulated.supported, subject.claim.simulated.contradicted):
        for name, (centre, _) in world.items():
            record = measure.write(subject.blanks[name][0], centre)
            read = measure.read(record)
            require(
                read is not None and abs(read - centre) <= 0.5 + 0.01 * abs(centre),
                f"the measure wrote {centre:g} for group {name!r} and read {read}",
            )


def its_worlds_are_on_both_sides_of_the_rule(subject: ClaimUnderTest) -> None:
    """The effect of the supported world keeps the rule, that of the contradicted one breaks it."""
    claim = subject.claim
    true, false = (
        subject.expected(world)
        for world in (claim.simulated.supported, claim.simulated.contradicted)
    )
    require(
        true in claim.rule,
        f"in the supported world the effect is {true:.4g}, and the rule wants it {claim.rule}",
    )
    require(
        false not in claim.rule,
        f"in the contradicted world the effect is {false:.4g}, and the rule wants it {claim.rule}",
    )


def a_true_claim_is_supported(subject: ClaimUnderTest) -> None:
    """Simulated records of the supported world lead to the verdict supported."""
    _decides(subject, subject.claim.simulated.supported, "supported", "contradicted")


def a_false_claim_is_contradicted(subject: ClaimUnderTest) -> None:
    """Simulated records of the contradicted world lead to the verdict contradicted."""
    _decides(subject, subject.claim.simulated.contradicted, "contradicted", "supported")


def an_effect_on_the_bound_is_rarely_decided(subject: ClaimUnderTest) -> None:
    """Where the effect is on the bound of the rule, at most one in twenty runs decides."""
    if subject.claim.measure.exact:
        return
    world = _on_the_bound(subject)
    found = [subject.judged(world, seed).verdict for seed in range(_DRAWS)]
    share = sum(verdict != "undecided" for verdict in found) / _DRAWS
    require(
        share <= 1 - LEVEL + _CHANCE,
        f"{share:.0%} of {_DRAWS} simulated runs decide an effect that is on the bound of the "
        f"rule, {subject.claim.rule}; at most {1 - LEVEL:.0%} should: the measure's errors are "
        "larger than its groups show",
    )


def _decides(subject: ClaimUnderTest, world: World, right: Verdict, wrong: Verdict) -> None:
    draws = 1 if subject.claim.measure.exact else _DRAWS
    verdicts = [subject.judged(world, seed).verdict for seed in range(draws)]
    good, bad = verdicts.count(right) / draws, verdicts.count(wrong) / draws
    require(
        bad <= _WRONG,
        f"{bad:.0%} of {draws} simulated runs give the verdict {wrong}, where it should be {right}",
    )
    require(
        good >= _DECIDED,
        f"only {good:.0%} of {draws} simulated runs give the verdict {right}, with the seeds of "
        f"its smallest preset; give it more seeds, or simulate a larger effect",
    )


def _on_the_bound(subject: ClaimUnderTest) -> World:
    """Return the world between the simulated ones in which the effect reaches the rule's bound."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        inside = subject.expected(subject.mixed(middle)) in subject.claim.rule
        low, high = (low, middle) if inside else (middle, high)
    return subject.mixed(high)
