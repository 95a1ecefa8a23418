"""Naive Bayes against its definition, word by word."""

from __future__ import annotations

import math

import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tasks.builders import helper

NaiveBayes = helper("text._naive_bayes").NaiveBayes
PADDING, V, C = 0, 6, 3


TEXTS = st.lists(st.integers(1, V - 1), min_size=1, max_size=5)


@given(rows=st.lists(st.tuples(TEXTS, st.integers(0, C - 1)), min_size=C, max_size=15))
@settings(deadline=None, max_examples=50)
def test_the_class_chosen_has_the_greatest_posterior(rows: list[tuple[list[int], int]]) -> None:
    rows += [([1], c) for c in range(C)]  # every class occurs in training
    words = torch.tensor([text + [PADDING] * (5 - len(text)) for text, _ in rows])
    targets = torch.tensor([c for _, c in rows])
    fitted = NaiveBayes.fit(words, targets, V, C, PADDING)

    def log_posterior(text: list[int], c: int) -> float:
        of_class = [word for other, label in rows if label == c for word in other]
        prior = sum(label == c for _, label in rows) / len(rows)
        return math.log(prior) + sum(
            math.log((of_class.count(word) + 1) / (len(of_class) + V - 1)) for word in text
        )

    for (text, _), chosen in zip(rows, fitted.predict(words).tolist(), strict=True):
        posteriors = [log_posterior(text, c) for c in range(C)]
        assert posteriors[chosen] >= max(posteriors) - 1e-9
