"""All gradient measurements of a network at one moment in training."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, NamedTuple

from rnnbench.contract.faults import in_words
from rnnbench.probes.gradient.input_profile import input_profile
from rnnbench.probes.gradient.lyapunov import lyapunov_exponents
from rnnbench.probes.gradient.state import NotMeasurableError
from rnnbench.probes.gradient.state_profile import state_profile

if TYPE_CHECKING:
    from collections.abc import Iterator

    import torch
    from torch import Tensor

    from rnnbench.records.result import Profile
    from rnnbench.training.network import Network


class GradientMoment(NamedTuple):
    """Gradient measurements at one moment.

    Attributes:
        profiles: gradient profiles; one that could not be measured is missing.
        lyapunov: largest exponents per step, or empty.
        notes: the reason for each missing measurement.
    """

    profiles: tuple[Profile, ...]
    lyapunov: tuple[float, ...]
    notes: tuple[str, ...]


def measure_gradient(
    network: Network,
    inputs: Tensor,
    lengths: Tensor | None = None,
    *,
    generator: torch.Generator,
    when: Literal["init", "trained"],
) -> GradientMoment:
    """Measure the input profile, the state profile and the Lyapunov exponents.

    A measurement that a core does not support (no state, a growing one, no float64) is left out,
    with a note.

    Args:
        network: left unchanged.
        inputs: (B, T) or (B, T, D), right-padded; each probe states how many it uses.
        lengths: (B,) valid steps, or ``None``.
        generator: all randomness of the probes.
        when: the moment in training, recorded in profiles and notes.
    """
    profiles: list[Profile] = []
    lyapunov: tuple[float, ...] = ()
    notes: list[str] = []
    with _noting_failure(notes, "input profile", when):
        profiles += input_profile(network, inputs, lengths, generator=generator, when=when)
    with _noting_failure(notes, "state profile", when):
        profiles.append(state_profile(network, inputs, lengths, generator=generator, when=when))
    with _noting_failure(notes, "Lyapunov exponents", when):
        lyapunov = lyapunov_exponents(network, inputs, lengths, generator=generator)
    return GradientMoment(tuple(profiles), lyapunov, tuple(notes))


@contextmanager
def _noting_failure(notes: list[str], name: str, when: str) -> Iterator[None]:
    try:
        yield
    except NotMeasurableError as error:
        notes.append(f"no {name}: {error}")
    # a core that cannot run in float64, or step by step, may raise anything
    except Exception as error:
        notes.append(f"no {name} ({when}), the core failed with {in_words(error)}")
