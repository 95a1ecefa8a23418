"""All that is measured of a network's gradient at one moment, in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from rnnbench.errors import one_line
from rnnbench.probes.gradient.input_profile import input_profile
from rnnbench.probes.gradient.lyapunov import lyapunov_exponents
from rnnbench.probes.gradient.state import NotMeasurableError
from rnnbench.probes.gradient.state_profile import state_profile

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch
    from torch import Tensor

    from rnnbench.records.result import Profile
    from rnnbench.training.network import Network


class GradientMoment(NamedTuple):
    """What was measured at one moment, with the reason for whatever is missing."""

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
    """Measure the input profile, and the state profile and Lyapunov exponents where there is a
    state of fixed size.

    What a core cannot do (no state, a growing one, no float64) is told in the notes and does not
    raise.

    Args:
        network: left unchanged.
        inputs: (B, T) or (B, T, D), right-padded; what each probe uses of them is in its docstring.
        lengths: (B,) valid steps, or ``None``.
        generator: all randomness of the probes.
        when: the moment, told in profiles and notes.
    """
    profiles: list[Profile] = []
    lyapunov: list[float] = []
    notes: list[str] = []

    def attempt(name: str, measure: Callable[[], None]) -> None:
        try:
            measure()
        except NotMeasurableError as error:
            notes.append(f"no {name}: {error}")
        except (
            Exception
        ) as error:  # a core that cannot run in float64, or step by step, may raise anything
            notes.append(
                f"no {name} ({when}), the core failed with {type(error).__name__}: {one_line(error, 200)}"
            )

    attempt(
        "input profile",
        lambda: profiles.extend(
            input_profile(network, inputs, lengths, generator=generator, when=when)
        ),
    )
    attempt(
        "state profile",
        lambda: profiles.append(
            state_profile(network, inputs, lengths, generator=generator, when=when)
        ),
    )
    attempt(
        "Lyapunov exponents",
        lambda: lyapunov.extend(lyapunov_exponents(network, inputs, lengths, generator=generator)),
    )
    return GradientMoment(tuple(profiles), tuple(lyapunov), tuple(notes))
