"""Sequential digits: images, order of pixels, splits, errors in files, need of memory."""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rnnbench.errors import DataError, OptionError
from tests.tasks.builders import SHARED_DATA, build, helper, write
from tests.tasks.remembering import Gated, OneStep, train


def idx(array: Any, kind: int = 8) -> bytes:
    """Write an array as IDX, by its definition."""
    content = np.asarray(array, dtype=np.uint8)
    return (
        bytes([0, 0, kind, content.ndim])
        + struct.pack(f">{content.ndim}I", *content.shape)
        + content.tobytes()
    )


def images_and_labels(n: int = 40, size: tuple[int, int] = (3, 4)) -> tuple[Any, Any]:
    labels = np.arange(n) % 4
    return (np.arange(n)[:, None, None] + np.arange(size[0] * size[1]).reshape(size)) % 256, labels


def mnist(folder: Path, **changed: bytes) -> dict[str, str]:
    images, labels = images_and_labels()
    content = {"images": idx(images), "labels": idx(labels), **changed}
    return {name: str(write(folder, f"{name}.idx", found)) for name, found in content.items()}


def test_the_bundled_digits_are_read_pixel_by_pixel_row_after_row() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    known = datasets.load_digits()
    parts = build("sequential-digits").splits()
    seen = torch.cat([parts.train.inputs, parts.validation.inputs, parts.test.inputs])
    targets = torch.cat([parts.train.targets, parts.validation.targets, parts.test.targets])
    assert seen.shape == (1797, 64, 1)
    found = {
        (tuple((row * 16).int().flatten().tolist()), int(target))
        for row, target in zip(seen, targets, strict=True)
    }
    assert found == {
        (tuple(row.astype(int)), int(target))
        for row, target in zip(known.data, known.target, strict=True)
    }


def test_parts_are_stratified_and_always_the_same() -> None:
    parts = build("sequential-digits").splits()
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [1151, 287, 359]
    for part in (parts.train, parts.validation, parts.test):
        assert (part.targets.bincount().double() / len(part) - 0.1).abs().max() < 0.01
    task = build("sequential-digits")
    assert (
        task.data_checksums["digits"]
        == "8f26b2bd9d135c256808f68f14fdabddde6d9c7f869ae419704b051f0f14b3b3"
    )


def test_the_permutation_is_the_one_permutation() -> None:
    plain, permuted = build("sequential-digits"), build("sequential-digits", permuted=True)
    order = helper("images.sequential_digits").permutation(64)
    assert sorted(order) == list(range(64))
    assert order[:8] == [16, 37, 57, 4, 18, 14, 54, 23]
    assert torch.equal(permuted.splits().test.inputs, plain.splits().test.inputs[:, order])
    assert (
        permuted.data_checksums["permutation"]
        == "63d081055a598741ea67045437081092889f443a1ce3ad2c26eea6b21e7e0b0f"
    )
    assert "permutation" not in plain.data_checksums


def test_rows_are_read_from_the_top() -> None:
    plain, rows = build("sequential-digits").splits(), build("sequential-digits", rows=True)
    assert (rows.inputs.dim, rows.length) == (8, 8)
    assert torch.equal(rows.splits().train.inputs.flatten(1), plain.train.inputs.flatten(1))


@pytest.mark.parametrize("compress", [False, True])
def test_idx_files_are_read_plain_and_compressed(tmp_path: Path, compress: bool) -> None:
    images, labels = images_and_labels()
    form = gzip.compress if compress else bytes
    files = mnist(tmp_path, images=form(idx(images)), labels=form(idx(labels)))
    task = build("sequential-digits", source="mnist", **files)
    assert (task.length, task.inputs.dim, task.outputs.vocab) == (12, 1, 4)
    parts = task.splits()
    seen = torch.cat([parts.train.inputs, parts.validation.inputs, parts.test.inputs])
    assert {int(image[0, 0] * 255 + 0.5) for image in seen} == set(range(40))
    assert task.data_checksums == {}  # the files' own are part of the trial's identity


def test_given_test_images_are_the_test(tmp_path: Path) -> None:
    files = mnist(tmp_path)
    other = images_and_labels(8)
    given = {
        "test_images": write(tmp_path, "t", idx(other[0])),
        "test_labels": write(tmp_path, "l", idx(other[1])),
    }
    parts = build(
        "sequential-digits",
        source="mnist",
        **files,
        **{name: str(path) for name, path in given.items()},
    ).splits()
    assert [len(part) for part in (parts.train, parts.validation, parts.test)] == [32, 8, 8]


@given(
    n=st.integers(20, 40),
    size=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    classes=st.integers(2, 4),
    permuted=st.booleans(),
    rows=st.booleans(),
    share=st.floats(0.1, 0.4),
    seed=st.integers(0, 2**31),
)
@settings(deadline=None, max_examples=40)
def test_sequences_follow_the_definition(
    n: int,
    size: tuple[int, int],
    classes: int,
    permuted: bool,
    rows: bool,
    share: float,
    seed: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    images = np.random.Generator(np.random.PCG64(seed)).integers(0, 256, (n, *size))
    labels = np.arange(n) % classes
    folder = tmp_path_factory.getbasetemp()
    files = mnist(
        folder,
        images=idx(images),
        labels=idx(labels),
        test_images=idx(images[::-1]),
        test_labels=idx(labels[::-1]),
    )
    parts = build(
        "sequential-digits", source="mnist", permuted=permuted, rows=rows, held_out=share, **files
    ).splits()

    def expected_sequence(image: Any, label: int) -> tuple[list[list[int]], int]:
        pixels = [int(image[y][x]) for y in range(size[0]) for x in range(size[1])]
        if permuted:
            keys = [
                hashlib.sha256(f"pixel {place} of {len(pixels)}".encode()).hexdigest()
                for place in range(len(pixels))
            ]
            pixels = [pixel for _, pixel in sorted(zip(keys, pixels, strict=True))]
        step = size[1] if rows else 1
        return [pixels[start : start + step] for start in range(0, len(pixels), step)], label

    expected = [
        expected_sequence(image, int(label)) for image, label in zip(images, labels, strict=True)
    ]
    seen = [
        [
            ((inputs * 255).round().int().tolist(), int(target))
            for inputs, target in zip(part.inputs, part.targets, strict=True)
        ]
        for part in (parts.train, parts.validation, parts.test)
    ]
    assert seen[2] == expected[::-1]
    # the training part has each image once
    assert sorted(seen[0] + seen[1]) == sorted(expected)
    for label in range(classes):
        held = sum(target == label for _, target in seen[1])
        assert held == round(share * sum(target == label for _, target in expected))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"images": b""}, r"images.idx is not an IDX file"),
        ({"images": b"P5 8 8"}, r"images.idx is not an IDX file"),
        ({"images": idx(np.zeros((2, 2)))}, r"an array of 2 dimensions where 3 were expected"),
        (
            {"images": idx(images_and_labels()[0])[:-5]},
            r"40 x 3 x 4, but the content ends in row 40",
        ),
        ({"images": idx(images_and_labels()[0]) + b"x"}, r"but more content than that"),
        ({"images": idx(images_and_labels()[0])[:9]}, r"ends within its header"),
        (
            {"images": bytes([0, 0, 8, 3]) + struct.pack(">3I", 2**31, 2**10, 2**10)},
            r"at most .* are read",
        ),
        ({"images": idx(np.zeros((0, 3, 4)))}, r"images.idx is empty"),
        (
            {"images": gzip.compress(idx(images_and_labels()[0]))[:-9]},
            r"compressed content is damaged",
        ),
        ({"labels": idx(np.zeros(39))}, r"40 images and .*labels.idx 39 labels"),
        ({"labels": idx(np.zeros(40))}, r"every row for training has the label '0'"),
        ({"images": idx(np.zeros((1, 3, 4))), "labels": idx([1])}, r"has 1 rows: too few"),
    ],
)
def test_errors_in_files_are_one_line(
    tmp_path: Path, changed: dict[str, bytes], message: str
) -> None:
    task = build("sequential-digits", source="mnist", **mnist(tmp_path, **changed))
    with pytest.raises(DataError, match=message) as raised:
        task.splits()
    assert "\n" not in str(raised.value)


def test_labels_unseen_in_training_and_other_sizes_are_refused(tmp_path: Path) -> None:
    files = mnist(tmp_path)
    images, labels = images_and_labels(4)
    good, strange = (
        str(write(tmp_path, "t", idx(images))),
        str(write(tmp_path, "l", idx([0, 1, 9, 2]))),
    )
    with pytest.raises(DataError, match="t, row 3: the label '9' is not among the training labels"):
        build(
            "sequential-digits", source="mnist", **files, test_images=good, test_labels=strange
        ).splits()
    small = str(write(tmp_path, "s", idx(images_and_labels(4, (2, 4))[0])))
    fine = str(write(tmp_path, "f", idx(labels)))
    with pytest.raises(DataError, match=r"differ in size \(3 x 4 and 2 x 4 pixels\)"):
        build(
            "sequential-digits", source="mnist", **files, test_images=small, test_labels=fine
        ).splits()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": "mnist"}, "needs IDX files"),
        ({"images": "a"}, "source=mnist"),
        ({"source": "mnist", "images": "a", "labels": "b", "test_images": "c"}, "go together"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options: dict[str, str], message: str) -> None:
    with pytest.raises((OptionError, ValueError), match=message):
        build("sequential-digits", **options)


@given(
    labels=st.lists(st.sampled_from("abc"), min_size=10, max_size=60),
    share=st.floats(0.1, 0.45),
    seed=st.integers(0, 5),
)
@settings(deadline=None, max_examples=50)
def test_holding_out_takes_the_share_of_each_class(
    labels: list[str], share: float, seed: int
) -> None:
    shared = helper("_common.labels")
    if not any(round(share * labels.count(name)) for name in set(labels)):
        with pytest.raises(DataError, match="too few"):
            shared.stratified(labels, share, seed, "it")
        return
    kept, held = shared.stratified(labels, share, seed, "it")
    assert sorted([*kept.tolist(), *held.tolist()]) == list(range(len(labels)))
    for name in set(labels):
        assert sum(labels[i] == name for i in held) == round(share * labels.count(name))
    again = shared.stratified(labels, share, seed, "it")
    assert kept.tolist() == again[0].tolist()


def test_memory_solves_it_and_the_last_row_alone_does_not() -> None:
    task = build("sequential-digits", rows=True)
    budget: dict[str, Any] = {
        "steps": 400,
        "batch_size": 32,
        "learning_rate": 1e-2,
        "validate_every": 100,
    }
    assert train(task, Gated, **budget).score >= task.solved
    # the last row alone is informative, as the simple methods show
    assert train(task, OneStep, **budget).score < 0.7
    assert task.simple_scores["nearest class mean, last step alone"] > 0.4


def test_the_last_pixel_alone_is_near_the_baseline() -> None:
    task = build("sequential-digits")
    budget: dict[str, Any] = {
        "steps": 100,
        "batch_size": 32,
        "learning_rate": 1e-2,
        "validate_every": 50,
    }
    assert train(task, OneStep, **budget).score < task.baseline + 0.06


@pytest.mark.skipif(not SHARED_DATA.is_dir(), reason="no folder of real data next to the checkout")
def test_mnist_is_read() -> None:
    folder = SHARED_DATA / "mnist10k"
    files = {
        "images": folder / "t10k-images-idx3-ubyte.gz",
        "labels": folder / "t10k-labels-idx1-ubyte.gz",
    }
    task = build(
        "sequential-digits", source="mnist", **{name: str(path) for name, path in files.items()}
    )
    assert [len(part) for part in (task.splits().train, task.splits().test)] == [6400, 2000]
    assert task.length == 784
    # about 0.82 is known of all 60,000
    assert 0.75 < task.simple_scores["nearest class mean, whole image"] < 0.85


def test_without_scikit_learn_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    with pytest.raises(
        OptionError, match=r"needs scikit-learn.*pip install 'rnnbench\[datasets\]'"
    ):
        build("sequential-digits").splits()
