"""Two models, two stores: verdicts, one error rate for all tasks, regressions."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from rnnbench.analysis.comparison import compare
from rnnbench.errors import UsageError
from rnnbench.records.result import Record, Status
from rnnbench.records.settings import Settings
from rnnbench.records.spec import Matched, Provider
from rnnbench.report.comparison import comparison_markdown, comparison_text
from tests.support.factory import learning, record, study


def runs(model: str, scores: Sequence[float], **options: object) -> list[Record]:
    return [record(score, model=model, seed=seed, **options) for seed, score in enumerate(scores)]  # type: ignore[arg-type]


RNN = [0.30, 0.28, 0.31, 0.29, 0.33]
GRU = [0.85, 0.86, 0.83, 0.87, 0.84]


def test_a_clear_difference_is_shown_with_five_seeds() -> None:
    found = compare(runs("rnn", RNN) + runs("gru", GRU), None, "rnn", "gru")
    (pairing,) = found.pairings
    assert pairing.verdict.outcome == "better"
    assert pairing.verdict.difference is not None
    assert pairing.verdict.difference.estimate.value == pytest.approx(0.548)
    assert "gru is better than rnn" in comparison_text(found)
    assert not found.regressions
    assert compare(runs("rnn", [0.3]) + runs("gru", [0.9]), None, "gru", "rnn").regressions == (), (
        "one seed flags nothing"
    )


def test_an_undecided_pair_comes_with_what_could_have_been_shown() -> None:
    found = compare(
        runs("lstm", [0.50, 0.54, 0.52, 0.51, 0.53]) + runs("gru", [0.53, 0.50, 0.54, 0.55, 0.52]),
        None,
        "lstm",
        "gru",
    )
    verdict = found.pairings[0].verdict
    assert verdict.outcome == "undecided"
    assert verdict.difference is not None
    text = comparison_text(found)
    assert f"5 seeds show a difference of {verdict.difference.detectable:.2g}" in text
    assert f"about {verdict.seeds_needed:,} seeds would decide" in text


def test_pairings_share_one_error_rate() -> None:
    """A p-value of 0.03 on one task counts alone, and not among ten tasks."""
    a, b = [0.0, 0.1, 0.2, 0.3, 0.4], [0.29, 0.42, 0.5, 0.61, 0.7]
    noise = [0.30, 0.11, 0.52, 0.23, 0.44]

    def records(model: str, scores: Sequence[float], tasks: int) -> list[Record]:
        others = [
            each
            for place in range(1, tasks)
            for each in runs(
                model, noise if model == "gru" else [*noise[1:], 0.31], task=f"other{place}"
            )
        ]
        return [*runs(model, scores, task="first"), *others]

    for tasks, outcome in ((1, "better"), (10, "undecided")):
        found = compare(records("lstm", a, tasks) + records("gru", b, tasks), None, "lstm", "gru")
        first = next(each for each in found.pairings if each.name.startswith("first"))
        assert first.verdict.outcome == outcome


def test_lower_scores_can_be_better() -> None:
    def errors(model: str, scores: Sequence[float]) -> list[Record]:
        made = [
            learning(s, direction="lower", baseline=1.0, perfect=0.0, threshold=0.1) for s in scores
        ]
        return [
            record(learned=learned, model=model, seed=seed) for seed, learned in enumerate(made)
        ]

    found = compare(
        errors("rnn", [0.9, 0.91, 0.89, 0.92]) + errors("gru", [0.2, 0.22, 0.21, 0.23]),
        None,
        "rnn",
        "gru",
    )
    assert found.pairings[0].verdict.outcome == "better"
    assert compare(
        errors("rnn", [0.9, 0.91, 0.89, 0.92]) + errors("gru", [0.2, 0.22, 0.21, 0.23]),
        None,
        "gru",
        "rnn",
    ).regressions


def test_models_are_named_as_typed() -> None:
    records = (
        runs("lstm", [0.9, 0.91, 0.92])
        + runs("gru", [0.5, 0.52, 0.51], model_options={"num_layers": 2, "bias": False})
        + runs("gru", [0.7, 0.72, 0.71], hidden_size=32)
    )
    assert len(compare(records, None, "lstm", "gru[num_layers=2, bias=false]").pairings) == 1
    sized = compare(records, None, "lstm[hidden_size=64]", "gru[hidden_size=32]")
    assert sized.pairings[0].differing == (("hidden_size", 64, 32),)
    assert "hidden_size 64 and 32" in comparison_text(sized)


@pytest.mark.parametrize(
    "typed",
    [
        'lstm[a=1,path="x, y"]',
        'lstm[path="x, y", a=1]',
        " lstm [ a = 1 , path = 'x, y' ] ",
        'lstm[path="x, y",hidden_size=64,a=1]',
    ],
)
def test_a_quoted_value_may_hold_commas_and_spaces(typed: str) -> None:
    records = [
        *runs("lstm", [0.9, 0.91, 0.92], model_options={"path": "x, y", "a": 1}),
        *runs("gru", [0.5, 0.52, 0.51]),
    ]
    assert len(compare(records, None, typed, "gru").pairings) == 1


def test_a_space_inside_quotes_makes_another_model() -> None:
    records = [
        *runs("lstm", [0.1, 0.12, 0.11, 0.13], model_options={"path": "a b"}),
        *runs("lstm", [0.7, 0.71, 0.72, 0.73], model_options={"path": "ab"}),
    ]
    (pairing,) = compare(records, None, "lstm[path=a b]", "lstm[path=ab]").pairings
    assert pairing.verdict.outcome == "better"
    with pytest.raises(UsageError, match="no records"):
        compare(records, None, "lstm[path=a  b]", "lstm[path=ab]")


def test_a_label_that_cannot_be_read_is_an_unknown_model() -> None:
    with pytest.raises(UsageError, match="no records"):
        compare(study(seeds=1), None, "lstm[a=", "gru")


def test_equal_budgets_are_paired_with_each_other() -> None:
    records = [
        r
        for h in (32, 64)
        for m in ("lstm", "gru")
        for r in runs(m, [0.5, 0.6, 0.7], hidden_size=h)
    ]
    pairings = compare(records, None, "lstm", "gru").pairings
    assert [pairing.differing for pairing in pairings] == [(), ()]


def matched(model: str, hidden_size: int, params: int, rate: float = 0.01) -> list[Record]:
    """Return records whose hidden size was chosen for 20,000 parameters."""
    settings = Settings(learning_rate=rate)
    target = Matched(quantity="params", target=20_000, asked="20k", achieved=params)
    found = []
    for each in runs(model, [0.5, 0.6, 0.7], hidden_size=hidden_size, settings=settings):
        chosen = each.spec.model.model_copy(update={"matched": target})
        spec = each.spec.model_copy(update={"model": chosen})
        found.append(each.model_copy(update={"spec": spec}))
    return found


def test_hidden_sizes_of_one_target_are_an_equal_budget() -> None:
    lstm, gru = matched("lstm", 64, 20_100), matched("gru", 75, 20_300)
    tuned = matched("lstm", 64, 20_100, rate=0.5)
    found = compare([*lstm, *tuned, *gru], None, "lstm", "gru")
    ((a, b),) = [(pairing.a.spec, pairing.b.spec) for pairing in found.pairings]
    assert (a.model.hidden_size, b.model.hidden_size) == (64, 75)
    assert a.settings.learning_rate == b.settings.learning_rate == 0.01
    assert found.pairings[0].differing == ()


def test_a_model_that_misses_the_target_has_another_budget() -> None:
    records = [*matched("lstm", 64, 20_100), *matched("gru", 75, 22_000)]
    (pairing,) = compare(records, None, "lstm", "gru").pairings
    assert pairing.differing == (("hidden_size", 64, 75),)


RATES = (0.1, 0.01, 0.001)


def swept(model: str, rates: Sequence[float] = RATES, **options: object) -> list[Record]:
    return [
        made
        for rate in rates
        for made in runs(
            model, [rate, 2 * rate, 3 * rate], settings=Settings(learning_rate=rate), **options
        )
    ]


def test_headings_tell_the_settings_that_differ() -> None:
    found = compare(swept("lstm") + swept("gru"), None, "lstm", "gru")
    assert sorted(pairing.name for pairing in found.pairings) == [
        "copy-memory (learning_rate=0.001)",
        "copy-memory (learning_rate=0.01)",
        "copy-memory (learning_rate=0.1)",
    ]
    for pairing in found.pairings:
        rate = pairing.a.spec.settings.learning_rate
        assert pairing.name == f"copy-memory (learning_rate={rate})"
        assert pairing.b.spec.settings.learning_rate == rate
    text = comparison_text(found)
    assert text.count("copy-memory (learning_rate=0.01)\n") == 1
    assert "## copy-memory (learning\\_rate=0.01)" in comparison_markdown(found)


def test_headings_tell_several_settings_and_the_hidden_size() -> None:
    records = [
        made
        for model in ("lstm", "gru")
        for hidden_size in (32, 64)
        for made in swept(model, (0.1, 0.01), hidden_size=hidden_size)
    ]
    names = [pairing.name for pairing in compare(records, None, "lstm", "gru").pairings]
    assert len(set(names)) == 4
    assert "copy-memory (hidden_size=32, learning_rate=0.01)" in names


def test_one_budget_needs_no_setting_in_its_heading() -> None:
    records = swept("lstm") + swept("gru")
    one = compare(records, None, "lstm[learning_rate=0.1]", "gru[learning_rate=0.1]")
    assert [pairing.name for pairing in one.pairings] == ["copy-memory"]
    assert one.notes == ()


def test_budgets_without_a_counterpart_are_named() -> None:
    found = compare(swept("lstm") + swept("gru", (0.1,)), None, "lstm", "gru")
    assert [pairing.name for pairing in found.pairings] == ["copy-memory"]
    (note,) = found.notes
    assert "not compared, without a counterpart" in note
    assert "lstm[learning_rate=0.01]" in note
    assert "lstm[learning_rate=0.001]" in note
    assert "lstm[learning_rate=0.1]" not in note


def test_an_ambiguous_model_is_asked_back_and_the_answer_works() -> None:
    records = swept("lstm", (0.1, 0.01)) + swept("gru", (0.001, 0.0001))
    with pytest.raises(UsageError, match="which 'lstm', and which 'gru'") as caught:
        compare(records, None, "lstm", "gru")
    example = str(caught.value).partition("e.g. ")[2].rstrip(".")
    a, b = (word.strip("'") for word in example.split(" and "))
    (pairing,) = compare(records, None, a, b).pairings
    assert [name for name, *_ in pairing.differing] == ["learning_rate"]


def test_two_versions_of_a_plugin_are_asked_back_too() -> None:
    newer = Provider(distribution="rnnbench", version="0.2.0")
    records = runs("lstm", [0.9]) + runs("lstm", [0.8], provider=newer) + runs("gru", [0.7])
    with pytest.raises(UsageError, match=r"lstm\[plugin_version=0\.2\.0\]"):
        compare(records, None, "lstm", "gru")
    (pairing,) = compare(records, None, "lstm[plugin_version=0.2.0]", "gru").pairings
    assert pairing.a.scores == {0: 0.8}


def test_a_wrong_name_suggests_the_near_one() -> None:
    with pytest.raises(UsageError, match="Did you mean 'gru'"):
        compare(study(seeds=1), None, "lstm", "gruu")
    with pytest.raises(UsageError, match="rnnbench run"):
        compare([], None, "lstm", "gru")


def test_models_without_a_common_task_cannot_be_compared() -> None:
    with pytest.raises(UsageError, match="no task in common"):
        compare(runs("lstm", [0.5]) + runs("gru", [0.5], task="other"), None, "lstm", "gru")


def test_a_regression_between_stores_is_flagged() -> None:
    good = [0.9, 0.92, 0.91, 0.9, 0.915]
    before = runs("lstm", good) + runs("gru", good)
    after = (
        runs("lstm", [0.7, 0.71, 0.73, 0.72, 0.7])
        + runs("gru", [0.91, 0.91, 0.92, 0.9, 0.91])
        + runs("new", [0.5])
    )
    found = compare(before, after, "before.db", "after.db")
    assert [pairing.name for pairing in found.regressions] == ["copy-memory, lstm"]
    assert found.notes == ("copy-memory, new is only in after.db",)
    same = compare(before, before, "a", "b")
    assert {pairing.verdict.outcome for pairing in same.pairings} == {"identical"}
    assert not same.regressions


def test_stores_are_matched_across_versions_of_rnnbench() -> None:
    newer = Provider(distribution="rnnbench", version="0.2.0")
    found = compare(runs("lstm", [0.9, 0.8]), runs("lstm", [0.9, 0.8], provider=newer), "a", "b")
    assert len(found.pairings) == 1
    with pytest.raises(UsageError, match="in common"):
        compare(runs("lstm", [0.9]), runs("lstm", [0.9], settings=Settings(steps=5)), "a", "b")


def test_models_without_a_score_can_be_compared() -> None:
    records = [record(status=Status.OOM, model=model, seed=0) for model in ("lstm", "gru")]
    found = compare(records, None, "lstm", "gru")
    assert found.pairings[0].verdict.outcome == "too few seeds"
    assert "too few seeds to compare gru with lstm" in comparison_text(found)


def test_markdown_is_a_table_and_escapes_what_it_is_given() -> None:
    found = compare(study(seeds=3), study(seeds=3), "<script>alert(1)</script>", "b|c")
    text = comparison_markdown(found)
    assert "<script>" not in text
    assert r"b\|c" in text
    assert "| --- | --- | --- |" in text
