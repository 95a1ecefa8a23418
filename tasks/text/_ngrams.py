"""N-gram models of a stream of symbols, interpolated after Witten and Bell: what counting alone
makes of a text.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Symbols: TypeAlias = npt.NDArray[np.integer]

MOST_COUNTED = 2_000_000
"""Symbols at the end of the training part that n-grams are counted in, at most: bounds the time, on
large texts alone.
"""


def cross_entropies(train: Symbols, test: Symbols, vocab: int, highest: int) -> list[float]:
    """Return the cross-entropy on ``test``, in nats per symbol, of the models of order 1 (unigram)
    to ``highest``.

    A model of order k predicts a symbol w from the k - 1 symbols h before it (Witten and Bell 1991,
    method C)::

        p_k(w | h) = (c(h w) + t(h) p_{k-1}(w | h')) / (c(h) + t(h))      p_0 = 1 / vocab

    with c counts in ``train``, t(h) the number of different symbols that follow h there, h' the
    context without its first symbol, and p_k = p_{k-1} where h never occurs. The first symbol of
    ``test`` is context, not predicted.
    """
    train = train[-MOST_COUNTED:]
    symbols = np.concatenate([train, test]).astype(np.int64)
    probability = np.full(len(test), 1 / vocab)
    context = np.zeros(
        len(symbols), dtype=np.int64
    )  # of each position, a number for the symbols before it
    found = []
    for reach in range(highest):  # length of the context
        in_train = slice(reach, len(train))
        in_test = slice(len(train) + reach, len(symbols))
        pairs, pair = np.unique(
            context * vocab + symbols, return_inverse=True
        )  # a pair is a context and what follows
        of_pair = np.bincount(pair[in_train], minlength=len(pairs))
        of_context = np.bincount(context[in_train], minlength=int(context.max()) + 1)
        followers = np.bincount((pairs // vocab)[of_pair > 0], minlength=len(of_context))
        seen, kinds = of_context[context[in_test]], followers[context[in_test]]
        lower = probability[reach:]
        probability[reach:] = np.where(
            seen > 0, (of_pair[pair[in_test]] + kinds * lower) / np.maximum(seen + kinds, 1), lower
        )
        found.append(float(-np.log(probability[1:]).mean()))
        context = np.concatenate([[0], pair[:-1]])
    return found
