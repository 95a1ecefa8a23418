"""Series classification: predict the class of a series after its last step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
import torch
from pydantic import Field, NonNegativeInt

import rnnbench
from rnnbench import Citation, Preset, Vectors
from rnnbench.errors import DataError

from .._common.classification import ClassificationTask
from .._common.classifiers import nearest_neighbour_accuracy
from .._common.encodings import AUTO, check_encoding
from .._common.labels import hold_out
from ._labelled_series import LabelledSeries, cylinder_bell_funnel, read_ts
from ._published import SERIES_CLASSIFICATION

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import RegisterTask

    from ._series import Series

_BAGNALL = Citation(
    "Bagnall et al. 2018",
    "The UEA Multivariate Time Series Classification Archive, 2018",
    "arXiv:1811.00075",
    "https://arxiv.org/abs/1811.00075",
)
_DAU = Citation(
    "Dau et al. 2019",
    "The UCR Time Series Archive",
    "IEEE/CAA Journal of Automatica Sinica 6",
    "https://arxiv.org/abs/1810.07758",
)
_SAITO = Citation(
    "Saito 1994",
    "Local Feature Extraction and Its Applications Using a Library of Bases",
    "PhD thesis, Yale University",
)
_RUSCH = Citation(
    "Rusch et al. 2022",
    "Long Expressive Memory for Sequence Modeling",
    "ICLR",
    "https://arxiv.org/abs/2110.04744",
)


@dataclass(frozen=True)
class SeriesClassification(ClassificationTask[LabelledSeries]):
    """Series classification: predict the class of a series after its last step.

    Each dimension is scaled to mean 0 and standard deviation 1 over the values of the training
    part. A missing value is replaced by the one before it, or by the mean where there is none. The
    score is the accuracy on the test part. Skill 0 is the share of the most frequent class of the
    test part, which no constant answer exceeds. A network that does as well as one
    nearest neighbour (Euclidean, shorter series padded by the mean) has solved the task.

    Without ``train`` the series are generated: cylinder, bell and funnel (Saito 1994), three shapes
    in noise that end before the last step, so that the last step alone does not show the class.

    Attributes:
        train: training series, a ``.ts`` file of the UCR or UEA archive; validation series are held
            out from it.
        test: test series, likewise; held out from the training series if omitted.
        held_out: share of each class of the training series held out for the test if ``test`` is
            omitted, then of the rest for validation; always the same series.
        encoding: of the files; auto: UTF-8, or UTF-16 with a byte order mark.
        count: generated series for training; validation has half as many, the test as many.
        data_seed: seed of the generated series; all seeds of a comparison use the same series.
    """

    train: Path | None = None
    test: Path | None = None
    held_out: Annotated[float, Field(gt=0, lt=0.5)] = 0.2
    encoding: Annotated[str, Field(min_length=1)] = AUTO
    count: Annotated[int, Field(ge=30, le=100_000)] = 600
    data_seed: NonNegativeInt = 0

    version: ClassVar[int] = 1
    citations: ClassVar[tuple[Citation, ...]] = (_BAGNALL, _DAU, _SAITO, _RUSCH)
    published = SERIES_CLASSIFICATION
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset(
            {}, {"steps": 800, "batch_size": 32, "learning_rate": 3e-3, "hidden_size": 32}
        ),
        "standard": Preset(
            {}, {"steps": 4000, "batch_size": 32, "learning_rate": 1e-3, "hidden_size": 64}
        ),
        # The archives define data and no network. The public code of Rusch et al. 2022
        # (tk-rusch/LEM, src/eigenWorms) trains a recurrent one on EigenWorms, given here by train=
        # and test=: 32 units, 50 epochs of 181 series in batches of 8, Adam at 0.00609 (tuned for
        # their own cell), no clipping. They pool the archive's two files, split them 70 / 15 / 15,
        # and do not scale, none of which a preset can express.
        "paper": Preset(
            {},
            {
                "steps": 1150,
                "batch_size": 8,
                "learning_rate": 6.09e-3,
                "clip_norm": None,
                "hidden_size": 32,
            },
        ),
    }

    def __post_init__(self) -> None:
        if self.train is None and self.test is not None:
            raise ValueError("test= needs a training file; give train= too.")
        if self.train is None and self.encoding != AUTO:
            raise ValueError("encoding= is an option of files; give train= too.")
        check_encoding(self.encoding)

    @property
    def inputs(self) -> Vectors:
        """The D values of a step."""
        return Vectors(self.parts[0].dimensions)

    @property
    def solving_accuracy(self) -> float:
        """Test accuracy of one nearest neighbour."""
        return self._nearest_neighbour

    @property
    def simple_accuracies(self) -> Mapping[str, float]:
        """Test accuracy of one nearest neighbour in the training part."""
        return {"1-nearest neighbour": self._nearest_neighbour}

    @cached_property
    def _nearest_neighbour(self) -> float:
        train, test = self._splits.train, self._splits.test
        longest = max(train.inputs.shape[1], test.inputs.shape[1])
        seen, test_seen = (
            torch.nn.functional.pad(part.inputs, (0, 0, 0, longest - part.inputs.shape[1])).flatten(
                1
            )
            for part in (train, test)
        )
        return nearest_neighbour_accuracy(seen, train.targets, test_seen, test.targets)

    @cached_property
    def parts(self) -> tuple[LabelledSeries, LabelledSeries, LabelledSeries]:
        """Training, validation and test series; raises :class:`DataError` for faulty files."""
        if self.train is None:
            counts = (self.count, self.count // 2, self.count)
            train, validation, test = (
                cylinder_bell_funnel(n, self.data_seed, part) for part, n in enumerate(counts)
            )
            return train, validation, test
        train = read_ts(self.train, self.encoding)
        if self.test is None:
            train, test = hold_out(train, self.held_out)
        else:
            test = read_ts(self.test, self.encoding)
            if test.dimensions != train.dimensions:
                raise DataError(
                    f"{test.source} has {test.dimensions} dimensions where {train.source} has "
                    f"{train.dimensions}."
                )
        train, validation = hold_out(train, self.held_out)
        return train, validation, test

    def sequences(self) -> list[tuple[Tensor, Tensor | None]]:
        """Return scaled inputs (N, T, D) of each part, right-padded, with lengths (N,).

        Lengths are ``None`` where all series of a part have the same.
        """
        location, scale = self._scaling()
        return [_batch(part, location, scale) for part in self.parts]

    def _scaling(self) -> tuple[Series, Series]:
        """Return mean and standard deviation (D,) over the known values of the training part."""
        values = np.concatenate(self.parts[0].series)  # (steps of all training series, D)
        known = ~np.isnan(values)
        count = np.maximum(known.sum(0), 1)
        with np.errstate(over="ignore", invalid="ignore"):
            location = np.where(known, values, 0).sum(0) / count
            scale = np.sqrt(np.where(known, (values - location) ** 2, 0).sum(0) / count)
        scale[scale == 0] = 1.0  # a constant dimension stays at 0
        if not (np.isfinite(location).all() and np.isfinite(scale).all()):
            raise DataError(f"{self.parts[0].source}: its values are too large to be scaled.")
        return location, scale


def _batch(part: LabelledSeries, location: Series, scale: Series) -> tuple[Tensor, Tensor | None]:
    filled = [torch.from_numpy(_filled((one - location) / scale)).float() for one in part.series]
    lengths = torch.tensor([len(one) for one in filled])
    inputs = torch.nn.utils.rnn.pad_sequence(filled, batch_first=True)  # (N, T, D)
    return inputs, None if bool((lengths == inputs.shape[1]).all()) else lengths


def _filled(series: Series) -> Series:
    """Replace each missing value (T, D) by the one before it, or by 0 where there is none."""
    known = ~np.isnan(series)
    if known.all():
        return series
    # step of the last known value, -1 before the first
    last = np.maximum.accumulate(np.where(known, np.arange(len(series))[:, None], -1), axis=0)
    carried = np.take_along_axis(series, np.maximum(last, 0), axis=0)
    return np.where(last >= 0, carried, 0.0)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``series-classification``."""
    register("series-classification", SeriesClassification)
