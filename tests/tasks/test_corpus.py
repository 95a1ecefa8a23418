"""The generated corpus: sentences follow the definition, difficulty is as stated."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tasks.builders import build, helper

corpus = helper("text._corpus")
POSITIVE, NEGATIVE, NEUTRAL = set(corpus.POSITIVE), set(corpus.NEGATIVE), set(corpus.NEUTRAL)


def target(sentence: str) -> str:
    """The definition read backwards: the label that a sentence deserves."""
    words = sentence.split()
    (place,) = [index for index, word in enumerate(words) if word in POSITIVE | NEGATIVE]
    flipped = words[place - 1] == "not"
    return "positive" if (words[place] in POSITIVE) != flipped else "negative"


def test_words_have_one_role() -> None:
    assert not POSITIVE & NEGATIVE
    assert not (POSITIVE | NEGATIVE | {"not"}) & NEUTRAL
    assert (len(POSITIVE), len(NEGATIVE), len(NEUTRAL)) == (10, 10, len(corpus.NEUTRAL))


@given(
    distance=st.integers(0, 60),
    negation=st.floats(0, 1),
    seed=st.integers(0, 1000),
    part=st.integers(0, 2),
)
@settings(deadline=None, max_examples=30)
def test_sentences_follow_the_definition(
    distance: int, negation: float, seed: int, part: int
) -> None:
    drawn = corpus.generate(30, distance, negation, seed, part)
    for sentence, label in zip(drawn.texts, drawn.labels, strict=True):
        words = sentence.split()
        assert words.count("not") == 1
        assert words[-distance - 1] in POSITIVE | NEGATIVE
        assert set(words[len(words) - distance :]) <= NEUTRAL
        assert 2 <= len(words) - distance - 2 <= 8
        assert label == target(sentence)


@pytest.mark.parametrize(("negation", "expected"), [(0.0, 0), (1.0, 50)])
def test_negation_is_the_share_of_negated_cues(negation: float, expected: int) -> None:
    texts = corpus.generate(50, 3, negation, 0, 0).texts
    assert sum(sentence.split()[-5] == "not" for sentence in texts) == expected


def test_parts_and_seeds_differ_and_the_same_seed_repeats() -> None:
    first, again = corpus.generate(20, 5, 0.3, 1, 0), corpus.generate(20, 5, 0.3, 1, 0)
    assert first == again
    assert first.texts != corpus.generate(20, 5, 0.3, 1, 1).texts
    assert first.texts != corpus.generate(20, 5, 0.3, 2, 0).texts


def within(observed: float, expected: float, n: int) -> bool:
    """Whether a share agrees with its expectation to four standard errors."""
    return abs(observed - expected) <= 4 * math.sqrt(max(expected * (1 - expected), 1e-9) / n)


@pytest.mark.parametrize("negation", [0.25, 0.5, 0.9])
def test_without_memory_or_order_accuracy_is_at_its_limit(
    negation: float,
) -> None:
    n = 20_000
    drawn = corpus.generate(n, 4, negation, 0, 0)
    positive = np.array(drawn.labels) == "positive"
    words = [sentence.split() for sentence in drawn.texts]
    assert within(positive.mean(), 0.5, n)
    # no single one of the last words, nor the length, depends on the label
    for features in ([text[-1] for text in words], [len(text) for text in words]):
        counts = Counter(zip(features, positive.tolist(), strict=True))
        for feature in set(features):
            total = counts[feature, True] + counts[feature, False]
            assert within(counts[feature, True] / total, 0.5, total)
    # the multiset of words: given the polarity of the cue, nothing but the share of negated
    # sentences
    good = np.array([bool(set(text) & POSITIVE) for text in words])
    agrees = (good == positive).mean()
    assert within(agrees, 1 - negation, n)


@pytest.mark.parametrize(("negation", "limit"), [(0.25, 0.75), (0.5, 0.5), (0.0, 1.0)])
def test_naive_bayes_reaches_the_stated_limit_of_any_bag_of_words(
    negation: float, limit: float
) -> None:
    task = build("text-classification", sentences=10_000, negation=negation, distance=3)
    scores = task.simple_scores
    assert scores["best bag of words, expected"] == limit
    assert within(scores["naive Bayes"], limit, 5000)
    assert task.baseline == scores["majority class"] == 0.5
    assert task.perfect == 1.0


def test_the_diagnosis_separates_negated_cues() -> None:
    task = build("text-classification", sentences=1000, distance=6, negation=0.3)
    test = task.splits().test
    cues = {task.vocabulary.ids[word]: word in POSITIVE for word in POSITIVE | NEGATIVE}

    def ignores_negation(inputs: torch.Tensor, lengths: torch.Tensor | None) -> torch.Tensor:
        assert lengths is not None
        at = lengths - 6 - 1
        good = [int(cues[int(row[place])]) for row, place in zip(inputs, at, strict=True)]
        return torch.nn.functional.one_hot(torch.tensor(good), 2).float()

    assert task.classes == ("negative", "positive")
    assert task.diagnose(ignores_negation, test).scores == {
        "accuracy, cue negated": 0.0,
        "accuracy, cue not negated": 1.0,
    }
