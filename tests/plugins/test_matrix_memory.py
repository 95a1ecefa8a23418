"""Selective and matrix-valued recurrences: chunked forms, long sequences, starts and traps."""

from __future__ import annotations

import importlib
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnnbench.contract.core import state_tensors
from rnnbench.errors import RnnbenchError
from tests.plugins.support import assert_close, assert_same_state, models, sequences

COMMON = "rnnbench.plugins._common"
chunks: Any = importlib.import_module(f"{COMMON}.chunked_decay")
selective: Any = importlib.import_module(f"{COMMON}.selective_scan")
max_plus: Any = importlib.import_module(f"{COMMON}.max_plus")

PARALLEL = ("mamba", "mamba2", "gla", "hgrn2", "mlstm")
ALL = (*PARALLEL, "slstm")
D, H = 3, 8


def built(name: str, dtype: torch.dtype = torch.float64, **options: Any) -> Any:
    """Build a core with shifted weights, so that no gate is shut by its initial value."""
    torch.manual_seed(0)
    entry = models()[name]
    given = {**{each.name: each.default for each in entry.options.values()}, **options}
    core = entry.build(D, H, given)
    with torch.no_grad():
        for parameter in core.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return core.to(dtype)


def layer(core: nn.Module, index: int = 0) -> Any:
    return core.layers[index]  # type: ignore[index]


def terms(steps: int, vector: bool, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    """Draw query, key, value, log decay and state; decays from 1 down to e^-50."""
    made = torch.Generator().manual_seed(2)
    heads, rows, columns = 3, 4, 5
    shared = heads if vector else 1
    query, key = (torch.randn(2, steps, shared, rows, generator=made) for _ in range(2))
    value = torch.randn(2, steps, heads, columns, generator=made)
    uniform = torch.rand(2, steps, heads, *([rows] if vector else []), generator=made)
    state = torch.randn(2, heads, rows, columns, generator=made)
    drawn = [query, key, value, -50 * uniform**8, state]
    return [each.to(dtype).requires_grad_() for each in drawn]


def looped(
    query: Tensor, key: Tensor, value: Tensor, log_decay: Tensor, state: Tensor
) -> tuple[Tensor, Tensor]:
    outputs = []
    for t in range(value.shape[1]):
        output, state = chunks.decayed_step(
            query[:, t], key[:, t], value[:, t], log_decay[:, t].exp(), state
        )
        outputs.append(output)
    return torch.stack(outputs, 1), state


@pytest.mark.parametrize("vector", [False, True], ids=["per-head", "per-row"])
@pytest.mark.parametrize("steps", [1, 2, 5, 16, 37])
def test_chunks_are_the_loop_with_its_gradient(vector: bool, steps: int) -> None:
    given = terms(steps, vector)
    wanted, found = looped(*given), chunks.chunked_decay(*given)
    seed = torch.randn(wanted[0].shape, generator=torch.Generator().manual_seed(3)).double()
    for one, other in zip(
        (*found, *torch.autograd.grad((found[0] * seed).sum() + found[1].sum(), given)),
        (*wanted, *torch.autograd.grad((wanted[0] * seed).sum() + wanted[1].sum(), given)),
        strict=True,
    ):
        assert_close(one, other)


@pytest.mark.parametrize("vector", [False, True], ids=["per-head", "per-row"])
@pytest.mark.parametrize("chunk", [1, 4, 64])
def test_the_size_of_a_chunk_is_no_part_of_the_result(vector: bool, chunk: int) -> None:
    given = terms(50, vector)
    for one, other in zip(
        chunks.chunked_decay(*given, chunk=chunk), chunks.chunked_decay(*given), strict=True
    ):
        assert_close(one, other)


@pytest.mark.parametrize("vector", [False, True], ids=["per-head", "per-row"])
@pytest.mark.parametrize("decays", ["fast", "slow", "both"])
def test_chunks_keep_their_digits_in_float32(vector: bool, decays: str) -> None:
    query, key, value, mixed, state = (each.detach() for each in terms(2000, vector))
    if decays == "fast":
        log_decay = -1e4 * torch.ones_like(mixed)
    elif decays == "slow":
        log_decay = -1e-6 * torch.ones_like(mixed)
    else:
        log_decay = torch.where(mixed < -25, -1e4, 1e-2 * mixed)
    exact, _ = looped(query, key, value, log_decay, state)
    single = [each.float().requires_grad_() for each in (query, key, value, log_decay, state)]
    found, _ = chunks.chunked_decay(*single)
    error = (found - exact).abs().max() / exact.abs().max()
    assert error < 1e-5
    for gradient in torch.autograd.grad(found.sum(), single):
        assert gradient.isfinite().all()


def scan_terms() -> list[Tensor]:
    made = torch.Generator().manual_seed(4)
    shapes = ((2, 21, 6), (2, 21, 6), (4, 6), (2, 21, 4), (2, 21, 4), (2, 4, 6))
    drawn = [torch.randn(shape, generator=made, dtype=torch.float64) for shape in shapes]
    drawn[0], drawn[2] = drawn[0].abs(), -drawn[2].abs()
    return [each.requires_grad_() for each in drawn]


@pytest.mark.parametrize("low", [0.0, -1.0])
@pytest.mark.parametrize("buffer", [1, 48 * 4, 1 << 18], ids=["single", "several", "whole"])
def test_the_scan_in_pieces_has_the_gradient_of_the_whole(
    low: float, buffer: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selective, "_ELEMENTS", buffer)
    given = scan_terms()
    wanted = selective.expanded_scan(*given, low)
    found = selective.selective_scan(*given, low)
    weight = torch.linspace(-1, 1, 6)
    for one, other in zip(
        (*found, *torch.autograd.grad((found[0] * weight).sum() + found[1].sum(), given)),
        (*wanted, *torch.autograd.grad((wanted[0] * weight).sum() + wanted[1].sum(), given)),
        strict=True,
    ):
        assert_close(one, other)


@pytest.mark.parametrize("low", [0.0, -1.0])
def test_the_scan_has_second_derivatives(low: float) -> None:
    given = scan_terms()
    seconds = []
    for scan in (selective.expanded_scan, selective.selective_scan):
        y, end = scan(*given, low)
        first = torch.autograd.grad(y.sum() + end.square().sum(), given[:4], create_graph=True)
        loss = torch.stack([each.square().sum() for each in first]).sum()
        seconds.append(torch.autograd.grad(loss, given))
    for one, other in zip(*seconds, strict=True):
        assert_close(one, other)


def test_mamba_agrees_with_a_published_package() -> None:
    package = pytest.importorskip("mambapy.mamba")
    core = built("mamba", state_size=5)
    cell = layer(core)
    config = package.MambaConfig(d_model=H, n_layers=1, d_state=5, dt_rank=1)
    block = package.MambaBlock(config).double()
    weights = {
        "in_proj.weight": cell.into.weight,
        "conv1d.weight": cell.conv.weight.unsqueeze(1),
        "conv1d.bias": cell.conv.bias,
        "x_proj.weight": cell.select.weight,
        "dt_proj.weight": cell.step_size.weight,
        "dt_proj.bias": cell.step_size.bias,
        "A_log": cell.log_rate.t(),
        "D": cell.skip,
        "out_proj.weight": cell.out.weight,
    }
    assert weights.keys() == dict(block.named_parameters()).keys()
    block.in_proj = nn.Linear(D, 4 * H, bias=False, dtype=torch.float64)
    block.load_state_dict({name: value.detach() for name, value in weights.items()})
    x = sequences(2, 20)
    # the package rounds A and D to float32
    assert_close(core(x)[0], block(x), 1e-6)


def test_negative_eigenvalues_reverse_a_state() -> None:
    one = torch.ones(1, 1)
    quiet, fast = torch.zeros(1, 1), 1e3 * one
    state = torch.ones(1, 1, 1)
    _, kept = selective.selective_step(fast, quiet, -one, one, one, state, 0.0)
    _, reversed_ = selective.selective_step(fast, quiet, -one, one, one, state, -1.0)
    assert kept.item() == 0
    assert reversed_.item() == -1


@pytest.mark.parametrize("steps", [1, 2, 7, 33])
def test_the_running_maximum_is_that_of_the_loop(steps: int) -> None:
    added, least = -sequences(2, steps, 3).abs(), sequences(2, steps, 3, seed=5)
    m = start = sequences(2, 1, 3, seed=6)[:, 0]
    wanted = []
    for t in range(steps):
        m = torch.maximum(m + added[:, t], least[:, t])
        wanted.append(m)
    assert_close(max_plus.max_plus_scan(added, least, start), torch.stack(wanted, 1))


@pytest.mark.parametrize("name", PARALLEL)
def test_all_steps_at_once_have_the_gradient_of_the_loop(name: str) -> None:
    core, plain = built(name), built(name, impl="reference")
    results = []
    for each in (core, plain):
        x = sequences(2, 37).requires_grad_()
        _, before = each(sequences(2, 5, seed=7))
        before = [tensor.detach().requires_grad_() for tensor in state_tensors(before)]
        y, after = each(x, (tuple(before) if len(before) > 1 else before[0],))
        loss = y.square().sum() + sum(tensor.sum() for tensor in state_tensors(after))
        inputs = [x, *before, *each.parameters()]
        results.append((y, after, torch.autograd.grad(loss, inputs)))
    (y, after, gradients), (wanted, state, exact) = results
    assert_close(y, wanted, 1e-10)
    assert_same_state(after, state)
    for one, other in zip(gradients, exact, strict=True):
        assert_close(one, other, 1e-9)


@pytest.mark.parametrize("name", ["mlstm", "slstm"])
@pytest.mark.parametrize("into", [-100.0, 100.0])
@pytest.mark.parametrize("forget", [-100.0, 100.0])
def test_extreme_exponential_gates_stay_finite(name: str, into: float, forget: float) -> None:
    core = built(name, torch.float32)
    cell = layer(core)
    with torch.no_grad():
        if name == "mlstm":
            cell.gates.bias[:4], cell.gates.bias[4:] = into, forget
        else:
            cell.bias[0], cell.bias[1] = into, forget
    x = sequences(2, 40).float().requires_grad_()
    y, _ = core(x)
    for gradient in (y, *torch.autograd.grad(y.square().sum(), [x, *core.parameters()])):
        assert gradient.isfinite().all()
    core.impl = "reference"
    torch.testing.assert_close(core(x)[0], y, rtol=1e-3, atol=1e-3 * float(y.detach().abs().max()))


def test_a_first_input_gate_of_the_slstm_may_be_shut_tightly() -> None:
    core = built("slstm", torch.float32)
    with torch.no_grad():
        layer(core).bias[0] = -1e6
    x = sequences(2, 5).float().requires_grad_()
    y, ((_, _, normaliser, *_),) = core(x)
    assert (normaliser >= 1).all()
    for each in (y, *torch.autograd.grad(y.square().sum(), [x, *core.parameters()])):
        assert each.isfinite().all()


def test_a_fresh_sequence_of_the_slstm_does_not_depend_on_others_in_its_batch() -> None:
    core = built("slstm")
    x = sequences(2, 4)
    _, carried = core(x[1:])
    fresh = layer(core).initial_state(layer(core).project(x[:1])[:, 0])
    mixed = tuple(torch.cat(pair) for pair in zip(fresh, carried[0], strict=True))
    together, _ = core(x, (mixed,))
    assert_close(together[:1], core(x[:1])[0])
    assert_close(together[1:], core(x[1:], carried)[0])
    normaliser = carried[0][2]
    assert (normaliser >= 1).all()


@pytest.mark.parametrize("name", ["mamba", "mamba2"])
def test_step_sizes_start_log_uniform(name: str) -> None:
    torch.manual_seed(0)
    entry = models()[name]
    given = {each.name: each.default for each in entry.options.values()}
    if name == "mamba2":
        given["num_heads"] = 512
    cell = layer(entry.build(4, 256, given))
    bias = cell.step_size.bias if name == "mamba" else cell.step_bias
    sizes = nn.functional.softplus(bias.detach().double())
    assert 0.99e-3 < sizes.min() < 2e-3
    assert 5e-2 < sizes.max() < 1.01e-1
    assert sizes.log().mean().exp().item() == pytest.approx(1e-2, rel=0.2)


def test_rates_of_mamba_start_as_published() -> None:
    torch.manual_seed(0)
    mamba, mamba2 = (
        layer(models()[name].build(D, H, defaults(name))) for name in ("mamba", "mamba2")
    )
    assert_close(mamba.log_rate.exp()[:, 0], torch.arange(1.0, 17.0), 1e-5)
    assert (mamba2.log_rate.exp() >= 1).all()
    assert (mamba2.log_rate.exp() <= 16).all()


def defaults(name: str, **options: Any) -> dict[str, Any]:
    return {**{each.name: each.default for each in models()[name].options.values()}, **options}


def test_decays_of_gated_linear_attention_start_near_one() -> None:
    cell = layer(models()["gla"].build(D, 16, defaults("gla")))
    _, _, _, log_decay, _ = cell._parts(cell.project(torch.zeros(1, 1, D)))
    assert_close(log_decay.exp(), torch.full_like(log_decay, 0.5 ** (1 / 16)), 1e-6)


def test_lower_bounds_of_hgrn2_rise_with_the_layer() -> None:
    core = models()["hgrn2"].build(D, H, defaults("hgrn2", num_layers=4))
    assert layer(core).lower_bound() is None
    for level in (1, 2, 3):
        assert_close(layer(core, level).lower_bound(), torch.full((H,), level / 4), 1e-6)
    with torch.no_grad():
        forget = layer(core, 3).project(-100 * torch.ones(1, 1, H))[..., :H].exp()
    assert (forget >= 0.75 - 1e-6).all()


def test_forget_gates_of_the_xlstm_start_as_published() -> None:
    first, last = (
        layer(models()["slstm"].build(D, 64, defaults("slstm", num_layers=3)), level)
        for level in (0, 2)
    )
    units = torch.arange(16) / 15
    for cell, power in ((first, 0.3), (last, 1.6)):
        assert_close(cell.bias[1].view(4, 16)[2], 5 - 12 * units**power, 1e-5)
        assert not cell.recurrent.any()
    mlstm = layer(models()["mlstm"].build(D, H, defaults("mlstm")))
    assert mlstm.gates.bias[4:].tolist() == [3, 4, 5, 6]
    assert not mlstm.gates.weight.any()


@pytest.mark.parametrize(
    ("name", "hidden", "options"),
    [
        ("mamba2", 9, {}),
        ("gla", 9, {}),
        ("gla", 12, {}),
        ("hgrn2", 9, {}),
        ("mlstm", 8, {"num_heads": 3}),
        ("mlstm", 8, {"block_size": 5}),
        ("slstm", 9, {}),
        ("slstm", 8, {"num_heads": 8}),
        ("slstm", 1, {"num_heads": 1}),
        ("mlstm", 8, {"num_heads": 16}),
        ("hgrn2", 8, {"num_heads": 10**15}),
    ],
)
def test_sizes_that_heads_do_not_divide_are_refused(
    name: str, hidden: int, options: dict[str, Any]
) -> None:
    with pytest.raises((ValueError, RnnbenchError), match="set "):
        models()[name].build(D, hidden, defaults(name, **options))
