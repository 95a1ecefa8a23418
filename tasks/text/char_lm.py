"""Character-level language modelling: predict the next character of a text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import rnnbench
from rnnbench import Citation, Metric, Preset
from rnnbench.metrics import cross_entropy

from .._common.citations import WILLIAMS_AND_PENG, WITTEN_AND_BELL
from . import _grammar
from ._characters import Lexicon, read_characters
from ._language import LanguageTask, bits

if TYPE_CHECKING:
    from rnnbench import RegisterTask

    from ._ngrams import Symbols

_SUTSKEVER = Citation(
    "Sutskever et al. 2011",
    "Generating Text with Recurrent Neural Networks",
    "ICML",
    "https://icml.cc/2011/papers/524_icmlpaper.pdf",
)
_KARPATHY = Citation(
    "Karpathy et al. 2015",
    "Visualizing and Understanding Recurrent Networks",
    "arXiv:1506.02078",
    "https://arxiv.org/abs/1506.02078",
)
_BITS_PER_CHARACTER = Metric(
    "bits per character", "lower", cross_entropy, bits, also={"perplexity": math.exp}
)


@dataclass(frozen=True)
class CharacterModel(LanguageTask):
    """Character language model: predict the next character of a text from those before it.

    The text is cut in order into training, validation and test. The alphabet is that of the
    training part; all other characters are one unknown character. The score is the cross-entropy in
    bits per character. N-gram models counted in the training part (Witten and Bell 1991) are its
    scale: the unigram model is skill 0, and the task is solved at the score of the best of them.

    The entropy of the generated text is known, and is skill 1. Each sentence ends with the name
    that it began with, out of reach of the n-grams. For user text the entropy is unknown; skill 1
    is 0 bits.

    Attributes:
        path: the text, which may be gzipped; by default a text is generated.
        encoding: of the text; auto: UTF-8, or UTF-16 with a byte order mark.
        window: characters per window, that is, between two optimizer steps.
        stateful: read the training text in order, in as many streams as a batch has sequences, with
            the state carried from window to window; ``false``: independent windows in random order.
        train: share of the text for training, from its start.
        validation: share that follows, for validation; the rest is the test.
        max_eval_symbols: most characters used of the validation and of the test part.
        sentences: sentences of the generated text.
        data_seed: seed of the generated text; independent of the seed of a trial.
    """

    unit = "character"
    orders: ClassVar[Mapping[str, int]] = {"unigram": 1, "bigram": 2, "trigram": 3, "5-gram": 5}
    metric = _BITS_PER_CHARACTER

    citations = (_SUTSKEVER, _KARPATHY, WITTEN_AND_BELL, WILLIAMS_AND_PENG)
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            {}, {"steps": 1500, "batch_size": 32, "learning_rate": 5e-3, "hidden_size": 64}
        ),
        "standard": Preset(
            {}, {"steps": 6000, "batch_size": 32, "learning_rate": 2e-3, "hidden_size": 128}
        ),
        # The defaults of the public code of Karpathy et al. 2015 (karpathy/char-rnn, train.lua):
        # windows and batches of 50, RMSprop at 2e-3 with a decay of 0.95, 128 units, all weights
        # within 0.08 of 0; 50 epochs, which are 21,150 steps on the million characters of its tiny
        # Shakespeare. It clips each element of the gradient at 5, of a loss summed over the window;
        # here the loss is a mean, so that 0.1 is the same. Its two layers are an option of the
        # model, e.g. lstm[num_layers=2]. A preset cannot express the decay of the learning rate by
        # 3 % per epoch from the tenth, and initial weights of the core. The numbers in the paper
        # (windows and batches of 100) are not verified.
        "paper": Preset(
            {"window": 50},
            {
                "steps": 21_150,
                "batch_size": 50,
                "learning_rate": 2e-3,
                "optimizer": "rmsprop[alpha=0.95]",
                "clip_norm": None,
                "clip_value": 0.1,
                "embedding_init": "uniform[bound=0.08]",
                "decoder_init": "uniform[bound=0.08]",
                "hidden_size": 128,
            },
        ),
    }

    @property
    def perfect(self) -> float:
        """The entropy of the generated text; 0 for user text, whose entropy is unknown."""
        return _grammar.bits_per_character() if self.path is None else 0.0

    @cached_property
    def simple_scores(self) -> Mapping[str, float]:
        """The scores of n-gram models, and for generated text the best score without the name."""
        if self.path is not None:
            return self._ngrams
        without_name = _grammar.bits_per_character_without_memory()
        return {**self._ngrams, "without the name, expected": without_name}

    def read(self, content: bytes, source: str) -> tuple[Symbols, Lexicon]:
        """Return the characters (N,) of a UTF-8 text, and the lexicon of its training part."""
        return read_characters(content, source, self.train)

    def split(self, text: str) -> str:
        """Return the text itself, a sequence of characters."""
        return text

    def decode(self, ids: Sequence[int]) -> str:
        """Return integers as text, with U+FFFD for the unknown character."""
        characters = ["\N{REPLACEMENT CHARACTER}", *self.lexicon.symbols]
        return "".join(characters[number] for number in ids)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``char-lm``."""
    register("char-lm", CharacterModel)
