"""Labelled images of digits from a Hugging Face data set."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from rnnbench.errors import DataError

from .._common.hub import HubDataset, require_columns
from ._digit_images import LabelledImages
from ._idx import Bytes

_IMAGE_COLUMNS = ("image", "img")
_FORMATS = ("PNG", "JPEG")
_GREY = {"1", "L", "P", "RGB"}
"""Pillow's modes of at most eight bits per channel, whose grey levels are 0 .. 255."""


def read_hub_images(hub: HubDataset, split: str, image: str | None, label: str) -> LabelledImages:
    """Read a split; ``image`` is by default the column called "image" or "img".

    Raises:
        OptionError: the extra is not installed.
        DataError: the data set, the split or a column is missing, or a row has no image or no
            label.
    """
    return images_of(hub.load(split), hub.named(split), image, label)


def images_of(found: Any, source: str, image: str | None, label: str) -> LabelledImages:
    """Return the images (N, height, width) and labels of a ``datasets.Dataset``.

    Images are ``Image`` cells, files or arrays. A class is labelled by its number, as in IDX files.

    Raises:
        DataError: a column is missing, or a row has no image of the size of the first, or no label
            from 0 to 255.
    """
    image = image or next(
        (name for name in _IMAGE_COLUMNS if name in found.column_names), _IMAGE_COLUMNS[0]
    )
    require_columns(found, source, image, label)
    # decoded here, so that the error for a damaged image names its row
    if getattr(found.features[image], "decode", False):
        found = found.cast_column(image, type(found.features[image])(decode=False))
    images: list[Bytes] = []
    for row, cell in enumerate(found[image]):
        images.append(_grey_levels(cell, f"{source}, row {row + 1}"))
        if images[row].shape != images[0].shape:
            sizes = " and ".join(
                "{} x {}".format(*pixels.shape) for pixels in (images[0], images[row])
            )
            raise DataError(f"{source}, row {row + 1}: the images differ in size ({sizes} pixels).")
    if not images:
        raise DataError(f"{source} is empty.")
    labels = [_number(cell, f"{source}, row {row + 1}") for row, cell in enumerate(found[label])]
    return LabelledImages(source, labels, np.stack(images), 255)


def _grey_levels(cell: Any, place: str) -> Bytes:
    content = _stored(cell, place) if isinstance(cell, dict) else cell
    pixels = _decoded(content, place) if isinstance(content, bytes) else _whole(content, place)
    if pixels.ndim == 3 and 1 in (pixels.shape[0], pixels.shape[2]):
        pixels = pixels.squeeze(0 if pixels.shape[0] == 1 else 2)
    if pixels.ndim != 2 or not pixels.size:
        raise DataError(
            f"{place}: an array of shape {pixels.shape} is not an image of grey levels."
        )
    return pixels


def _stored(cell: dict[str, Any], place: str) -> Any:
    """Return the content of the file in an ``Image`` cell, or at its path."""
    if cell.get("bytes") is None and isinstance(path := cell.get("path"), str):
        try:
            return Path(path).read_bytes()
        except OSError as error:
            reason = error.strerror or error
            raise DataError(f"{place}: {path} cannot be read: {reason}.") from None
    return cell.get("bytes")


def _decoded(content: bytes, place: str) -> Bytes:
    # a dependency of matplotlib; imported here, since every trial imports this module
    from PIL import Image

    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as opened:
            mode, grey = opened.mode, opened.convert("L")
    # the readers of the formats raise exceptions of several classes
    except Exception as error:
        raise DataError(f"{place}: no readable {' or '.join(_FORMATS)} image ({error}).") from None
    if mode not in _GREY:
        raise DataError(
            f"{place}: an image of mode {mode!r} does not have grey levels from 0 to 255."
        )
    return np.asarray(grey)


def _whole(content: Any, place: str) -> Bytes:
    try:
        given = np.asarray(content)
        with np.errstate(invalid="ignore"):
            pixels = given.astype(np.uint8)
        same = bool((pixels == given).all())
    except (TypeError, ValueError):
        same = False
    if not same:
        raise DataError(
            f"{place}: {repr(content)[:60]} is not an image; "
            "choose the column with image_column=NAME."
        )
    return pixels


def _number(cell: Any, place: str) -> str:
    number = int(cell) if isinstance(cell, str) and cell.isdecimal() and len(cell) < 10 else cell
    if number is None or number == -1:  # -1 marks a withheld label
        raise DataError(
            f"{place}: no label; choose a split that has labels, "
            f"or hold the test out, test_split=none."
        )
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number <= 255:
        raise DataError(
            f"{place}: the label {repr(cell)[:60]} is not a number from 0 to 255; "
            f"choose the column with label_column=NAME."
        )
    return str(number)
