"""char-lm: reading, windows, n-grams, the entropy of the generated text, and bad files."""

from __future__ import annotations

import math
import resource
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.errors import DataError
from tests.tasks.builders import SHARED_DATA, build, helper, write
from tests.tasks.remembering import Gated, OneStep, train

encodings, ngrams, grammar, characters = (
    helper("_common.encodings"),
    helper("text._ngrams"),
    helper("text._grammar"),
    helper("text._characters"),
)
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=60)


@given(text=TEXTS, share=st.floats(0.1, 1), chunk=st.integers(4, 9))
@settings(deadline=None, max_examples=150)
def test_a_text_is_read_whole_by_an_alphabet_of_its_beginning(
    text: str, share: float, chunk: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encodings, "_CHUNK", chunk)  # pieces end within characters of several bytes
        ids, alphabet = characters.read_characters(text.encode(), "it", share)
    text = text.removeprefix("\N{ZERO WIDTH NO-BREAK SPACE}")  # a byte order mark
    known = sorted(set(text[: round(len(text) * share)]))
    assert list(alphabet.symbols) == known
    assert ids.tolist() == [
        known.index(character) + 1 if character in known else 0 for character in text
    ]


def by_definition(train: list[int], test: list[int], vocab: int, order: int) -> float:
    """Witten and Bell's method C, symbol by symbol."""

    def probability(context: tuple[int, ...], symbol: int) -> float:
        lower = 1 / vocab if not context else probability(context[1:], symbol)
        if not context:
            following = Counter(train)
        else:
            k = len(context)
            following = Counter(
                train[i] for i in range(k, len(train)) if tuple(train[i - k : i]) == context
            )
        total, kinds = sum(following.values()), len(following)
        return (following[symbol] + kinds * lower) / (total + kinds) if total else lower

    scored = range(1, len(test))
    return -sum(
        math.log(probability(tuple(test[max(0, i - order + 1) : i]), test[i])) for i in scored
    ) / len(scored)


@given(
    train=st.lists(st.integers(0, 3), min_size=1, max_size=40),
    test=st.lists(st.integers(0, 3), min_size=2, max_size=15),
)
@settings(deadline=None, max_examples=60)
def test_ngrams_are_those_of_witten_and_bell(train: list[int], test: list[int]) -> None:
    found = ngrams.cross_entropies(np.array(train), np.array(test), 4, 4)
    assert found == pytest.approx([by_definition(train, test, 4, order) for order in (1, 2, 3, 4)])


def test_the_generated_texts_entropy_is_that_of_its_choices() -> None:
    text = grammar.generate(4000, 0)
    lines = text.splitlines()
    assert all(line.split()[0] == line.split()[-2] for line in lines)
    places = Counter(len(line.split(",")[0].split()[4:]) // 3 for line in lines)
    assert sorted(places) == [1, 2, 3]
    bits = 4 + 3 + 4 + 3 + math.log2(3) + 2 * (2 + 4)
    assert grammar.bits_per_character() == pytest.approx(bits * len(lines) / len(text), rel=0.005)
    assert grammar.bits_per_character_without_memory() == pytest.approx(
        (bits + 4) * len(lines) / len(text), rel=0.005
    )


def test_no_ngram_reaches_the_entropy() -> None:
    task = build("char-lm")
    scores = task.simple_scores
    assert list(scores) == ["unigram", "bigram", "trigram", "5-gram", "without the name, expected"]
    assert (
        scores["unigram"] > scores["bigram"] > scores["trigram"] > scores["5-gram"] > task.perfect
    )
    assert task.solved == scores["5-gram"]
    assert task.baseline == scores["unigram"]


def test_windows_follow_each_other_and_targets_lie_one_further_on() -> None:
    task = build("char-lm", sentences=100, window=7)
    text = grammar.generate(100, 0)
    parts = task.splits()
    read = [
        task.decode(part.inputs.flatten().tolist())
        for part in (parts.train, parts.validation, parts.test)
    ]
    assert text.startswith(read[0])
    starts = [0, round(len(text) * 0.8), round(len(text) * 0.9)]
    for part, seen, start in zip(
        (parts.train, parts.validation, parts.test), read, starts, strict=True
    ):
        assert text[start : start + len(seen)] == seen
        assert text[start + 1 : start + 1 + len(seen)] == task.decode(
            part.targets.flatten().tolist()
        )


@given(
    text=st.text("abcd é\n", min_size=80, max_size=300).filter(
        lambda text: len(set(text[:16])) > 1
    ),
    window=st.integers(2, 9),
    train=st.floats(0.2, 0.6),
    validation=st.floats(0.15, 0.2),
    most=st.integers(1, 60),
)
@settings(deadline=None, max_examples=100)
def test_windows_of_any_text_follow_the_definition(
    text: str,
    window: int,
    train: float,
    validation: float,
    most: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = write(tmp_path_factory.getbasetemp(), "windows.txt", text)
    task = build(
        "char-lm",
        path=str(path),
        window=window,
        train=train,
        validation=validation,
        max_eval_symbols=most,
    )
    first, second = round(len(text) * train), round(len(text) * (train + validation))
    kept = max(most, window + 1)
    known = sorted(set(text[:first]))
    ids = [known.index(character) + 1 if character in known else 0 for character in text]
    parts = task.splits()
    for part, stream in (
        (parts.train, ids[:first]),
        (parts.validation, ids[first:second][:kept]),
        (parts.test, ids[second:][:kept]),
    ):
        starts = range(0, len(stream) - window, window)
        assert part.inputs.tolist() == [stream[start : start + window] for start in starts]
        assert part.targets.tolist() == [stream[start + 1 : start + 1 + window] for start in starts]


def test_the_alphabet_is_that_of_the_training_part(tmp_path: Path) -> None:
    path = write(tmp_path, "a.txt", "ab" * 40 + "ac" * 10)
    task = build("char-lm", path=str(path), window=5)
    assert task.inputs.vocab == 3
    assert task.splits().test.inputs.unique().tolist() == [0, 1]
    assert task.decode([0, 1, 2]) == "\N{REPLACEMENT CHARACTER}ab"
    with pytest.raises(DataError, match="'c'"):
        task.encode("abc")


@given(text=st.text(st.sampled_from("aé\N{GRINNING FACE}\n"), max_size=20))
@settings(deadline=None, max_examples=30)
def test_encoding_and_decoding_are_inverse(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = "aé\N{GRINNING FACE}\n" * 100
    path = write(tmp_path_factory.getbasetemp(), "inverse.txt", content)
    task = build("char-lm", path=str(path))
    ids = task.encode(text)
    assert set(ids) <= {1, 2, 3, 4}
    assert task.decode(ids) == text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "a.txt is empty"),
        (b"\xef\xbb\xbf", "a.txt is empty"),
        (b"good\nb\xe9d\n" * 50, "a.txt, line 2: not UTF-8 text"),
        (b"good\nfine\n" * 50 + b"\xe2\x82", "a.txt, line 101: not UTF-8 text"),
        (("good" * 50).encode("utf-16-le"), "add encoding=utf-16-le"),
        (b"a", "too few for window=35"),
        (b"abc" * 50, "too few for window=35"),
        (b"a" * 1000, "a single character"),
    ],
)
def test_bad_texts_are_refused_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    task = build("char-lm", path=str(write(tmp_path, "a.txt", content)))
    with pytest.raises(DataError, match=message) as raised:
        task.splits()
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.txt"):
        build("char-lm", path=str(tmp_path / "none.txt")).splits()


def test_a_large_text_on_one_line_is_read_in_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    path.write_bytes(b"the time machine was on the table. " * 600_000)  # 21 MB
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    task = build("char-lm", path=str(path))
    parts = task.splits()
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200_000  # kilobytes
    assert parts.train.inputs.dtype == torch.uint8
    assert (
        parts.train.inputs.untyped_storage().data_ptr()
        == parts.train.targets.untyped_storage().data_ptr()
    )
    assert parts.test.inputs.numel() <= task.max_eval_symbols


def test_memory_beats_every_ngram_and_the_last_character_alone_is_a_bigram() -> None:
    task = build("char-lm", sentences=600, window=20)
    budget: dict[str, Any] = {"batch_size": 16, "learning_rate": 1e-2, "validate_every": 125}
    scores = task.simple_scores
    assert train(task, Gated, steps=1000, **budget).score <= task.solved == scores["5-gram"]
    forgetful = train(task, OneStep, steps=250, **budget).score
    assert scores["bigram"] - 0.02 < forgetful < scores["unigram"]


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="no folder of real data next to the checkout")
def test_the_time_machine_is_read() -> None:
    path = SHARED_DATA / "timemachine" / "timemachine_body.txt"
    task = build("char-lm", path=str(path))
    assert len(task.symbols) == len(path.read_text(encoding="utf-8"))
    scores = list(task.simple_scores.values())
    assert scores == sorted(scores, reverse=True)
    assert 2.2 < scores[-1] < 2.5
