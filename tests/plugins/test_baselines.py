"""Transformer, temporal convolution, reservoir and window perceptron, beyond the contract."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rnnbench.contract import registry
from rnnbench.contract.core import state_size, state_tensors
from rnnbench.contract.task import Tokens, Vectors
from rnnbench.probes.gradient.input_profile import input_profile
from rnnbench.probes.gradient.lyapunov import lyapunov_exponents
from rnnbench.probes.gradient.state import NotMeasurableError
from rnnbench.probes.gradient.state_profile import state_profile
from rnnbench.probes.size import measure_size
from rnnbench.records.recipe import Residual
from rnnbench.records.settings import Settings
from rnnbench.testing import check_model
from rnnbench.training.network import Network, in_block
from rnnbench.training.optimizers import build_optimizer
from tests.plugins.support import D, assert_close, build, gradients, models, sequences

WIDTH = 8
FINITE: list[tuple[str, dict[str, Any]]] = [
    ("transformer", {"window": 4, "num_layers": 2}),
    ("transformer", {"window": 5, "num_layers": 1, "position": "alibi"}),
    ("tcn", {"num_layers": 2, "kernel_size": 3}),
    ("mlp-window", {"window": 6}),
    ("mlp-window", {"window": 1}),
]
PARALLEL: list[tuple[str, dict[str, Any]]] = [
    *FINITE,
    ("transformer", {}),
    ("transformer", {"position": "alibi"}),
    ("transformer", {"position": "none"}),
]


def network_of(name: str, task_inputs: Tokens | Vectors, hidden_size: int = WIDTH) -> Network:
    torch.manual_seed(0)
    model = models()[name]
    return Network(
        lambda input_size: model.build(input_size, hidden_size, {}),
        hidden_size=hidden_size,
        inputs=task_inputs,
        outputs=Vectors(2),
        steps="every",
    )


@pytest.mark.parametrize(("name", "options"), PARALLEL)
def test_all_steps_at_once_have_the_gradients_of_the_loop(
    name: str, options: dict[str, Any]
) -> None:
    fast = build(name, hidden_size=WIDTH, **options)
    loop = build(name, hidden_size=WIDTH, **options, impl="reference")
    x = sequences(2, 11).requires_grad_()
    one, other = (gradients(core(x)[0].square().sum(), x, core) for core in (fast, loop))
    for parameter, gradient in one.items():
        assert_close(gradient, other[parameter], 1e-11)


@pytest.mark.parametrize(("name", "options"), PARALLEL)
@pytest.mark.parametrize("sizes", [[1, 10], [7, 4], [3, 1, 7], [10, 1]])
def test_chunks_of_any_size_continue_a_sequence(
    name: str, options: dict[str, Any], sizes: list[int]
) -> None:
    # a mask for chunks aligned with the first key instead of the last fits the first chunk alone
    core, x = build(name, hidden_size=WIDTH, **options), sequences(2, 11)
    state = None
    outputs = []
    for chunk in torch.split(x, sizes, dim=1):
        output, state = core(chunk, state)
        outputs.append(output)
    whole, last = core(x)
    assert_close(torch.cat(outputs, dim=1), whole)
    for one, other in zip(state_tensors(state), state_tensors(last), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("transformer", {}),
        ("transformer", {"window": 64}),
        ("transformer", {"position": "alibi", "window": 300}),
        ("tcn", {}),
        ("mlp-window", {}),
        ("echo-state", {}),
    ],
)
@torch.no_grad()
def test_long_sequences_in_single_precision_agree_in_chunks_and_steps(
    name: str, options: dict[str, Any]
) -> None:
    core = build(name, hidden_size=WIDTH, **options).float()
    x = sequences(1, 2000).float()
    whole, _ = core(x)
    state, outputs = None, []
    for chunk in torch.split(x, [700, 700, 590, *[1] * 10], dim=1):
        output, state = core(chunk, state)
        outputs.append(output)
    torch.testing.assert_close(torch.cat(outputs, dim=1), whole, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("name", "options"), FINITE)
def test_an_output_depends_on_the_receptive_field_and_nothing_before(
    name: str, options: dict[str, Any]
) -> None:
    core = build(name, hidden_size=16, **options)
    reach = core.receptive_field
    x = sequences(4, reach + 3).requires_grad_()
    last = core(x)[0][:, -1]
    # the plain sum of normalised outputs is constant, and its gradient is rounding alone
    weights = torch.linspace(-1, 2, last.numel(), dtype=last.dtype).reshape(last.shape) ** 3
    (gradient,) = torch.autograd.grad((last * weights).sum(), x)
    reached = gradient.abs().amax((0, 2)) > 1e-12
    assert reached.tolist() == [False] * 3 + [True] * reach


@pytest.mark.parametrize(("name", "options"), FINITE)
def test_the_contract_expects_no_gradient_beyond_a_declared_receptive_field(
    name: str, options: dict[str, Any]
) -> None:
    check_model(name, options)


def test_a_window_bounds_the_state_and_the_cost_of_a_step() -> None:
    bounded = build("transformer", hidden_size=WIDTH, window=8)
    sizes = [state_size(bounded(sequences(2, steps))[1], 2) for steps in (1, 5, 50)]
    assert len(set(sizes)) == 1
    growing = build("transformer", hidden_size=WIDTH)
    sizes = [state_size(growing(sequences(2, steps))[1], 2) for steps in (1, 5, 50)]
    assert sizes == [2 * 2 * WIDTH * steps for steps in (1, 5, 50)]

    def products(length: int, **options: Any) -> float:
        torch.manual_seed(0)
        model = models()["transformer"]
        network = Network(
            lambda width: model.build(width, WIDTH, options),
            hidden_size=WIDTH,
            inputs=Vectors(D),
            outputs=Vectors(1),
            steps="last",
        )
        return measure_size(network, length).matmul_flops_per_step

    assert products(512, window=16) == pytest.approx(products(256, window=16))
    assert products(512) > 1.2 * products(256)


def test_a_transformer_with_a_growing_state_declines_to_carry_it_on() -> None:
    declines = models()["transformer"].incompatible
    assert declines is not None
    stateful = registry.load().tasks["char-lm"].factory
    task = stateful.__new__(stateful)
    object.__setattr__(task, "stateful", True)
    assert "window" in str(declines(task, {"window": None}))
    assert declines(task, {"window": 64}) is None


@pytest.mark.parametrize(("hidden_size", "head_size"), [(16, 4), (17, 6), (1, 2), (64, 16)])
def test_heads_of_any_width_have_an_even_size(hidden_size: int, head_size: int) -> None:
    core = build("transformer", hidden_size=hidden_size)
    assert core.layers[0].attention.head_size == head_size
    outputs, (cache, _) = core(sequences(2, 5))
    assert outputs.shape == (2, 5, hidden_size)
    assert cache[0].shape == (2, 4, 5, head_size)


def test_the_initial_length_of_a_normalised_weight_is_that_of_its_direction() -> None:
    core = build("tcn")
    convolution = core.levels[0].one
    x = sequences(2, 9)
    before, _ = core(x)
    assert_close(convolution.length, convolution.direction.flatten(1).norm(dim=1), 1e-6)
    # the function depends on the direction alone
    with torch.no_grad():
        convolution.direction.mul_(3.0)
    assert_close(core(x)[0], before)


@pytest.mark.parametrize("radius", [0.5, 1.2])
@pytest.mark.parametrize(("units", "connections"), [(1, 10), (8, 1), (60, 10)])
def test_a_reservoir_has_its_spectral_radius_and_connections(
    radius: float, units: int, connections: int
) -> None:
    core = build("echo-state", hidden_size=units, spectral_radius=radius, connections=connections)
    weight = core.layers[0].recurrent_weight
    assert (weight != 0).sum(1).tolist() == [min(units, connections)] * units
    assert float(torch.linalg.eigvals(weight).abs().max()) == pytest.approx(radius, rel=1e-5)


def test_a_reservoir_forgets_its_initial_state() -> None:
    core, x = build("echo-state", hidden_size=40), sequences(1, 200)
    _, usual = core(x)
    _, other = core(x, (torch.ones(1, 40, dtype=torch.float64),))
    assert float((usual[0] - other[0]).abs().max()) < 1e-6


def test_the_readout_of_a_reservoir_is_trained_and_nothing_else() -> None:
    network = network_of("echo-state", Vectors(D))
    assert measure_size(network, 10).params_core == 0
    before = {name: value.clone() for name, value in network.state_dict().items()}
    optimizer = build_optimizer(network, Settings())
    predictions = network(torch.randn(4, 10, D))
    predictions.square().sum().backward()
    optimizer.step()
    changed = {
        name for name, value in network.state_dict().items() if not torch.equal(value, before[name])
    }
    assert changed == {"decoder.weight", "decoder.bias"}


def test_a_fixed_reservoir_is_measured_like_a_trained_one() -> None:
    network, generator = network_of("echo-state", Vectors(D)), torch.Generator().manual_seed(1)
    x = torch.randn(8, 110, D, generator=generator)
    (profile,) = input_profile(network, x, generator=generator, when="init")
    assert profile.values[0] > profile.values[20] > 0
    assert lyapunov_exponents(network, x, generator=generator).values[0] < 0


@pytest.mark.parametrize("name", ["mlp-window", "tcn"])
def test_a_window_of_inputs_has_an_input_profile_and_no_dynamics(name: str) -> None:
    network, generator = network_of(name, Vectors(D)), torch.Generator().manual_seed(1)
    x = torch.randn(8, 20, D, generator=generator)
    (profile,) = input_profile(network, x, generator=generator, when="init")
    reached = [value > 0 for value in profile.values]
    assert reached == [lag < 16 or name == "tcn" for lag in profile.lags]
    with pytest.raises(NotMeasurableError, match="window of the past"):
        state_profile(network, x, generator=generator, when="init")
    with pytest.raises(NotMeasurableError, match="window of the past"):
        lyapunov_exponents(network, x, generator=generator)


def test_a_block_adds_up_the_receptive_fields_of_its_cores() -> None:
    def stack(name: str, **options: Any) -> int | None:
        model, block = models()[name], Residual(depth=3, mlp=1.0)
        return in_block(model, D, options=options, width=WIDTH, block=block).receptive_field

    assert stack("mlp-window", window=5) == 13
    assert stack("lstm") is None
