"""Stateful training and evaluation: windows continue from the final state of the last window."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from torch.nn import functional as F

from rnnbench.contract.entries import RegisteredModel
from rnnbench.contract.task import Batch, FiniteTask, Splits, Tokens
from rnnbench.execution.jobs.trial import declined
from rnnbench.metrics import CROSS_ENTROPY
from rnnbench.records.settings import Settings
from rnnbench.training.data import source_of
from rnnbench.training.evaluation import evaluate, means, measure_items
from rnnbench.training.loop import Learner, fit
from rnnbench.training.optimizers import build_optimizer
from rnnbench.training.stateful import (
    MAX_WINDOWS_PER_STREAM,
    MIN_STREAMS,
    StatefulForward,
    predict_streams,
)
from tests.support.toy_tasks import network_for

CPU = torch.device("cpu")
T = 5


@dataclass(frozen=True)
class Stream(FiniteTask):
    """Recall the symbol of 7 steps ago, which is more than a window of 5 steps."""

    windows: int = 40
    stateful: bool = True
    causal_only: bool = True
    inputs = Tokens(3)
    outputs = Tokens(3)
    steps = "every"
    length = T
    metric = CROSS_ENTROPY
    baseline = 1.1
    perfect = 0.0
    solved = 0.5

    @cached_property
    def symbols(self) -> torch.Tensor:
        return torch.randint(
            3, (self.windows * T,), generator=torch.Generator().manual_seed(3), dtype=torch.uint8
        )

    def splits(self) -> Splits:
        part = Batch(self.symbols.view(-1, T), self.symbols.roll(7).view(-1, T))
        return Splits(part, part, part)


def test_training_reads_parallel_streams_and_starts_each_epoch_from_a_fresh_state() -> None:
    task = Stream()
    source = source_of(task, Settings(batch_size=3), 0, CPU)
    windows = task.symbols.view(-1, T).long()
    # 40 windows: 3 streams of 13, one window left over
    batches = [source.train(step) for step in range(26)]
    for step, batch in enumerate(batches):
        position = step % 13
        assert torch.equal(batch.inputs, windows[[position, 13 + position, 26 + position]])
        assert batch.inputs.dtype == batch.targets.dtype == torch.int64
        assert batch.continues == (position > 0)


def test_a_training_is_truncated_backpropagation_through_time() -> None:
    task, settings = (
        Stream(),
        Settings(steps=20, batch_size=4, learning_rate=0.01, clip_norm=None, validate_every=20),
    )
    learner = Learner(network_for(task), task, source_of(task, settings, 0, CPU), settings)
    fit(learner, device=CPU)
    by_hand = network_for(task)
    optimizer = build_optimizer(by_hand, settings)
    source, state = source_of(task, settings, 0, CPU), None
    for step in range(20):
        batch = source.train(step)
        outputs, state = by_hand.core(by_hand.encoder(batch.inputs), state if step % 10 else None)
        loss = F.cross_entropy(by_hand.decoder(outputs).flatten(0, 1), batch.targets.flatten())
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        state = state.detach()
    for trained, expected in zip(learner.network.parameters(), by_hand.parameters(), strict=True):
        assert torch.equal(trained, expected)


@pytest.mark.parametrize("chunk", [1, 7])
def test_chunks_do_not_matter(chunk: int) -> None:
    task, settings = Stream(), Settings(steps=15, batch_size=4, validate_every=5)

    def weights(size: int) -> list[torch.Tensor]:
        learner = Learner(
            network_for(task), task, source_of(task, settings, 0, CPU), settings, size
        )
        fit(learner, device=CPU)
        return [parameter.detach() for parameter in learner.network.parameters()]

    assert all(
        torch.equal(one, other) for one, other in zip(weights(chunk), weights(64), strict=True)
    )


@pytest.mark.parametrize(
    "windows", [1, 2, MIN_STREAMS, 37, MIN_STREAMS * MAX_WINDOWS_PER_STREAM + 9]
)
@torch.no_grad()
def test_evaluation_reads_every_window_once_with_the_state_of_its_stream(windows: int) -> None:
    task = Stream(windows)
    network, data = network_for(task), task.splits().test
    read = list(predict_streams(network, data))
    streams = len(read[0][1])
    limit = MIN_STREAMS * MAX_WINDOWS_PER_STREAM
    assert streams == min(windows, MIN_STREAMS if windows <= limit else MIN_STREAMS + 1)
    found = torch.cat([block.inputs for _, block, _ in read])
    assert sorted(found.tolist()) == sorted(data.inputs.tolist())
    places = torch.cat([rows for _, _, rows in read])
    assert torch.equal(found, data.rows(places).inputs)
    first_stream = torch.cat([outputs[0] for outputs, _, _ in read])
    whole = torch.cat([block.inputs[0] for _, block, _ in read])
    assert torch.equal(whole, task.symbols[: len(whole)].long())
    assert torch.allclose(first_stream, network.forward_stateful(whole[None])[0][0], atol=1e-6)


def test_the_state_crosses_windows_in_the_score_of_a_stateful_task_alone() -> None:
    # one window per stream: no state crosses windows
    task = Stream(MIN_STREAMS)
    network = network_for(task)
    fresh = Stream(MIN_STREAMS, stateful=False)
    assert evaluate(network, task, task.splits().test) == pytest.approx(
        evaluate(network, fresh, task.splits().test)
    )
    longer = Stream(100)
    stateful = means(network, longer, longer.splits().test)
    assert stateful[0] == stateful[1]
    assert stateful != means(network, Stream(100, stateful=False), longer.splits().test)


@pytest.mark.parametrize("windows", [5, 37])
def test_items_of_a_stateful_task_are_in_the_order_of_the_windows(windows: int) -> None:
    task = Stream(windows)
    network, data = network_for(task), task.splits().test
    measured = measure_items(network, task, data, keep_items=True)
    assert measured.values is not None
    streams, longer = min(windows, MIN_STREAMS), windows % MIN_STREAMS
    per_stream = windows // streams
    lengths = [
        per_stream + (stream < longer and windows > MIN_STREAMS) for stream in range(streams)
    ]
    expected, first = [], 0
    for length in lengths:
        rows = data.rows(slice(first, first + length))
        outputs, _ = network.forward_stateful(rows.inputs.flatten()[None])
        nats = F.cross_entropy(outputs[0], rows.targets.flatten(), reduction="none")
        expected += nats.view(length, T).mean(1).tolist()
        first += length
    assert first == windows
    assert measured.values.tolist() == pytest.approx(expected, rel=1e-5)


def test_a_batch_that_does_not_continue_starts_fresh_and_no_gradient_crosses_windows() -> None:
    task = Stream()
    network, data = network_for(task), task.splits().train
    forward = StatefulForward(network)
    first = forward(data.rows(slice(0, 2)))
    assert torch.equal(forward(data.rows(slice(0, 2))), first)
    window = data.rows(slice(2, 4))
    continued = forward(Batch(window.inputs, window.targets, continues=True))
    assert not torch.equal(continued, forward(window))
    embedded = network.encoder.weight
    assert isinstance(embedded, torch.Tensor)
    (gradient,) = torch.autograd.grad(continued.sum(), embedded)
    unseen = sorted(set(range(3)) - set(window.inputs.flatten().tolist()))
    assert not gradient[unseen].any()


@pytest.mark.parametrize(("causal", "refused"), [(True, False), (False, True)])
def test_a_non_causal_model_is_declined_if_later_inputs_hold_the_targets(
    causal: bool, refused: bool
) -> None:
    model = cast(RegisteredModel, SimpleNamespace(causal=causal, incompatible=None))
    reason = declined(model, Stream(), {})
    assert (reason is not None) is refused
    assert declined(model, Stream(causal_only=False), {}) is None
