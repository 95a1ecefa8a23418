"""The cost of gradient and influence profiles, in float64 training steps on the same sequences."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch

from benchmarks.rows import Ratio, Row, at_most, context
from benchmarks.subjects import copy_memory, network_of, registry
from rnnbench.contract.task import Batch, GeneratedTask
from rnnbench.metrics import loss_of
from rnnbench.probes.gradient.influence import influence_profile
from rnnbench.probes.gradient.input_profile import VECTORS, input_profile
from rnnbench.probes.gradient.lyapunov import lyapunov_exponents
from rnnbench.probes.gradient.replacement import PER_SEQUENCE
from rnnbench.probes.gradient.sample import POOL, SEQUENCES, draw_sample
from rnnbench.probes.gradient.state_profile import state_profile
from rnnbench.records.settings import Settings
from rnnbench.training.network import Network
from rnnbench.training.optimizers import build_optimizer
from rnnbench.training.steppers import EagerStepper

LIMIT = 5.0
HIDDEN_SIZE = 64
LENGTH = 100


def rows(quick: bool) -> list[Row]:
    """Measure the parts of a trial's gradient probe, for an LSTM."""
    torch.set_num_threads(1)
    task = copy_memory(LENGTH)
    network = network_of("lstm", task, HIDDEN_SIZE).double()
    generator = torch.Generator().manual_seed(0)
    batch = task.sample(SEQUENCES, generator)
    repeats = 3 if quick else 15

    def ratio(probe: Callable[[], object]) -> Ratio:
        return _ratio(probe, network, task, batch, repeats)

    inputs = ratio(lambda: input_profile(network, batch.inputs, generator=generator, when="init"))
    state = ratio(lambda: state_profile(network, batch.inputs, generator=generator, when="init"))
    lyapunov = ratio(lambda: lyapunov_exponents(network, batch.inputs, generator=generator))
    influence = _influence(repeats, generator)
    where = f"LSTM H={HIDDEN_SIZE} T={LENGTH}, {len(batch)} sequences"
    once = f"every sequence with {VECTORS} directions, one backward pass"
    stepwise = "the core called step by step"
    return [
        at_most(
            f"gradient profile at the inputs, {where}",
            LIMIT,
            inputs.median,
            "steps",
            f"{once}; {inputs.note}",
        ),
        at_most(
            f"influence profile, {where}",
            LIMIT,
            influence.median,
            "steps",
            f"{PER_SEQUENCE} lags, one forward pass of every sequence each; {influence.note}",
        ),
        context(
            f"gradient profile at the state, {where}",
            state.median,
            "steps",
            f"{stepwise}; {state.note}",
        ),
        context(
            f"Lyapunov exponents, {where}", lyapunov.median, "steps", f"{stepwise}; {lyapunov.note}"
        ),
    ]


def _influence(repeats: int, generator: torch.Generator) -> Ratio:
    """Measure a task whose inputs all vary, so that no lag is left out."""
    task = registry().task("delayed-match").build({"delay": LENGTH - 2, "symbols": 8})
    assert isinstance(task, GeneratedTask)
    network = network_of("lstm", task, HIDDEN_SIZE).double()
    sample = draw_sample(task.sample(POOL, generator), every=False, generator=generator)
    return _ratio(
        lambda: influence_profile(network, sample, generator=generator),
        network,
        task,
        sample.batch,
        repeats,
    )


def _ratio(
    probe: Callable[[], object], network: Network, task: GeneratedTask, batch: Batch, repeats: int
) -> Ratio:
    """Time a probe beside training steps on a batch."""
    settings = Settings(precision="64")
    step = EagerStepper(
        network, loss_of(task), build_optimizer(network, settings), settings.clip_norm, mixed=False
    )
    step(batch)
    return Ratio([(_seconds(probe), _seconds(lambda: step(batch))) for _ in range(repeats)])


def _seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started
