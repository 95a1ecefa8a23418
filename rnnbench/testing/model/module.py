"""Checks of a core as a module: gradients, determinism, data types, saving, copying."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Mapping

import torch
from pydantic import TypeAdapter
from safetensors.torch import load, save
from torch import Tensor, nn

from rnnbench.contract.core import copied, receptive_field, state_tensors
from rnnbench.records.plots import Plot
from rnnbench.testing.model.subject import ModelUnderTest, run, run_last
from rnnbench.testing.outcome import require

_OWN_OF_TORCH = frozenset(vars(nn.Module()))
"""Attributes in which torch holds parameters, buffers, submodules and hooks."""
_DRAWS = 20
"""Batches that are drawn before a gradient of zero counts as a breach."""


def the_gradient_reaches_the_first_step(subject: ModelUnderTest) -> None:
    """The gradient of the last output at the first input is not zero.

    For a core that declares a shorter ``receptive_field`` it is the first input within that. Units
    with relu may be off at some step of a sequence, so that others are drawn until each place in
    the batch was reached.
    """
    core = subject.core()
    first = max(0, subject.length - (receptive_field(core) or subject.length))
    reached = torch.zeros(subject.batch_size, dtype=torch.bool)
    for seed in range(1, 1 + _DRAWS):
        x = subject.inputs(seed).requires_grad_()
        outputs, _ = run(core, x)
        (gradient,) = torch.autograd.grad(outputs[:, -1].square().sum(), x)
        require(
            gradient.isfinite().all(),
            "the gradient of the last output is NaN or infinite; check the initialisation.",
        )
        reached |= gradient[:, first].abs().flatten(1).sum(1).gt(0)
        if reached.all():
            return
    require(
        False,
        f"the gradient of the last output does not reach step {first} of {subject.length}; remove "
        "detach() and no_grad() from forward. A core that reads the last steps alone declares "
        "their number by the attribute receptive_field.",
    )


def every_parameter_gets_a_gradient(subject: ModelUnderTest) -> None:
    """Every trainable parameter takes part in the outputs."""
    core = subject.core()
    # a fixed reservoir has none
    if not any(parameter.requires_grad for parameter in core.parameters()):
        return
    x = subject.inputs()
    outputs, _ = run(core, x)
    loss = outputs.square().sum()
    if hasattr(core, "forward_last"):
        loss = loss + run_last(core, x).square().sum()
    loss.backward()  # type: ignore[no-untyped-call]
    for name, parameter in core.named_parameters():
        if not parameter.requires_grad:
            continue
        require(
            parameter.grad is not None,
            f"parameter {name} gets no gradient, but counts as size: use it, remove it, or make it "
            "a buffer.",
        )
        require(
            parameter.grad is not None and parameter.grad.isfinite().all(),
            f"the gradient of {name} is NaN or infinite; check the initialisation.",
        )


@torch.no_grad()
def equal_seeds_build_equal_models(subject: ModelUnderTest) -> None:
    """Two cores built from one seed have equal parameters and outputs, in training mode too."""
    one, two = subject.core(seed=7), subject.core(seed=7)
    for (name, first), second in zip(
        one.state_dict().items(), two.state_dict().values(), strict=True
    ):
        require(
            torch.equal(first, second),
            f"{name} differs between two cores built from one seed; draw all random numbers from "
            "torch's default generator.",
        )
    x = subject.inputs()
    for mode, training in (("evaluation", False), ("training", True)):
        outputs = []
        for core in (one, two):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(11)
                outputs.append(run(core.train(training), x)[0])
        require(
            not subject.difference(*outputs),
            f"in {mode} mode two equal cores with one seed have different outputs; draw all random "
            "numbers from torch's default generator.",
        )


@torch.no_grad()
def evaluation_is_deterministic(subject: ModelUnderTest) -> None:
    """In evaluation mode equal inputs give equal outputs."""
    core = subject.core()
    x = subject.inputs()
    first, _ = run(core, x)
    again, _ = run(core, x)
    require(
        not subject.difference(again, first),
        "outputs differ from call to call after eval(); apply randomness only if self.training.",
    )


@torch.no_grad()
def the_core_sets_no_seed(subject: ModelUnderTest) -> None:
    """Neither building nor running the core sets torch's seed."""
    drawn = []
    for seed in (1, 2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            core = subject.built()
            core(subject.inputs(dtype=torch.float32))
            drawn.append(torch.rand(4))
    require(
        not torch.equal(*drawn),
        "the core calls torch.manual_seed, which makes trials with different seeds equal; "
        "remove the call.",
    )


@torch.no_grad()
def double_precision_works(subject: ModelUnderTest) -> None:
    """After ``.double()`` outputs and state are float64 and agree with those in float32."""
    x = subject.inputs(dtype=torch.float64)
    core = subject.core(dtype=torch.float64)
    try:
        outputs, state = run(core, x)
    except RuntimeError as error:
        raise RuntimeError(
            f"float64 input after .double(): {error}; "
            "create tensors with dtype=x.dtype, device=x.device"
        ) from error
    floats = [tensor for tensor in (outputs, *state_tensors(state)) if tensor.is_floating_point()]
    require(
        all(tensor.dtype == torch.float64 for tensor in floats),
        "a float64 input gives a float32 output or state; "
        "create tensors with dtype=x.dtype, device=x.device.",
    )
    single, _ = run(subject.core(dtype=torch.float32), x.float())
    require(
        torch.allclose(single.double(), outputs, rtol=1e-3, atol=1e-4),
        "outputs in float32 and float64 disagree by more than rounding; "
        "register constants as buffers, so that .double() converts them.",
    )


@torch.no_grad()
def saved_weights_restore_the_model(subject: ModelUnderTest) -> None:
    """A core of another seed gives equal outputs after loading the saved ``state_dict``."""
    dtype = subject.dtype
    if any(tensor.is_complex() for tensor in _tensors(subject.core())):
        dtype = torch.float32  # safetensors knows no complex128
    core, other = subject.core(seed=1, dtype=dtype), subject.core(seed=2, dtype=dtype)
    x = subject.inputs(dtype=dtype)
    expected, _ = run(core, x)
    state = core.state_dict()
    others = sorted(name for name, value in state.items() if not isinstance(value, Tensor))
    require(
        not others,
        f"state_dict holds values that are not tensors: {', '.join(others)}; "
        "remove get_extra_state, keep parameters and buffers.",
    )
    other.load_state_dict(
        load(save({name: tensor.contiguous().clone() for name, tensor in state.items()}))
    )
    restored, _ = run(other, x)
    require(
        not subject.difference(restored, expected),
        "a core with the loaded state_dict gives other outputs; "
        "keep every tensor as a parameter or a persistent buffer.",
    )


def a_deep_copy_is_independent(subject: ModelUnderTest) -> None:
    """``copy.deepcopy`` returns a core with equal outputs that shares no memory."""
    core = subject.core()
    x = subject.inputs()
    expected, _ = run(core, x)
    duplicate = copied(core)
    require(
        all(parameter.is_leaf for parameter in duplicate.parameters()),
        "parameters of a deep copy are results of an operation and cannot be trained; "
        "copy them as torch.nn.Parameter in __deepcopy__.",
    )
    require(
        not subject.difference(run(duplicate, x)[0], expected),
        "a deep copy gives other outputs than the original; copy all tensors in __deepcopy__.",
    )
    with torch.no_grad():
        for tensor in _tensors(duplicate):
            tensor.zero_()
    require(
        not subject.difference(run(core, x)[0], expected),
        "changing a deep copy changes the original: a tensor is shared between them; "
        "copy all tensors in __deepcopy__.",
    )


def no_tensors_are_kept_between_calls(subject: ModelUnderTest) -> None:
    """A forward pass leaves no tensor behind in the module, in an attribute or a list of it."""
    core = subject.core().train()
    x = subject.inputs()
    with torch.random.fork_rng(devices=[]):
        before = _kept(core)
        run(core, x)
        run(core, x)
        after = _kept(core)
    more = sorted(name for name, count in after.items() if count > before.get(name, 0))
    require(
        not more,
        f"a forward pass leaves tensors in {', '.join(more)}, which take memory and, with a graph, "
        "grow with every step; return what the next step needs in the state.",
    )


def _kept(core: nn.Module) -> dict[str, int]:
    """Return the numbers of tensors in attributes that are no parameters and buffers, by name."""
    own = {id(tensor) for tensor in _tensors(core)}
    return {
        ".".join(filter(None, (prefix, name))): count
        for prefix, part in core.named_modules()
        for name, value in vars(part).items()
        if name not in _OWN_OF_TORCH
        if (count := _tensors_in(value, own))
    }


def _tensors_in(value: object, own: set[int]) -> int:
    if isinstance(value, Tensor):
        return id(value) not in own
    if isinstance(value, Mapping):
        return sum(_tensors_in(each, own) for each in value.values())
    if isinstance(value, list | tuple | set | frozenset | deque):
        return sum(_tensors_in(each, own) for each in value)
    return 0


@torch.no_grad()
def plots_are_valid(subject: ModelUnderTest) -> None:
    """``plots`` returns a sequence of ``rnnbench.LinePlot`` or ``rnnbench.HeatmapPlot``."""
    core = subject.core()
    lengths = None if subject.model.causal else subject.lengths
    for plot in core.plots(subject.inputs(), lengths):  # type: ignore[operator]
        TypeAdapter(Plot).validate_python(plot)


def _tensors(core: nn.Module) -> list[Tensor]:
    return list(itertools.chain(core.parameters(), core.buffers()))
