"""Seeds as typed, and the flags of the training's settings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rnnbench.cli.parameters import parse_seeds
from rnnbench.cli.run import run
from rnnbench.errors import UsageError
from rnnbench.records.settings import Settings
from tests.support.calling import call


@pytest.mark.parametrize(
    ("text", "seeds"),
    [(None, None), ("5", 5), ("0", 0), ("0,1,7", [0, 1, 7]), ("4,", [4]), (" 1 , 2 ", [1, 2])],
)
def test_seeds_are_a_count_or_a_list(text: str | None, seeds: int | list[int] | None) -> None:
    assert parse_seeds(text) == seeds


@pytest.mark.parametrize(
    "text", ["", ",", "-1", "1.5", "x", "1;2", "²", "٣", "9" * 11, "9" * 5000, "1\n2"]
)
def test_seeds_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--seeds") as caught:
        parse_seeds(text)
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 200


def test_every_setting_is_a_flag_with_its_description() -> None:
    shown = " ".join(call("run", "--help").out.split())
    for name, field in Settings.model_fields.items():
        assert f"--{name.replace('_', '-')}" in shown
        assert str(field.description)[1:] in shown


def settings_of(*words: str) -> dict[str, str]:
    with run.make_context("run", list(words)) as context:
        values = {name: context.params[name] for name in Settings.model_fields}
    return {name: value for name, value in values.items() if value is not None}


def test_a_flag_that_is_not_given_sets_nothing() -> None:
    assert settings_of() == {}


def test_a_flag_sets_its_setting() -> None:
    words = ("--lr", "1e-2", "--steps=7", "--clip-norm", "none", "--precision", "64")
    assert settings_of(*words) == {
        "learning_rate": "1e-2",
        "steps": "7",
        "clip_norm": "none",
        "precision": "64",
    }


@given(text=st.text(max_size=20) | st.text("0123456789.einf-", max_size=12))
def test_any_text_of_a_setting_is_read_or_refused_with_its_flag(text: str) -> None:
    answer = call("run", f"--weight-decay={text}")
    refused = "--weight-decay" in answer.complaint
    assert refused or "no task was named" in answer.complaint
