"""Files of piano rolls: each format reads to the same pieces, and faulty ones are refused."""

from __future__ import annotations

import gzip
import io
import json
import pickle
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import io as scipy_io

from rnnbench.errors import DataError
from rnnbench.testing import check_task
from tests.support.calling import call
from tests.tasks.builders import build, helper, write

LOWEST, KEYS = 21, 88


def pieces(seed: int, lengths: tuple[int, ...] = (4, 2, 7)) -> list[np.ndarray]:
    generator = np.random.Generator(np.random.PCG64(seed))
    return [(generator.random((length, KEYS)) < 0.1).astype(np.uint8) for length in lengths]


PARTS = {"train": pieces(0), "valid": pieces(1), "test": pieces(2)}


def cells(parts: list[np.ndarray]) -> np.ndarray:
    found = np.empty((1, len(parts)), object)
    for column, part in enumerate(parts):
        found[0, column] = part
    return found


def mat(given: dict[str, Any], **options: Any) -> bytes:
    stream = io.BytesIO()
    scipy_io.savemat(stream, given, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def mat_of(parts: dict[str, list[np.ndarray]], **options: Any) -> bytes:
    return mat({f"{name}data": cells(part) for name, part in parts.items()}, **options)


def npz(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, **arrays)
    return stream.getvalue()


def npz_of(parts: dict[str, list[np.ndarray]]) -> bytes:
    arrays = {name: np.concatenate(part) for name, part in parts.items()}
    return npz(**arrays, **{f"{n}_lengths": [len(p) for p in part] for n, part in parts.items()})


def json_of(parts: dict[str, list[np.ndarray]]) -> bytes:
    as_lists = {
        name: [[(LOWEST + frame.nonzero()[0]).tolist() for frame in piece] for piece in part]
        for name, part in parts.items()
    }
    return json.dumps(as_lists).encode()


def read(path: Path) -> dict[str, list[Any]]:
    rolls = build("polyphonic-music", path=str(path)).rolls
    parts = {"train": rolls.train, "valid": rolls.validation, "test": rolls.test}
    return {name: [piece.tolist() for piece in part] for name, part in parts.items()}


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.mat", mat_of(PARTS)),
        ("a.mat", mat_of(PARTS, do_compression=True)),
        ("a.MAT.gz", gzip.compress(mat_of(PARTS))),
        ("a.mat", mat_of({name: [p.astype(float) for p in part] for name, part in PARTS.items()})),
        ("a.npz", npz_of(PARTS)),
        ("a.json", json_of(PARTS)),
        ("a.json.gz", gzip.compress(json_of(PARTS))),
    ],
)
def test_every_format_reads_to_the_same_pieces(tmp_path: Path, name: str, content: bytes) -> None:
    expected = {part: [piece.tolist() for piece in found] for part, found in PARTS.items()}
    assert read(write(tmp_path, name, content)) == expected


def test_a_file_passes_the_conformance_checks_and_has_no_known_entropy(tmp_path: Path) -> None:
    many = {name: pieces(seed, (9,) * 30) for seed, name in enumerate(PARTS)}
    path = write(tmp_path, "a.json", json_of(many))
    check_task("polyphonic-music", {"path": str(path)})
    task = build("polyphonic-music", path=str(path))
    assert task.perfect == 0
    assert task.simple_scores["note frequencies"] == task.baseline
    assert task.relevant_lags(task.splits().test) is None
    assert task.unsolvable is None


def test_notes_that_training_lacks_make_it_unsolvable(tmp_path: Path) -> None:
    low, high = [[30, 31]] * 4, [[30, 90]] * 4
    path = write(tmp_path, "a.json", json.dumps({"train": [low], "valid": [low], "test": [high]}))
    assert "50 % of the notes of the test part" in build("polyphonic-music", path=path).unsolvable


def with_value(value: float) -> dict[str, list[np.ndarray]]:
    changed = [piece.astype(float) for piece in PARTS["valid"]]
    changed[2][4, 6] = value
    return {**PARTS, "valid": changed}


class Loud:
    """Its unpickling would raise; a file with one must be refused before."""

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return (pytest.fail, ("the file was unpickled",))


FAULTY: list[tuple[str, Callable[[], bytes], str]] = [
    ("a.mid", lambda: b"MThd", r"'\.mid' is unknown; files that end in \.mat, \.npz or \.json"),
    ("a.mat", lambda: b"", "not a file of MATLAB 5 to 7"),
    ("a.mat", lambda: b"PK\x03\x04rest", "is a zip archive"),
    ("a.mat", lambda: b"\x89HDF\r\n\x1a\n" + bytes(600), "MATLAB 7.3 .* '-v7'"),
    ("a.mat", lambda: mat_of(PARTS)[:-300], "it ends within an element"),
    ("a.mat", lambda: mat_of(PARTS)[:3000], r"cannot be read as a MATLAB file .* '-v7'"),
    (
        "a.mat",
        lambda: mat_of(PARTS, do_compression=True).replace(b"\x78\x9c", b"\x00\x00"),
        "compressed data are damaged",
    ),
    ("a.mat", lambda: mat({"x": 1, "y": 2}), "no 'traindata' .* it has x, y"),
    ("a.mat", lambda: mat({}), "no 'traindata' .* it has nothing"),
    ("a.mat", lambda: mat({"traindata": np.ones((3, 88))}), "'traindata' is no cell array"),
    ("a.mat", lambda: mat_of({**PARTS, "train": [np.ones((2, 3, 4))]}), "of shape"),
    ("a.mat", lambda: mat_of({**PARTS, "train": [np.array(["ab"])]}), "no matrix of real"),
    ("a.mat", lambda: mat_of({**PARTS, "train": [np.full((2, 88), 1j)]}), "no matrix of real"),
    ("a.mat", lambda: mat_of({**PARTS, "train": [cells(PARTS["train"])]}), "no matrix of real"),
    ("a.mat", lambda: mat_of(with_value(2)), "'validdata', piece 3 has 2.0 at frame 5, note 7"),
    ("a.mat", lambda: mat_of(with_value(np.nan)), "has nan at frame 5, note 7"),
    ("a.mat", lambda: mat_of(with_value(-1)), "has -1.0 at frame 5"),
    ("a.mat", lambda: mat_of({**PARTS, "test": []}), "'testdata' has no pieces"),
    ("a.mat", lambda: mat_of({**PARTS, "test": [np.zeros((0, 88))]}), "has 0 "),
    ("a.mat", lambda: mat_of({**PARTS, "test": [np.zeros((1, 88))]}), "has 1 frames; remove"),
    ("a.mat", lambda: mat_of({**PARTS, "test": [np.zeros((88, 5))]}), "5 notes where .* 88"),
    ("a.npz", lambda: b"", "is not an .npz file"),
    ("a.npz", lambda: pickle.dumps(Loud()), "is not an .npz file"),
    ("a.npz", lambda: npz_of(PARTS)[:-60], "is not an .npz file"),
    ("a.npz", lambda: npz(train=np.zeros((4, 88))), "no 'train_lengths'; write it by numpy.savez"),
    (
        "a.npz",
        lambda: npz(train=np.array([Loud(), 1], object), train_lengths=[1]),
        "'train' is pickled, and a pickle can run code; write it by numpy.savez",
    ),
    ("a.npz", lambda: npz(train=np.zeros((4, 88)), train_lengths=[2, 3]), "sum to 5 frames .* 4"),
    ("a.npz", lambda: npz(train=np.zeros((4, 88)), train_lengths=[6, -2]), "sum to 4 frames"),
    ("a.npz", lambda: npz(train=np.zeros((4, 88)), train_lengths=[2.0]), "give whole numbers"),
    (
        "a.npz",
        lambda: npz(train=np.zeros((0, 88)), train_lengths=np.zeros(0, int)),
        "no 'validdata'",
    ),
    ("a.npz", lambda: npz(train=np.zeros(4), train_lengths=[4]), "of shape"),
    ("a.json", lambda: b'{"train": [', "malformed JSON"),
    ("a.json", lambda: b"[" * 100_000, "malformed JSON"),
    ("a.json", lambda: b"\xff\xfe\xff", "malformed JSON"),
    ("a.json", lambda: b"[1]", "not an object"),
    ("a.json", lambda: b"{}", "no 'traindata' .* it has nothing"),
    ("a.json", lambda: b'{"train": 3}', "'train' is 3; give a list of pieces"),
    ("a.json", lambda: b'{"train": [3]}', "piece 1 is 3; give a list of frames"),
    ("a.json", lambda: b'{"train": [[3]]}', "frame 1 is 3; give a list of notes"),
    (
        "a.json",
        lambda: b'{"train": [[[60], [20]]]}',
        "frame 2: 20 is not a MIDI note; .* 21 to 108",
    ),
    ("a.json", lambda: b'{"train": [[[true]]]}', "frame 1: True is not a MIDI note"),
    ("a.json", lambda: b'{"train": [[[60.0]]]}', "frame 1: 60.0 is not a MIDI note"),
    (
        "a.json",
        lambda: b'{"train": [[[60], []]], "valid": [], "test": []}',
        "'valid' has no pieces",
    ),
    ("a.json.gz", lambda: b"\x1f\x8b\x08\x00rest", "gzip data are damaged"),
]


@pytest.mark.parametrize(("name", "content", "message"), FAULTY, ids=range(len(FAULTY)))
def test_a_faulty_file_is_refused(
    tmp_path: Path, name: str, content: Callable[[], bytes], message: str
) -> None:
    path = write(tmp_path, name, content())
    with pytest.raises(DataError, match=message) as caught:
        build("polyphonic-music", path=str(path)).splits()
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_huge_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    for name in ("a.mat", "a.npz", "a.json"):
        path = tmp_path / name
        with path.open("wb") as file:
            file.truncate(1 << 40)
        with pytest.raises(DataError, match=r"has 1,099,511,627,776 bytes; the limit is"):
            build("polyphonic-music", path=str(path)).splits()


def test_a_file_that_unpacks_to_more_than_the_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    silence = {name: [np.zeros((3000, KEYS), np.uint8)] * 2 for name in PARTS}
    contents = {"a.mat": mat_of(silence, do_compression=True), "a.npz": npz_of(silence)}
    for name, content in contents.items():
        path = write(tmp_path, name, content)
        assert len(content) < 20_000
        assert len(read(path)["train"][0]) == 3000
        monkeypatch.setattr(helper("music._roll_files"), "_MOST_UNPACKED", 1_000_000)
        with pytest.raises(DataError, match="when unpacked"):
            read(path)
        monkeypatch.undo()


def test_pieces_that_take_too_much_memory_when_padded_are_refused(tmp_path: Path) -> None:
    short, long = np.zeros((2, 600), np.uint8), np.zeros((60_000, 600), np.uint8)
    path = write(tmp_path, "a.npz", npz_of({**PARTS, "train": [short] * 9 + [long]}))
    with pytest.raises(DataError, match=r"'train' has 10 pieces, padded to 60,000 frames .* cut"):
        build("polyphonic-music", path=str(path)).splits()


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for name in ("missing.mat", "missing.npz", "missing.json"):
        with pytest.raises(DataError, match=r"cannot be read: No such file"):
            build("polyphonic-music", path=str(tmp_path / name)).splits()
    (tmp_path / "folder.npz").mkdir()
    with pytest.raises(DataError, match=r"cannot be read: Is a directory"):
        build("polyphonic-music", path=str(tmp_path / "folder.npz")).splits()


ORIGINALS = {
    "a.mat": mat_of(PARTS, do_compression=True),
    "b.mat": mat_of(PARTS),
    "a.npz": npz_of(PARTS),
    "a.json": json_of(PARTS),
}


@given(
    st.sampled_from(sorted(ORIGINALS)),
    st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1, max_size=6),
)
@settings(deadline=None, max_examples=150)
def test_damaged_files_are_read_or_refused_in_words(
    tmp_path_factory: pytest.TempPathFactory, name: str, changes: list[tuple[int, int]]
) -> None:
    content = bytearray(ORIGINALS[name])
    for place, value in changes:
        content[place % len(content)] = value
    path = write(tmp_path_factory.mktemp("damaged"), name, bytes(content))
    # any other exception fails the test
    with suppress(DataError):
        build("polyphonic-music", path=str(path)).splits()


@pytest.mark.parametrize("compressed", [False, True])
@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.integers(0, 5),
            st.sampled_from(["u1", "i1", "u2", "i2", "u4", "i4", "f4", "f8", "i8", "bool"]),
        ),
        max_size=4,
    ),
    st.integers(0, 100),
)
@settings(deadline=None, max_examples=40)
def test_cells_are_those_that_scipy_reads(
    compressed: bool, shapes: list[tuple[int, int, str]], seed: int
) -> None:
    generator = np.random.Generator(np.random.PCG64(seed))
    made = [(3 * generator.random((rows, columns))).astype(d) for rows, columns, d in shapes]
    content = mat({"data": cells(made), "x": 3.0, "words": "ab"}, do_compression=compressed)
    found = helper("music._matlab").read_cells(content, 1 << 20)
    assert (found.keys(), found["x"], found["words"]) == ({"data", "x", "words"}, None, None)
    expected = scipy_io.loadmat(io.BytesIO(content))["data"].flatten()  # type: ignore[arg-type]
    assert len(found["data"]) == len(expected) == len(made)
    for one, other in zip(found["data"], expected, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("value", [0, 15, 164, 255])
def test_no_damaged_byte_of_a_matlab_file_crashes_the_reader(value: int) -> None:
    # scipy's reader ends the process for 164 at place 880
    matlab = helper("music._matlab")
    for name in ("a.mat", "b.mat"):
        for place in range(126, len(ORIGINALS[name])):
            content = bytearray(ORIGINALS[name])
            content[place] = value
            with suppress(matlab.MatlabError):
                matlab.read_cells(bytes(content), 1 << 20)


def test_the_command_line_refuses_a_faulty_file_in_one_line(tmp_path: Path) -> None:
    path = write(tmp_path, "a.npz", npz(train=np.array([Loud()], object), train_lengths=[1]))
    store = str(tmp_path / "s.db")
    answer = call("run", "-t", f"polyphonic-music[path={path}]", "-m", "gru", "--store", store)
    assert "write it by numpy.savez" in answer.complaint
