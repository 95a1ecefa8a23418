"""The residual block against formulas written anew, and its optional members."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from rnnbench.contract.core import copied, state_tensors
from rnnbench.contract.task import Tokens, Vectors
from rnnbench.probes.gradient.lyapunov import lyapunov_exponents
from rnnbench.probes.size import measure_size
from rnnbench.records.plots import HeatmapPlot
from rnnbench.records.recipe import Residual, block_of
from rnnbench.training.block import NORM_EPS, ResidualStack
from tests.support.toy_cores import (
    LinearCore,
    MirroredCore,
    TorchRNN,
    generator,
    network_of,
    orthogonal,
)

D, T = 3, 6


class Elman(nn.Module):
    """``h_t = tanh(U x_t + R h_{t-1})``; outputs (h_t, -2 h_t) or h_t."""

    def __init__(self, width: int, *, doubled: bool) -> None:
        super().__init__()
        self.into = nn.Parameter(torch.randn(width, width))
        self.recurrent = nn.Parameter(torch.randn(width, width) / width)
        self.doubled = doubled
        self.output_size = 2 * width if doubled else width

    def forward(self, x: Tensor, state: Tensor | None = None) -> tuple[Tensor, Tensor]:
        h = x.new_zeros(len(x), len(self.into)) if state is None else state
        outputs = []
        for step in x.unbind(1):
            h = torch.tanh(step @ self.into.T + h @ self.recurrent.T)
            outputs.append(h)
        stacked = torch.stack(outputs, 1)
        return torch.cat([stacked, -2 * stacked], -1) if self.doubled else stacked, h


def stack_of(
    core: Any, block: Residual, *, width: int = 4, input_size: int = D, causal: bool = True
) -> Any:
    """Build a block in float64 and evaluation mode, with norms of random weights."""
    torch.manual_seed(0)
    stack = ResidualStack(core, input_size=input_size, width=width, block=block, causal=causal)
    with torch.no_grad():
        for name, parameter in stack.named_parameters():
            if "norm" in name:
                parameter.copy_(torch.randn_like(parameter))
    return stack.double().eval()


def inputs(batch: int = 2, steps: int = T, width: int = D) -> Tensor:
    return torch.randn(batch, steps, width, generator=generator(1), dtype=torch.float64)


# -- the block, written anew


def by_formula(weights: dict[str, Any], x: Any, block: Residual, *, doubled: bool) -> Any:
    """Compute the block of :class:`Elman` cores one number of the residual stream at a time."""

    def norm(name: str, vector: Any) -> Any:
        if block.norm == "rms":
            mean_square = sum(v * v for v in vector) / len(vector)
            return vector / np.sqrt(mean_square + NORM_EPS) * weights[f"{name}.weight"]
        if block.norm == "layer":
            mean = sum(vector) / len(vector)
            variance = sum((v - mean) ** 2 for v in vector) / len(vector)
            scaled = (vector - mean) / np.sqrt(variance + NORM_EPS)
            return scaled * weights[f"{name}.weight"] + weights[f"{name}.bias"]
        return vector

    def linear(name: str, vector: Any) -> Any:
        if f"{name}.weight" not in weights:
            return vector
        return weights[f"{name}.weight"] @ vector + weights.get(f"{name}.bias", 0.0)

    found = []
    for sequence in x:
        states: dict[int, Any] = {}
        rows = []
        for step in sequence:
            stream = linear("project", step)
            for layer in range(block.depth):
                at = f"layers.{layer}"
                read = norm(f"{at}.core_norm", stream)
                h = weights[f"{at}.core.into"] @ read
                if layer in states:
                    h = h + weights[f"{at}.core.recurrent"] @ states[layer]
                states[layer] = np.tanh(h)
                outputs = states[layer]
                if doubled:
                    outputs = np.concatenate([outputs, -2 * outputs])
                stream = stream + linear(f"{at}.project", outputs)
                if block.mlp:
                    read = norm(f"{at}.mlp_norm", stream)
                    gate = weights[f"{at}.mlp.gate.weight"] @ read
                    inner = gate / (1 + np.exp(-gate)) * (weights[f"{at}.mlp.up.weight"] @ read)
                    stream = stream + weights[f"{at}.mlp.down.weight"] @ inner
            rows.append(norm("norm", stream))
        found.append(rows)
    return np.array(found)


@settings(deadline=None, max_examples=30)
@given(
    depth=st.integers(1, 3),
    mlp=st.sampled_from([0.0, 0.4, 1.0, 2.5]),
    norm=st.sampled_from(["rms", "layer", "none"]),
    doubled=st.booleans(),
    input_size=st.sampled_from([D, 4]),
)
def test_the_block_computes_its_formula(
    depth: int, mlp: float, norm: Any, doubled: bool, input_size: int
) -> None:
    block = Residual(depth=depth, mlp=mlp, norm=norm, dropout=0.5)
    stack = stack_of(lambda _: Elman(4, doubled=doubled), block, input_size=input_size)
    x = inputs(width=input_size)
    weights = {name: value.numpy() for name, value in stack.state_dict().items()}
    expected = by_formula(weights, x.numpy(), block, doubled=doubled)
    with torch.no_grad():
        outputs, states = stack(x)
    torch.testing.assert_close(outputs, torch.from_numpy(expected), rtol=1e-12, atol=1e-12)
    assert len(states) == depth
    linear = {name.split(".")[0] for name in weights if "project" in name and "layers" not in name}
    assert bool(linear) == (input_size != 4)
    assert any("layers.0.project" in name for name in weights) == doubled
    if mlp:
        assert weights["layers.0.mlp.gate.weight"].shape == (round(4 * mlp), 4)


def test_dropout_acts_on_both_branches_in_training_alone() -> None:
    block = Residual(mlp=1.0, norm="none", dropout=0.5)
    stack = stack_of(lambda _: Elman(4, doubled=False), block, input_size=4)
    x = inputs(500, 1, 4)
    with torch.no_grad():
        expected, _ = stack(x)
        # linear in the branches: the core's output is what the stream gains
        stack.layers[0].mlp = None
        gained = stack(x)[0] - x
        stack.train()
        torch.manual_seed(3)
        dropped = stack(x)[0] - x
        share = (dropped == 0).double().mean()
        kept = dropped != 0
    torch.testing.assert_close(dropped[kept], 2 * gained[kept])
    # 2,000 draws at one half: five standard errors are 0.056
    assert abs(float(share) - 0.5) < 0.056
    assert not torch.equal(expected, x + gained)


def test_without_dropout_training_draws_no_random_number() -> None:
    stack = stack_of(lambda _: Elman(4, doubled=False), Residual(depth=2, mlp=1.0)).train()
    torch.manual_seed(5)
    before = torch.get_rng_state()
    stack(inputs())
    assert torch.equal(torch.get_rng_state(), before)


# -- state, streaming, the last step


def test_the_state_is_that_of_each_layer_and_continues_the_sequence() -> None:
    stack = stack_of(lambda _: Elman(4, doubled=True), Residual(depth=3, mlp=1.0))
    x = inputs()
    with torch.no_grad():
        whole, last = stack(x)
        first, state = stack(x[:, :2])
        rest, after = stack(x[:, 2:], state)
    torch.testing.assert_close(torch.cat([first, rest], 1), whole, rtol=1e-12, atol=1e-12)
    assert [tuple(each.shape) for each in state_tensors(state)] == [(2, 4)] * 3
    for one, other in zip(state_tensors(after), state_tensors(last), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


class Ends(nn.Module):
    """Running sums, and in ``forward_last`` the sum of the valid steps times 10."""

    calls: list[str]

    def __init__(self) -> None:
        super().__init__()
        self.calls = []

    def forward(
        self, x: Tensor, state: None = None, lengths: Tensor | None = None
    ) -> tuple[Tensor, None]:
        del state
        assert lengths is not None
        self.calls.append("forward")
        return x.cumsum(1), None

    def forward_last(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
        assert lengths is not None
        self.calls.append("last")
        valid = torch.arange(x.shape[1]) < lengths[:, None]
        return 10 * (x * valid[..., None]).sum(1)


def test_only_the_last_layer_uses_forward_last() -> None:
    cores = [Ends(), Ends()]
    stack = stack_of(cores.__getitem__, Residual(depth=2, norm="none"), input_size=4, causal=False)
    x, lengths = inputs(width=4), torch.tensor([2, T])
    last = stack.forward_last(x, lengths)
    assert [core.calls for core in cores] == [["forward"], ["last"]]
    stream = x + x.cumsum(1)
    expected = [stream[row, n - 1] + 10 * stream[row, :n].sum(0) for row, n in enumerate([2, T])]
    torch.testing.assert_close(last, torch.stack(expected))


def test_a_causal_core_gets_no_lengths() -> None:
    class Causal(Elman):
        def forward_last(self, x: Tensor, lengths: Tensor | None = None) -> Tensor:
            index = torch.arange(len(x)), (lengths if lengths is not None else x.shape[1]) - 1
            outputs: Tensor = self(x)[0][index]
            return outputs

    stack = stack_of(lambda _: Causal(4, doubled=False), Residual(depth=2))
    x, lengths = inputs(), torch.tensor([2, T])
    outputs, _ = stack(x, None, lengths)
    torch.testing.assert_close(
        stack.forward_last(x, lengths), outputs[torch.arange(2), lengths - 1]
    )


def test_a_non_causal_core_hides_its_padding_at_every_depth() -> None:
    torch.manual_seed(0)
    stack = stack_of(
        lambda layer: MirroredCore(0.5 * orthogonal(4, layer), orthogonal(4, 9 + layer)),
        Residual(depth=3, mlp=1.0),
        causal=False,
    ).float()
    x, lengths = inputs().float(), torch.tensor([2, T])
    other = x.clone()
    other[0, 2:] = 100.0
    outputs, _ = stack(x, None, lengths)
    torch.testing.assert_close(stack(other, None, lengths)[0][0, :2], outputs[0, :2])
    torch.testing.assert_close(stack(x[:1, :2])[0][0], outputs[0, :2])


# -- optional members of a core


@dataclass(frozen=True)
class Group:
    names: tuple[str, ...]
    learning_rate_factor: float


class Asking(Elman):
    """Asks the optimizer for a lower rate, clamps a weight, draws a plot."""

    def parameter_groups(self) -> list[Group]:
        return [Group(("recurrent",), 0.1)]

    def after_step(self) -> None:
        with torch.no_grad():
            self.into.clamp_(-0.5, 0.5)

    def plots(self, x: Tensor, lengths: Tensor | None = None) -> tuple[HeatmapPlot, ...]:
        del lengths
        rows = tuple(tuple(row) for row in x[0].tolist())
        return (HeatmapPlot(title="Input", x_label="unit", y_label="step", values=rows),)


def test_members_that_a_core_may_have_are_members_of_its_block() -> None:
    stack = stack_of(lambda _: Asking(4, doubled=False), Residual(depth=2, norm="none"))
    groups = stack.parameter_groups()
    names = [name for group in groups for name in group.names]
    assert names == ["layers.0.core.recurrent", "layers.1.core.recurrent"]
    assert set(names) <= dict(stack.named_parameters()).keys()
    assert [group.learning_rate_factor for group in groups] == [0.1, 0.1]
    stack.after_step()
    assert all(float(layer.core.into.detach().abs().max()) == 0.5 for layer in stack.layers)
    x = inputs()
    with torch.no_grad():
        (plot,) = stack.plots(x, None)
        stream, _ = stack.layers[0](stack.project(x))
    assert plot.title == "Input, layer 2 of 2"
    torch.testing.assert_close(torch.tensor(plot.values, dtype=torch.float64), stream[0])


def test_a_block_has_no_member_that_its_cores_lack() -> None:
    stack = stack_of(lambda _: Elman(4, doubled=False), Residual(depth=2))
    for member in ("forward_last", "plots", "parameter_groups", "after_step"):
        assert not hasattr(stack, member)
    mixed = [Elman(4, doubled=False), Asking(4, doubled=False)]
    stack = stack_of(mixed.__getitem__, Residual(depth=2))
    assert [group.names for group in stack.parameter_groups()] == [("layers.1.core.recurrent",)]
    stack.after_step()


def test_a_copy_of_a_block_is_independent() -> None:
    stack = stack_of(lambda _: Asking(4, doubled=False), Residual(depth=2, mlp=1.0))
    x = inputs()
    expected, _ = stack(x)
    twin = copied(stack)
    torch.testing.assert_close(twin(x)[0], expected)
    twin.after_step()
    assert not torch.equal(twin(x)[0], expected)
    torch.testing.assert_close(stack(x)[0], expected)


# -- figures of a block


@pytest.mark.parametrize(("norm", "per_norm"), [("rms", 3 * 8 + 2), ("layer", 8), ("none", 0)])
@pytest.mark.parametrize("depth", [1, 3])
def test_the_size_of_a_block_follows_its_formula(norm: Any, per_norm: int, depth: int) -> None:
    width, block = 8, Residual(depth=depth, mlp=1.5, norm=norm)
    network = network_of(
        lambda size: ResidualStack(
            lambda _: TorchRNN(width, width), input_size=size, width=width, block=block
        ),
        width,
        Tokens(5),
        steps="every",
    )
    size = measure_size(network, 7)
    matrices = 5 * width + depth * (2 * width**2 + 3 * width * 12)
    of_norms = {"rms": width, "layer": 2 * width, "none": 0}[norm]
    biases = width + depth * 2 * width + (2 * depth + 1) * of_norms
    assert size.params_core == matrices + biases
    assert size.matmul_flops_per_step == 2 * matrices
    assert size.state_size == depth * width
    # a tanh and a sum of torch's layer, silu and product of the MLP, two residual sums
    elementwise = depth * (2 * width + 2 * 12 + 2 * width) + (2 * depth + 1) * per_norm
    assert size.elementwise_per_step == elementwise


def test_the_exponents_of_a_linear_block_are_those_of_its_layers() -> None:
    # x + core(x) without norm: the state's Jacobian is block triangular with rho Q on its diagonal
    rhos = (0.9, 0.6)
    network = network_of(
        lambda size: ResidualStack(
            lambda layer: LinearCore(rhos[layer] * orthogonal(4, layer), orthogonal(4, 7)),
            input_size=size,
            width=4,
            block=Residual(depth=2, norm="none"),
        ),
        4,
        Vectors(4),
    ).double()
    x = torch.randn(4, 300, 4, generator=generator(2), dtype=torch.float64)
    found = lyapunov_exponents(network, x, generator=generator(), count=8)
    expected = torch.tensor([np.log(rho) for rho in rhos]).repeat_interleave(4)
    torch.testing.assert_close(
        torch.tensor(found.values), expected.to(torch.float32), rtol=0, atol=0.02
    )


def test_cores_know_their_place() -> None:
    places: list[int] = []
    stack_of(partial(_placed, places), Residual(depth=3))
    assert places == [0, 1, 2]


def _placed(places: list[int], layer: int) -> nn.Module:
    places.append(layer)
    return Elman(4, doubled=False)


def test_in_mixed_precision_the_stream_keeps_the_precision_of_its_input() -> None:
    stack = stack_of(lambda _: TorchRNN(4, 4), Residual(depth=2, mlp=1.0, norm="none")).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert nn.Linear(D, 4)(inputs().float()).dtype == torch.bfloat16
        outputs, _ = stack(inputs().float())
    assert outputs.dtype == torch.float32


def test_every_kind_of_norm_can_be_typed() -> None:
    for norm in ("rms", "layer", "none"):
        block = block_of(f"residual[norm={norm},mlp=2,depth=1e1]")
        assert block == Residual(norm=norm, mlp=2.0, depth=10)
