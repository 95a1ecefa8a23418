"""Hugging Face data sets: required options, and the use of a loaded data set."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rnnbench.errors import DataError, OptionError
from tests.tasks.builders import build, helper

hub_texts = helper("text._hub_texts")


class Columns:
    """A table with the interface of ``datasets.Dataset``: columns and their features by name."""

    def __init__(self, classes: list[str] | None = None, **columns: list[Any]) -> None:
        self._columns = columns
        self.column_names = list(columns)
        self.features = {
            name: SimpleNamespace(names=classes) if classes else SimpleNamespace()
            for name in columns
        }

    def __getitem__(self, name: str) -> list[Any]:
        return self._columns[name]


def test_a_data_set_on_the_hub_needs_a_revision() -> None:
    with pytest.raises(OptionError, match=r"hf=owner/name needs revision=COMMIT"):
        build("text-classification", hf="owner/name")
    assert build("text-classification", hf="owner/name", revision="0a1b2c").revision == "0a1b2c"


def test_a_folder_needs_none(tmp_path: Path) -> None:
    assert build("text-classification", hf=str(tmp_path)).revision is None


def test_without_the_extra_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)  # as where it is not installed
    with pytest.raises(OptionError, match=r"pip install 'rnnbench\[datasets\]'"):
        build("text-classification", hf="owner/name", revision="0a1b2c").splits()


def test_classes_come_by_their_names() -> None:
    found = Columns(["negative", "positive"], sentence=["a", "b"], label=[1, 0], idx=[0, 1])
    assert hub_texts.texts_of(found, "s", None, None).labels == ["positive", "negative"]
    plain = Columns(text=["a", "b"], label=[1, 0])
    assert hub_texts.texts_of(plain, "s", None, None).labels == ["1", "0"]
    assert hub_texts.texts_of(Columns(words=["a"], y=["x"]), "s", "words", "y").texts == ["a"]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (Columns(["n", "p"], text=["a", "b"], label=[1, -1]), "row 2: no label"),
        (Columns(text=["a", "b"], label=[1, None]), "row 2: no label"),
        (Columns(text=["a", 3], label=[1, 0]), "row 2: 3 is not a text"),
        (Columns(texts=["a"], label=[1]), "no column 'text'. Did you mean 'texts'"),
        (Columns(text=[], label=[]), "is empty"),
    ],
)
def test_errors_name_the_row(found: Columns, message: str) -> None:
    with pytest.raises(DataError, match=message):
        hub_texts.texts_of(found, "data set 'x'", None, None)


def test_every_difference_changes_the_checksum() -> None:
    def of(*parts: list[tuple[str, str]]) -> str:
        texts = [
            Columns(text=[text for text, _ in part], label=[label for _, label in part])
            for part in parts
        ]
        digest: str = hub_texts.checksum(
            *(hub_texts.texts_of(text, "s", None, None) for text in texts)
        )
        return digest

    variants = [
        of([("a", "b"), ("c", "d")]),
        of([("c", "d"), ("a", "b")]),
        of([("a", "b")], [("c", "d")]),
        of([("ab", ""), ("c", "d")]),
        of([("a", "b"), ("c", "e")]),
    ]
    assert len(set(variants)) == len(variants)
    assert of([("a", "b"), ("c", "d")]) == variants[0]
    assert build("text-classification").data_checksums == {}
