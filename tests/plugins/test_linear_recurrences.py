"""What distinguishes the linear recurrences: their initialisation, range and exactness."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnnbench.contract.core import state_tensors
from rnnbench.contract.groups import groups_of
from tests.plugins.support import assert_close, build, gradients, models, sequences

NAMES = ("mingru", "minlstm", "lru", "s4d", "s5", "rg-lru", "qrnn", "linoss")
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in NAMES),
    ("mingru", {"candidate": "linear"}),
    ("s4d", {"init": "inv", "state_size": 6}),
    ("qrnn", {"pooling": "ifo", "window": 4}),
    ("linoss", {"method": "imex"}),
]


def made(name: str, input_size: int = 3, hidden_size: int = 16, **options: Any) -> Any:
    """Build a core in float32."""
    torch.manual_seed(0)
    return models()[name].build(input_size, hidden_size, options)


def single(name: str, width: int = 16, **options: Any) -> Any:
    """Return the only layer of a core in float32."""
    return made(name, width, width, **options).layers[0]


@pytest.mark.parametrize(("name", "options"), VARIANTS)
def test_all_steps_at_once_have_the_gradient_of_the_plain_loop(
    name: str, options: dict[str, Any]
) -> None:
    """For more steps than a chunk has, and a number that chunks do not divide."""
    found = []
    for impl in ("parallel", "reference"):
        core = build(name, num_layers=2, impl=impl, **options)
        x = sequences(2, 131).requires_grad_()
        outputs, state = core(x)
        weight = sequences(2, 131, outputs.shape[2], seed=2)
        loss = (outputs * weight).sum() + torch.stack(
            [each.square().sum() for each in state_tensors(state)]
        ).sum()
        found.append({"outputs": outputs, **gradients(loss, x, core)})
    for key, wanted in found[1].items():
        assert_close(found[0][key], wanted, 1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_long_sequences_neither_grow_nor_lose_the_gradient_to_nan(name: str) -> None:
    core = made(name)
    x = torch.ones(1, 10_000, 3, requires_grad=True)
    outputs, _ = core(x)
    outputs[:, -1].sum().backward()
    assert outputs.isfinite().all()
    assert outputs.abs().max() < 1e3
    assert all(each.grad is not None and each.grad.isfinite().all() for each in core.parameters())


def test_gates_may_be_shut() -> None:
    """Where both gates of minLSTM underflow in float32, their quotient is still right."""
    layer = single("minlstm", candidate="linear")
    with torch.no_grad():
        layer.input.weight.zero_()
        layer.input.bias[:16] = -200.0
        layer.input.bias[16:32] = -200.0 - math.log(3.0)
        layer.input.bias[32:] = 1.0
    output, _ = layer.step(layer.project(torch.zeros(1, 16)), torch.zeros(1, 16))
    torch.testing.assert_close(output, torch.full((1, 16), 0.25))


@pytest.mark.parametrize(("name", "states"), [("mingru", 1.0), ("minlstm", 1.0)])
def test_the_state_is_a_weighted_mean_of_the_candidates(name: str, states: float) -> None:
    """A constant candidate is approached from zero and never exceeded."""
    layer = single(name, candidate="linear")
    with torch.no_grad():
        layer.input.weight[-16:] = 0
        layer.input.bias[-16:] = states
    outputs, _ = layer.parallel(layer.project(torch.randn(3, 200, 16)), torch.zeros(3, 16))
    assert (outputs.diff(dim=1) >= -1e-6).all()
    torch.testing.assert_close(outputs[:, -1], torch.full((3, 16), states))


@pytest.mark.parametrize(("low", "high", "phase"), [(0.0, 1.0, 6.28), (0.9, 0.999, 0.3)])
def test_eigenvalues_of_lru_fill_a_ring(low: float, high: float, phase: float) -> None:
    options: dict[str, Any] = {"init_r_min": low, "init_r_max": high, "init_max_phase": phase}
    layer = single("lru", state_size=4000, **options)
    decay = layer._decay().detach()
    radius = decay.abs()
    assert low <= radius.min()
    assert radius.max() < high + 1e-6
    # uniform in area
    assert radius.square().mean() == pytest.approx((low**2 + high**2) / 2, rel=0.05)
    angle = torch.exp(layer.theta.detach())
    assert angle.max() < phase + 1e-5
    assert angle.mean() == pytest.approx(phase / 2, rel=0.05)
    torch.testing.assert_close(
        torch.exp(2 * layer.gamma.detach()), 1 - radius.square(), rtol=1e-2, atol=1e-5
    )


def test_the_state_of_lru_has_the_variance_of_its_drive() -> None:
    layer = single("lru", state_size=256, init_r_min=0.5, init_r_max=0.99)
    _, state = layer.parallel(torch.randn(64, 400, 16), torch.zeros(64, 256, 2))
    assert state.detach().square().sum(-1).mean() == pytest.approx(1.0, rel=0.1)


@pytest.mark.parametrize(("init", "first"), [("lin", 0.0), ("inv", 64 / math.pi * 63)])
def test_frequencies_of_s4d(init: str, first: float) -> None:
    layer = single("s4d", init=init)
    assert layer.frequency[0, 0].item() == pytest.approx(first)
    assert (layer.frequency == layer.frequency[:1]).all()
    step = torch.exp(layer.log_step)
    assert step.min() > 1e-3
    assert step.max() < 1e-1


def test_s5_starts_from_the_normal_part_of_legs() -> None:
    """V diag(Lambda) V^H over both conjugates is A + p p^T, with A of HiPPO-LegS."""
    size = 8
    layer = single("s5", state_size=2 * size, num_blocks=2)
    n = torch.arange(size)
    root = torch.sqrt(2.0 * n + 1)
    legs = -torch.tril(torch.outer(root, root), -1) - torch.diag(n + 1.0)
    normal = legs + torch.outer(root, root) / 2
    wanted = torch.linalg.eigvals(normal)
    wanted = wanted[wanted.imag > 0]
    frequency = layer.frequency.detach().view(2, -1)
    torch.testing.assert_close(frequency[0], frequency[1])
    torch.testing.assert_close(frequency[0], wanted.imag.sort().values, rtol=1e-3, atol=1e-4)
    torch.testing.assert_close(layer.rate.detach(), torch.full((size,), -0.5))


def test_s5_stays_stable() -> None:
    core = made("s5")
    with torch.no_grad():
        core.layers[0].rate.fill_(0.3)
    core.after_step()
    decay, _ = core.layers[0]._discrete()
    assert (decay.abs() < 1).all()


def test_decays_of_rg_lru_start_in_their_range() -> None:
    layer = single("rg-lru", width=512)
    decay = torch.exp(-8 * nn.functional.softplus(layer.rate.detach()))
    assert decay.min() >= 0.9 - 1e-4
    assert decay.max() <= 0.999 + 1e-4
    assert decay.mean() == pytest.approx(0.9495, abs=0.005)


def test_the_gradient_of_rg_lru_is_bounded_where_nothing_is_forgotten() -> None:
    layer = single("rg-lru")
    with torch.no_grad():
        layer.rate.fill_(-120.0)
    x = torch.randn(2, 20, 16, requires_grad=True)
    projected = layer.project(x)
    outputs, _ = layer.parallel(projected, layer.initial_state(projected[:, 0]))
    outputs.sum().backward()
    assert all(each.grad is None or each.grad.isfinite().all() for each in layer.parameters())
    assert x.grad is not None
    assert x.grad.isfinite().all()


@pytest.mark.parametrize(
    ("name", "exempt", "factor"),
    [
        ("lru", {"nu", "theta", "gamma", "b"}, 0.5),
        ("s4d", {"log_step", "log_rate", "frequency"}, 1.0),
        ("s5", {"rate", "frequency", "log_step", "b"}, 0.25),
    ],
)
def test_transitions_are_trained_without_decay(name: str, exempt: set[str], factor: float) -> None:
    core = made(name, num_layers=2)
    groups = groups_of(core)
    found = {key for key, each in core.named_parameters() if id(each) in groups}
    assert found == {f"layers.{layer}.{each}" for layer in (0, 1) for each in exempt}
    for group in groups.values():
        assert group.weight_decay == 0.0
        assert group.learning_rate_factor == factor


@pytest.mark.parametrize(
    ("name", "options", "what"),
    [
        ("lru", {"init_r_min": 0.9, "init_r_max": 0.5}, "init_r_min"),
        ("s4d", {"state_size": 7}, "state_size=8"),
        ("s4d", {"init_step_min": 0.2}, "init_step_max"),
        ("s5", {"state_size": 12}, "num_blocks"),
        ("s5", {"init_step_min": 0.2}, "init_step_max"),
        ("rg-lru", {"num_heads": 5}, "num_heads=4"),
        ("rg-lru", {"init_a_min": 0.9999}, "init_a_max"),
    ],
)
def test_options_that_do_not_fit_are_refused(name: str, options: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        made(name, **options)


def outputs_of(layer: Any, x: Tensor) -> Tensor:
    projected = layer.project(x)
    outputs: Tensor = layer.parallel(projected, layer.initial_state(projected[:, 0]))[0]
    return outputs


def test_qrnn_sees_the_last_inputs() -> None:
    """With the memory shut, an output depends on ``window`` inputs."""
    layer = single("qrnn", window=3, forget_bias=-200.0)
    x = torch.randn(1, 10, 16, requires_grad=True)
    (slope,) = torch.autograd.grad(outputs_of(layer, x)[:, 6].sum(), x)
    reached = slope.abs().sum(-1)[0] > 0
    assert reached.nonzero().flatten().tolist() == [4, 5, 6]


@pytest.mark.parametrize("method", ["im", "imex"])
def test_linoss_forgets_or_keeps_the_energy_of_its_oscillators(method: str) -> None:
    layer = single("linoss", method=method).double()
    start = torch.randn(1, 64, 2, dtype=torch.float64)
    with torch.no_grad():
        layer.d.zero_()
        stiffness, step, damping = layer._discrete()
        x = torch.zeros(1, 300, 16, dtype=torch.float64)
        _, state = layer.parallel(x, start)
        kept = _energy(state, stiffness, step, method) / _energy(start, stiffness, step, method)
    wanted = torch.ones_like(kept) if method == "imex" else damping.expand_as(kept) ** 300
    torch.testing.assert_close(kept, wanted, rtol=1e-6, atol=1e-12)


def _energy(state: Tensor, stiffness: Tensor, step: Tensor, method: str) -> Tensor:
    """The quadratic form that is kept, or that decays by S in each step."""
    z, y = state.unbind(-1)
    cross = step * stiffness * z * y if method == "imex" else 0.0
    return z.square() + stiffness * y.square() - cross


def test_the_explicit_method_of_linoss_stays_stable() -> None:
    core = made("linoss", method="imex")
    with torch.no_grad():
        core.layers[0].rate.fill_(50.0)
    core.after_step()
    outputs, _ = core(torch.randn(2, 2000, 3))
    assert outputs.isfinite().all()


def test_sru_carries_its_input_where_the_reset_gate_is_shut() -> None:
    layer = single("sru", highway_bias=-3.0)
    with torch.no_grad():
        layer.bias[16:] = -200.0
    x = torch.randn(2, 16)
    output, _ = layer.step(layer.project(x), torch.zeros(2, 16))
    torch.testing.assert_close(output, math.sqrt(1 + 2 * math.exp(-3.0)) * x)


@pytest.mark.parametrize("name", [*NAMES, "sru"])
def test_half_precision_is_near_single(name: str) -> None:
    """Under autocast, from the state of an earlier chunk too."""
    core = made(name)
    x = torch.randn(2, 80, 3)
    wanted, _ = core(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        first, state = core(x[:, :30])
        second, _ = core(x[:, 30:], state)
    got = torch.cat([first, second], dim=1).float()
    got.square().mean().backward()  # type: ignore[no-untyped-call]
    assert (got - wanted).abs().max() < 0.05 * wanted.abs().max()
    assert all(each.grad is not None and each.grad.isfinite().all() for each in core.parameters())
