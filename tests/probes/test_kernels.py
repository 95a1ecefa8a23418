"""The kernel of a recurrence is told apart: a library's, a loop in C++, a loop in Python."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnnbench.contract.task import Tokens
from rnnbench.probes.speed.kernels import kernel_of, kernels_of
from rnnbench.records.speed import Kernel
from tests.support.toy_cores import LinearCore, TorchCore, network_of, orthogonal

CPU = torch.device("cpu")
WITH_ONEDNN = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


def kernel(kind: str, **options: Any) -> Kernel:
    network = network_of(partial(TorchCore, kind, hidden_size=6, **options), 6, Tokens(5))
    return kernels_of(network, 12, 3, CPU)["train"]


@pytest.mark.skipif(not WITH_ONEDNN, reason="torch was built without oneDNN")
def test_torchs_lstm_is_one_call_of_onednn() -> None:
    found = kernel("LSTM", num_layers=2)
    assert (found.kind, found.operations) == ("fused", ("aten::mkldnn_rnn_layer",))
    assert found.label == "aten::mkldnn_rnn_layer (fused)"


@pytest.mark.parametrize(
    ("kind", "options", "operation"),
    [
        ("GRU", {}, "aten::gru"),
        ("RNN", {}, "aten::rnn_tanh"),
        ("RNN", {"nonlinearity": "relu"}, "aten::rnn_relu"),
    ],
)
def test_torchs_other_layers_loop_in_cpp(
    kind: str, options: dict[str, Any], operation: str
) -> None:
    found = kernel(kind, **options)
    assert (found.kind, found.operations) == ("C++ loop", (operation,))
    assert found.dispatched_per_step < 1
    assert found.label == f"{operation} (C++ loop)"


def test_a_loop_in_python_is_counted_by_step() -> None:
    def core(_: int) -> nn.Module:
        return LinearCore(orthogonal(4).float(), orthogonal(4).float())

    found = kernels_of(network_of(core, 4), 11, 3, CPU)
    # per step: two transpositions, two products and a sum
    assert found["forward"].dispatched_per_step == 5
    assert found["forward"].kind == found["train"].kind == "Python loop"
    assert found["forward"].label == "Python loop, 5 operations per step"


def test_a_loop_over_torchs_cell_or_layer_is_a_loop_in_python() -> None:
    cell, layer = nn.GRUCell(3, 4), nn.LSTM(3, 4, batch_first=True)
    x = torch.randn(2, 10, 3)

    def over_cell(steps: int) -> None:
        h = torch.zeros(2, 4)
        for x_t in x[:, :steps].unbind(1):
            h = cell(x_t, h)

    def over_layer(steps: int) -> None:
        state = None
        for step in range(steps):
            _, state = layer(x[:, step : step + 1], state)

    found = kernel_of(over_cell, 10)
    assert (found.kind, found.operations) == ("Python loop", ("aten::gru_cell",))
    assert kernel_of(over_layer, 10).kind == "Python loop"


def test_a_layer_with_work_in_python_at_each_step_says_both() -> None:
    layer = nn.GRU(3, 4, batch_first=True)
    x = torch.randn(2, 10, 3)

    def run(steps: int) -> list[Tensor]:
        return [h.tanh() for h in layer(x[:, :steps])[0].unbind(1)]

    found = kernel_of(run, 10)
    assert found.kind == "C++ loop"
    assert found.label == "aten::gru (C++ loop), and 1 operations per step from Python"


def test_a_convolution_is_no_recurrence() -> None:
    layer = nn.Conv1d(3, 4, 3, padding=2)
    found = kernel_of(lambda steps: layer(torch.randn(2, 3, steps)), 16)
    assert (found.kind, found.label) == ("other", "no recurrent kernel")


def test_training_and_inference_may_run_different_kernels() -> None:
    class SlowInTraining(TorchCore):
        def forward(self, x: Tensor, state: object = None) -> tuple[Tensor, object]:
            if not self.training:
                return super().forward(x, state)
            steps = []
            for x_t in torch.split(x, 1, dim=1):
                outputs, state = super().forward(x_t, state)
                steps.append(outputs)
            return torch.cat(steps, dim=1), state

    network = network_of(partial(SlowInTraining, "GRU", hidden_size=4), 4).eval()
    found = kernels_of(network, 8, 2, CPU)
    assert (found["train"].kind, found["forward"].kind) == ("Python loop", "C++ loop")
    assert not network.training
