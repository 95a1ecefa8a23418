"""Generated sentiment sentences of known difficulty: a cue, its negation, a distance."""

from __future__ import annotations

import numpy as np

from ._texts import LabelledTexts

NEGATOR = "not"
POSITIVE = (
    "good", "great", "superb", "lovely", "brilliant", "charming", "funny", "moving", "delightful",
    "clever",
)  # fmt: skip
NEGATIVE = (
    "bad", "awful", "dreadful", "boring", "clumsy", "tedious", "dull", "bland", "stupid", "weak",
)  # fmt: skip
NEUTRAL = (
    "the", "a", "film", "movie", "story", "plot", "scene", "actor", "director", "camera", "script",
    "music", "ending", "character", "voice", "city", "night", "winter", "train", "letter", "about",
    "with", "from", "under", "between", "during", "while", "after", "before", "then", "there",
    "here", "where", "again", "later", "often", "once", "two", "three", "several", "long", "short",
    "old", "new", "blue", "wooden", "quiet", "walks", "opens", "follows", "turns", "waits",
    "looks", "carries", "reads", "speaks",
)  # fmt: skip
_BEFORE = (2, 8)
"""Minimum and maximum number of neutral words before the cue."""


def generate(
    sentences: int, distance: int, negation: float, seed: int, part: int, *, balanced: bool = False
) -> LabelledTexts:
    """Draw sentences ``n_1 .. n_m [not] cue n_1 .. n_distance``, labelled by sentiment.

    The labels are ``"positive"`` and ``"negative"``. The cue is one of 10 positive or one of 10
    negative words, each kind with probability 1/2. All other words are neutral; m is uniform from 2
    to 8. With probability ``negation`` the negator stands directly before the cue and inverts the
    label; otherwise it stands before one of the m neutral words, without effect. Every sentence
    therefore has exactly one negator and one cue. In expectation:

    - the label is independent of the last ``distance`` words: without memory of the cue the best
      accuracy is 1/2;
    - the words without their order determine only the polarity of the cue: the best accuracy of any
      bag of words is ``max(negation, 1 - negation)``;
    - with memory and order it is 1.

    With ``balanced``, exactly half of the sentences have either label (one more where their number
    is odd), so that the best accuracy of a constant answer is 1/2 without chance.

    ``seed`` and ``part`` seed the generator; different parts are independent.
    """
    generator = np.random.Generator(np.random.PCG64([seed, part]))
    positive = generator.random(sentences) < 0.5
    negated = generator.random(sentences) < negation
    if balanced:
        positive = generator.permutation(np.arange(sentences) % 2 == 0) != negated
    before = generator.integers(_BEFORE[0], _BEFORE[1], sentences, endpoint=True)
    # before the cue, or before a neutral word
    negator_at = np.where(negated, before, generator.integers(before))
    cues = np.where(
        positive, generator.choice(POSITIVE, sentences), generator.choice(NEGATIVE, sentences)
    ).tolist()
    neutral = generator.choice(NEUTRAL, (sentences, _BEFORE[1] + distance)).tolist()
    texts = [
        " ".join([*words[:at], NEGATOR, *words[at:m], cue, *words[m : m + distance]])
        for words, at, m, cue in zip(
            neutral, negator_at.tolist(), before.tolist(), cues, strict=True
        )
    ]
    labels = [
        "positive" if says_good else "negative" for says_good in (positive != negated).tolist()
    ]
    return LabelledTexts("generated corpus", labels, texts)
