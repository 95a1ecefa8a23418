"""Records: immutable data without unknown fields, equal after storage, with stable identities."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from rnnbench.errors import MESSAGE_LIMIT
from rnnbench.records.base import Data, content_hash
from rnnbench.records.result import Record, Result, Status
from rnnbench.records.settings import Settings
from rnnbench.records.spec import Provider, TrialSpec
from rnnbench.records.syntax import option_text, with_options
from tests.support.factory import learning, record, speed, study, trial_spec

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=5))
def test_a_hash_does_not_depend_on_order(content: dict[str, Any]) -> None:
    assert content_hash(dict(reversed(content.items()))) == content_hash(content)


@given(JSON, JSON)
def test_different_contents_have_different_hashes(a: Any, b: Any) -> None:
    assert (content_hash(a) == content_hash(b)) == (repr(a) == repr(b) or _same(a, b))


def _same(a: Any, b: Any) -> bool:
    """Equal as JSON: order of keys aside, but 1, 1.0 and true apart."""
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    return repr(a) == repr(b)


def test_a_hash_is_the_same_in_every_process_and_release() -> None:
    assert content_hash({"b": [1, 2.5, None, True], "a": "ä"}) == "f11879da5f07e530"
    code = (
        "from rnnbench.records.base import content_hash\n"
        "print(content_hash({'a': 'ä', 'b': [1, 2.5, None, True]}))"
    )
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == content_hash({"b": [1, 2.5, None, True], "a": "ä"})


@pytest.mark.parametrize("made", study(seeds=1), ids=lambda made: made.spec.model.name)
def test_a_record_survives_json(made: Record) -> None:
    assert Record.model_validate_json(made.model_dump_json()) == made


def test_odd_numbers_survive_json() -> None:
    for odd in (math.nan, math.inf, -math.inf):
        result = record(learned=learning(odd)).result
        read = Result.model_validate_json(result.model_dump_json())
        assert read.learning is not None
        assert read.learning.score == pytest.approx(odd, nan_ok=True)
        assert read.model_dump_json() == result.model_dump_json()


def test_records_refuse_unknown_fields_and_changes() -> None:
    with pytest.raises(ValidationError, match="Extra inputs"):
        Settings.model_validate({"stepz": 1})
    settings_ = Settings()
    with pytest.raises(ValidationError, match="frozen"):
        settings_.steps = 5  # type: ignore[misc]


@pytest.mark.parametrize(
    "wrong",
    [
        {"steps": 0},
        {"learning_rate": 0},
        {"learning_rate": math.inf},
        {"clip_norm": math.inf},
        {"weight_decay": -1},
        {"seed": -1},
    ],
)
def test_impossible_settings_are_refused(wrong: dict[str, Any]) -> None:
    content = trial_spec().model_dump()
    seed = {"seed": wrong["seed"]} if "seed" in wrong else {}
    settings_ = {} if seed else {"settings": {**content["settings"], **wrong}}
    with pytest.raises(ValidationError):
        TrialSpec.model_validate({**content, **seed, **settings_})


def test_validation_comes_twenty_times_unless_said_otherwise() -> None:
    assert [Settings(steps=steps).validation_interval for steps in (1, 19, 20, 100, 1000)] == [
        1,
        1,
        1,
        5,
        50,
    ]
    assert Settings(steps=1000, validate_every=7).validation_interval == 7


def test_a_speed_belongs_to_the_network_and_its_batch_and_not_to_the_training() -> None:
    spec = trial_spec()
    for same in ({"steps": 5}, {"learning_rate": 0.5}, {"optimizer": "sgd"}, {"test_size": 3}):
        assert trial_spec(settings=Settings.model_validate(same), seed=4).speed_id == spec.speed_id
    for other in ({"batch_size": 5}, {"embedding_size": 5}, {"precision": "64"}):
        assert trial_spec(settings=Settings.model_validate(other)).speed_id != spec.speed_id
    assert trial_spec(hidden_size=5).speed_id != spec.speed_id


def test_time_steps_per_second() -> None:
    measured = speed()
    point = measured.at_own_length("train")
    assert point is not None
    assert point.timesteps_per_second == pytest.approx(64 * 40 / point.seconds.median)
    stream = measured.at_own_length("stream")
    assert stream is not None
    assert stream.timesteps_per_second == pytest.approx(1 / stream.seconds.median)
    untimed = measured.model_copy(update={"points": ()})
    assert untimed.at_own_length("train") is None


def test_labels_are_command_line_syntax() -> None:
    assert with_options("lstm", {}) == "lstm"
    assert (
        with_options("f", {"b": True, "a": None, "c": 0.1, "d": "x"})
        == "f[a=none,b=true,c=0.1,d=x]"
    )
    assert with_options("f", {"path": 'a "b", c.csv'}) == 'f[path="a ""b"", c.csv"]'
    assert with_options("f", {"path": " a"}) == 'f[path=" a"]'


@settings(max_examples=50)
@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_typed_without_loss(value: float) -> None:
    assert type(value)(option_text(value)) == value


def test_the_names_of_statuses_are_those_of_stored_records() -> None:
    stored = "done diverged failed oom timeout crashed interrupted incompatible pruned"
    assert [str(status) for status in Status] == stored.split()


def test_foreign_text_is_read_as_one_printable_line() -> None:
    content = record(error="RuntimeError: boom").result.model_dump()
    read = Result.model_validate({**content, "error": "first\n\x1b[31msecond " + "x" * 5000})
    assert read.error is not None
    assert read.error.startswith("first [31msecond x")
    assert read.error.isprintable()
    assert len(read.error) <= MESSAGE_LIMIT
    assert Provider(distribution="acme\x1b[2J", version="1").distribution == "acme [2J"


def test_every_kind_of_data_is_frozen_and_closed() -> None:
    def below(kind: type[Data]) -> list[type[Data]]:
        return [kind, *(each for sub in kind.__subclasses__() for each in below(sub))]

    for kind in below(Data):
        assert kind.model_config["frozen"]
        assert kind.model_config["extra"] == "forbid"
