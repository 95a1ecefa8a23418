"""Group word problem: the product of the group elements read so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar, Literal

import torch
from pydantic import PositiveInt

import rnnbench
from rnnbench import Batch, Citation, Diagnosis, GeneratedTask, LinePlot, Metric, Preset, Tokens
from rnnbench.metrics import correct

from ._base import log_spaced
from ._groups import Group, GroupName, group

if TYPE_CHECKING:
    from torch import Tensor

    from rnnbench import Predict, RegisterTask

_LIU = Citation(
    "Liu et al. 2023",
    "Transformers Learn Shortcuts to Automata",
    "ICLR",
    "https://arxiv.org/abs/2210.10749",
)
_MERRILL = Citation(
    "Merrill et al. 2024",
    "The Illusion of State in State-Space Models",
    "ICML",
    "https://arxiv.org/abs/2404.08819",
)


@dataclass(frozen=True)
class GroupWord(GeneratedTask):
    """Group word problem: the product of a prefix at every step (Merrill et al. 2024).

    A network reads elements x_1 x_2 ... of a finite group, independent and uniform. The target at
    step t is the product x_1 ... x_t, so that the network has to track the state of an automaton
    with one state per element (Liu et al. 2023)::

        input:   x_1   x_2       x_3            ...
        target:  x_1   x_1 x_2   x_1 x_2 x_3    ...

    The groups differ in what they demand. ``z2`` (parity) and ``z60`` are abelian: the product
    depends on counts alone. ``s3`` and ``a4xz5`` are solvable and not abelian. ``a5`` and ``s5``
    are not solvable; their word problem is complete for NC1 (Barrington 1989), which a transformer,
    or a linear recurrence with a diagonal transition, of fixed depth is believed not to compute.

    Training strings have ``train_length`` steps, all predicted. Test strings have ``test_length``
    steps, of which those beyond ``train_length`` count: each longer length has the same weight in
    the score. The papers test at the lengths of training, and vary the depth.

    Attributes:
        group: ``z2``, ``z60``, ``s3``, ``a4xz5``, ``a5`` or ``s5``, with 2, 60, 6, 60, 60 and 120
            elements.
        alphabet: ``elements``, every element is a symbol, as in Merrill et al. 2024; or
            ``generators``, the symbols are the identity and two generators (one of a cyclic group,
            three of ``a4xz5``), as in Liu et al. 2023.
        train_length: steps of a training string.
        test_length: steps of a test string.
    """

    group: GroupName = "s3"
    alphabet: Literal["elements", "generators"] = "elements"
    train_length: PositiveInt = 40
    test_length: PositiveInt = 500

    steps = "every"
    metric = Metric("accuracy beyond the training lengths", "higher", correct)
    perfect = 1.0
    solved = 0.9

    citations = (
        _MERRILL,
        _LIU,
        Citation(
            "Barrington 1989",
            "Bounded-Width Polynomial-Size Branching Programs Recognize Exactly Those Languages "
            "in NC1",
            "Journal of Computer and System Sciences 38(1)",
            "https://doi.org/10.1016/0022-0000(89)90037-8",
        ),
    )
    presets: ClassVar[Mapping[str, Preset]] = {
        # With a symbol for each of the 60 elements no model learned anything in so few steps.
        "quick": Preset(
            {"group": "a5", "alphabet": "generators", "train_length": 20, "test_length": 100},
            {"steps": 6000, "batch_size": 64, "learning_rate": 3e-3, "hidden_size": 64},
        ),
        "standard": Preset(
            {"train_length": 40, "test_length": 500},
            {"steps": 20_000, "batch_size": 64, "learning_rate": 1e-3, "hidden_size": 128},
        ),
    }

    def __post_init__(self) -> None:
        if self.test_length <= self.train_length:
            raise ValueError(
                f"test_length={self.test_length} must be greater than "
                f"train_length={self.train_length}"
            )

    @property
    def inputs(self) -> Tokens:
        """The elements, or the identity and the generators."""
        return Tokens(len(self._symbols))

    @property
    def outputs(self) -> Tokens:
        """The elements of the group."""
        return Tokens(self._group.order)

    @property
    def length(self) -> int:
        """Steps of a training string."""
        return self.train_length

    @property
    def _group(self) -> Group:
        return group(self.group)

    @cached_property
    def _symbols(self) -> Tensor:
        """The element of each symbol."""
        if self.alphabet == "elements":
            return torch.arange(self._group.order)
        return torch.tensor([0, *self._group.generators])

    @cached_property
    def baseline(self) -> float:
        """The accuracy of the best predictor from the last symbol alone, at the test lengths.

        That symbol x maps the product before it one to one, so that the best guess is the most
        frequent product one step earlier, times x. With all elements as symbols it is 1 / G.
        """
        now = torch.zeros(self._group.order, dtype=torch.float64)
        now[0] = 1
        total = torch.zeros_like(now)
        for step in range(self.test_length):
            if step >= self.train_length:
                total += now
            following = torch.zeros_like(now)
            for symbol in self._symbols.tolist():
                following.index_add_(0, self._group.table[:, symbol], now / len(self._symbols))
            now = following
        return float(total.max()) / (self.test_length - self.train_length)

    def sample(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` training strings: inputs and targets (n, train_length)."""
        return self._strings(n, self.train_length, generator)

    def sample_test(self, n: int, generator: torch.Generator) -> Batch:
        """Draw ``n`` test strings (n, test_length), with a mask on the longer lengths."""
        batch = self._strings(n, self.test_length, generator)
        mask = torch.arange(self.test_length, device=batch.inputs.device) >= self.train_length
        return Batch(batch.inputs, batch.targets, mask=mask.expand_as(batch.inputs))

    def _strings(self, n: int, length: int, generator: torch.Generator) -> Batch:
        device = generator.device
        size = (n, length)
        inputs = torch.randint(len(self._symbols), size, generator=generator, device=device)
        return Batch(inputs, self._group.prefix_products(self._symbols.to(device)[inputs]))

    def relevant_lags(self, batch: Batch) -> Tensor:
        """Return every symbol up to a step that counts, with that step."""
        n, length = batch.inputs.shape
        counted = torch.ones_like(batch.inputs, dtype=torch.bool)
        counted = counted if batch.mask is None else batch.mask
        steps = torch.arange(length, device=counted.device)
        before = steps[:, None] <= steps  # (T, T): step of the input, step of the output
        return (before & counted[:, None, :].expand(n, length, length)).nonzero()

    def diagnose(self, predict: Predict, test: Batch) -> Diagnosis:
        """Plot the accuracy by length, and report the accuracy at the training lengths."""
        right = predict(test.inputs, test.lengths).argmax(-1) == test.targets
        by_length = right.double().mean(0).tolist()
        grid = log_spaced(self.train_length, self.test_length)
        plot = LinePlot(
            title="Accuracy by length",
            x_label="length of the string",
            y_label="accuracy",
            x=tuple(grid),
            lines={
                "model": tuple(by_length[length - 1] for length in grid),
                "last symbol alone": (self.baseline,) * len(grid),
            },
            span=(1, self.train_length),
            span_label="lengths trained on",
        )
        trained = float(right[:, : self.train_length].double().mean())
        return Diagnosis({"accuracy at the training lengths": trained}, (plot,))


@rnnbench.hookimpl
def register_tasks(register: RegisterTask) -> None:
    """Register ``group-word``."""
    register("group-word", GroupWord)
