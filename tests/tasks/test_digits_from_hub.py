"""Digits from Hugging Face data sets: forms of an image, checksums, errors."""

from __future__ import annotations

import hashlib
import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from rnnbench.errors import DataError, OptionError
from tests.tasks.builders import build, helper, write
from tests.tasks.test_hub import Columns
from tests.tasks.test_sequential_digits import idx

hub_images = helper("images._hub_images")


def images_and_labels(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    drawn = np.random.Generator(np.random.PCG64(seed))
    return drawn.integers(0, 256, (n, 5, 4), dtype=np.uint8), drawn.permutation(np.arange(n) % 3)


def encoded(pixels: np.ndarray, mode: str = "L", kind: str = "PNG") -> bytes:
    image = pytest.importorskip("PIL.Image")
    file = io.BytesIO()
    image.fromarray(pixels).convert(mode).save(file, format=kind)
    return file.getvalue()


FORMS: dict[str, Any] = {
    "file": lambda pixels: {"bytes": encoded(pixels), "path": None},
    "file's bytes": encoded,
    "file in colour": lambda pixels: {"bytes": encoded(pixels, "RGB"), "path": "x.png"},
    "array": lambda pixels: pixels,
    "lists": lambda pixels: pixels.tolist(),
    "lists of numbers": lambda pixels: pixels.astype(float).tolist(),
    "channel first": lambda pixels: pixels[None],
    "channel last": lambda pixels: pixels[..., None],
}


@pytest.mark.parametrize("form", list(FORMS))
@pytest.mark.parametrize("column", ["image", "img"])
def test_every_form_of_an_image_reads_the_same(form: str, column: str) -> None:
    images, labels = images_and_labels(7)
    columns = {column: [FORMS[form](pixels) for pixels in images], "label": labels.tolist()}
    found = hub_images.images_of(Columns(**columns), "s", None, "label")
    np.testing.assert_array_equal(found.pixels, images)
    assert (found.pixels.dtype, found.brightest) == (np.uint8, 255)
    assert found.labels == [str(label) for label in labels]


def test_an_image_may_be_in_a_separate_file(tmp_path: Path) -> None:
    images, _ = images_and_labels(1)
    path = write(tmp_path, "a.png", encoded(images[0]))
    found = hub_images.images_of(
        Columns(image=[{"bytes": None, "path": str(path)}], label=["3"]), "s", None, "label"
    )
    np.testing.assert_array_equal(found.pixels, images)
    assert found.labels == ["3"]


def test_columns_have_any_name_and_classes_are_numbers() -> None:
    images, labels = images_and_labels(4)
    found = Columns(["zero", "one", "two"], scan=list(images), kind=labels.tolist(), image=[0] * 4)
    assert hub_images.images_of(found, "s", "scan", "kind").labels == [
        str(label) for label in labels
    ]


def test_checksums_are_those_of_plain_idx_files() -> None:
    images, labels = images_and_labels(9)
    found = hub_images.images_of(
        Columns(image=list(images), label=labels.tolist()), "s", None, "label"
    )
    assert found.checksums == tuple(
        hashlib.sha256(idx(content)).hexdigest() for content in (images, labels)
    )


GOOD = images_and_labels(2)[0]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (
            Columns(image=[GOOD[0], GOOD[1][:3]], label=[1, 0]),
            r"row 2: the images differ in size \(5 x 4 and 3 x 4 pixels\)",
        ),
        (Columns(image=[GOOD[0], b"P5 1 1"], label=[1, 0]), "row 2: no readable PNG or JPEG image"),
        (
            Columns(image=[encoded(GOOD[0]), encoded(GOOD[0])[:40]], label=[1, 0]),
            "row 2: no readable PNG or JPEG image",
        ),
        (
            Columns(image=[{"bytes": None, "path": "none.png"}], label=[1]),
            r"row 1: none\.png cannot be read: No such file",
        ),
        (
            Columns(image=[{"bytes": None, "path": None}], label=[1]),
            "row 1: None is not an image; choose the column with image_c",
        ),
        (
            Columns(image=[encoded(GOOD[0], "I;16")], label=[1]),
            "row 1: an image of mode 'I;16' does not have grey levels",
        ),
        (
            Columns(image=[encoded(GOOD[0], "RGBA")], label=[1]),
            "row 1: an image of mode 'RGBA' does not have grey levels",
        ),
        (Columns(image=[[[0, 256]]], label=[1]), "row 1: .* is not an image"),
        (Columns(image=[[[0.5]]], label=[1]), "row 1: .* is not an image"),
        (Columns(image=[[[float("nan")]]], label=[1]), "row 1: .* is not an image"),
        (Columns(image=[[[1, 2], [3]]], label=[1]), "row 1: .* is not an image"),
        (Columns(image=["a text"], label=[1]), "row 1: 'a text' is not an image"),
        (
            Columns(image=[[1, 2]], label=[1]),
            r"row 1: an array of shape \(2,\) is not an image of grey levels",
        ),
        (Columns(image=[[[]]], label=[1]), r"row 1: an array of shape \(1, 0\) is not an image"),
        (Columns(image=[GOOD[0], GOOD[1]], label=[1, -1]), "row 2: no label"),
        (Columns(image=[GOOD[0], GOOD[1]], label=[1, None]), "row 2: no label"),
        (
            Columns(image=[GOOD[0]], label=["seven"]),
            "row 1: the label 'seven' is not a number from 0 to 255",
        ),
        (Columns(image=[GOOD[0]], label=[2.5]), "row 1: the label 2.5 is not a number"),
        (Columns(image=[GOOD[0]], label=[256]), "row 1: the label 256 is not a number"),
        (
            Columns(images=[GOOD[0]], label=[1]),
            r"no column 'image'. Did you mean 'images'\? Its columns: images, label",
        ),
        (Columns(image=[GOOD[0]], labels=[1]), r"no column 'label'. Did you mean 'labels'\?"),
        (Columns(image=[], label=[]), "is empty"),
    ],
)
def test_errors_name_the_row(found: Columns, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        hub_images.images_of(found, "data set 'x', split 'train'", None, "label")
    assert "data set 'x', split 'train'" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hf": "ylecun/mnist", "revision": "0a1b"}, "source=mnist"),
        ({"source": "mnist", "hf": "ylecun/mnist"}, r"hf=ylecun/mnist needs revision=COMMIT"),
        (
            {"source": "mnist", "hf": "o/n", "revision": "1", "images": "a", "labels": "b"},
            "give one of them",
        ),
        ({"source": "mnist", "revision": "1"}, "give hf= too"),
        ({"subset": "x"}, "give hf= too"),
        ({"test_split": "none"}, "give hf= too"),
        (
            {"source": "mnist", "images": "a", "labels": "b", "label_column": "digit"},
            "give hf= too",
        ),
        (
            {"source": "mnist"},
            r"needs IDX files: .*or a Hugging Face data set: hf=ylecun/mnist,revision=COMMIT",
        ),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises((OptionError, ValueError), match=message):
        build("sequential-digits", **options)


def test_without_the_extra_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)  # as where it is not installed
    with pytest.raises(OptionError, match=r"pip install 'rnnbench\[datasets\]'"):
        build("sequential-digits", source="mnist", hf="ylecun/mnist", revision="0a1b2c").splits()


def test_an_image_column_is_read_undecoded() -> None:
    class Decoding(SimpleNamespace):
        """Metadata of a ``datasets.Image`` column."""

    class Decoded(Columns):
        def cast_column(self, name: str, feature: Decoding) -> Columns:
            assert (name, feature.decode) == ("image", False)
            return Columns(image=[GOOD[0]], label=[1])

    found = Decoded(image=["decoded"], label=[1])
    found.features["image"] = Decoding(decode=True)
    np.testing.assert_array_equal(
        hub_images.images_of(found, "s", None, "label").pixels[0], GOOD[0]
    )


def parquet(folder: Path, split: str, images: np.ndarray, labels: np.ndarray) -> None:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["0", "1", "2"])}
    )
    cells = {"image": [{"bytes": encoded(pixels)} for pixels in images], "label": labels.tolist()}
    datasets.disable_progress_bars()
    datasets.Dataset.from_dict(cells, features=features).to_parquet(
        folder / f"{split}-00000-of-00001.parquet"
    )


def test_a_real_data_set_is_the_same_task_as_idx_files_of_its_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    (tmp_path / "set").mkdir()
    train, test = images_and_labels(60), images_and_labels(20, seed=1)
    parquet(tmp_path / "set", "train", *train)
    parquet(tmp_path / "set", "test", *test)
    content = {
        "images": train[0],
        "labels": train[1],
        "test_images": test[0],
        "test_labels": test[1],
    }
    files = {name: str(write(tmp_path, name, idx(array))) for name, array in content.items()}
    given = build("sequential-digits", source="mnist", **files)
    loaded = build("sequential-digits", source="mnist", hf=str(tmp_path / "set"))
    for part in ("train", "validation", "test"):
        ours, theirs = getattr(loaded.splits(), part), getattr(given.splits(), part)
        assert torch.equal(ours.inputs, theirs.inputs)
        assert torch.equal(ours.targets, theirs.targets)
    assert loaded.data_checksums == {
        name: hashlib.sha256(Path(path).read_bytes()).hexdigest() for name, path in files.items()
    }
    held_out = build(
        "sequential-digits", source="mnist", hf=str(tmp_path / "set"), test_split="none"
    )
    assert len(held_out.splits().test) == 12
    with pytest.raises(
        DataError,
        match=r"split 'tset' cannot be loaded: .* Is there a 'tset' among the names of its files\?",
    ):
        build(
            "sequential-digits", source="mnist", hf=str(tmp_path / "set"), test_split="tset"
        ).splits()
