"""Series of statsmodels, by name."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Literal, TypeAlias

import numpy as np

from rnnbench.errors import DataError, OptionError

from ._series_file import NamedSeries

Bundled: TypeAlias = Literal["sunspots", "co2"]

_CHECKSUMS: dict[Bundled, str] = {
    "sunspots": "f67889b1d9002cd5227f0e0ef54e35b419cdd85a31279adef6f73fb41e5c0a9b",
    "co2": "16695fa2786e53414e5a6b54767a3fdf5de99cfbc68617f69d1362d92776a92f",
}


def bundled_series(name: Bundled) -> NamedSeries:
    """Read yearly sunspots 1700-2008, or the weekly carbon dioxide of Mauna Loa 1958-2001.

    A missing value is replaced by the one before it.

    Raises:
        OptionError: statsmodels is not installed.
        DataError: its file does not have the known checksum.
    """
    # its file is read directly: importing statsmodels takes a second in each trial process
    package = importlib.util.find_spec("statsmodels")
    if package is None or package.origin is None:
        raise OptionError(
            f"data={name} needs statsmodels, which is in the extra 'datasets'; "
            f"type: pip install 'rnnbench[datasets]'."
        )
    path = Path(package.origin).parent / "datasets" / name / f"{name}.csv"
    content = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(content).hexdigest() != _CHECKSUMS[name]:
        raise DataError(
            f"{path} is not the file of {name} known to rnnbench; reinstall statsmodels."
        )
    cells = [line.split(",")[-1].strip() for line in content.decode().splitlines()[1:]]
    numbers = np.array([cell or "nan" for cell in cells], dtype=np.float64)
    # the first value is known, so that 0 can stand for a missing one
    last = np.maximum.accumulate(np.where(np.isnan(numbers), 0, np.arange(len(numbers))))
    place = f"statsmodels' {name}"
    return NamedSeries(numbers[last][:, None], (name,), (place,), place)


def bundled_checksum(name: Bundled) -> str:
    """Return the SHA-256 of the file that :func:`bundled_series` accepts."""
    return _CHECKSUMS[name]
