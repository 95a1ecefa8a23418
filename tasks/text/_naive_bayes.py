"""Naive Bayes on bags of words: what can be told of a text's class when the order of its words is
forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class NaiveBayes:
    """Multinomial naive Bayes with add-one smoothing (McCallum and Nigam 1998).

    Attributes:
        log_prior: ``log P(class)``, (C,).
        log_likelihood: ``log P(word | class)``, (V, C); 0 for padding, which says nothing.
    """

    log_prior: Tensor
    log_likelihood: Tensor

    @classmethod
    def fit(
        cls, words: Tensor, targets: Tensor, vocabulary: int, classes: int, padding: int
    ) -> NaiveBayes:
        """Count the words (N, T) of the texts of each class (targets (N,)), ``padding`` aside."""
        counts = torch.zeros(vocabulary * classes, dtype=torch.int64)
        for step in words.T:  # one word of every text at a time: bounds the memory
            counts += torch.bincount(
                step.long() * classes + targets, minlength=vocabulary * classes
            )
        smoothed = counts.view(vocabulary, classes).double() + 1  # (V, C)
        smoothed[padding] = 0
        log_likelihood = (smoothed / smoothed.sum(0)).log()
        log_likelihood[padding] = 0
        of_class = torch.bincount(targets, minlength=classes).double()
        return cls((of_class / of_class.sum()).log(), log_likelihood)

    def predict(self, words: Tensor) -> Tensor:
        """Return the most probable class of texts (N, T): (N,)."""
        scores = self.log_prior.expand(len(words), -1).clone()  # (N, C)
        for step in words.T:  # as above
            scores += self.log_likelihood[step.long()]
        return scores.argmax(1)
