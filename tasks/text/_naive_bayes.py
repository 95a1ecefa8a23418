"""Naive Bayes on bags of words: a classifier that ignores the order of the words.

Not scikit-learn's ``MultinomialNB``: a core task cannot depend on an extra, and its import takes
half a second in each trial process.
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
        log_likelihood: ``log P(word | class)``, (V, C); 0 for padding.
    """

    log_prior: Tensor
    log_likelihood: Tensor

    @classmethod
    def fit(
        cls, words: Tensor, targets: Tensor, vocabulary: int, classes: int, padding: int
    ) -> NaiveBayes:
        """Count words in the texts of each class.

        Args:
            words: texts (N, T) of integers below ``vocabulary``.
            targets: classes (N,).
            vocabulary: V.
            classes: C.
            padding: the integer that is no word.
        """
        counts = torch.zeros(vocabulary * classes, dtype=torch.int64)
        # one step of all texts at a time bounds the memory
        for step in words.T:
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
        """Return the most probable class of each text: (N, T) -> (N,)."""
        scores = self.log_prior.expand(len(words), -1).clone()  # (N, C)
        for step in words.T:
            scores += self.log_likelihood[step.long()]
        return scores.argmax(1)
