"""Claims judged on records: which belong to them, verdicts, and what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from rnnbench.analysis.claims.judged import JudgedClaim, judge
from rnnbench.analysis.claims.words import effect_text, needed_text, p_text, sentence
from rnnbench.claims import Claim, Group, Skill
from rnnbench.claims.planned import Planned, PlannedClaim
from rnnbench.records.result import Record
from rnnbench.records.spec import Matched, TrialSpec
from rnnbench.testing.claim.records import blank
from tests.support.claims import CLAIM
from tests.support.factory import trial_spec
from tests.support.tries import try_record


def spec(model: str, seed: int, hidden_size: int = 64) -> TrialSpec:
    return trial_spec(model=model, seed=seed, hidden_size=hidden_size)


def planned(claim: Claim, match: tuple[str, str] | None = None, seeds: int = 5) -> PlannedClaim:
    trials = [Planned(spec(model, s), match) for model in ("lstm", "rnn") for s in range(seeds)]
    return PlannedClaim(claim, tuple(trials))


def records(skills: Sequence[float], model: str, hidden_size: int = 64) -> list[Record]:
    return [
        Skill().write(blank(spec(model, seed, hidden_size)), skill)
        for seed, skill in enumerate(skills)
    ]


GOOD, BAD = [0.81, 0.84, 0.80, 0.86, 0.83], [0.21, 0.25, 0.19, 0.24, 0.22]


def judged(claim: Claim, found: Sequence[Record]) -> JudgedClaim:
    (one,) = judge([planned(claim)], found)
    return one


def test_a_clear_difference_supports_or_contradicts() -> None:
    right = judged(CLAIM, [*records(GOOD, "lstm"), *records(BAD, "rnn")])
    wrong = judged(CLAIM, [*records(BAD, "lstm"), *records(GOOD, "rnn")])
    assert (right.verdict, wrong.verdict) == ("supported", "contradicted")
    assert right.estimate is not None
    assert right.estimate.effect == pytest.approx(0.606)
    assert effect_text(right).startswith("0.606 [")
    assert p_text(right) == "< 0.001"
    assert "skill of lstm minus skill of rnn" in sentence(right)


def test_a_small_difference_is_undecided_and_says_how_many_seeds_would_do() -> None:
    found = judged(CLAIM, [*records([0.5, 0.7, 0.3], "lstm"), *records([0.4, 0.55, 0.3], "rnn")])
    assert found.verdict == "undecided"
    assert found.more_seeds is not None
    assert found.more_seeds > 10
    assert str(found.more_seeds) in needed_text(found)


def test_missing_trials_are_named() -> None:
    found = judged(CLAIM, records(GOOD, "lstm"))
    assert found.verdict == "undecided"
    assert found.estimate is None
    assert "rnn (0 trials)" in needed_text(found)
    assert effect_text(found) == p_text(found) == "-"


def test_trials_of_other_sizes_do_not_count() -> None:
    others = [*records(BAD, "lstm", hidden_size=8), *records(GOOD, "rnn", hidden_size=8)]
    found = judged(CLAIM, [*others, *records(GOOD, "lstm"), *records(BAD, "rnn")])
    assert found.verdict == "supported"
    assert [len(each) for each in found.records.values()] == [5, 5]


def test_matched_trials_are_found_by_their_target() -> None:
    matched = Matched(quantity="params", target=5e4, asked="50k", achieved=49_900)
    at_size = [
        each.model_copy(
            update={
                "spec": each.spec.model_copy(
                    update={"model": each.spec.model.model_copy(update={"matched": matched})}
                )
            }
        )
        for each in [*records(GOOD, "lstm", 71), *records(BAD, "rnn", 143)]
    ]
    (found,) = judge([planned(CLAIM, ("params", "50k"))], at_size)
    assert found.verdict == "supported"
    (other,) = judge([planned(CLAIM, ("params", "20k"))], at_size)
    assert other.estimate is None


def test_further_seeds_are_further_evidence() -> None:
    found = [*records(GOOD * 4, "lstm"), *records(BAD * 4, "rnn")]
    assert judged(CLAIM, found).estimate is not None
    assert judged(CLAIM, found).estimate.count == 20  # type: ignore[union-attr]


def test_claims_judged_together_share_one_error_rate() -> None:
    found = [*records([0.5, 0.6, 0.7, 0.65, 0.6], "lstm"), *records([0.5] * 5, "rnn")]
    alone = judged(CLAIM, found)
    names = [replace(CLAIM, name=f"claim-{n}") for n in range(20)]
    together = judge([planned(each) for each in names], found)
    assert alone.p_value is not None
    assert alone.verdict == "supported"
    assert {each.verdict for each in together} == {"undecided"}
    assert together[0].p_value == pytest.approx(min(1.0, 20 * alone.p_value))
    assert together[0].interval == alone.interval


def test_a_chosen_recipe_is_evidence_where_the_default_one_did_not_run() -> None:
    tuned = {name: Group(name, tuned=True) for name in ("lstm", "rnn")}
    claim = replace(CLAIM, groups=tuned)
    tries, chosen = [], []
    for model, skills in (("lstm", GOOD), ("rnn", BAD)):
        plan = spec(model, 0)
        tried = try_record(
            0, 0.5, model=model, study=model, settings=plan.settings, values={"learning_rate": 0.02}
        )
        tries.append(tried)
        recipe = {"model": plan.model, "settings": tried.spec.settings}
        chosen += [
            Skill().write(blank(spec(model, seed).model_copy(update=recipe)), skill)
            for seed, skill in enumerate(skills)
        ]
    (found,) = judge([planned(claim)], chosen, tries)
    assert found.verdict == "supported"
    assert found.values("lstm") == GOOD
    # of a claim about other settings the same recipe is none
    other = spec("lstm", 0)
    longer = other.model_copy(
        update={"settings": other.settings.model_copy(update={"steps": other.settings.steps + 1})}
    )
    plans = PlannedClaim(claim, (Planned(longer), Planned(spec("rnn", 0))))
    (found,) = judge([plans], chosen, tries)
    assert "lstm (0 trials)" in found.missing
