"""A generated corpus of sentiment sentences with known best accuracies."""

from __future__ import annotations

import numpy as np

from ._texts import LabelledTexts

NEGATOR = "not"
POSITIVE = (
    "good", "great", "superb", "lovely", "brilliant", "charming", "funny", "moving",
    "delightful", "clever",
)  # fmt: skip
NEGATIVE = (
    "bad", "awful", "dreadful", "boring", "clumsy", "tedious", "dull", "bland", "stupid",
    "weak",
)  # fmt: skip
NEUTRAL = (
    "the", "a", "film", "movie", "story", "plot", "scene", "actor", "director", "camera",
    "script", "music", "ending", "character", "voice", "city", "night", "winter", "train",
    "letter", "about", "with", "from", "under", "between", "during", "while", "after", "before",
    "then", "there", "here", "where", "again", "later", "often", "once", "two", "three",
    "several", "long", "short", "old", "new", "blue", "wooden", "quiet", "walks", "opens",
    "follows", "turns", "waits", "looks", "carries", "reads", "speaks",
)  # fmt: skip
_BEFORE = (2, 8)
"""Minimum and maximum number of neutral words before the cue."""


def generate(sentences: int, distance: int, negation: float, seed: int, part: int) -> LabelledTexts:
    """Draw sentences ``n_1 .. n_m [not] cue n_1 .. n_distance`` with their labels.

    The cue is one of 10 positive and 10 negative words with equal probability. All n are neutral
    words; m is uniform from 2 to 8. With probability ``negation`` the negator is directly before
    the cue and inverts the label. Otherwise it is before one of the m neutral words and has no
    effect. Every sentence has exactly one negator and one cue, whatever its label. The best
    accuracies, in expectation, are therefore:

    - 1/2 without memory of the cue: the last ``distance`` words are independent of the label;
    - ``max(negation, 1 - negation)`` for a bag of words: without their order, the words give the
      polarity of the cue only;
    - 1 with memory and order.

    Args:
        sentences: number of sentences.
        distance: number of neutral words after the cue.
        negation: share of sentences with a negated cue.
        seed: chooses the sentences, together with ``part``.
        part: number of an independent part of the corpus, e.g. the test.

    Returns:
        The sentences with labels ``"positive"`` and ``"negative"``.
    """
    generator = np.random.Generator(np.random.PCG64([seed, part]))
    positive = generator.random(sentences) < 0.5
    negated = generator.random(sentences) < negation
    before = generator.integers(_BEFORE[0], _BEFORE[1], sentences, endpoint=True)
    negator_at = np.where(negated, before, generator.integers(before))
    positive_cues = generator.choice(POSITIVE, sentences)
    negative_cues = generator.choice(NEGATIVE, sentences)
    cues = np.where(positive, positive_cues, negative_cues).tolist()
    neutral = generator.choice(NEUTRAL, (sentences, _BEFORE[1] + distance)).tolist()
    texts = [
        " ".join([*words[:at], NEGATOR, *words[at:m], cue, *words[m : m + distance]])
        for words, at, m, cue in zip(
            neutral, negator_at.tolist(), before.tolist(), cues, strict=True
        )
    ]
    labels = np.where(positive != negated, "positive", "negative").tolist()
    return LabelledTexts("generated corpus", texts, labels)
