"""Text classification of files: reading, splits, vocabulary, scores, errors in data."""

from __future__ import annotations

import resource
from pathlib import Path

import pytest
import torch

from rnnbench.errors import DataError, OptionError
from tests.tasks.builders import build, write

ROWS = [
    ("a good film", "1"),
    ("a bad film", "0"),
    ("good , good", "1"),
    ("so bad", "0"),
    ("fine", "1"),
] * 4
TSV = "".join(f"{text}\t{label}\n" for text, label in ROWS)


def quoted(rows: list[tuple[str, str]]) -> str:
    return "".join(f'"{text}",{label}\n' for text, label in rows)


@pytest.mark.parametrize(
    ("name", "content", "options"),
    [
        ("a.tsv", TSV, {}),
        ("a.tsv", TSV, {"header": "false", "text": "0", "label": "1"}),
        ("a.tsv", "sentence\tlabel\n" + TSV, {}),
        ("a.tsv", "words\tclass\n" + TSV, {"header": "true", "text": "0", "label": "1"}),
        ("a.tsv", "words\tclass\n" + TSV, {"text": "words", "label": "class"}),
        ("a.txt", TSV.replace("\n", "\r\n"), {}),
        ("a.csv", quoted(ROWS), {}),
        ("a.csv", "text,label\n" + quoted(ROWS), {}),
        ("a.csv", "label,id,text\n" + "".join(f'{label},7,"{text}"\n' for text, label in ROWS), {}),
        (
            "a.jsonl",
            "".join(f'{{"label": {label}, "text": "{text}"}}\n' for text, label in ROWS),
            {},
        ),
        ("a.data", TSV, {"format": "tsv"}),
    ],
)
def test_every_way_to_write_a_corpus_reads_the_same(
    tmp_path: Path, name: str, content: str, options: dict[str, str]
) -> None:
    path = str(write(tmp_path, name, content))
    train = build("text-classification", path=path, validation=path, test=path, **options).parts[0]
    assert list(zip(train.texts, train.labels, strict=True)) == ROWS


def test_quotes_in_a_tsv_are_text_and_line_breaks_in_a_csv_cell_are_kept(tmp_path: Path) -> None:
    tsv = str(write(tmp_path, "a.tsv", '"so" good\t1\n"bad\t0\n'))
    assert build("text-classification", path=tsv, validation=tsv, test=tsv).parts[0].texts == [
        '"so" good',
        '"bad',
    ]
    csv = str(write(tmp_path, "a.csv", '"two\nlines",1\n"one",0,3\n'))
    with pytest.raises(DataError, match="line 3: 3 columns where the first row has 2"):
        _ = build("text-classification", path=csv).parts


def test_the_vocabulary_and_the_classes_are_those_of_the_training_texts(tmp_path: Path) -> None:
    train = str(write(tmp_path, "train.tsv", "the film the\tgood\nthe end\tbad\n"))
    other = str(
        write(tmp_path, "other.tsv", "the film of films and films and films\tbad\nfilm\tgood\n")
    )
    task = build("text-classification", path=train, validation=other, test=other, min_count=1)
    assert task.inputs.vocab == 2 + 3  # the, end, film
    assert task.outputs.vocab == 2
    parts = task.splits()
    assert parts.train.inputs.tolist() == [[2, 4, 2], [2, 3, 0]]
    assert parts.train.targets.tolist() == [1, 0]
    assert parts.test.inputs.tolist() == [[2, 4, 1, 1, 1, 1, 1, 1], [4, 0, 0, 0, 0, 0, 0, 0]]
    assert parts.test.lengths.tolist() == [8, 1]
    assert task.length == 3
    assert (
        build("text-classification", path=train, validation=other, test=other).inputs.vocab == 2 + 1
    )
    assert (
        build(
            "text-classification", path=train, validation=other, test=other, min_count=1, vocab=3
        ).inputs.vocab
        == 3
    )


def test_long_texts_keep_their_start(tmp_path: Path) -> None:
    path = str(write(tmp_path, "a.tsv", f"{'word ' * 200}\t1\nword\t0\n"))
    parts = build("text-classification", path=path, validation=path, test=path).splits()
    assert parts.train.inputs.shape == (2, 64)
    assert (
        build("text-classification", path=path, validation=path, test=path, max_length=7).length
        == 7
    )


def test_omitted_parts_are_held_out_reproducibly(tmp_path: Path) -> None:
    rows = [f"text {row}\t{row % 2}\n" for row in range(100)]
    path = str(write(tmp_path, "a.tsv", "".join(rows)))
    first, again, other = (
        build("text-classification", path=path, data_seed=seed) for seed in (1, 1, 2)
    )
    texts = [set(part.texts) for part in first.parts]
    assert [len(part) for part in texts] == [81, 9, 10]
    assert len(set.union(*texts)) == 100
    assert first.parts == again.parts
    assert first.parts[2].texts != other.parts[2].texts
    assert [len(part) for part in build("text-classification", path=path, held_out=0.2).parts] == [
        64,
        16,
        20,
    ]
    given = build("text-classification", path=path, test=path).parts
    assert [len(part) for part in given] == [90, 10, 100]


def test_the_baseline_is_the_largest_share_of_a_class_in_the_test(tmp_path: Path) -> None:
    train = str(write(tmp_path, "train.tsv", "a\tx\na\tx\nb\ty\n"))
    test = str(write(tmp_path, "test.tsv", "a\ty\na\ty\nb\ty\nb\tx\n"))
    task = build("text-classification", path=train, validation=test, test=test)
    assert task.baseline == 0.75
    assert task.simple_scores["majority class"] == 0.75
    # each word has one class in training; "b" is unknown
    assert task.naive_bayes == 0.25
    assert task.baseline < task.solved <= task.perfect


def test_classes_are_in_alphabetical_order(tmp_path: Path) -> None:
    path = str(write(tmp_path, "a.tsv", "p\tred\nq\tblue\nr\tgreen\n"))
    task = build("text-classification", path=path, validation=path, test=path, min_count=1)
    assert task.outputs.vocab == 3
    assert task.splits().train.targets.tolist() == [2, 0, 1]
    assert task.naive_bayes == 1.0
    assert (
        task.diagnose(
            lambda inputs, _lengths: torch.zeros(len(inputs), 3), task.splits().test
        ).scores
        == {}
    )


@pytest.mark.parametrize(
    ("name", "content", "options", "message"),
    [
        ("a.tsv", "", {}, "is empty"),
        ("a.tsv", "text\tlabel\n", {}, "a header but no rows"),
        ("a.tsv", "good\t1\nbad\n", {}, "line 2: 1 column where the first row has 2"),
        ("a.tsv", "good\t1\nbad\t0\tmore\n", {}, "line 2: 3 columns where the first row has 2"),
        (
            "a.tsv",
            "good\nbad\n",
            {},
            "no column '1': it is read without a header, so its columns are 0 to 0",
        ),
        ("a.tsv", "sentence\tlabel\n" + TSV, {"text": "sentences"}, "Did you mean 'sentence'"),
        ("a.tsv", "words\tlabel\n" + TSV, {}, r"no column 'text'\. Its columns: words, label"),
        ("a.tsv", "only\t1\n" * 50, {}, "every row .* has the label '1'; give two classes"),
        ("a.tsv", "good\t1\nbad\t0\n", {}, "too few to hold any out"),
        ("a.tsv", b"good\t1\ncaf\xe9\t0\n", {}, "line 2: not UTF-8 text"),
        ("a.tsv", "good\t1\n".encode("utf-16-be"), {}, "add encoding=utf-16-be"),
        ("a.csv", '"good"x,1\n', {}, "line 1: malformed"),
        (
            "a.jsonl",
            '{"text": "a", "label": 1}\n{"text": "a"}\n',
            {},
            "line 2: 'label' is missing or null",
        ),
        ("a.jsonl", '{"texts": "a", "label": 1}\n', {}, "no column 'text'. Did you mean 'texts'"),
        (
            "a.jsonl",
            '{"text": "a", "label": 1}\n{"text": "\\ud800", "label": 1}\n',
            {},
            "line 2: 'text' has half of a surrogate",
        ),
        (
            "a.jsonl",
            '{"text": "a", "label": 1}\n{"text": "b"\n',
            {},
            r"line 2: malformed JSON \(Expecting ',' delimiter: line 1",
        ),
        ("a.tsv", "good\t1\nbad\t \n", {}, "line 2: the label is missing"),
        ("a.csv", "good,1\n" + "," * 100_000, {}, "line 2: 100,001 columns"),
        ("a.doc", "good\t1\n", {}, "add format=csv"),
    ],
)
def test_errors_in_data_name_file_and_line(
    tmp_path: Path, name: str, content: str | bytes, options: dict[str, str], message: str
) -> None:
    path = write(tmp_path, name, content)
    with pytest.raises(DataError, match=message) as caught:
        build("text-classification", path=str(path), **options).splits()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_label_unseen_in_training_is_refused(tmp_path: Path) -> None:
    train = str(write(tmp_path, "train.tsv", TSV))
    test = str(write(tmp_path, "test.tsv", "sentence\tlabel\na\t1\nb\t2\n"))
    with pytest.raises(
        DataError,
        match=r"test.tsv, line 3: the label '2' is not among the training labels \(0, 1\)",
    ):
        build("text-classification", path=train, test=test).splits()


@pytest.mark.parametrize("label", ["0", "1"])
def test_a_test_part_of_one_class_is_refused(tmp_path: Path, label: str) -> None:
    train = str(write(tmp_path, "train.tsv", TSV))
    test = str(write(tmp_path, "test.tsv", f"a\t{label}\n" * 3))
    with pytest.raises(DataError, match="every row for the test has the same class"):
        _ = build("text-classification", path=train, test=test).baseline


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"path": "a.tsv", "hf": "owner/name", "revision": "1"}, "path= and hf="),
        ({"test": "a.tsv"}, "give path= too"),
        ({"validation": "a.tsv"}, "give path= too"),
        ({"revision": "1"}, "give hf= too"),
        ({"subset": "sst2"}, "give hf= too"),
        ({"path": "a.tsv", "test_split": "test"}, "give hf= too"),
        ({"text": "review"}, "give path= or hf= too"),
        ({"header": True}, "give path= too"),
        ({"negation": 1.5}, "negation"),
        ({"distance": -1}, "distance"),
        ({"header": "maybe"}, "header"),
        ({"held_out": 0.5}, "held_out"),
    ],
)
def test_invalid_options_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises((OptionError, ValueError), match=message):
        build("text-classification", **options)


def test_many_texts_are_read_in_little_memory(tmp_path: Path) -> None:
    row = "the time machine, at last, was on the table; and we all saw it vanish from there\t"
    content = "".join(f"{row}{number % 2}\n" for number in range(120_000))  # 10 MB
    path = write(tmp_path, "large.tsv", content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    task = build("text-classification", path=str(path))
    assert len(task.splits().train) == 97_200
    assert task.inputs.vocab > 10
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # kilobytes


def test_building_reads_nothing() -> None:
    assert build("text-classification", path="no such file.tsv").steps == "last"
    with pytest.raises(DataError, match=r"no such file\.tsv cannot be read: No such file"):
        build("text-classification", path="no such file.tsv").splits()


@pytest.mark.parametrize(("level", "symbols"), [("word", 3), ("character", 9), ("byte", 10)])
def test_a_text_is_read_by_words_characters_or_bytes(
    tmp_path: Path, level: str, symbols: int
) -> None:
    path = str(write(tmp_path, "a.tsv", "Gute Öl!\t1\nGute Öl!\t0\n".replace("Öl!", "Öle.")))
    task = build("text-classification", path=path, validation=path, test=path, level=level)
    lengths = task.splits().train.lengths
    assert lengths.tolist() == [symbols, symbols]


@pytest.mark.parametrize(("level", "kept"), [("word", 64), ("character", 320), ("byte", 320)])
def test_long_texts_are_cut_at_every_level(tmp_path: Path, level: str, kept: int) -> None:
    path = str(write(tmp_path, "a.tsv", f"{'a b ' * 400}\t1\nb a\t0\n"))
    assert (
        build("text-classification", path=path, validation=path, test=path, level=level).length
        == kept
    )


@pytest.mark.parametrize("level", ["character", "byte"])
def test_the_generated_corpus_can_be_read_by_characters(level: str) -> None:
    task = build("text-classification", sentences=100, level=level)
    words = build("text-classification", sentences=100)
    assert task.length > 3 * words.length
    assert task.inputs.vocab < 40
    assert list(task.simple_scores) == ["majority class", "naive Bayes"]
    assert task.diagnose(lambda inputs, _lengths: inputs, task.splits().test).scores == {}
