"""Options: read from signatures, parsed from text, refused in one line."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, Field, PositiveInt

from rnnbench.contract.options import Option, options_of, resolve
from rnnbench.errors import MESSAGE_LIMIT, OptionError, PluginError
from rnnbench.records.base import content_hash
from rnnbench.records.syntax import option_text


def _twice_or_nothing(value: int) -> int:
    return 2 * value // (value - 13 and 1)


class Everything:
    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        layers: PositiveInt = 1,
        rate: Annotated[float, Field(ge=0, lt=1)] = 0,
        bias: bool = True,
        kind: Literal["tanh", "relu"] = "tanh",
        kernel: Literal[1, 3, 5] = 3,
        forget: float | None = None,
        window: Literal["auto"] | int = "auto",
        note: str = "",
        label: int | str = "x",
        count: int | float = 0,
        path: Path | None = None,
        fold: Annotated[int, AfterValidator(_twice_or_nothing)] = 0,
    ) -> None: ...


OPTIONS = options_of(Everything, skip=("input_size", "hidden_size"))


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("layers", "3", 3),
        ("layers", "1e3", 1000),
        ("layers", "2.0", 2),
        ("rate", "0.5", 0.5),
        ("rate", "0", 0.0),
        ("rate", "1e-3", 0.001),
        ("bias", "false", False),
        ("bias", "Yes", True),
        ("bias", "0", False),
        ("kind", "relu", "relu"),
        ("kernel", "5", 5),
        ("kernel", "5.0", 5),
        ("count", "1e3", 1000),
        ("forget", "none", None),
        ("forget", "1", 1.0),
        ("window", "auto", "auto"),
        ("window", "7", 7),
        ("note", "", ""),
        ("note", "none", "none"),
        ("label", "5", 5),
        ("label", "five", "five"),
        ("path", "a/b.csv", "a/b.csv"),
        ("path", "None", None),
    ],
)
def test_a_text_is_read_by_the_type_of_its_option(name: str, text: str, value: Any) -> None:
    read = OPTIONS[name].parse(text)
    assert read == value
    assert type(read) is type(value)


def test_a_path_may_begin_with_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for read in (OPTIONS["path"].parse, OPTIONS["path"].check):
        assert read("~/data/a.csv") == str(tmp_path / "data/a.csv")
    with pytest.raises(OptionError, match="path=~nobody-of-that-name/a"):
        OPTIONS["path"].parse("~nobody-of-that-name/a.csv")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("layers", "0", "greater than 0"),
        ("layers", "1.5", "not an integer"),
        ("layers", "true", "not an integer"),
        ("layers", "", "not an integer"),
        ("layers", "9" * 30, "64 bits"),
        ("layers", "9" * 6000, "not an integer"),
        ("rate", "1", "less than 1"),
        ("rate", "nan", "finite number"),
        ("forget", "inf", "finite number"),
        ("forget", "1e999", "finite number"),
        ("bias", "maybe", "not true or false"),
        ("bias", "2", "not true or false"),
        ("kind", "gelu", "tanh, relu"),
        ("kernel", "2", "1, 3, 5"),
        ("window", "wide", "one of auto or an integer"),
        ("path", "", "path="),
        ("path", "a\0b", "path="),
        ("path", "\udcff.csv", "UTF-8"),
        ("fold", "13", "fold=13"),
    ],
)
def test_a_wrong_text_is_refused_with_the_accepted_values(
    name: str, text: str, message: str
) -> None:
    with pytest.raises(OptionError) as caught:
        OPTIONS[name].parse(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("layers", True),
        ("kernel", True),
        ("rate", False),
        ("layers", 1.5),
        ("kind", 1),
        ("note", 5),
        ("path", 3),
        ("bias", [1]),
    ],
)
def test_values_of_another_type_are_refused(name: str, value: Any) -> None:
    with pytest.raises(OptionError, match=f"{name}="):
        OPTIONS[name].check(value)


def test_a_path_is_recorded_as_text() -> None:
    assert OPTIONS["path"].check(Path("a/b.csv")) == "a/b.csv"
    assert OPTIONS["path"].is_file
    assert not OPTIONS["note"].is_file


def test_whole_floats_count_as_integers() -> None:
    assert type(OPTIONS["layers"].check(4.0)) is int


def test_defaults_are_kept_in_their_own_type() -> None:
    default = OPTIONS["rate"].default
    assert type(default) is float
    assert content_hash(default) == content_hash(OPTIONS["rate"].parse("0"))


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "layers": st.integers(1, 2**63 - 1),
    "rate": st.floats(0, 1, exclude_max=True),
    "bias": st.booleans(),
    "kind": st.sampled_from(["tanh", "relu"]),
    "kernel": st.sampled_from([1, 3, 5]),
    "forget": st.none() | st.floats(allow_nan=False, allow_infinity=False),
    "window": st.just("auto") | st.integers(-(2**63) + 1, 2**63 - 1),
    "note": st.text(st.characters(exclude_categories=["Cs"])),
    "label": st.integers(-(2**63) + 1, 2**63 - 1),
}


@pytest.mark.parametrize("name", VALUES)
@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_the_text_of_a_value_parses_back_to_it(name: str, data: st.DataObject) -> None:
    value = data.draw(VALUES[name])
    option = OPTIONS[name]
    checked = option.check(value)
    assert option.parse(option_text(checked)) == checked
    assert option.check(checked) == checked


def resolved_or_refused(name: str, value: Any) -> dict[str, Any] | str:
    try:
        return resolve("model 'x'", OPTIONS, {name: value})
    except OptionError as error:
        return str(error)


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=3,
)


@settings(deadline=None, max_examples=500)
@given(name=st.sampled_from(sorted(OPTIONS)), value=st.text(max_size=200) | ANYTHING)
def test_anything_is_taken_or_refused_in_one_printable_line(name: str, value: Any) -> None:
    outcome = resolved_or_refused(name, value)
    if isinstance(outcome, str):
        assert outcome.isprintable()
        assert len(outcome) <= MESSAGE_LIMIT
    else:
        assert set(outcome) == set(OPTIONS)
        assert content_hash(outcome)


@settings(deadline=None)
@given(name=st.text(max_size=100).filter(lambda name: name not in OPTIONS))
def test_an_unknown_option_is_refused_in_one_printable_line(name: str) -> None:
    with pytest.raises(OptionError) as caught:
        resolve("model 'x'", OPTIONS, {name: "1"})
    assert str(caught.value).isprintable()


def test_a_wrong_choice_is_answered_with_the_near_one() -> None:
    option = Option("optimizer", Literal["adam", "sgd"], "adam")
    for word in ("Adam", "adma"):
        with pytest.raises(OptionError, match=r"is not one of adam, sgd. Did you mean 'adam'"):
            option.parse(word)


def test_an_unknown_option_is_answered_with_the_near_one() -> None:
    with pytest.raises(OptionError, match="Did you mean 'layers'"):
        resolve("model 'x'", OPTIONS, {"layer": 2})


def test_a_model_without_options_says_so() -> None:
    with pytest.raises(OptionError, match="no option"):
        resolve("model 'x'", {}, {"layers": 2})


def test_options_not_given_have_their_defaults() -> None:
    resolved = resolve("model 'x'", OPTIONS, {"layers": "2"})
    assert resolved == {**{name: option.default for name, option in OPTIONS.items()}, "layers": 2}


@dataclass(frozen=True)
class Parent:
    delay: PositiveInt = 20


@dataclass(frozen=True)
class Child(Parent):
    symbols: int = 5
    derived: int = field(init=False, default=0)


def test_a_dataclass_shows_its_fields_and_the_inherited_ones() -> None:
    assert {name: option.default for name, option in options_of(Child).items()} == {
        "delay": 20,
        "symbols": 5,
    }


def test_a_partial_changes_a_default() -> None:
    options = options_of(
        functools.partial(Everything, layers=4), skip=("input_size", "hidden_size")
    )
    assert options["layers"].default == 4
    assert options["kind"].default == "tanh"


def _takes(**given: Any) -> Any:
    """Return a function of one parameter x with this ``annotation`` and ``default``, if given."""

    def core(x): ...  # type: ignore[no-untyped-def]

    core.__annotations__ = {"x": given["annotation"]} if "annotation" in given else {}
    core.__defaults__ = (given["default"],) if "default" in given else None
    return core


def _variadic(**options: int) -> None: ...


def _positional_only(x: int = 1, /) -> None: ...


def _unreadable(x: NotImported = 1) -> None: ...  # type: ignore[name-defined]  # noqa: F821


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (_takes(annotation=int), "has no default"),
        (_takes(default=1), "has no type"),
        (_takes(annotation=list[int], default=()), "Literal"),
        (_takes(annotation=Any, default=1), "Literal"),
        (_takes(annotation=int, default="3x"), "refuses its own default"),
        (_takes(annotation=int, default=None), "refuses its own default"),
        (_takes(annotation=float, default=math.inf), "finite"),
        (_takes(annotation=PositiveInt, default=0), "greater than 0"),
        (_takes(annotation=str, default=field), "refuses its own default"),
        (_variadic, "name every option"),
        (_positional_only, "positional-only"),
        (_unreadable, "type hints of _unreadable cannot be read"),
    ],
)
def test_an_option_that_cannot_be_typed_is_refused_at_registration(
    factory: Any, message: str
) -> None:
    with pytest.raises(PluginError) as caught:
        options_of(factory)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()
