"""Piano rolls from ``.mat``, ``.npz`` and ``.json`` files, none of which can run code."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from rnnbench.errors import DataError, one_line

from .._common.files import read_bytes, suffix_of
from ._matlab import MatlabError, read_cells
from ._rolls import KEYS, LOWEST, checked

if TYPE_CHECKING:
    from pathlib import Path

    from ._rolls import Roll, Rolls

Parts: TypeAlias = dict[str, Sequence["Roll"]]

_NAMES = (
    ("traindata", "train"),
    ("validdata", "valid", "validation"),
    ("testdata", "test"),
)
"""Names of each part, in the order training, validation, test."""
_MOST_BYTES = 1 << 26
_MOST_UNPACKED = 1 << 30
_SAVEZ = (
    "numpy.savez(FILE, train=numpy.concatenate(pieces), train_lengths=[len(p) for p in pieces], "
    "valid=..., valid_lengths=..., test=..., test_lengths=...)"
)


def read_rolls(path: Path) -> Rolls:
    """Read the pieces of a file; its suffix names the format.

    ``.mat`` (MATLAB 5, as of Boulanger-Lewandowski et al. 2012): cell arrays ``traindata``,
    ``validdata`` and ``testdata`` of pieces (T, D) of 0 and 1. ``.npz``: the frames of all pieces
    of a part in one array, ``train`` (frames, D), and their numbers of frames, ``train_lengths``.
    ``.json``: ``{"train": [piece, ...], ...}``, where a piece is a list of frames and a frame a
    list of MIDI note numbers from 21 to 108.

    Raises:
        DataError: unreadable, damaged, too large, of another format, without one of the parts, or
            with values other than 0 and 1.
    """
    suffix = suffix_of(path)
    readers: dict[str, Callable[[str, bytes], Parts]] = {
        ".mat": _read_mat,
        ".npz": _read_npz,
        ".json": _read_json,
    }
    if suffix not in readers:
        raise DataError(
            f"{path}: the suffix {suffix!r} is unknown; files that end in .mat, .npz or .json are "
            f"read."
        )
    source = str(path)
    return checked(source, readers[suffix](source, _content(path, zipped=suffix == ".npz")))


def _content(path: Path, *, zipped: bool) -> bytes:
    """Return the bytes of a file; a zip archive is expected for ``.npz`` alone."""
    try:
        size = path.stat().st_size
        content = path.read_bytes() if zipped and size <= _MOST_BYTES else None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}.") from None
    if size > _MOST_BYTES:
        raise DataError(
            f"{path} has {size:,} bytes; the limit is {_MOST_BYTES:,}, so give fewer pieces."
        )
    return read_bytes(path) if content is None else content


def _part_of(source: str, found: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return the name that a part has."""
    for name in names:
        if name in found:
            return name
    present = ", ".join(list(found)[:8]) or "nothing"
    raise DataError(
        f"{source} has no {names[0]!r} (or {names[1]!r}); it has {present}. Name the parts "
        f"{', '.join(each[0] for each in _NAMES)}."
    )


def _bits(place: str, values: Any) -> Roll:
    """Return frames (T, D) of 0 and 1 as uint8.

    Raises:
        DataError: the array has another number of axes, no numbers, or other values.
    """
    values = np.asarray(values)
    if values.ndim != 2 or values.dtype.kind not in "buif":
        raise DataError(
            f"{place} is {values.dtype} of shape {values.shape}; give numbers, a row for each "
            f"frame and a column for each note."
        )
    wrong = (values != 0) & (values != 1)
    if wrong.any():
        frame, note = np.argwhere(wrong)[0]
        raise DataError(
            f"{place} has {values[frame, note]} at frame {frame + 1}, note {note + 1}; "
            f"give 1 where the note sounds and 0 elsewhere."
        )
    bits: Roll = values.astype(np.uint8)
    return bits


# -- MATLAB


def _read_mat(source: str, content: bytes) -> Parts:
    if content.startswith(b"\x89HDF"):
        raise DataError(f"{source} is of MATLAB 7.3 (HDF5); save it with: save(FILE, ..., '-v7').")
    try:
        found = read_cells(content, _MOST_UNPACKED)
    except MatlabError as error:
        raise DataError(
            f"{source} cannot be read as a MATLAB file ({one_line(str(error), 120)}); "
            f"save it with: save(FILE, ..., '-v7')."
        ) from None
    parts: Parts = {}
    for accepted in _NAMES:
        name = _part_of(source, found, accepted)
        cells = found[name]
        if cells is None:
            raise DataError(f"{source}: {name!r} is no cell array; give one of pieces.")
        parts[name] = [
            _bits(f"{source}: {name!r}, piece {number}", cell)
            for number, cell in enumerate(cells, start=1)
        ]
    return parts


# -- numpy


def _read_npz(source: str, content: bytes) -> Parts:
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise DataError(f"{source} is not an .npz file ({error}); write it by {_SAVEZ}.") from None
    with archive:
        size = sum(member.file_size for member in archive.infolist())
        if size > _MOST_UNPACKED:
            raise DataError(
                f"{source} has {size:,} bytes when unpacked; the limit is {_MOST_UNPACKED:,}, so "
                f"give fewer pieces."
            )
        found = {member.removesuffix(".npy"): member for member in archive.namelist()}
        parts: Parts = {}
        for accepted in _NAMES:
            name = _part_of(source, found, accepted)
            of_lengths = f"{name}_lengths"
            if of_lengths not in found:
                raise DataError(f"{source} has no {of_lengths!r}; write it by {_SAVEZ}.")
            frames = _array(source, archive, name, found[name])
            lengths = _array(source, archive, of_lengths, found[of_lengths])
            bits = _bits(f"{source}: {name!r}", frames)
            parts[name] = _cut(f"{source}: {of_lengths!r}", bits, lengths)
    return parts


def _array(source: str, archive: zipfile.ZipFile, name: str, member: str) -> Any:
    try:
        with archive.open(member) as file:
            return np.lib.format.read_array(file, allow_pickle=False)
    # a damaged archive raises errors of zipfile, zlib, struct and numpy
    except Exception as error:
        if "allow_pickle" not in str(error):
            raise DataError(
                f"{source}: {name!r} is damaged ({one_line(str(error), 80)})."
            ) from None
        raise DataError(
            f"{source}: {name!r} is pickled, and a pickle can run code; write it by {_SAVEZ}."
        ) from None


def _cut(place: str, frames: Roll, lengths: Any) -> list[Roll]:
    if lengths.ndim != 1 or lengths.dtype.kind not in "iu":
        raise DataError(f"{place} is {lengths.dtype} of shape {lengths.shape}; give whole numbers.")
    if (lengths < 0).any() or int(lengths.sum()) != len(frames):
        raise DataError(
            f"{place} sum to {int(lengths.sum()):,} frames where there are {len(frames):,}; "
            f"give the number of frames of each piece."
        )
    return np.split(frames, np.cumsum(lengths)[:-1]) if len(lengths) else []


# -- JSON


def _read_json(source: str, content: bytes) -> Parts:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{source}: malformed JSON ({one_line(str(error), 80)}).") from None
    if not isinstance(found, dict):
        raise DataError(
            f'{source}: not an object; give {{"train": [...], "valid": ..., "test": ...}}.'
        )
    parts: Parts = {}
    for accepted in _NAMES:
        name = _part_of(source, found, accepted)
        pieces = _list(f"{source}: {name!r}", found[name], "pieces")
        parts[name] = [
            _roll(f"{source}: {name!r}, piece {number}", piece)
            for number, piece in enumerate(pieces, start=1)
        ]
    return parts


def _roll(place: str, piece: Any) -> Roll:
    frames = _list(place, piece, "frames")
    roll = np.zeros((len(frames), KEYS), np.uint8)
    for number, frame in enumerate(frames):
        for note in _list(f"{place}, frame {number + 1}", frame, "notes"):
            if type(note) is not int or not LOWEST <= note < LOWEST + KEYS:
                raise DataError(
                    f"{place}, frame {number + 1}: {one_line(repr(note), 40)} is not a MIDI note; "
                    f"give whole numbers from {LOWEST} to {LOWEST + KEYS - 1}."
                )
            roll[number, note - LOWEST] = 1
    return roll


def _list(place: str, found: Any, what: str) -> list[Any]:
    if not isinstance(found, list):
        raise DataError(f"{place} is {one_line(repr(found), 40)}; give a list of {what}.")
    return found
