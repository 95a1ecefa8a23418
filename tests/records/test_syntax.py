"""Selectors of models and tasks: parsed, or refused in one line."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rnnbench.errors import UsageError
from rnnbench.records.syntax import (
    OptionValue,
    Selector,
    expand,
    option_text,
    parse_selectors,
    with_options,
)

NAMES = st.from_regex(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", fullmatch=True)
KEYS = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@pytest.mark.parametrize(
    ("text", "selectors"),
    [
        ("lstm", [Selector("lstm")]),
        ("lstm,gru", [Selector("lstm"), Selector("gru")]),
        (" lstm , gru ,", [Selector("lstm"), Selector("gru")]),
        ("lstm[]", [Selector("lstm")]),
        ("*gru*", [Selector("*gru*")]),
        ("all[hidden_size=8]", [Selector("all", (("hidden_size", ("8",)),))]),
        (
            "lstm[a=1,2,b=x],gru",
            [Selector("lstm", (("a", ("1", "2")), ("b", ("x",)))), Selector("gru")],
        ),
        ("lstm[ a = 1 , b = x ]", [Selector("lstm", (("a", ("1",)), ("b", ("x",))))]),
        ("lstm[a=]", [Selector("lstm", (("a", ("",)),))]),
        ("f[path=a=b]", [Selector("f", (("path", ("a=b",)),))]),
        (
            'f[path="a,b].csv",column=OT]',
            [Selector("f", (("path", ("a,b].csv",)), ("column", ("OT",))))],
        ),
        ("f[path='a,b']", [Selector("f", (("path", ("a,b",)),))]),
        ("f[path= 'a,b']", [Selector("f", (("path", ("a,b",)),))]),
        ("f[path='a,b','c,d=e']", [Selector("f", (("path", ("a,b", "c,d=e")),))]),
        ("f[path='it''s, so']", [Selector("f", (("path", ("it's, so",)),))]),
        ("f[path=it's.csv]", [Selector("f", (("path", ("it's.csv",)),))]),
        ("f[path='']", [Selector("f", (("path", ("",)),))]),
        ("f[path=a[1]]", [Selector("f", (("path", ("a[1]",)),))]),
    ],
)
def test_a_word_is_read_as_it_was_meant(text: str, selectors: list[Selector]) -> None:
    assert parse_selectors([text]) == selectors


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "rnnbench list"),
        (" , ", "rnnbench list"),
        ("lstm[a=1", "a bracket is not closed"),
        ("lstm]", "']' without '['"),
        ("lstm[a=1]]", "']' without '['"),
        ("lstm[a=1]x", "is not closed"),
        ("lstm[a='1]", "a quote is not closed"),
        ("[a=1]", "a name is missing"),
        (",[a=1]", "a name is missing"),
        ("lstm[a=1,a=2]", "option 'a' of 'lstm' is given twice; give several values as a=1,2"),
        ("lstm[5]", "'5' in 'lstm' is not option=value"),
        ("lstm[1a=5]", "is not option=value"),
        ("lstm[a=1][b=2]", "']' without '['"),
    ],
)
def test_a_malformed_word_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_selectors([text])
    assert message in str(caught.value)


@settings(deadline=None, max_examples=300)
@given(
    name=NAMES,
    options=st.dictionaries(KEYS, st.booleans() | st.integers() | st.none() | TEXTS, max_size=4),
)
@example(name="a", options={"x": '"', "y": "',]"})
@example(name="a", options={"x": " spaced "})
def test_a_label_can_be_typed_again(name: str, options: dict[str, OptionValue]) -> None:
    typed = {key: option_text(value) for key, value in options.items()}
    (selector,) = parse_selectors([with_options(name, options)])
    assert (selector.pattern, selector.grid()) == (name, [typed])


def _quoted(value: str) -> str:
    doubled = value.replace("'", "''")
    return f"'{doubled}'"


@settings(deadline=None, max_examples=200)
@given(
    st.lists(
        st.builds(
            Selector,
            NAMES,
            st.dictionaries(
                KEYS, st.lists(TEXTS, min_size=1, max_size=3).map(tuple), max_size=3
            ).map(lambda d: tuple(d.items())),
        ),
        min_size=1,
        max_size=3,
    )
)
def test_selectors_survive_being_written_out(selectors: list[Selector]) -> None:
    def written(selector: Selector) -> str:
        options = ",".join(
            f"{name}={','.join(map(_quoted, values))}" for name, values in selector.options
        )
        return f"{selector.pattern}[{options}]"

    assert parse_selectors([",".join(map(written, selectors))]) == selectors


def read_or_refused(text: str) -> list[Selector] | str:
    try:
        return parse_selectors([text])
    except UsageError as error:
        return str(error)


@settings(deadline=None, max_examples=500)
@given(st.text(max_size=60) | st.text("lstm[],='\"* a1", max_size=30))
def test_any_text_is_read_or_refused_in_one_printable_line(text: str) -> None:
    outcome = read_or_refused(text)
    if isinstance(outcome, str):
        assert outcome.isprintable()
    else:
        assert all(selector.pattern.strip() == selector.pattern != "" for selector in outcome)


def test_a_grid_is_every_combination() -> None:
    (selector,) = parse_selectors(["lstm[a=1,2,b=x,y,z]"])
    grid = selector.grid()
    assert selector.size == len(grid) == 6
    assert grid[0] == {"a": "1", "b": "x"}
    assert {(point["a"], point["b"]) for point in grid} == {(a, b) for a in "12" for b in "xyz"}


def test_the_size_of_a_grid_is_known_without_making_it() -> None:
    values = ",".join(map(str, range(1000)))
    (selector,) = parse_selectors([f"lstm[{','.join(f'{key}={values}' for key in 'abcdef')}]"])
    assert selector.size == 1000**6


KNOWN = ["attention-lstm", "gru", "lstm"]


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("all", KNOWN),
        ("*", KNOWN),
        ("*lstm", ["attention-lstm", "lstm"]),
        ("?ru", ["gru"]),
        ("lstm", ["lstm"]),
        ("nobody", ["nobody"]),
    ],
)
def test_a_pattern_stands_for_names(pattern: str, names: list[str]) -> None:
    assert expand("model", pattern, KNOWN) == names


def test_a_glob_that_fits_nothing_suggests_the_near_name() -> None:
    with pytest.raises(
        UsageError,
        match=r"no model matches 'lsm\*'\. Did you mean 'lstm'\? Type: rnnbench list models",
    ):
        expand("model", "lsm*", KNOWN)
