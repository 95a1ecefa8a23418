"""The delta rule, in chunks and step by step, and the layers made of it."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from rnnbench.contract import registry
from rnnbench.contract.core import state_tensors

rule: Any = importlib.import_module("rnnbench.plugins._common.delta_rule")

Inputs: TypeAlias = dict[str, Tensor]
Result: TypeAlias = tuple[Tensor, Tensor]
BATCH, HEADS, KEYS, VALUES = 2, 3, 6, 5
LOWEST = -math.exp(-0.5)


def randn(*shape: int, dtype: torch.dtype) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64).to(dtype)


def delta_inputs(steps: int, updates: int, decays: bool, dtype: torch.dtype) -> Inputs:
    """Draw rates up to 2 and keys that point the same way, which is the hard case."""
    torch.manual_seed(0)
    made = {
        "q": randn(BATCH, steps, HEADS, KEYS, dtype=dtype),
        "k": F.normalize(randn(BATCH, steps, updates, HEADS, KEYS, dtype=dtype) + 1, dim=-1),
        "v": randn(BATCH, steps, updates, HEADS, VALUES, dtype=dtype),
        "rate": 2 * torch.sigmoid(2 * randn(BATCH, steps, updates, HEADS, dtype=dtype)),
        "memory": randn(BATCH, HEADS, KEYS, VALUES, dtype=dtype),
    }
    if decays:  # from almost none to one that empties the memory at once
        made["log_decay"] = -(3 * randn(BATCH, steps, HEADS, dtype=dtype) - 3).exp()
    return made


def delta_chunks(q: Tensor, **others: Tensor) -> Result:
    result: Result = rule.delta_rule(q, **{"log_decay": None, **others})
    return result


def delta_loop(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    rate: Tensor,
    memory: Tensor,
    log_decay: Tensor | None = None,
) -> Result:
    outputs = []
    for t in range(q.shape[1]):
        for r in range(k.shape[2]):
            decay = log_decay[:, t].exp() if log_decay is not None and r == 0 else None
            memory = rule.delta_step(k[:, t, r], v[:, t, r], rate[:, t, r], decay, memory)
        outputs.append(rule.read(q[:, t], memory))
    return torch.stack(outputs, 1), memory


def generalized_inputs(steps: int, dtype: torch.dtype) -> Inputs:
    torch.manual_seed(0)
    keys = (BATCH, steps, HEADS, KEYS)
    erased = F.normalize(randn(*keys, dtype=dtype) + 1, dim=-1)
    return {
        "q": randn(*keys, dtype=dtype),
        "k": randn(*keys, dtype=dtype),
        "v": randn(BATCH, steps, HEADS, VALUES, dtype=dtype),
        "log_decay": LOWEST * torch.sigmoid(6 * randn(*keys, dtype=dtype)),
        "removal": erased * torch.sigmoid(randn(*keys, dtype=dtype)),
        "erased": erased,
        "memory": randn(BATCH, HEADS, KEYS, VALUES, dtype=dtype),
    }


def generalized_chunks(q: Tensor, **others: Tensor) -> Result:
    result: Result = rule.generalized_delta_rule(q, **others, lowest=LOWEST)
    return result


def generalized_loop(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log_decay: Tensor,
    removal: Tensor,
    erased: Tensor,
    memory: Tensor,
) -> Result:
    outputs = []
    for t in range(q.shape[1]):
        memory = rule.generalized_delta_step(
            k[:, t], v[:, t], log_decay[:, t].exp(), removal[:, t], erased[:, t], memory
        )
        outputs.append(rule.read(q[:, t], memory))
    return torch.stack(outputs, 1), memory


def relative(seen: Tensor, expected: Tensor) -> float:
    seen, expected = seen.detach(), expected.detach()
    return float((seen - expected).abs().max() / expected.abs().max())


def values_and_gradients(function: Callable[..., Result], inputs: Inputs) -> list[Tensor]:
    """Return the outputs, the last memory and the gradient of every input."""
    leaves = {name: value.detach().requires_grad_() for name, value in inputs.items()}
    outputs, memory = function(**leaves)
    generator = torch.Generator().manual_seed(1)
    weights = [torch.randn(each.shape, generator=generator).to(each) for each in (outputs, memory)]
    return [
        outputs,
        memory,
        *torch.autograd.grad((outputs, memory), list(leaves.values()), weights),
    ]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("steps", [1, 16, 40])
@pytest.mark.parametrize(("updates", "decays"), [(1, False), (1, True), (2, False), (3, True)])
def test_chunks_are_the_loop_and_so_is_their_gradient(
    steps: int, updates: int, decays: bool, dtype: torch.dtype
) -> None:
    inputs = delta_inputs(steps, updates, decays, dtype)
    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    for seen, expected in zip(
        values_and_gradients(delta_chunks, inputs),
        values_and_gradients(delta_loop, inputs),
        strict=True,
    ):
        assert relative(seen, expected) < tolerance


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("steps", [1, 16, 40])
def test_generalized_chunks_are_the_loop_and_so_is_their_gradient(
    steps: int, dtype: torch.dtype
) -> None:
    inputs = generalized_inputs(steps, dtype)
    tolerance = 1e-12 if dtype == torch.float64 else 1e-5
    for seen, expected in zip(
        values_and_gradients(generalized_chunks, inputs),
        values_and_gradients(generalized_loop, inputs),
        strict=True,
    ):
        assert relative(seen, expected) < tolerance


def test_a_long_sequence_in_float32_is_that_in_float64() -> None:
    for chunks, loop, inputs in (
        (delta_chunks, delta_loop, delta_inputs(2000, 1, True, torch.float32)),
        (delta_chunks, delta_loop, delta_inputs(2000, 2, False, torch.float32)),
        (generalized_chunks, generalized_loop, generalized_inputs(2000, torch.float32)),
    ):
        double = {name: value.double() for name, value in inputs.items()}
        with torch.no_grad():
            expected = loop(**double)[0]
            assert relative(chunks(**double)[0], expected) < 1e-10
            assert relative(chunks(**inputs)[0].double(), expected) < 1e-5


def test_reflections_of_one_key_keep_the_memory() -> None:
    """The system of a chunk is hard where all keys are equal and every rate is 2."""
    steps = 2000
    inputs = delta_inputs(steps, 1, False, torch.float32)
    inputs["k"] = inputs["k"][:, :1].expand(-1, steps, -1, -1, -1)
    inputs["rate"] = torch.full_like(inputs["rate"], 2.0)
    inputs["v"] = torch.zeros_like(inputs["v"])
    _, memory = delta_chunks(**inputs)
    assert relative(memory, inputs["memory"]) < 1e-3


def test_a_second_derivative_passes_through_the_chunks() -> None:
    inputs = delta_inputs(5, 1, True, torch.float64)
    names = list(inputs)
    leaves = [value[:1].detach().requires_grad_() for value in inputs.values()]

    def outputs(*values: Tensor) -> Tensor:
        return delta_chunks(**dict(zip(names, values, strict=True)))[0]

    assert torch.autograd.gradgradcheck(outputs, leaves, fast_mode=True)


MODELS: list[tuple[str, dict[str, Any]]] = [
    ("deltanet", {"negative_eigenvalues": True}),
    ("gated-deltanet", {}),
    ("delta-product", {"num_householder": 3, "negative_eigenvalues": True}),
    ("rwkv7", {"head_size": 8}),
]


def built(name: str, options: dict[str, Any], hidden_size: int = 16) -> Any:
    torch.manual_seed(0)
    entry = registry.load().model(name)
    defaults = {option: each.default for option, each in entry.options.items()}
    return entry.build(5, hidden_size, {**defaults, **options})


@pytest.mark.parametrize(("name", "options"), MODELS)
def test_a_model_runs_whole_in_pieces_and_step_by_step(name: str, options: dict[str, Any]) -> None:
    core, plain = (built(name, {**options, "impl": impl}) for impl in ("parallel", "reference"))
    plain.load_state_dict(core.state_dict())
    x = torch.randn(2, 200, 5)
    with torch.no_grad():
        expected, last = plain(x)
        state, pieces = None, []
        for piece in x.split([1, 2, 17, 80, 100], dim=1):  # type: ignore[no-untyped-call]
            outputs, state = core(piece, state)
            pieces.append(outputs)
        for seen in (core(x)[0], torch.cat(pieces, dim=1)):
            torch.testing.assert_close(seen, expected, rtol=1e-4, atol=1e-5)
        for seen, wanted in zip(state_tensors(state), state_tensors(last), strict=True):
            torch.testing.assert_close(seen, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "options"), MODELS)
def test_half_precision_is_near_single(name: str, options: dict[str, Any]) -> None:
    """Under autocast, from the state of an earlier chunk too."""
    core = built(name, options)
    x = torch.randn(2, 80, 5)
    wanted, _ = core(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        first, state = core(x[:, :30])
        second, _ = core(x[:, 30:], state)
    got = torch.cat([first, second], dim=1).float()
    got.square().mean().backward()  # type: ignore[no-untyped-call]
    assert (got - wanted).abs().max() < 0.1 * wanted.abs().max()
    assert state[0][-1].dtype == torch.float32
    assert all(each.grad is None or each.grad.isfinite().all() for each in core.parameters())


@pytest.mark.parametrize("name", ["deltanet", "gated-deltanet", "delta-product"])
@pytest.mark.parametrize("negative", [False, True])
def test_the_eigenvalues_of_a_transition_are_negative_on_request_only(
    name: str, negative: bool
) -> None:
    layer = built(name, {"negative_eigenvalues": negative}).layers[0]
    with torch.no_grad():
        layer.rate.weight.mul_(1000)
        rate, _ = layer._rates(layer._split(layer.project(torch.randn(40, 5)))[1])
    smallest = float(1 - rate.max())  # of I - b k k^T, for k of unit length
    assert smallest == pytest.approx(-1.0 if negative else 0.0, abs=1e-3)
    assert float(1 - rate.min()) == pytest.approx(1.0, abs=1e-3)


def test_the_gate_of_gated_deltanet_starts_as_published() -> None:
    core = built("gated-deltanet", {"num_heads": 500}, hidden_size=1000)
    layer = core.layers[0]
    rates, steps = layer.log_rate.exp(), F.softplus(layer.decay_bias)
    assert 0 < rates.min() < 1
    assert 15 < rates.max() <= 16
    assert 1e-3 * (1 - 1e-4) <= steps.min() < 2e-3
    assert 5e-2 < steps.max() <= 1e-1 * (1 + 1e-4)


@pytest.mark.parametrize(("depth", "layer"), [(1, 0), (4, 0), (4, 3)])
def test_rwkv7_starts_with_a_signal_at_any_place(depth: int, layer: int) -> None:
    torch.manual_seed(0)
    entry = registry.load().model("rwkv7")
    options = {option: each.default for option, each in entry.options.items()}
    core = entry.build(5, 16, options, depth=depth, layer=layer)
    outputs, _ = core(torch.randn(2, 9, 5))
    assert outputs.isfinite().all()
    assert outputs.std() > 1e-3


def test_the_decay_of_rwkv7_has_a_lower_bound() -> None:
    core = built("rwkv7", {})
    with torch.no_grad():
        core.layers[0].w0.fill_(1e3)
        x = torch.randn(2, 500, 5)
        parts = core.layers[0]._parts(x, x)
        assert float(parts[3].exp().min()) == pytest.approx(0.5452, abs=1e-3)
        assert core(x)[0].isfinite().all()


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("deltanet", {"num_heads": 3}),
        ("delta-product", {"num_heads": 5}),
        ("gated-deltanet", {"num_heads": 17}),
        ("rwkv7", {"head_size": 6}),
        ("rwkv7", {"head_size": 1}),
    ],
)
def test_heads_that_do_not_fit_are_refused_with_what_to_type(
    name: str, options: dict[str, Any]
) -> None:
    with pytest.raises(ValueError, match=r"(type|set) \w+"):
        built(name, options)
