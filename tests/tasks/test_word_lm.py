"""Word models: reading, the lexicon, known entropy, faults, memory."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.errors import DataError
from tests.tasks.builders import SHARED_DATA, build, helper, write
from tests.tasks.remembering import Gated, OneStep, train

stream, grammar, words, encodings = (
    helper("text._word_stream"),
    helper("text._grammar"),
    helper("text._words"),
    helper("_common.encodings"),
)
TEXTS = st.lists(
    st.sampled_from(["the", "cat", "don't", "é", "Sat", ".", "\n", "x,y"]), min_size=1, max_size=40
).map(" ".join)


@given(text=TEXTS, share=st.floats(0.3, 1), vocab=st.integers(3, 9), chunk=st.integers(4, 12))
@settings(deadline=None, max_examples=150)
def test_a_text_is_read_whole_by_a_lexicon_of_its_beginning(
    text: str, share: float, vocab: int, chunk: int
) -> None:
    expected = words.tokenise(text)
    if not expected:
        with pytest.raises(DataError, match="has no words"):
            stream.read_words(text.encode(), "it", share, vocab)
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encodings, "_CHUNK", chunk)  # pieces end within words
        ids, lexicon = stream.read_words(text.encode(), "it", share, vocab)
    counts = Counter(expected[: round(len(expected) * share)])
    frequent = sorted(counts, key=lambda word: (-counts[word], word))[: vocab - 1]
    assert list(lexicon.symbols) == frequent
    assert ids.tolist() == [
        frequent.index(word) + 1 if word in frequent else 0 for word in expected
    ]


def test_the_generated_texts_entropy_by_word() -> None:
    text = grammar.generate(3000, 1)
    per_word = len(text) / len(words.tokenise(text))
    assert grammar.bits_per_word() == pytest.approx(
        grammar.bits_per_character() * per_word, rel=0.005
    )
    task = build("word-lm")
    scores = task.simple_scores
    assert scores["unigram"] > scores["bigram"] > scores["trigram"] > task.perfect
    assert task.perfect == pytest.approx(2 ** grammar.bits_per_word())
    assert task.metric.also["bits per word"](math.log(8)) == pytest.approx(3)
    assert math.isfinite(task.metric.finish(1e9))


def test_the_entropy_is_known_only_while_the_lexicon_holds_every_word() -> None:
    assert len(set(words.tokenise(grammar.generate(2000, 0)))) == grammar.WORDS
    whole, cut = build("word-lm", vocab=grammar.WORDS + 1), build("word-lm", vocab=3)
    assert whole.perfect == pytest.approx(2 ** grammar.bits_per_word())
    assert 0 not in whole.symbols
    # most words are one unknown word, which is easy to predict
    assert cut.perfect == 1 <= cut.solved < cut.baseline < whole.perfect


def test_lines_are_read_like_blanks_and_piece_by_piece() -> None:
    text = "fine words\n" * 40
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encodings, "_CHUNK", 64)
        pieces = list(
            stream._between_words(encodings.text_pieces(text.replace(" ", "\n").encode(), "it"))
        )
    assert max(map(len, pieces)) <= 64 + len("words\n")
    assert "".join(pieces).split() == text.split()


def test_windows_follow_each_other() -> None:
    task = build("word-lm", sentences=100, window=5)
    parts = task.splits()
    assert torch.equal(parts.train.inputs.flatten()[1:], parts.train.targets.flatten()[:-1])
    read = task.decode(parts.train.inputs.flatten().tolist())
    assert grammar.generate(100, 0).replace("\n", " ").startswith(read)


def test_prompts_are_read_as_the_text_was() -> None:
    task = build("word-lm", sentences=100)
    assert (
        task.decode(task.encode("Anna saw the fox near the lamp, and"))
        == "anna saw the fox near the lamp, and"
    )
    assert task.special_tokens == {0}
    with pytest.raises(DataError, match="dragon"):
        task.encode("anna saw the dragon")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a.txt has no words"),
        (b" \n\t \n", "a.txt has no words"),
        (b"fine\n b\xe9d", "a.txt, line 2: not UTF-8"),
        (b"one two three", "too few for window=20"),
        (b"word " * 500, "a single word"),
    ],
)
def test_bad_texts_are_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        build("word-lm", path=str(write(tmp_path, "a.txt", content))).splits()
    assert "\n" not in str(raised.value)


def test_a_large_text_on_one_line_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    path.write_bytes(b"the time machine was on the table. " * 300_000)  # 10 MB
    parts = build("word-lm", path=str(path)).splits()
    assert parts.train.inputs.dtype == torch.int32
    assert parts.train.inputs.unique().tolist() == list(range(1, 8))


def test_memory_beats_every_ngram_and_the_last_word_alone_is_a_bigram() -> None:
    task = build("word-lm", sentences=1500)
    budget: dict[str, Any] = {
        "steps": 250,
        "batch_size": 16,
        "learning_rate": 1e-2,
        "validate_every": 50,
    }
    scores = task.simple_scores
    assert train(task, Gated, **budget).score < scores["trigram"]
    assert scores["bigram"] * 0.97 < train(task, OneStep, **budget).score < scores["unigram"]


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="no folder of real data next to the checkout")
def test_the_time_machine_is_read() -> None:
    task = build(
        "word-lm", path=str(SHARED_DATA / "timemachine" / "timemachine_body.txt"), vocab=2000
    )
    assert task.inputs.vocab == 2000
    assert task.solved < task.baseline / 2
