"""A generated text of known entropy, with a name to remember in each sentence."""

from __future__ import annotations

import math

import numpy as np

NAMES = (
    "anna", "bela", "cora", "dora", "ella", "fina", "gina", "hanna", "ines", "jana", "kira", "lena",
    "mara", "nora", "olga", "petra",
)  # fmt: skip
TRANSITIVE = ("saw", "met", "drew", "lost", "found", "heard", "left", "kept")
THINGS = (
    "fox", "cat", "boat", "tree", "lamp", "stone", "river", "garden", "letter", "window", "ladder",
    "basket", "crow", "horse", "mirror", "wagon",
)  # fmt: skip
PLACES = ("near", "under", "behind", "above")
INTRANSITIVE = ("ran", "slept", "sang", "wept", "laughed", "waited", "danced", "whistled")
_MAX_PLACES = 3
WORDS = len({*NAMES, *TRANSITIVE, *THINGS, *PLACES, *INTRANSITIVE, "the", "and", ",", "."})
"""Number of distinct words, the comma and the full stop among them."""


def generate(sentences: int, seed: int) -> str:
    """Draw sentences ``anna saw the fox near the tree, and anna slept.``, one per line.

    All choices are independent and uniform: the name, which returns after one to three places; the
    verbs; the things; the places. Each choice can be read from the text, so that the entropy of the
    text is that of the choices.
    """
    generator = np.random.Generator(np.random.PCG64(seed))

    def drawn(words: tuple[str, ...], per_sentence: int = 1) -> list[list[str]]:
        found: list[list[str]] = generator.choice(words, (sentences, per_sentence)).tolist()
        return found

    choices = zip(
        drawn(NAMES),
        drawn(TRANSITIVE),
        drawn(THINGS),
        drawn(PLACES, _MAX_PLACES),
        drawn(THINGS, _MAX_PLACES),
        drawn(INTRANSITIVE),
        generator.integers(1, _MAX_PLACES, sentences, endpoint=True).tolist(),
        strict=True,
    )
    lines = []
    for (name,), (verb,), (thing,), places, there, (end,), count in choices:
        where = "".join(
            f" {place} the {what}" for place, what in zip(places[:count], there, strict=False)
        )
        lines.append(f"{name} {verb} the {thing}{where}, and {name} {end}.\n")
    return "".join(lines)


def bits_per_character() -> float:
    """Return the entropy rate: expected bits of a sentence over its expected characters."""
    return (_fixed_bits() + _mean_places() * _bits(PLACES, THINGS)) / _characters()


def bits_per_character_without_memory() -> float:
    """Return the entropy rate of a text whose second name is an independent choice."""
    return bits_per_character() + _bits(NAMES) / _characters()


def bits_per_word() -> float:
    """Return the entropy rate per word; the comma and the full stop count as words."""
    return (_fixed_bits() + _mean_places() * _bits(PLACES, THINGS)) / (9 + 3 * _mean_places())


def _fixed_bits() -> float:
    return _bits(NAMES, TRANSITIVE, THINGS, INTRANSITIVE) + math.log2(_MAX_PLACES)


def _characters() -> float:
    place = _mean_length(PLACES) + _mean_length(THINGS) + len("  the ")
    around = len("  the , and  .\n")
    words = (
        2 * _mean_length(NAMES)
        + _mean_length(TRANSITIVE)
        + _mean_length(THINGS)
        + _mean_length(INTRANSITIVE)
    )
    return words + around + _mean_places() * place


def _mean_places() -> float:
    return (1 + _MAX_PLACES) / 2


def _bits(*choices: tuple[str, ...]) -> float:
    return sum(math.log2(len(words)) for words in choices)


def _mean_length(words: tuple[str, ...]) -> float:
    return sum(map(len, words)) / len(words)
