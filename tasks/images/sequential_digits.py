"""Sequential digits: predict the digit of an image that is read pixel by pixel."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field

import rnnbench
from rnnbench import Citation, Preset, Vectors
from rnnbench.errors import DataError, OptionError

from .._common.citations import ARJOVSKY, LE
from .._common.classification import ClassificationTask
from .._common.classifiers import nearest_mean_accuracy
from .._common.hub import HubDataset
from .._common.labels import hold_out
from ._digit_images import LabelledImages, bundled_digits, read_images
from ._hub_images import read_hub_images
from ._published import SEQUENTIAL_DIGITS

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import RegisterTask

_ALPAYDIN = Citation(
    "Alpaydin and Kaynak 1998",
    "Optical Recognition of Handwritten Digits",
    "UCI Machine Learning Repository",
    "https://doi.org/10.24432/C50P49",
)
_LECUN = Citation(
    "LeCun et al. 1998",
    "Gradient-Based Learning Applied to Document Recognition",
    "Proceedings of the IEEE 86",
    "https://doi.org/10.1109/5.726791",
)

_HUB_OPTIONS = (
    "revision",
    "subset",
    "train_split",
    "test_split",
    "image_column",
    "label_column",
)

Name = Annotated[str, Field(min_length=1)]


def permutation(pixels: int) -> list[int]:
    """Return the fixed order in which ``pixels`` pixels are read when permuted.

    Positions are sorted by the SHA-256 of "pixel P of N", so that the order depends on no
    generator, library or platform.
    """
    return sorted(
        range(pixels),
        key=lambda position: hashlib.sha256(f"pixel {position} of {pixels}".encode()).digest(),
    )


@dataclass(frozen=True)
class SequentialDigits(ClassificationTask[LabelledImages]):
    """Sequential digits: predict a digit from its image, read pixel by pixel (Le et al. 2015).

    Brightness lies in 0 .. 1. The score is the accuracy on the test images. Skill 0 is the share of
    the most frequent class of the test images, which no constant answer exceeds. A network
    counts as solving the task from the accuracy of the nearest class mean of the whole image; the
    same classifier on the last step alone shows the accuracy possible without memory.

    Attributes:
        source: digits: the 1,797 images of 8 x 8 pixels of scikit-learn (64 steps); mnist: IDX
            files or a Hugging Face data set (784 steps).
        images: IDX file of the training images, plain or gzipped.
        labels: IDX file of their labels.
        test_images: likewise for the test; held out from the training images if omitted.
        test_labels: likewise.
        hf: instead of files, a Hugging Face data set by name, or a folder of its files.
        revision: its commit; required unless it is a folder.
        subset: its configuration, where it has several.
        train_split: name of its split for training.
        test_split: likewise for the test; none: held out from the training images.
        image_column: the column of its images; by default "image" or "img".
        label_column: the column of its labels.
        permuted: read the pixels in one fixed, scrambled order, which separates neighbours in the
            sequence.
        rows: read a row of pixels per step.
        held_out: share of each class of the training images held out for the test if that is
            omitted, then of the rest for validation; always the same images.
    """

    source: Literal["digits", "mnist"] = "digits"
    images: Path | None = None
    labels: Path | None = None
    test_images: Path | None = None
    test_labels: Path | None = None
    hf: Name | None = None
    revision: Name | None = None
    subset: Name | None = None
    train_split: Name = "train"
    test_split: Name | None = "test"
    image_column: Name | None = None
    label_column: Name = "label"
    permuted: bool = False
    rows: bool = False
    held_out: Annotated[float, Field(gt=0, lt=0.5)] = 0.2

    version: ClassVar[int] = 1
    citations: ClassVar[tuple[Citation, ...]] = (LE, ARJOVSKY, _ALPAYDIN, _LECUN)
    published = SEQUENTIAL_DIGITS
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            {}, {"steps": 2500, "batch_size": 32, "learning_rate": 3e-3, "hidden_size": 32}
        ),
        "standard": Preset(
            {}, {"steps": 6000, "batch_size": 64, "learning_rate": 1e-3, "hidden_size": 64}
        ),
        # The public code of Arjovsky et al. 2016 (amarshah/complex_RNN, complex_RNN_mnist.py) on
        # MNIST (give its files): a million steps of RMSprop at 5e-4 in batches of 20, each element
        # of the gradient clipped at 1, 10,000 of 60,000 images for validation. The LSTM's 128 units
        # are not verified: the code trains its own cell.
        "paper": Preset(
            {"held_out": 1 / 6},
            {
                "steps": 1_000_000,
                "batch_size": 20,
                "learning_rate": 5e-4,
                "optimizer": "rmsprop",
                "clip_norm": None,
                "clip_value": 1.0,
                "hidden_size": 128,
            },
        ),
    }

    def __post_init__(self) -> None:
        files = any(
            file is not None
            for file in (self.images, self.labels, self.test_images, self.test_labels)
        )
        if self.source == "digits" and (files or self.hf is not None):
            raise ValueError("images=, labels= and hf= need source=mnist.")
        if files and self.hf is not None:
            raise ValueError("IDX files and hf= exclude each other; give one of them.")
        if self.hf is not None:
            HubDataset(self.hf, self.revision, self.subset)
        elif any(
            getattr(self, option.name) != option.default
            for option in fields(self)
            if option.name in _HUB_OPTIONS
        ):
            raise ValueError(
                "revision=, subset=, splits and columns are of a Hugging Face data set; "
                "give hf= too."
            )
        elif self.source == "mnist" and (self.images is None or self.labels is None):
            raise OptionError(
                "source=mnist needs IDX files: "
                "-t 'sequential-digits[source=mnist,images=FILE,labels=FILE]', "
                "or a Hugging Face data set: hf=ylecun/mnist,revision=COMMIT."
            )
        if (self.test_images is None) != (self.test_labels is None):
            raise ValueError("test_images= and test_labels= go together; give both or neither.")

    @property
    def inputs(self) -> Vectors:
        """The brightness of a pixel, or of a row of pixels."""
        return Vectors(int(self._splits.train.inputs.shape[2]))

    @property
    def solving_accuracy(self) -> float:
        """Test accuracy of the nearest class mean of the whole image."""
        return self._nearest_mean(slice(None))

    @cached_property
    def simple_accuracies(self) -> Mapping[str, float]:
        """Test accuracies of the nearest class mean, of the last step and of the whole image."""
        return {
            "nearest class mean, last step alone": self._nearest_mean(slice(-1, None)),
            "nearest class mean, whole image": self._nearest_mean(slice(None)),
        }

    @property
    def data_checksums(self) -> Mapping[str, str]:
        """Checksums of bundled images, hub images and the order of the pixels, where used.

        Those of hub images equal the checksums of plain IDX files of the same content.
        """
        found = {}
        if self.source == "digits":
            found["digits"] = hashlib.sha256(bundled_digits().pixels.tobytes()).hexdigest()
        if self.hf is not None:
            train, test = self._given
            found["images"], found["labels"] = train.checksums
            if test is not None:
                found["test_images"], found["test_labels"] = test.checksums
        if self.permuted:
            order = np.array(permutation(self.parts[0].pixels[0].size), dtype="<u4")
            found["permutation"] = hashlib.sha256(order.tobytes()).hexdigest()
        return found

    def _nearest_mean(self, steps: slice) -> float:
        train, test = self._splits.train, self._splits.test
        seen, test_seen = (part.inputs[:, steps].flatten(1) for part in (train, test))
        return nearest_mean_accuracy(seen, train.targets, test_seen, test.targets)

    @cached_property
    def parts(self) -> tuple[LabelledImages, LabelledImages, LabelledImages]:
        """Training, validation and test images; raises :class:`DataError` for faulty files."""
        train, test = self._given
        if test is None:
            train, test = hold_out(train, self.held_out)
        train, validation = hold_out(train, self.held_out)
        if train.pixels.shape[1:] != test.pixels.shape[1:]:
            sizes = " and ".join("{} x {}".format(*part.pixels.shape[1:]) for part in (train, test))
            raise DataError(
                f"{test.source}: images for training and for the test differ in size "
                f"({sizes} pixels)."
            )
        return train, validation, test

    @cached_property
    def _given(self) -> tuple[LabelledImages, LabelledImages | None]:
        if self.hf is not None:
            hub = HubDataset(self.hf, self.revision, self.subset)
            train, test = (
                None
                if split is None
                else read_hub_images(hub, split, self.image_column, self.label_column)
                for split in (self.train_split, self.test_split)
            )
            assert train is not None
            return train, test
        if self.images is None or self.labels is None:
            return bundled_digits(), None
        if self.test_images is None or self.test_labels is None:
            return read_images(self.images, self.labels), None
        return read_images(self.images, self.labels), read_images(
            self.test_images, self.test_labels
        )

    def sequences(self) -> list[tuple[Tensor, None]]:
        """Return inputs of each part: (N, pixels, 1), or (N, height, width) by rows."""
        return [(self._pixels(part), None) for part in self.parts]

    def _pixels(self, part: LabelledImages) -> Tensor:
        n, height, width = part.pixels.shape
        brightness = part.pixels.reshape(n, -1).astype(np.float32) / part.brightest
        flat = torch.from_numpy(brightness)  # (N, pixels)
        if self.permuted:
            flat = flat[:, permutation(height * width)]
        return flat.view(n, height, width) if self.rows else flat.unsqueeze(-1)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``sequential-digits``."""
    register("sequential-digits", SequentialDigits)
