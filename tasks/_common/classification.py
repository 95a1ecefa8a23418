"""Base of classification tasks on finite data sets."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Generic

from rnnbench import Batch, FiniteTask, Metric, Splits, Steps, Tokens
from rnnbench.metrics import ACCURACY

from .classifiers import largest_share
from .labels import Rows, class_names, numbered

if TYPE_CHECKING:
    from torch import Tensor


class ClassificationTask(FiniteTask, Generic[Rows]):
    """Predict the class of a sequence after its last step.

    The score is the test accuracy. Skill 0 is the share of the most frequent class of the test
    part, which no constant answer exceeds. A task counts as solved from the accuracy of a simple
    classifier.
    """

    steps: ClassVar[Steps] = "last"
    metric: ClassVar[Metric] = ACCURACY
    perfect = 1.0

    @property
    @abstractmethod
    def parts(self) -> tuple[Rows, Rows, Rows]:
        """Training, validation and test rows."""

    @abstractmethod
    def sequences(self) -> Sequence[tuple[Tensor, Tensor | None]]:
        """Return inputs (N, T) or (N, T, D) and lengths (N,), or ``None``, of each part."""

    @property
    @abstractmethod
    def simple_accuracies(self) -> Mapping[str, float]:
        """Test accuracies of simple classifiers by name, the majority class aside."""

    @property
    @abstractmethod
    def solving_accuracy(self) -> float:
        """Test accuracy that a network must reach to solve the task."""

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The classes of the training part, in the order of their targets."""
        train = self.parts[0]
        return class_names(train.labels, train.source)

    def splits(self) -> Splits:
        """Return training, validation and test part; targets are classes (N,)."""
        return self._splits

    @cached_property
    def _splits(self) -> Splits:
        return Splits(
            *(
                Batch(inputs, numbered(part, self.classes), lengths)
                for part, (inputs, lengths) in zip(self.parts, self.sequences(), strict=True)
            )
        )

    @property
    def outputs(self) -> Tokens:
        """The classes of the training part."""
        return Tokens(len(self.classes))

    @property
    def length(self) -> int:
        """Steps of the longest training sequence."""
        return int(self._splits.train.inputs.shape[1])

    @cached_property
    def baseline(self) -> float:
        """The share of the most frequent class of the test part."""
        return largest_share(self._splits.test.targets, self.parts[2].source)

    @property
    def solved(self) -> float:
        """:attr:`solving_accuracy`, but at least half a row better than the baseline."""
        return max(self.solving_accuracy, self.baseline + 0.5 / len(self._splits.test))

    @property
    def simple_scores(self) -> Mapping[str, float]:
        """Test accuracies of the majority class and of simple classifiers, by name."""
        return {"majority class": self.baseline, **self.simple_accuracies}
