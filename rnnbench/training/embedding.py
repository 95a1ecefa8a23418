"""Embeddings with dropout, and a decoder that shares the embedding's weights."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class DroppedEmbedding(nn.Embedding):
    """Embedding with dropout of whole words and of single elements, in training mode alone.

    A word that is dropped is dropped at every position of its sequence, and each sequence of a
    batch drops words of its own (Gal & Ghahramani 2016, A theoretically grounded application of
    dropout in recurrent neural networks). What is kept is scaled by ``1 / (1 - p)``, so that the
    expectation is that of evaluation mode.

    Args:
        vocab: number of symbols V.
        width: embedding width E.
        words: probability p with which a word is dropped from a sequence.
        elements: probability p with which an element of an embedded step is dropped.
    """

    def __init__(self, vocab: int, width: int, *, words: float, elements: float) -> None:
        super().__init__(vocab, width)
        self._words = words
        self._elements = elements

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the embedded inputs: (B, T) int64 -> (B, T, E)."""
        embedded = super().forward(inputs)
        if not self.training:
            return embedded
        if self._words:
            scale = kept_words(inputs, self._words).to(embedded.dtype) / (1 - self._words)
            embedded = embedded * scale[..., None]
        return F.dropout(embedded, self._elements) if self._elements else embedded


def kept_words(inputs: Tensor, p: float) -> Tensor:
    """Draw which positions keep their word: (B, T) int64 -> (B, T) bool.

    All positions of a word in one sequence are drawn as one, with probability ``1 - p`` to be kept.
    The cost does not depend on the size of the vocabulary.
    """
    ordered, order = inputs.sort(1)
    first = torch.ones_like(ordered, dtype=torch.bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    place = torch.arange(inputs.shape[1], device=inputs.device)
    # the place, in the order of the words, of the first position with the same word
    leader = torch.where(first, place, 0).cummax(1).values
    drawn = torch.rand(inputs.shape, device=inputs.device) >= p
    return drawn.gather(1, leader).gather(1, order.argsort(1))


class TiedDecoder(nn.Module):
    """Linear decoder with the weights of the embedding (Press & Wolf 2017; Inan et al. 2017).

    The matrix stays a parameter of the embedding alone: it is counted, saved and trained once.

    Args:
        embedding: has a weight (V, E).
        bias: (V,), a parameter of its own.
    """

    def __init__(self, embedding: nn.Embedding, bias: nn.Parameter) -> None:
        super().__init__()
        # In a tuple, where nn.Module does not register it a second time.
        self._embedding = (embedding,)
        self.bias = bias

    @property
    def weight(self) -> Tensor:
        """The embedding's weight (V, E)."""
        return self._embedding[0].weight

    def forward(self, features: Tensor) -> Tensor:
        """Return logits: (..., E) -> (..., V)."""
        return F.linear(features, self.weight, self.bias)
