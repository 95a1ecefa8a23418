"""Parts of a recipe: one spelling for each, and one line for each mistake."""

from __future__ import annotations

import contextlib
import math
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pydantic import ValidationError

from rnnbench.errors import UsageError
from rnnbench.records.recipe import (
    BLOCKS,
    DECODER_INITS,
    OPTIMIZERS,
    SCHEDULES,
    Part,
    optimizer_of,
    parse_part,
)
from rnnbench.records.settings import Settings

PARTS = {**OPTIMIZERS, **SCHEDULES, **DECODER_INITS, **BLOCKS}
KINDS = [OPTIMIZERS, SCHEDULES, DECODER_INITS, BLOCKS]


def values_of(annotation: str) -> st.SearchStrategy[Any]:
    """Return values of an option, by its annotation; some of them may be out of range."""
    if "bool" in annotation:
        return st.booleans()
    if "Literal" in annotation:
        return st.sampled_from(["rms", "layer", "none"])
    whole = "int" in annotation.lower() and "float" not in annotation
    numbers: st.SearchStrategy[Any] = (
        st.integers(0, 10**6) if whole else st.floats(0, 1e6) | st.sampled_from([0.5, 1e-8, 1.0])
    )
    return numbers | st.none() if "None" in annotation else numbers


@st.composite
def parts(draw: st.DrawFn) -> Part:
    cls = draw(st.sampled_from(list(PARTS.values())))
    options = {
        name: draw(values_of(str(field.rebuild_annotation())))
        for name, field in cls.model_fields.items()
        if draw(st.booleans())
    }
    try:
        return cls.model_validate(options)
    except ValidationError:
        assume(False)
        raise


def known_to(part: Part) -> Any:
    return next(kind for kind in KINDS if kind.get(part.name) is type(part))


@given(parts())
def test_the_canonical_spelling_is_read_as_the_same_part(part: Part) -> None:
    read = parse_part(part.label, known_to(part))
    assert read == part
    assert type(read) is type(part)
    assert read.label == part.label


@given(parts(), st.randoms())
def test_order_spaces_and_defaults_change_nothing(part: Part, random: Any) -> None:
    options = [(name, value) for name, value in part.model_dump().items() if value is not None]
    random.shuffle(options)
    words = ", ".join(f"{name} = {str(value).lower()}" for name, value in options)
    text = f" {part.name} [ {words} ]" if options else f" {part.name} "
    assert parse_part(text, known_to(part)).label == part.label


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("adam[]", "adam"),
        ("sgd[momentum=0.9]", "sgd"),
        ("sgd[momentum=0,nesterov=false]", "sgd[momentum=0.0]"),
        ("adamw[beta2=.95,beta1=9e-1]", "adamw[beta2=0.95]"),
    ],
)
def test_a_setting_holds_the_canonical_spelling(text: str, label: str) -> None:
    assert Settings(optimizer=text).optimizer == label
    assert Settings(optimizer=text) == Settings(optimizer=label)


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("adamm", "Did you mean 'adam'?"),
        ("lion", "adam, adamw, nadam"),
        ("sgd[momentun=0.9]", "Did you mean 'momentum'?"),
        ("adam[betas=0.9]", "It takes: amsgrad, beta1, beta2, eps."),
        ("adam[beta1=1]", "it should be less than 1"),
        ("adam[beta1=-0.1]", "it should be greater than or equal to 0"),
        ("adam[eps=inf]", "it should be a finite number"),
        ("adam[eps=nan]", "eps=nan"),
        ("adam[beta1=high]", "it should be a valid number"),
        ("adam[amsgrad=perhaps]", "it should be a valid boolean"),
        ("adam[beta1=0.8,0.9]", "give one"),
        ("adam,sgd", "give one: 'adam'"),
        ("sgd[momentum=0,nesterov=true]", "it needs a momentum above 0 and dampening=0"),
        ("sgd[nesterov=true,dampening=0.1]", "it needs a momentum above 0 and dampening=0"),
        ("sgd(momentum=0.9)", "'sgd[momentum=0.9]'"),
        ("sgd[momentum=0.9", "not closed"),
    ],
)
def test_a_mistake_is_one_line_with_what_to_type(text: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        optimizer_of(text)
    assert hint in str(caught.value)
    assert str(caught.value).isprintable()


@given(st.sampled_from(sorted(OPTIMIZERS)), st.text(max_size=12), st.text(max_size=12))
def test_no_text_is_a_traceback(name: str, option: str, value: str) -> None:
    with contextlib.suppress(UsageError):
        read = optimizer_of(f"{name}[{option}={value}]")
        assert optimizer_of(read.label) == read


@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine", "step", "plateau"])
def test_a_warmup_leaves_a_step_of_the_whole_rate(schedule: str) -> None:
    Settings(steps=10, schedule=f"{schedule}[warmup=9]")
    with pytest.raises(ValidationError, match="warmup of at most 9, or more steps"):
        Settings(steps=10, schedule=f"{schedule}[warmup=10]")


def test_numbers_of_parts_are_finite() -> None:
    for cls in PARTS.values():
        for name, field in cls.model_fields.items():
            if field.annotation is float:
                with pytest.raises(ValidationError):
                    cls.model_validate({name: math.inf})
