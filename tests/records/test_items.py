"""Test items are packed without loss, in little space, and a damaged text is refused."""

from __future__ import annotations

import base64
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from rnnbench.records.items import MOST_ITEMS, ItemScores
from rnnbench.records.result import Result
from tests.support.factory import learning, record

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(FLOATS, st.floats(1, 100, width=32)), min_size=1, max_size=40))
def test_values_and_weights_survive(pairs: list[tuple[float, float]]) -> None:
    values, weights = np.array(pairs).T
    items = ItemScores.of(values, weights, block=3)
    assert items.block == 3
    assert items.values().tolist() == values.tolist()
    equal = (weights == weights[0]).all()
    assert items.weights().tolist() == (np.ones(len(values)) if equal else weights).tolist()
    assert ItemScores.model_validate_json(items.model_dump_json()) == items


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_zeros_and_ones_are_bits_and_their_mean_is_exact(hits: list[bool]) -> None:
    items = ItemScores.of(np.array(hits, dtype=float))
    assert items.kind == "bits"
    assert items.values().mean() == sum(hits) / len(hits)


def test_a_record_with_items_survives_json() -> None:
    items = ItemScores.of(np.array([0.5, 0.25, 4.0]), np.array([1.0, 2.0, 3.0]))
    result = record(learned=learning(items=items)).result
    read = Result.model_validate_json(result.model_dump_json())
    assert read == result
    assert read.learning is not None
    assert read.learning.items is not None
    assert read.learning.items.values().tolist() == [0.5, 0.25, 4.0]


def test_the_size_is_bounded() -> None:
    rng = np.random.default_rng(0)
    most = rng.standard_normal(MOST_ITEMS)
    assert len(ItemScores.of(most, rng.random(MOST_ITEMS)).model_dump_json()) < 220_000
    assert len(ItemScores.of((most > 0).astype(float)).model_dump_json()) < 4000
    with pytest.raises(ValidationError, match="less than or equal"):
        ItemScores.of(np.zeros(MOST_ITEMS + 1))


def _text(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content)).decode()


@pytest.mark.parametrize(
    "wrong",
    [
        {"packed_values": "not base64"},
        {"packed_values": base64.b64encode(b"no zlib").decode()},
        {"packed_values": _text(bytes(5))},
        {"packed_values": _text(bytes(1 << 24))},
        {"packed_values": _text(bytes(12))[:-8]},
        {"packed_weights": _text(bytes(11))},
        {"count": 2},
        {"count": 0},
        {"block": 0},
        {"kind": "bits"},
        {"kind": "float16"},
    ],
)
def test_a_damaged_item_list_is_refused(wrong: dict[str, object]) -> None:
    content = ItemScores.of(np.array([0.5, 0.25, 4.0]), np.array([1.0, 2.0, 3.0])).model_dump()
    with pytest.raises(ValidationError):
        ItemScores.model_validate({**content, **wrong})
