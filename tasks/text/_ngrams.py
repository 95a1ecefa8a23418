"""N-gram models of a stream of symbols, with Witten-Bell interpolation."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Symbols: TypeAlias = npt.NDArray[np.integer]

MOST_COUNTED = 2_000_000
"""N-grams are counted in at most this many symbols, the last ones, which bounds the time."""


def cross_entropies(train: Symbols, test: Symbols, vocab: int, highest: int) -> list[float]:
    """Return the cross-entropies of the models of order 1 (unigram) to ``highest``.

    A model of order k predicts a symbol w from the k - 1 symbols h before it (Witten and Bell 1991,
    method C)::

        p_k(w | h) = (c(h w) + t(h) p_{k-1}(w | h')) / (c(h) + t(h))      p_0 = 1 / vocab

    with c counts in ``train``, t(h) the number of different symbols that follow h there, h' the
    context without its first symbol, and p_k = p_{k-1} where h never occurs.

    Args:
        train: training symbols (N,).
        test: test symbols (M,); the first one is context and is not predicted.
        vocab: number of symbols.
        highest: highest order.

    Returns:
        The mean cross-entropy on ``test`` in nats per symbol, by order.
    """
    train = train[-MOST_COUNTED:]
    symbols = np.concatenate([train, test]).astype(np.int64)
    probability = np.full(len(test), 1 / vocab)
    # an integer at each position that identifies the symbols before it
    context = np.zeros(len(symbols), dtype=np.int64)
    found = []
    for reach in range(highest):
        in_train = slice(reach, len(train))
        in_test = slice(len(train) + reach, len(symbols))
        # a pair is a context of ``reach`` symbols and the symbol that follows
        pairs, pair = np.unique(context * vocab + symbols, return_inverse=True)
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
