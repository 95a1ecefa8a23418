"""G(k) at a few lags, measured again and again while a network is trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from rnnbench.cells.fast_path import has_plans
from rnnbench.contract.core import copied, floating_dtype
from rnnbench.contract.faults import in_words
from rnnbench.probes.gradient.input_profile import input_gradients
from rnnbench.probes.gradient.lags import LONGEST, norms, spread_over, sum_by_lag, unit_vectors
from rnnbench.probes.gradient.sample import Sample, draw_sample, with_needed

if TYPE_CHECKING:
    from rnnbench.contract.task import Batch
    from rnnbench.probes.gradient.sample import RelevantLags
    from rnnbench.training.network import Network

SEQUENCES = 8
"""Sequences that are measured; few, so that a measurement costs less than an optimizer step."""
LAGS = 8
"""Lags that are recorded, besides the one that the task needs."""


class TrackedLags:
    """Measurement of ``G(k) = E || d<v, y_T> / d e_{T-k} ||_2`` that is repeated during a training.

    The definition is that of :func:`rnnbench.probes.gradient.input_profile.input_profile`. What
    differs keeps the cost near or below that of one optimizer step: the precision and the
    implementation of the training instead of float64 and the plain loop, eight sequences with one v
    each, and lags that are spread evenly in their logarithm. Sequences and v are the same at every
    measurement, so that a change is one of the weights. A compiled step serves one batch size, and
    is therefore given as many rows as a batch.

    The network is measured on a copy in evaluation mode: a core may keep tensors in its forward
    pass. torch's random numbers are left as they were.

    Args:
        network: the network in training.
        data: the sequences are a random sample of these.
        size: (B, T) of a batch of the training; longer sequences are cut to their last T steps.
        generator: draws the sample and v, on the CPU.
        mixed: whether the training runs under autocast to bfloat16.
        relevant_lags: :meth:`rnnbench.Task.relevant_lags`.

    Attributes:
        lags: lags in time steps, ascending; known after the first call.
        relevant_lag: the longest lag at which every sequence has an input that the task needs for
            the output that is measured.
        sequences: number of rows that G(k) is a mean over.
        notes: why there is no relevant lag although the task may need one.
    """

    def __init__(
        self,
        network: Network,
        data: Batch,
        size: tuple[int, int],
        *,
        generator: torch.Generator,
        mixed: bool = False,
        relevant_lags: RelevantLags | None = None,
    ) -> None:
        self.lags: tuple[int, ...] = ()
        self.relevant_lag: int | None = None
        self.sequences = 0
        self.notes: tuple[str, ...] = ()
        self._network = network
        self._data = data
        self._size = size
        self._generator = generator
        self._mixed = mixed
        self._relevant_lags = relevant_lags
        self._inputs: Tensor | None = None

    def __call__(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Measure; return G(k) at ``lags`` into the past and, of a non-causal network, the future.

        Values are in the precision of the training: a gradient that underflows is 0, one that
        overflows is infinite or NaN.
        """
        if self._inputs is None:
            self._choose()
        assert self._inputs is not None
        copy = _measurable(self._network)
        with self._as_in_training():
            found = input_gradients(
                copy, self._inputs, self._given_lengths, self._origin, self._vectors
            )
        by_step = norms(found.detach().double())  # (N, T)
        past = self._at_lags(by_step, -1)
        return past, () if self._network.causal else self._at_lags(by_step, 1)

    @contextmanager
    def _as_in_training(self) -> Iterator[None]:
        """Set precision and gradients of a training step, and restore torch's random numbers."""
        device = next(self._network.parameters()).device
        default = torch.get_default_dtype()
        torch.set_default_dtype(floating_dtype(self._network))
        try:
            with (
                torch.random.fork_rng(devices=[device] if device.type == "cuda" else []),
                torch.enable_grad(),
                torch.autocast(device.type, torch.bfloat16, enabled=self._mixed),
            ):
                yield
        finally:
            torch.set_default_dtype(default)

    def _at_lags(self, by_step: Tensor, direction: int) -> tuple[float, ...]:
        sums, counts = sum_by_lag(by_step, self._origin, self._lengths, direction)
        return tuple((sums / counts)[list(self.lags)].tolist())

    def _choose(self) -> None:
        """Draw the sequences and directions, and choose the lags."""
        network, (batch_size, length) = self._network, self._size
        sample = draw_sample(
            self._data,
            every=network.steps == "every",
            generator=self._generator,
            longest=min(length, LONGEST),
        ).head(min(SEQUENCES, batch_size))
        origin = sample.origin if network.causal else (sample.lengths - 1) // 2
        self._choose_lags(sample, origin)
        self.sequences = batch_size if has_plans(network) else len(origin)
        rows = torch.arange(self.sequences, device=origin.device) % len(origin)
        self._inputs = sample.batch.inputs[rows]
        self._lengths, self._origin = sample.lengths[rows], origin[rows]
        # full sequences go without lengths, as in training: some cores take another path with them
        self._given_lengths = None if self._data.lengths is None else self._lengths
        # drawn in float64 in every precision, so that v is the same
        vectors = unit_vectors(self.sequences, network.output_size, self._generator)
        self._vectors = vectors.to(origin.device, floating_dtype(network))

    def _choose_lags(self, sample: Sample, origin: Tensor) -> None:
        longest = origin
        if not self._network.causal:
            longest = torch.minimum(origin, sample.lengths - 1 - origin)
        # at least half of the sequences have every lag
        count = int(longest.median()) + 1
        lags = set(spread_over(count, LAGS, logarithmic=True))
        if self._relevant_lags is not None and self._network.causal:
            try:
                self.relevant_lag = _relevant(sample, origin, self._relevant_lags)
            # a task's own code, written for test sequences
            except Exception as error:
                self.notes = (f"no relevant lag through training: failed with {in_words(error)}",)
        if self.relevant_lag is not None:
            lags.add(self.relevant_lag)
        self.lags = tuple(sorted(lags))


def _relevant(
    sample: Sample, origin: Tensor, relevant_lags: Callable[..., Tensor | None]
) -> int | None:
    """Return the longest lag before ``origin`` (B,) at which all sequences have a needed input."""
    needed = with_needed(sample, relevant_lags).needed
    if needed is None:
        return None
    if sample.every:
        needed = needed[torch.arange(len(origin), device=origin.device), :, origin]  # (B, T)
    lag = origin[:, None] - torch.arange(needed.shape[1], device=origin.device)  # (B, T)
    found = [set(lags[row & (lags >= 0)].tolist()) for lags, row in zip(lag, needed, strict=True)]
    return max(set.intersection(*found), default=None)


def _measurable(network: Network) -> Network:
    """Return a copy in evaluation mode with frozen parameters, which cuDNN differentiates too."""
    copy = copied(network).eval().requires_grad_(False)
    for module in copy.modules():
        if isinstance(module, nn.RNNBase) and next(module.parameters()).is_cuda:
            # cuDNN refuses a backward pass in evaluation mode; without it the pass would take the
            # time of many steps
            module.dropout = 0.0
            module.train()
            module.flatten_parameters()
    return copy
