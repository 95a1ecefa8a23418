"""The compiled step of a cell computes what the plain loop computes, in every use of a core."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from rnnbench import Cell
from rnnbench.cells.core import recurrent
from rnnbench.cells.fast_path import plain_loops
from rnnbench.contract.core import copied, map_state, state_tensors, to_double
from rnnbench.errors import PluginError
from tests.cells.odd_cells import ODD, REFUSED, Branches
from tests.cells.small_cells import CELLS, GRU, LSTM

B, D, H = 5, 3, 8
ALL = {**CELLS, **ODD}


def _core(cell: type[Cell], **options: Any) -> Any:
    made: Any = recurrent(cell)
    return made(D, H, **options)


def _two_directions(cell: type[Cell]) -> Any:
    made: Any = recurrent(cell, bidirectional=True)
    return made(D, H)


def _pair(cell: type[Cell], dtype: torch.dtype = torch.float64, **options: Any) -> tuple[Any, Any]:
    """Return a prepared core, and its plain loop with equal weights."""
    torch.manual_seed(1)
    core = _core(cell, **options).to(dtype)
    plain = copy.deepcopy(core)
    plain.impl = "reference"
    line = core.prepare(torch.randn(B, 4, D, dtype=dtype), None)
    assert line == "compiled step"
    return core, plain


def _inputs(steps: int, dtype: torch.dtype = torch.float64, batch: int = B) -> Tensor:
    generator = torch.Generator().manual_seed(steps)
    return torch.randn(batch, steps, D, generator=generator, dtype=torch.float64).to(dtype)


def _is_compiled(outputs: Tensor) -> bool:
    """Return whether the loop is a function of autograd's graph."""
    nodes, seen = [outputs.grad_fn], set()
    while nodes:
        node = nodes.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if type(node).__name__ == "_LoopBackward":
            return True
        nodes += [each for each, _ in node.next_functions]
    return False


def _close(one: Tensor, two: Tensor, tolerance: float = 1e-12) -> None:
    torch.testing.assert_close(one, two, rtol=tolerance, atol=tolerance)


def _results(core: Any, x: Tensor, state: Any = None, use: str = "both") -> list[Tensor | None]:
    """Return outputs, states and all gradients of a loss on outputs, states or both."""
    x = x.clone().requires_grad_()
    if state is not None:
        state = map_state(
            state, lambda t: t.clone().requires_grad_() if t.is_floating_point() else t
        )
    outputs, after = core(x, state)
    tensors = state_tensors(after)
    floating = [each for each in tensors if each.is_floating_point()]
    loss = outputs.new_zeros(())
    if use in ("both", "outputs"):
        weights = torch.linspace(-1, 1, outputs.numel(), dtype=outputs.dtype)
        loss = loss + (outputs * weights.view_as(outputs)).sum()
    if use in ("both", "states"):
        loss = loss + sum((each.square().sum() for each in floating), loss.new_zeros(()))
    given = [each for each in state_tensors(state) if each.requires_grad]
    wanted = [x, *given, *(each for each in core.parameters() if each.requires_grad)]
    gradients = torch.autograd.grad(loss, wanted, allow_unused=True)
    return [outputs, *tensors, *gradients]


def _compare(core: Any, plain: Any, *given: Any, tolerance: float = 1e-12) -> None:
    for one, two in zip(_results(core, *given), _results(plain, *given), strict=True):
        if one is None or two is None:
            other = two if one is None else one
            assert other is None or not other.any()
            continue
        assert (one.shape, one.dtype) == (two.shape, two.dtype)
        _close(one, two, tolerance)


@pytest.mark.usefixtures("interpreted")
class TestEveryCell:
    @pytest.mark.parametrize("name", ALL)
    def test_equals_the_plain_loop_at_any_number_of_steps(self, name: str) -> None:
        core, plain = _pair(ALL[name])
        for steps in (2, 7, 3, 1, 9):
            _compare(core, plain, _inputs(steps))

    @pytest.mark.parametrize("name", ALL)
    @pytest.mark.parametrize("use", ["both", "outputs", "states"])
    def test_equals_the_plain_loop_from_a_given_state(self, name: str, use: str) -> None:
        core, plain = _pair(ALL[name])
        _, state = plain(_inputs(2))
        state = map_state(state, Tensor.detach)
        _compare(core, plain, _inputs(4), state, use)

    @pytest.mark.parametrize("name", ALL)
    def test_chunks_equal_the_whole_without_gradient(self, name: str) -> None:
        core, plain = _pair(ALL[name])
        x = _inputs(7)
        with torch.no_grad():
            expected, last = plain(x)
            first, state = core(x[:, :3])
            second, state = core(x[:, 3:], state)
        _close(torch.cat([first, second], 1), expected)
        for one, two in zip(state_tensors(state), state_tensors(last), strict=True):
            _close(one, two)


@pytest.mark.usefixtures("interpreted")
class TestUses:
    def test_layers_with_dropout_draw_as_the_plain_loop_does(self) -> None:
        core, plain = _pair(LSTM, num_layers=3, dropout=0.5)
        results = []
        for each in (core, plain):
            torch.manual_seed(3)
            results.append(_results(each, _inputs(5)))
        for one, two in zip(*results, strict=True):
            _close(one, two)

    def test_two_directions(self) -> None:
        torch.manual_seed(1)
        core = _two_directions(GRU).double()
        plain = copy.deepcopy(core)
        plain.impl = "reference"
        assert core.prepare(_inputs(4), None) == "compiled step"
        assert _is_compiled(core(_inputs(6))[0])
        _compare(core, plain, _inputs(6))
        lengths = torch.tensor([6, 2, 1, 4, 6])
        _close(core(_inputs(6), lengths=lengths)[0], plain(_inputs(6), lengths=lengths)[0])

    def test_frozen_parameters_get_no_gradient(self) -> None:
        core, plain = _pair(LSTM)
        for each in (core, plain):
            each.layers[0].recurrent.requires_grad_(False)
        _compare(core, plain, _inputs(4))

    def test_frozen_everything_still_has_the_gradient_of_the_input(self) -> None:
        core, plain = _pair(LSTM)
        for each in (core, plain):
            each.requires_grad_(False)
        _compare(core, plain, _inputs(4))

    def test_another_batch_size_runs_by_the_plain_loop(self) -> None:
        core, plain = _pair(LSTM)
        outputs, _ = core(_inputs(4, batch=B - 1))
        assert not _is_compiled(outputs)
        _compare(core, plain, _inputs(4, batch=B - 1))

    def test_one_step_runs_by_the_plain_loop(self) -> None:
        core, _ = _pair(LSTM)
        assert not _is_compiled(core(_inputs(1))[0])
        assert _is_compiled(core(_inputs(2))[0])

    def test_the_plain_loop_in_a_context(self) -> None:
        core, _ = _pair(LSTM)
        with plain_loops():
            assert not _is_compiled(core(_inputs(4))[0])
        assert _is_compiled(core(_inputs(4))[0])

    def test_outputs_that_are_kept_are_not_overwritten(self) -> None:
        core, plain = _pair(LSTM)
        for gradient in (True, False):
            with torch.set_grad_enabled(gradient):
                kept = [core(_inputs(5) * k)[0] for k in range(4)]
                for k, each in enumerate(kept):
                    _close(each, plain(_inputs(5) * k)[0])

    def test_backward_twice_and_interleaved(self) -> None:
        core, _ = _pair(LSTM)
        weights = list(core.parameters())
        losses = [core(_inputs(5) * k)[0].square().sum() for k in (1, 2)]
        first = torch.autograd.grad(losses[0], weights, retain_graph=True)
        second = torch.autograd.grad(losses[1], weights)
        again = torch.autograd.grad(losses[0], weights)
        for one, two in zip(first, again, strict=True):
            assert torch.equal(one, two)
        assert not torch.equal(first[0], second[0])

    def test_runs_are_equal_bit_by_bit(self) -> None:
        core, _ = _pair(LSTM, torch.float32)
        one, two = (_results(core, _inputs(6, torch.float32)) for _ in range(2))
        for a, b in zip(one, two, strict=True):
            assert a is not None
            assert b is not None
            assert torch.equal(a, b)

    def test_weights_changed_in_place_count(self) -> None:
        core, plain = _pair(LSTM)
        with torch.no_grad():
            for each in (*core.parameters(), *plain.parameters()):
                each.mul_(0.5)
        _compare(core, plain, _inputs(4))

    @pytest.mark.parametrize("cell", [LSTM, GRU])
    def test_mixed_precision(self, cell: type) -> None:
        torch.manual_seed(1)
        core = _core(cell)
        plain = copy.deepcopy(core)
        plain.impl = "reference"
        with torch.autocast("cpu", torch.bfloat16):
            assert core.prepare(_inputs(4, torch.float32), None) == "compiled step"
            x = _inputs(6, torch.float32)
            one, two = core(x), plain(x)
        assert _is_compiled(one[0])
        assert one[0].dtype == two[0].dtype
        torch.testing.assert_close(one[0], two[0], rtol=0.05, atol=0.02)
        gradients = [
            torch.autograd.grad(each[0].float().square().sum(), list(net.parameters()))
            for each, net in ((one, core), (two, plain))
        ]
        for a, b in zip(*gradients, strict=True):
            torch.testing.assert_close(a, b, rtol=0.1, atol=0.05 * float(b.abs().max()))
        # without autocast the plan does not fit
        assert not _is_compiled(core(x)[0])


@pytest.mark.usefixtures("interpreted")
class TestTheModule:
    def test_copies_share_plans_and_conversions_drop_them(self) -> None:
        core, plain = _pair(LSTM, torch.float32)
        duplicate = copied(core)
        assert _is_compiled(duplicate(_inputs(3, torch.float32))[0])
        with torch.no_grad():
            for each in duplicate.parameters():
                each.zero_()
        _compare(core, plain, _inputs(3, torch.float32), tolerance=1e-5)
        assert not _is_compiled(to_double(copied(core))(_inputs(3))[0])

    def test_pickle_and_saved_weights(self) -> None:
        core, plain = _pair(LSTM)
        plain.load_state_dict(core.state_dict())
        _close(plain(_inputs(3))[0], core(_inputs(3))[0])
        assert not len(pickle.loads(pickle.dumps(core.plans)))  # noqa: S301 - just made

    @pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")
    def test_transformations_of_functions_run_by_the_plain_loop(self) -> None:
        core, plain = _pair(LSTM)
        x = _inputs(3)
        for each in (core, plain):
            each.requires_grad_(False)

        def function(each: nn.Module) -> Any:
            return lambda x: each(x)[0]

        one = torch.func.jvp(function(core), (x,), (torch.ones_like(x),))
        two = torch.func.jvp(function(plain), (x,), (torch.ones_like(x),))
        _close(one[1], two[1])
        jacobian = torch.func.jacrev(function(core))(x)
        _close(jacobian, torch.func.jacrev(function(plain))(x))
        stacked = torch.func.vmap(function(core))(torch.stack([x, 2 * x]))
        _close(stacked[1], plain(2 * x)[0])

    def test_second_derivatives_are_refused_in_words(self) -> None:
        core, _ = _pair(LSTM)
        x = _inputs(3).requires_grad_()
        with pytest.raises(RuntimeError, match="impl=reference"):
            torch.autograd.grad(core(x)[0].sum(), x, create_graph=True)

    def test_outputs_may_be_changed_in_place(self) -> None:
        core, plain = _pair(LSTM)
        weights = [list(each.parameters()) for each in (core, plain)]
        results = [each(_inputs(3))[0].mul_(2).sum() for each in (core, plain)]
        for one, two in zip(*map(torch.autograd.grad, results, weights), strict=True):
            _close(one, two)


@pytest.mark.usefixtures("interpreted")
class TestDecision:
    def test_short_trainings_are_not_compiled(self) -> None:
        core = _core(LSTM)
        x = torch.randn(B, 50, D)
        assert "too few" in (core.prepare(x, 10) or "")
        assert not _is_compiled(core(x)[0])
        line = core.prepare(x, 1_000_000) or ""
        assert line.startswith("compiled step")
        assert "estimated" in line

    def test_the_decision_draws_no_random_numbers(self) -> None:
        core = _core(LSTM)
        torch.manual_seed(0)
        expected = torch.rand(3)
        torch.manual_seed(0)
        core.prepare(torch.zeros(B, 5, D), None)
        assert torch.equal(torch.rand(3), expected)

    @pytest.mark.parametrize("cell", REFUSED)
    def test_refused_cells_run_by_their_plain_loop(self, cell: type[Cell]) -> None:
        core = _core(cell)
        if cell.__name__ != "ChangesShape":
            line = core.prepare(torch.randn(B, 5, D), None) or ""
            assert line.startswith("plain loop: ")
            assert REFUSED[cell] in line
        outputs, _ = core(torch.randn(B, 5, D)) if cell.__name__ != "ChangesType" else (None, None)
        assert outputs is None or not _is_compiled(outputs)

    def test_compiled_raises_where_nothing_can_be_compiled(self) -> None:
        core = _core(Branches, impl="compiled")
        with pytest.raises(PluginError, match="values"):
            core.prepare(torch.randn(B, 5, D), 10)
        with pytest.raises(PluginError, match="values"):
            core(torch.randn(B, 5, D))

    def test_compiled_needs_no_preparation(self) -> None:
        core = _core(LSTM, impl="compiled")
        assert _is_compiled(core(torch.randn(B, 5, D))[0])
        assert not _is_compiled(_core(LSTM)(torch.randn(B, 5, D))[0])


def test_without_a_compiler_cells_run_by_their_plain_loop(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setattr("rnnbench.cells.fast_path._warned", set())
    core = _core(LSTM)
    with pytest.warns(RuntimeWarning, match="compiler"):
        assert "compiler" in (core.prepare(torch.randn(B, 5, D), None) or "")
    # said once
    assert "compiler" in (core.prepare(torch.randn(B, 5, D), None) or "")
