"""Labelled images of digits: those of scikit-learn, or IDX files such as MNIST."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnnbench.errors import DataError, OptionError

from .._common.labels import Indices, LabelledRows, taken
from ._idx import Bytes, as_idx, read_idx

_SIDE, _SHADES = 8, 16
_BUNDLED = Path("datasets", "data", "digits.csv.gz")
_BUNDLED_CHECKSUM = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"


@dataclass(frozen=True)
class LabelledImages(LabelledRows):
    """Images of one size with their labels.

    Attributes:
        pixels: (N, height, width), 0 .. brightest.
        brightest: the largest possible value of a pixel.
    """

    pixels: Bytes
    brightest: int

    def at(self, index: Indices) -> LabelledImages:
        """Return the images at ``index`` (n,)."""
        labels = taken(self.labels, index)
        return LabelledImages(self.source, labels, self.pixels[index], self.brightest)

    @property
    def checksums(self) -> tuple[str, str]:
        """SHA-256 of images and labels (0 .. 255), equal to those of plain IDX files."""
        labels = np.array(self.labels, dtype=np.uint8)
        images_digest, labels_digest = (
            hashlib.sha256(as_idx(array)).hexdigest() for array in (self.pixels, labels)
        )
        return images_digest, labels_digest


def bundled_digits() -> LabelledImages:
    """Read the 1,797 images of scikit-learn (Alpaydin and Kaynak 1998).

    They have 8 x 8 pixels in 17 shades.

    Raises:
        OptionError: scikit-learn is not installed.
        DataError: its file does not have the known checksum.
    """
    # its file is read directly: importing scikit-learn takes half a second in each trial process
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise OptionError(
            "source=digits needs scikit-learn, which is in the extra 'datasets'; "
            "type: pip install 'rnnbench[datasets]'."
        )
    path = Path(package.origin).with_name(str(_BUNDLED.parts[0])).joinpath(*_BUNDLED.parts[1:])
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:
        raise DataError(f"scikit-learn's digits cannot be read: {error}") from None
    if hashlib.sha256(content).hexdigest() != _BUNDLED_CHECKSUM:
        raise DataError(
            f"{path} is not the file of digits known to rnnbench; reinstall scikit-learn."
        )
    # 64 pixels and a label per row: (1797, 65)
    table = np.loadtxt(content.decode().splitlines(), delimiter=",", dtype=np.uint8)
    labels = [str(label) for label in table[:, -1]]
    pixels = table[:, :-1].reshape(-1, _SIDE, _SIDE)
    return LabelledImages("scikit-learn's digits", labels, pixels, _SHADES)


def read_images(images: Path, labels: Path) -> LabelledImages:
    """Read a pair of IDX files.

    Raises:
        DataError: a file cannot be read, or the numbers of images and labels differ.
    """
    pixels, names = read_idx(images, 3), read_idx(labels, 1)
    if len(pixels) != len(names):
        raise DataError(
            f"{images} has {len(pixels)} images and {labels} {len(names)} labels; "
            f"give files that belong together."
        )
    return LabelledImages(str(images), [str(name) for name in names], pixels, 255)
