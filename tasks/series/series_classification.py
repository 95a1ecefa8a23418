"""Series classification: name the class of a series after its last step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
import torch
from pydantic import Field, NonNegativeInt

import rnnbench
from rnnbench import Batch, Citation, FiniteTask, Metric, Preset, Splits, Tokens, Vectors
from rnnbench.errors import DataError
from rnnbench.metrics import ACCURACY

from .._common.labels import (
    class_names,
    majority_accuracy,
    nearest_neighbour_accuracy,
    numbered,
    stratified,
)
from ._labelled_series import LabelledSeries, cylinder_bell_funnel, read_ts

if TYPE_CHECKING:
    from rnnbench import RegisterTask

    from ._series import Series

_BAGNALL = Citation(
    "Bagnall et al. 2018", "The UEA Multivariate Time Series Classification Archive, 2018", "arXiv:1811.00075",
    "https://arxiv.org/abs/1811.00075",
)  # fmt: skip
_DAU = Citation(
    "Dau et al. 2019", "The UCR Time Series Archive", "IEEE/CAA Journal of Automatica Sinica 6",
    "https://arxiv.org/abs/1810.07758",
)  # fmt: skip
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
_SPLIT_SEED = 0


@dataclass(frozen=True)
class SeriesClassification(FiniteTask):
    """Series classification: name a series' class after its last step.

    Each dimension is scaled to mean 0 and standard deviation 1 over the values of the training
    part. A missing value is what came before it, or the mean where nothing did. The score is the
    accuracy on the test part: always answering the most frequent class of the training part is
    skill 0, and a network that does as well as one nearest neighbour (Euclidean, shorter series
    padded by the mean) has solved the task.

    Without ``train`` the series are generated: cylinder, bell and funnel (Saito 1994), three shapes
    in noise that are over by the last step, so that it says nothing about them.

    Attributes:
        train: training series, a ``.ts`` file of the UCR or UEA archive; the validation part is
            held out of it.
        test: test series, likewise; held out of the training series if left out.
        held_out: share of each class of the training series held out for the test if it is not
            given, then of the rest for validation; always the same series.
        count: generated series for training; validation has half as many, the test as many.
        data_seed: chooses the generated series; the same for every seed of a comparison.
    """

    train: Path | None = None
    test: Path | None = None
    held_out: Annotated[float, Field(gt=0, lt=0.5)] = 0.2
    count: Annotated[int, Field(ge=30, le=100_000)] = 600
    data_seed: NonNegativeInt = 0

    version: ClassVar[int] = 1
    citations: ClassVar[tuple[Citation, ...]] = (_BAGNALL, _DAU, _SAITO, _RUSCH)
    presets: ClassVar[Mapping[str, Preset]] = {
        "quick": Preset({}, {"steps": 800, "batch_size": 32, "learning_rate": 3e-3, "hidden_size": 32}),
        "standard": Preset({}, {"steps": 4000, "batch_size": 32, "learning_rate": 1e-3, "hidden_size": 64}),
        # The archives define data and no network. The public code of Rusch et al. 2022
        # (tk-rusch/LEM, src/eigenWorms) trains a recurrent one on EigenWorms, given here by train=
        # and test=: 32 units, 50 epochs of 181 series in batches of 8, Adam at 0.00609 (tuned for
        # their own cell), no clipping. They pool the archive's two files, split them 70 / 15 / 15,
        # and do not scale, none of which a preset can ask for.
        "paper": Preset(
            {},
            {"steps": 1150, "batch_size": 8, "learning_rate": 6.09e-3, "clip_norm": None, "hidden_size": 32},
        ),
    }  # fmt: skip

    def __post_init__(self) -> None:
        if self.train is None and self.test is not None:
            raise ValueError("test= is a file beside the training file; give train= too.")

    def splits(self) -> Splits:
        """Return each part: inputs (N, T, D) right-padded to its longest series, targets (N,),
        lengths (N,).
        """
        return self._splits

    @property
    def inputs(self) -> Vectors:
        """A step's values."""
        return Vectors(self._parts[0].dimensions)

    @property
    def outputs(self) -> Tokens:
        """The classes of the training part."""
        return Tokens(len(self._classes))

    @property
    def steps(self) -> Literal["last"]:
        """One prediction, after the last step."""
        return "last"

    @property
    def length(self) -> int:
        """Steps of the longest training series."""
        return int(self._splits.train.inputs.shape[1])

    @property
    def metric(self) -> Metric:
        """Accuracy."""
        return ACCURACY

    @cached_property
    def baseline(self) -> float:
        """Test accuracy of always answering the most frequent class of the training part."""
        return majority_accuracy(
            self._splits.train.targets, self._splits.test.targets, self._parts[2].source
        )

    @property
    def perfect(self) -> float:
        """Every series right."""
        return 1.0

    @property
    def solved(self) -> float:
        """As good as one nearest neighbour, and better than the most frequent class."""
        return max(self._nearest_neighbour, self.baseline + 0.5 / len(self._splits.test))

    @property
    def simple_scores(self) -> Mapping[str, float]:
        """The most frequent class, and one nearest neighbour in the training part."""
        return {"majority class": self.baseline, "1-nearest neighbour": self._nearest_neighbour}

    @cached_property
    def _nearest_neighbour(self) -> float:
        train, test = self._splits.train, self._splits.test
        longest = max(train.inputs.shape[1], test.inputs.shape[1])
        padded = (
            torch.nn.functional.pad(part.inputs, (0, 0, 0, longest - part.inputs.shape[1])).flatten(
                1
            )
            for part in (train, test)
        )
        return nearest_neighbour_accuracy(next(padded), train.targets, next(padded), test.targets)

    @cached_property
    def _parts(self) -> tuple[LabelledSeries, LabelledSeries, LabelledSeries]:
        if self.train is None:
            counts = (self.count, self.count // 2, self.count)
            train, validation, test = (
                cylinder_bell_funnel(n, self.data_seed, part) for part, n in enumerate(counts)
            )
            return train, validation, test
        train = read_ts(self.train)
        if self.test is None:
            train, test = self._hold_out(train)
        else:
            test = read_ts(self.test)
            if test.dimensions != train.dimensions:
                raise DataError(
                    f"{test.source} has {test.dimensions} dimensions where {train.source} has {train.dimensions}."
                )
        train, validation = self._hold_out(train)
        return train, validation, test

    def _hold_out(self, given: LabelledSeries) -> tuple[LabelledSeries, LabelledSeries]:
        kept, held = stratified(given.labels, self.held_out, _SPLIT_SEED, given.source)
        return given.at(kept), given.at(held)

    @cached_property
    def _classes(self) -> tuple[str, ...]:
        return class_names(self._parts[0].labels, self._parts[0].source)

    @cached_property
    def _splits(self) -> Splits:
        values = np.concatenate(self._parts[0].series)  # (steps of all training series, D)
        known = ~np.isnan(values)
        count = np.maximum(known.sum(0), 1)
        with np.errstate(over="ignore", invalid="ignore"):
            location = np.where(known, values, 0).sum(0) / count
            scale = np.sqrt(np.where(known, (values - location) ** 2, 0).sum(0) / count)
        scale[scale == 0] = 1.0  # a dimension that never changes stays at 0
        if not (np.isfinite(location).all() and np.isfinite(scale).all()):
            raise DataError(f"{self._parts[0].source}: its values are too large to be scaled.")
        return Splits(*(self._batch(part, location, scale) for part in self._parts))

    def _batch(self, part: LabelledSeries, location: Series, scale: Series) -> Batch:
        filled = [
            torch.from_numpy(_filled((one - location) / scale)).float() for one in part.series
        ]
        lengths = torch.tensor([len(one) for one in filled])
        inputs = torch.nn.utils.rnn.pad_sequence(filled, batch_first=True)  # (N, T, D)
        equal = bool((lengths == inputs.shape[1]).all())
        return Batch(
            inputs, numbered(part.labels, self._classes, part.place), None if equal else lengths
        )


def _filled(series: Series) -> Series:
    """Put in place of each missing value (T, D) the one before it, or 0 where there is none."""
    known = ~np.isnan(series)
    if known.all():
        return series
    last = np.maximum.accumulate(
        np.where(known, np.arange(len(series))[:, None], -1), axis=0
    )  # step of the last known value
    carried = np.take_along_axis(series, np.maximum(last, 0), axis=0)
    return np.where(last >= 0, carried, 0.0)


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``series-classification``."""
    register("series-classification", SeriesClassification)
