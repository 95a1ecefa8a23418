"""Images of digits with their labels: those that scikit-learn brings, or IDX files such as MNIST."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rnnbench.errors import DataError, OptionError, one_line

from .._common.labels import Indices
from ._idx import Bytes, as_idx, read_idx

_SIDE, _SHADES = 8, 16
_BUNDLED = Path("datasets", "data", "digits.csv.gz")
_BUNDLED_CHECKSUM = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"


@dataclass(frozen=True)
class LabelledImages:
    """Images of one size with their labels.

    Attributes:
        source: what a message calls them.
        pixels: (N, height, width), 0 .. brightest.
        labels: N of them.
        brightest: the largest value that a pixel can have.
    """

    source: str
    pixels: Bytes
    labels: list[str]
    brightest: int

    def at(self, index: Indices) -> LabelledImages:
        """Return those at ``index``."""
        return LabelledImages(
            self.source,
            self.pixels[index],
            [self.labels[i] for i in index.tolist()],
            self.brightest,
        )

    @property
    def checksums(self) -> tuple[str, str]:
        """SHA-256 of images and labels, which plain IDX files of the same content have too; labels
        are numbers up to 255.
        """
        labels = np.array(self.labels, dtype=np.uint8)
        return hashlib.sha256(as_idx(self.pixels)).hexdigest(), hashlib.sha256(
            as_idx(labels)
        ).hexdigest()

    def place(self, row: int) -> str:
        """Return where a message says that image ``row`` stands."""
        return f"{self.source}, row {row + 1}"


def bundled_digits() -> LabelledImages:
    """Read the 1,797 images of 8 x 8 pixels in 17 shades that scikit-learn brings (Alpaydin and
    Kaynak 1998).

    Its file is read directly: to import the package takes longer than all the rest, in every trial
    anew.

    Raises:
        OptionError: scikit-learn is not installed.
        DataError: its file is not the one known.
    """
    package = importlib.util.find_spec("sklearn")
    if package is None or package.origin is None:
        raise OptionError(
            "source=digits needs scikit-learn, which the extra 'datasets' brings; type: pip install 'rnnbench[datasets]'."
        )
    path = Path(package.origin).with_name(str(_BUNDLED.parts[0])).joinpath(*_BUNDLED.parts[1:])
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:
        raise DataError(f"scikit-learn's digits cannot be read: {one_line(error, 200)}") from None
    if hashlib.sha256(content).hexdigest() != _BUNDLED_CHECKSUM:
        raise DataError(
            f"{path} is not the file of digits known to rnnbench; install scikit-learn anew."
        )
    table = np.loadtxt(
        content.decode().splitlines(), delimiter=",", dtype=np.uint8
    )  # (1797, 64 pixels and a label)
    return LabelledImages("scikit-learn's digits", table[:, :-1].reshape(-1, _SIDE, _SIDE),
                          [str(label) for label in table[:, -1]], _SHADES)  # fmt: skip


def read_images(images: Path, labels: Path) -> LabelledImages:
    """Read a pair of IDX files.

    Raises:
        DataError: a file cannot be read, or they differ in how many rows they have.
    """
    pixels, names = read_idx(images, 3), read_idx(labels, 1)
    if len(pixels) != len(names):
        raise DataError(
            f"{images} has {len(pixels)} images and {labels} {len(names)} labels; give files that belong together."
        )
    return LabelledImages(str(images), pixels, [str(name) for name in names], 255)
