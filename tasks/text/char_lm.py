"""Character-level language modelling: predict the next character of a text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import rnnbench
from rnnbench import Citation, Metric, Preset, Tokens
from rnnbench.errors import DataError, one_line
from rnnbench.metrics import cross_entropy

from .._common.citations import WILLIAMS_AND_PENG, WITTEN_AND_BELL
from . import _grammar
from ._characters import Alphabet, read_characters
from ._language import LanguageTask, bits

if TYPE_CHECKING:
    from rnnbench import RegisterTask

    from ._ngrams import Symbols

_SUTSKEVER = Citation(
    "Sutskever et al. 2011", "Generating Text with Recurrent Neural Networks", "ICML",
    "https://icml.cc/2011/papers/524_icmlpaper.pdf",
)  # fmt: skip
_KARPATHY = Citation(
    "Karpathy et al. 2015", "Visualizing and Understanding Recurrent Networks", "arXiv:1506.02078",
    "https://arxiv.org/abs/1506.02078",
)  # fmt: skip


_BITS_PER_CHARACTER = Metric(
    "bits per character", "lower", cross_entropy, bits, also={"perplexity": math.exp}
)


@dataclass(frozen=True)
class CharacterModel(LanguageTask):
    """Character language model: predict the next character of a text from those before it.

    The text is cut in order into training, validation and test; its alphabet is that of the
    training part, any other character being unknown. The score is the cross-entropy in bits per
    character, held against n-gram models counted in the training part (Witten and Bell 1991): the
    unigram is skill 0, and a network that does as well as the best of them has solved the task.

    Without ``path`` the text is generated and its entropy known: that is skill 1. Each sentence
    brings back the name that it began with, which no n-gram reaches. How predictable a text of your
    own is, nobody knows: there skill 1 is 0 bits.

    Attributes:
        path: the text, in UTF-8.
        window: characters between two optimizer steps.
        stateful: read the text in order, as many places at once as a batch has sequences, the state
            carried from window to window; otherwise every window starts fresh, in random order.
        train: share of the text, from its start, for training.
        validation: share that follows, for validation; the rest is the test.
        evaluated: most characters of the validation and of the test part that are read.
        sentences: of the generated text.
        data_seed: chooses the generated text; the same for every seed of a comparison.
    """

    version: ClassVar[int] = 1
    citations: ClassVar[tuple[Citation, ...]] = (
        _SUTSKEVER,
        _KARPATHY,
        WITTEN_AND_BELL,
        WILLIAMS_AND_PENG,
    )
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset({}, {"steps": 1500, "batch_size": 32, "learning_rate": 5e-3, "hidden_size": 64}),
        "standard": Preset({}, {"steps": 6000, "batch_size": 32, "learning_rate": 2e-3, "hidden_size": 128}),
        # The defaults of the public code beside Karpathy et al. 2015 (karpathy/char-rnn,
        # train.lua): windows and batches of 50, RMSprop at 2e-3, 128 units, each element of the
        # gradient clipped at 5, where the norm is clipped here; 50 epochs, which are 21,150 steps
        # of the million characters of its tiny Shakespeare. Its two layers are an option of the
        # model, e.g. lstm[num_layers=2]. What a preset cannot ask for: a decay of RMSprop of 0.95
        # (here 0.9), and the rate's fall by 3 % each epoch from the tenth. The paper's own numbers
        # (windows and batches of 100) are not verified.
        "paper": Preset(
            {"window": 50},
            {"steps": 21_150, "batch_size": 50, "learning_rate": 2e-3, "optimizer": "rmsprop", "clip_norm": 5.0,
             "hidden_size": 128},
        ),
    }  # fmt: skip
    orders: ClassVar[Mapping[str, int]] = {"unigram": 1, "bigram": 2, "trigram": 3, "5-gram": 5}

    @property
    def symbols(self) -> Symbols:
        """The text's characters as numbers (N,)."""
        return self._read[0]

    @property
    def inputs(self) -> Tokens:
        """The characters of the training part, and 0 for any other."""
        return Tokens(len(self._read[1]))

    @property
    def metric(self) -> Metric:
        """Bits per character."""
        return _BITS_PER_CHARACTER

    @property
    def perfect(self) -> float:
        """The entropy of the generated text; of a file's it is unknown."""
        return _grammar.bits_per_character() if self.path is None else 0.0

    @property
    def solved(self) -> float:
        """The score of the best n-gram model."""
        return max(min(self._ngrams.values()), self.perfect)

    @cached_property
    def simple_scores(self) -> Mapping[str, float]:
        """The scores of n-gram models; of the generated text also what is possible without
        remembering the name.
        """
        if self.path is not None:
            return self._ngrams
        return {
            **self._ngrams,
            "without the name, expected": _grammar.bits_per_character_without_memory(),
        }

    def encode(self, text: str) -> list[int]:
        """Return the characters of a prompt as numbers."""
        ids = self._read[1].ids
        unknown = sorted({character for character in text if character not in ids})
        if unknown:
            shown = one_line(" ".join(map(repr, unknown)), 80)
            known = one_line(repr(self._read[1].characters), 200)
            raise DataError(
                f"the prompt has characters that training did not: {shown}. It had: {known}."
            )
        return [ids[character] for character in text]

    def decode(self, ids: Sequence[int]) -> str:
        """Return numbers as text."""
        characters = "\N{REPLACEMENT CHARACTER}" + self._read[1].characters
        return "".join(characters[number] for number in ids)

    @cached_property
    def _read(self) -> tuple[Symbols, Alphabet]:
        return read_characters(self.content(), self.source, self.train)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``char-lm``."""
    register("char-lm", CharacterModel)
