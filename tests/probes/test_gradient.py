"""All gradient measurements at one moment, and notes on the missing ones."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from rnnbench.contract.task import Batch
from rnnbench.probes.gradient.measure import measure_gradient
from rnnbench.probes.size import measure_size
from rnnbench.records.gradient import Gradient
from tests.support.toy_cores import (
    GrowingCore,
    LinearCore,
    MirroredCore,
    TorchCore,
    generator,
    network_of,
    orthogonal,
)


def drawn(batch: int = 8, steps: int = 30) -> Batch:
    inputs = torch.randn(batch, steps, 4, generator=generator(1))
    return Batch(inputs, torch.arange(batch) % 3)


def test_a_core_with_a_state_is_measured_in_full() -> None:
    network = network_of(partial(TorchCore, "LSTM", hidden_size=5), 5)
    found = measure_gradient(network, drawn(), generator=generator(), when="trained")
    assert [(p.of, p.when, p.direction) for p in found.profiles] == [
        ("input", "trained", "past"),
        ("state", "trained", "past"),
    ]
    assert found.exponents is not None
    assert len(found.exponents.values) == 4
    assert [each.direction for each in found.influence] == ["past"]
    assert found.notes == ()
    assert (
        Gradient(profiles=found.profiles, influence=found.influence).find("state", "trained")
        == found.profiles[1]
    )


def test_the_same_generator_gives_the_same_figures() -> None:
    network = network_of(partial(TorchCore, "GRU", hidden_size=5), 5)
    assert measure_gradient(
        network, drawn(), generator=generator(3), when="init"
    ) == measure_gradient(network, drawn(), generator=generator(3), when="init")


@pytest.mark.parametrize(
    ("build", "causal", "why"),
    [
        (GrowingCore, True, "the state grows"),
        (lambda _: MirroredCore(orthogonal(4), orthogonal(4)), False, "non-causal"),
    ],
)
def test_a_note_gives_the_reason_for_a_missing_measurement(
    build: Any, causal: bool, why: str
) -> None:
    found = measure_gradient(
        network_of(build, 4, causal=causal), drawn(), generator=generator(), when="init"
    )
    assert {profile.of for profile in found.profiles} == {"input"}
    assert found.exponents is None
    assert found.influence == ()
    assert len(found.notes) == 2
    assert all(why in note for note in found.notes)


def test_a_core_that_cannot_run_in_float64_has_no_profiles_and_three_notes() -> None:
    class Float32Only(LinearCore):
        def forward(self, x: Tensor, state: Any = None) -> tuple[Tensor, Any]:
            fresh = {
                "hidden": torch.zeros(len(x), 4, dtype=torch.float32),
                "count": torch.zeros(len(x), dtype=torch.int64),
            }
            return super().forward(x, state or fresh)

    network = network_of(lambda _: Float32Only(orthogonal(4).float(), torch.ones(4, 4)), 4)
    found = measure_gradient(network, drawn(), generator=generator(), when="init")
    assert found.profiles == ()
    assert len(found.notes) == 3
    assert all("(init): failed with RuntimeError" in note for note in found.notes)
    assert measure_size(network, 10).matmul_flops_per_step == 2 * (4 * 4 + 4 * 4)
    assert torch.get_default_dtype() == torch.float32


def test_a_network_that_cannot_be_copied_costs_its_figures_and_no_more() -> None:
    class Uncopied(TorchCore):
        def __deepcopy__(self, memo: Any) -> Any:
            raise RuntimeError("only leaf tensors can be copied")

    network = network_of(partial(Uncopied, "GRU", hidden_size=5), 5)
    found = measure_gradient(network, drawn(), generator=generator(), when="trained")
    assert (found.profiles, found.influence, found.exponents) == ((), (), None)
    assert len(found.notes) == 4
    assert all("only leaf tensors" in note for note in found.notes)


def test_a_task_that_misnames_its_lags_costs_their_figures_alone() -> None:
    network = network_of(partial(TorchCore, "GRU", hidden_size=5), 5)
    found = measure_gradient(
        network,
        drawn(),
        generator=generator(),
        when="trained",
        relevant_lags=lambda _: torch.tensor([[0, 99, 0]]),
    )
    assert found.influence[0].relevant is None
    assert len(found.profiles) == 2
    (note,) = found.notes
    assert "named a step that its sequence does not have" in note
