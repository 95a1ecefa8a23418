"""CfC and LTC: sizes, initialisation, constraints, long sequences, and the authors' package."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from tests.plugins.support import D, assert_close, build, sequences

H = 6


@pytest.mark.parametrize(
    ("hidden_size", "given", "units"), [(64, None, 128), (8, None, 16), (8, 128, 128)]
)
def test_the_backbone_grows_with_the_hidden_size_unless_it_is_given(
    hidden_size: int, given: int | None, units: int
) -> None:
    options = {} if given is None else {"backbone_units": given}
    cell = build("cfc", hidden_size=hidden_size, **options).layers[0]
    assert cell.state_weight.shape == (units, hidden_size)


@torch.no_grad()
def test_each_matrix_of_cfc_is_initialised_by_itself() -> None:
    cell = build("cfc", input_size=16, hidden_size=32).layers[0]
    for head in cell.further[0].weight.chunk(3):
        bound = (6 / (64 + 32)) ** 0.5
        assert 0.95 * bound < float(head.abs().max()) <= bound
    bound = (6 / (16 + 32 + 64)) ** 0.5
    assert 0.95 * bound < float(cell.state_weight.abs().max()) <= bound


def test_the_potentials_of_ltc_stay_between_those_of_leak_and_synapses() -> None:
    core = build("ltc", hidden_size=H)
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in core.parameters():
            noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
            parameter.add_(2 * noise)
        core.after_step()
        cell = core.layers[0]
        assert all(float(each.min()) == 0 for each in (cell.recurrent.weight, cell.sensory.weight))
        synapses = (cell.recurrent.potential.flatten(), cell.sensory.potential.flatten())
        potentials = torch.cat([cell.leak_potential, *synapses])
        _, (v,) = core(100 * sequences(3, 50))
    assert v.isfinite().all()
    # the state before the first step is 0
    assert float(v.max()) <= max(0.0, float(potentials.max()))
    assert float(v.min()) >= min(0.0, float(potentials.min()))


def test_two_thirds_of_the_synapses_of_ltc_start_excitatory() -> None:
    cell = build("ltc", input_size=40, hidden_size=60).layers[0]
    for potential in (cell.sensory.potential, cell.recurrent.potential):
        assert set(potential.flatten().tolist()) == {-1.0, 1.0}
        assert float((potential > 0).double().mean()) == pytest.approx(2 / 3, abs=0.04)


class _LecunTanh(nn.Module):
    """With 2/3 as published; the package has 0.666."""

    def forward(self, x: Tensor) -> Tensor:
        return 1.7159 * torch.tanh(x * (2 / 3))


@pytest.mark.parametrize("mode", ["default", "no-gate", "pure"])
@torch.no_grad()
def test_cfc_agrees_with_the_package_of_its_authors(mode: Any) -> None:
    ncps = pytest.importorskip("ncps.torch")
    core, x = build("cfc", hidden_size=H, mode=mode), sequences(2, 9)
    own = core.layers[0]
    theirs = ncps.CfCCell(D, H, mode=mode.replace("-", "_"), backbone_units=2 * H).double()
    theirs.backbone[1] = _LecunTanh()
    theirs.backbone[0].weight.copy_(torch.cat([own.input_weight, own.state_weight], dim=1))
    theirs.backbone[0].bias.copy_(own.first_bias)
    heads = list(zip(own.further[0].weight.split(H), own.further[0].bias.split(H), strict=True))
    if mode == "pure":
        own.rate.uniform_(-1, 1)
        own.rest.uniform_(-1, 1)
        theirs.w_tau.copy_(own.rate)
        theirs.A.copy_(own.rest)
        named = {"ff1": heads[0]}
    else:
        # their gate is 1 - gate of the equations, and its second head is redundant
        named = {"time_a": heads[0], "ff2": heads[1], "ff1": heads[2]}
        if mode == "default":
            named |= {"ff1": heads[1], "ff2": heads[2]}
        for tensor in theirs.time_b.parameters():
            tensor.zero_()
    for name, (weight, bias) in named.items():
        getattr(theirs, name).weight.copy_(weight)
        getattr(theirs, name).bias.copy_(bias)
    if mode == "no-gate":
        theirs.time_a.weight.neg_()
        theirs.time_a.bias.neg_()
    h = torch.zeros(2, H, dtype=torch.float64)
    outputs = []
    for step in x.unbind(1):
        h, _ = theirs(step, h, 1.0)
        outputs.append(h)
    assert_close(core(x)[0], torch.stack(outputs, dim=1))


@torch.no_grad()
def test_ltc_agrees_with_the_package_of_its_authors() -> None:
    ncps = pytest.importorskip("ncps.torch")
    wirings = pytest.importorskip("ncps.wirings")
    core, x = build("ltc", hidden_size=H), sequences(2, 9)
    own = core.layers[0]
    wiring = wirings.FullyConnected(H, H)
    theirs = ncps.LTCCell(wiring, D).double()
    pairs = {
        "gleak": own.leak,
        "vleak": own.leak_potential,
        "cm": own.capacitance,
        "input_w": own.input_scale,
        "input_b": own.input_shift,
        "output_w": own.output_scale,
        "output_b": own.output_shift,
    }
    for prefix, synapses in (("", own.recurrent), ("sensory_", own.sensory)):
        pairs |= {
            f"{prefix}w": synapses.weight,
            f"{prefix}sigma": synapses.steepness,
            f"{prefix}mu": synapses.threshold,
            f"{prefix}erev": synapses.potential,
        }
    theirs.load_state_dict({**theirs.state_dict(), **pairs})
    v = torch.zeros(2, H, dtype=torch.float64)
    outputs = []
    for step in x.unbind(1):
        output, v = theirs(step, v, 1.0)
        outputs.append(output)
    assert_close(core(x)[0], torch.stack(outputs, dim=1))
