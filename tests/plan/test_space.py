"""Search spaces as typed: ranges, choices, and those that are refused."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.contract import registry as plugins
from rnnbench.contract.options import Option
from rnnbench.errors import UsageError
from rnnbench.plan.planning import options_of_model
from rnnbench.plan.space import BUDGET, parse_space
from rnnbench.records.space import Axis

LSTM = "lstm"


def models(*names: str) -> dict[str, Mapping[str, Option]]:
    loaded = plugins.load()
    return {name: options_of_model(loaded.model(name)) for name in names}


MODELS = models("lstm", "gru")


def one(text: str) -> Axis:
    (axis,) = parse_space([text], MODELS)
    return axis


@given(
    low=st.floats(1e-300, 1e300), factor=st.floats(1.001, 1e6), spaces=st.sampled_from(["", " "])
)
def test_a_range_of_positive_numbers_is_on_a_log_scale(
    low: float, factor: float, spaces: str
) -> None:
    high = low * factor
    axis = one(f"learning_rate{spaces}={spaces}{low}{spaces}..{spaces}{high}")
    assert axis == Axis(name="learning_rate", low=low, high=high, log=True)


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("decoder_dropout=0..0.5", Axis(name="decoder_dropout", low=0.0, high=0.5)),
        ("decoder_dropout=0.1..0.5:linear", Axis(name="decoder_dropout", low=0.1, high=0.5)),
        ("decoder_dropout=.1...5", None),
        ("hidden_size=4..64", Axis(name="hidden_size", low=4, high=64, log=True)),
        ("num_layers=1..4:linear", Axis(name="num_layers", low=1, high=4)),
        ("learning-rate=1e-4..1e-2", Axis(name="learning_rate", low=1e-4, high=1e-2, log=True)),
        ("clip_norm=none|0.5|1", Axis(name="clip_norm", choices=(None, 0.5, 1.0))),
        ("optimizer=adam|sgd[momentum=0.90]", Axis(name="optimizer", choices=("adam", "sgd"))),
        (
            "schedule=constant|cosine[warmup=100, final=0.1]",
            Axis(name="schedule", choices=("constant", "cosine[final=0.1,warmup=100]")),
        ),
        ("tied_embedding=true|false", Axis(name="tied_embedding", choices=(True, False))),
    ],
)
def test_values_are_read_as_their_option_reads_them(text: str, axis: Axis | None) -> None:
    if axis is None:
        with pytest.raises(UsageError, match="two dots"):
            one(text)
        return
    found = one(text)
    assert found == axis
    assert list(map(type, found.choices)) == list(map(type, axis.choices))
    assert (type(found.low), type(found.high)) == (type(axis.low), type(axis.high))
    assert one(found.text) == found, "the canonical spelling is read as the same axis"


def test_the_order_of_the_flags_does_not_matter() -> None:
    texts = ["optimizer=adam|sgd", "learning_rate=1e-4..1e-2", "num_layers=1|2"]
    space = parse_space(texts, MODELS)
    assert [axis.name for axis in space] == ["learning_rate", "num_layers", "optimizer"]
    assert parse_space(texts[::-1], MODELS) == space


@pytest.mark.parametrize(
    ("texts", "token"),
    [
        (["learning_rate"], "NAME=RANGE"),
        (["learning_rate="], "NAME=RANGE"),
        (["=1..2"], "NAME=RANGE"),
        (["learning_rate=1e-2..1e-4"], "learning_rate=1e-4..1e-2"),
        (["learning_rate=1e-2..0.01"], "one value"),
        (["learning_rate=1e-3"], "learning_rate=a|b"),
        (["learning_rate=1e-4,1e-2"], "single value"),
        (["learning_rate=1e-4.."], "two dots"),
        (["learning_rate=..1e-2"], "two dots"),
        (["learning_rate=0..1e-2"], "learning_rate=0"),
        (["learning_rate=1e-4..x"], "learning_rate=x"),
        (["learning_rate=1e-4..inf"], "learning_rate=inf"),
        (["learning_rate=1e-4..1e-2:log"], "learning_rate=1e-2:log"),
        (["hidden_size=4..100000"], "hidden_size=100000"),
        (["hidden_size=4..6.5"], "hidden_size=6.5"),
        (["decoder_dropout=0..1"], "less than 1"),
        (["optimizer=adam..sgd"], "optimizer=adam|sgd"),
        (["optimizer=adam|adamm"], "'adamm'"),
        (["optimizer=adam|sgd|adam"], "given twice"),
        (["optimizer=sgd|sgd[momentum=0.9]"], "given twice"),
        (["optimizer=adam|"], "optimizer"),
        (["schedule=constant|cosine[warmup=x]"], "warmup=x"),
        (["learning_rat=1e-4..1e-2"], "'learning_rate'"),
        (["num_layer=1|2"], "'num_layers'"),
        (["lr=1e-4..1e-2"], "Did you mean 'learning_rate'"),
        (["learning_rate=1e-4..1e-2", "learning_rate=1..2"], "given twice"),
        *(([f"{name}=10..100"], "budget") for name in BUDGET),
    ],
)
def test_what_cannot_be_searched_is_refused_in_one_line(texts: list[str], token: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_space(texts, MODELS)
    assert token in str(caught.value)


def test_an_option_that_one_model_lacks_is_refused_with_the_model_and_what_it_has() -> None:
    both = models("lstm", "attention-lstm")
    (name, *_) = sorted(both["attention-lstm"].keys() - both["lstm"].keys())
    option = both["attention-lstm"][name]
    value = option.choices[0] if option.choices else option.default
    with pytest.raises(UsageError, match="model 'lstm' has no such option") as caught:
        parse_space([f"{name}={value}|{value}"], both)
    assert all(each in str(caught.value) for each in both["lstm"])
    assert "--model attention-lstm" in str(caught.value)


@given(text=st.text(max_size=30))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    for typed in (text, f"learning_rate={text}", f"optimizer={text}"):
        assert outcome(typed).isprintable()


def outcome(text: str) -> str:
    try:
        return ascii(parse_space([text], MODELS))
    except UsageError as error:
        return str(error)
