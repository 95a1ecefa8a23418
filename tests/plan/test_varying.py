"""Trials that vary one source of randomness alone: which are planned, and what is refused."""

from __future__ import annotations

from collections import Counter

import pytest

from rnnbench.errors import UsageError
from rnnbench.plan.planning import Request, make_plan
from rnnbench.plan.varying import parse_sources
from rnnbench.records.spec import TrialSpec
from tests.tasks.builders import loaded

GENERATED, FINITE = "copy-memory", "sequential-digits"


def planned(task: str, *vary: str, model: str = "lstm", seeds: int = 3) -> list[TrialSpec]:
    return make_plan(Request([task], [model], seeds, vary=vary), loaded())


def counts(specs: list[TrialSpec]) -> dict[str, int]:
    return dict(Counter(spec.varied for spec in specs))


def test_each_source_adds_the_same_seeds_and_changes_no_other_trial() -> None:
    ordinary = planned(GENERATED)
    found = planned(GENERATED, "init,data")
    assert found[: len(ordinary)] == ordinary
    assert counts(found) == {"all": 3, "init": 3, "data": 3}
    assert {(s.varied, s.seed) for s in found[3:]} == {
        (source, seed) for source in ("init", "data") for seed in range(3)
    }
    assert len({spec.trial_id for spec in found}) == 9


@pytest.mark.parametrize(
    ("task", "model", "expected"),
    [
        (GENERATED, "lstm", {"all", "init", "data"}),
        (GENERATED, "lstm[num_layers=2,dropout=0.2]", {"all", "init", "data", "order"}),
        (FINITE, "lstm", {"all", "init", "order"}),
    ],
)
def test_a_source_that_a_task_lacks_adds_no_trial(
    task: str, model: str, expected: set[str]
) -> None:
    assert set(counts(planned(task, "init", "data", "order", model=model))) == expected


@pytest.mark.parametrize(("task", "source"), [(GENERATED, "order"), (FINITE, "data")])
def test_sources_that_vary_nothing_at_all_are_refused(task: str, source: str) -> None:
    with pytest.raises(UsageError, match=f"--vary {source} varies nothing here") as caught:
        planned(task, source)
    assert str(caught.value).isprintable()


def test_an_unknown_source_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(UsageError, match=r"--vary initt.*Did you mean 'init'\?"):
        planned(GENERATED, "initt")


def test_words_are_split_at_commas_and_sources_are_in_one_order() -> None:
    assert parse_sources(["order, init", "init"]) == ["init", "order"]
    assert parse_sources([]) == []


def test_the_seed_of_a_source_is_0_where_another_one_varies() -> None:
    (spec,) = make_plan(Request([GENERATED], ["lstm"], [7]), loaded())
    for source in ("init", "data", "order"):
        assert spec.seed_of(source) == 7
        one = spec.model_copy(update={"varied": source})
        assert [one.seed_of(each) for each in ("init", "data", "order")] == [
            7 if each == source else 0 for each in ("init", "data", "order")
        ]
