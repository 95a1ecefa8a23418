"""All gradient measurements of a network at one moment in training."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch

from rnnbench.contract.faults import in_words
from rnnbench.probes.gradient.influence import influence_profile
from rnnbench.probes.gradient.input_profile import input_profile
from rnnbench.probes.gradient.lyapunov import Exponents, lyapunov_exponents
from rnnbench.probes.gradient.sample import draw_sample, with_needed
from rnnbench.probes.gradient.state import NotMeasurableError
from rnnbench.probes.gradient.state_profile import state_profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rnnbench.contract.task import Batch
    from rnnbench.probes.gradient.sample import RelevantLags
    from rnnbench.records.gradient import Influence, Profile
    from rnnbench.training.network import Network


class GradientMoment(NamedTuple):
    """Gradient measurements at one moment.

    Attributes:
        profiles: gradient profiles; one that could not be measured is missing.
        influence: influence profiles of a trained network, or empty.
        exponents: largest exponents of the state, or ``None``.
        notes: the reason for each missing measurement.
    """

    profiles: tuple[Profile, ...]
    influence: tuple[Influence, ...]
    exponents: Exponents | None
    notes: tuple[str, ...]


def measure_gradient(
    network: Network,
    test: Batch,
    *,
    generator: torch.Generator,
    when: Literal["init", "trained"],
    relevant_lags: RelevantLags | None = None,
) -> GradientMoment:
    """Measure the profiles and exponents and, of a trained network, the influence.

    A measurement that fails, for whatever reason, is left out, with a note.

    Args:
        network: left unchanged.
        test: the test set; a random sample of it is measured, and each probe states how many of
            these sequences it uses.
        generator: all randomness of the probes, on the CPU; equal generators draw equal samples.
        when: the moment in training, recorded in profiles and notes.
        relevant_lags: :meth:`rnnbench.Task.relevant_lags`.
    """
    profiles: list[Profile] = []
    influence: tuple[Influence, ...] = ()
    exponents: Exponents | None = None
    notes: list[str] = []
    every = network.steps == "every"
    sample = draw_sample(test, every=every, generator=generator)
    if relevant_lags is not None:
        with _noting_failure(notes, "lags that the task needs", when):
            sample = with_needed(sample, relevant_lags)
    inputs, lengths, origin = sample.batch.inputs, sample.lengths, sample.origin
    needed = sample.needed
    if needed is not None and every:
        needed = needed[torch.arange(len(origin), device=origin.device), :, origin]
    with _noting_failure(notes, "input profile", when):
        profiles += input_profile(
            network, inputs, lengths, generator=generator, when=when, origin=origin, needed=needed
        )
    with _noting_failure(notes, "state profile", when):
        profiles.append(state_profile(network, inputs, origin + 1, generator=generator, when=when))
    with _noting_failure(notes, "Lyapunov exponents", when):
        exponents = lyapunov_exponents(network, inputs, lengths, generator=generator)
    if when == "trained":
        with _noting_failure(notes, "influence profile", when):
            influence = influence_profile(network, sample, generator=generator)
    return GradientMoment(tuple(profiles), influence, exponents, tuple(notes))


@contextmanager
def _noting_failure(notes: list[str], name: str, when: str) -> Iterator[None]:
    try:
        yield
    except NotMeasurableError as error:
        notes.append(f"no {name}: {error}")
    # a core that cannot run in float64, or step by step, may raise anything
    except Exception as error:
        notes.append(f"no {name} ({when}): failed with {in_words(error)}")
