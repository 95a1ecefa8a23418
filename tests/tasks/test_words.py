"""The tokeniser, the vocabulary and padding."""

from __future__ import annotations

from collections import Counter

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tasks.builders import helper

words = helper("text._words")
TEXTS = st.lists(st.lists(st.sampled_from("abcdefgh"), max_size=8), min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Good film, NOT bad!", ["good", "film", ",", "not", "bad", "!"]),
        ("don't  can't\t'tis", ["don't", "can't", "'", "tis"]),
        ("Größe 3.5 naïve", ["größe", "3", ".", "5", "naïve"]),
        ("  \u3000\n", []),
    ],
)
def test_texts_are_cut_into_lower_case_words(text: str, expected: list[str]) -> None:
    assert words.tokenise(text) == expected


@given(texts=TEXTS, size=st.integers(3, 12), min_count=st.integers(1, 4))
@settings(deadline=None, max_examples=60)
def test_the_vocabulary_holds_the_most_frequent_words(
    texts: list[list[str]], size: int, min_count: int
) -> None:
    counts = Counter(word for text in texts for word in text)
    vocabulary = words.Vocabulary.of(words.CutTexts.of(texts), size, min_count)
    assert len(vocabulary) <= size
    assert sorted(vocabulary.ids.values()) == list(range(2, len(vocabulary)))
    assert all(counts[word] >= min_count for word in vocabulary.ids)
    left_out = [
        word for word, count in counts.items() if count >= min_count and word not in vocabulary.ids
    ]
    if left_out:
        assert len(vocabulary) == size
        assert max(counts[word] for word in left_out) <= min(
            counts[word] for word in vocabulary.ids
        )
    by_id = sorted(vocabulary.ids, key=vocabulary.ids.__getitem__)
    assert by_id == sorted(by_id, key=lambda word: (-counts[word], word))


@given(
    texts=TEXTS, known=st.sets(st.sampled_from("abcdefgh"), min_size=1), longest=st.integers(1, 8)
)
@settings(deadline=None, max_examples=60)
def test_encoding_pads_on_the_right_and_cuts_long_texts(
    texts: list[list[str]], known: set[str], longest: int
) -> None:
    vocabulary = words.Vocabulary.of(words.CutTexts.of([sorted(known)]), 20, 1)
    ids, lengths = vocabulary.encode(words.CutTexts.of(texts), longest)
    assert (ids.dtype, lengths.dtype) == (torch.uint8, torch.int64)
    assert ids.shape == (len(texts), lengths.max())
    for row, length, text in zip(ids.tolist(), lengths.tolist(), texts, strict=True):
        expected = [vocabulary.ids.get(word, 1) for word in text[:longest]] or [1]
        assert row == expected + [0] * (len(row) - length)
        assert length == len(expected)
