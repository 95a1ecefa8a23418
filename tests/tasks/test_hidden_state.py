"""Hidden state against its definition, and its posteriors against enumeration."""

from __future__ import annotations

import itertools
import math
from typing import Any

import pytest
import torch

from tests.tasks.builders import build
from tests.tasks.remembering import Gated, OneStep, train


def task(**options: Any) -> Any:
    return build("hidden-state", **options)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_states_stay_and_are_shown_as_often_as_the_options_say() -> None:
    batch = task(chain=50, states=4, stay=0.9, noise=0.3).sample(4000, generator())
    stayed = (batch.targets[:, 1:] == batch.targets[:, :-1]).double().mean().item()
    shown = (batch.inputs == batch.targets).double().mean().item()
    assert stayed == pytest.approx(0.9, abs=5 * math.sqrt(0.9 * 0.1 / (4000 * 49)))
    assert shown == pytest.approx(0.7, abs=5 * math.sqrt(0.7 * 0.3 / (4000 * 50)))


def test_moves_and_noise_are_uniform_over_the_other_states() -> None:
    batch = task(chain=2, states=4, stay=0.5, noise=0.6).sample(40_000, generator())
    moves = (batch.targets[:, 1] - batch.targets[:, 0]) % 4
    noise = (batch.inputs - batch.targets)[:, 0] % 4
    for shifts, share in ((moves, 0.5), (noise, 0.6)):
        counts = shifts.bincount(minlength=4)[1:].double()
        assert counts.tolist() == pytest.approx([40_000 * share / 3] * 3, rel=0.05)
    assert batch.targets[:, 0].bincount().tolist() == pytest.approx([10_000] * 4, rel=0.05)


def test_posteriors_are_those_of_all_paths() -> None:
    stay, noise, chain = 0.8, 0.4, 4
    hidden = task(chain=chain, states=3, stay=stay, noise=noise)

    def joint(path: tuple[int, ...], shown: list[int], steps: int) -> float:
        found = 1 / 3
        for step in range(steps):
            if step:
                found *= stay if path[step] == path[step - 1] else (1 - stay) / 2
            found *= 1 - noise if shown[step] == path[step] else noise / 2
        return found

    for shown in ([0, 1, 1, 2], [2, 2, 0, 2]):
        filtered, smoothed = hidden.posteriors(torch.tensor([shown]))
        for step, state in itertools.product(range(chain), range(3)):
            for seen, posterior in ((step + 1, filtered), (chain, smoothed)):
                paths = list(itertools.product(range(3), repeat=seen))
                whole = sum(joint(path, shown, seen) for path in paths)
                part = sum(joint(path, shown, seen) for path in paths if path[step] == state)
                assert posterior[0, step, state].item() == pytest.approx(part / whole, abs=1e-12)


def test_known_scores_are_those_of_guessing_by_the_posteriors() -> None:
    hidden = task(chain=30)
    batch = hidden.sample(4000, generator(1))
    filtered, smoothed = hidden.posteriors(batch.inputs)
    tolerance = 0.01
    for posterior, known in (
        (filtered, hidden.simple_scores["filter"]),
        (smoothed, hidden.perfect),
    ):
        right = (posterior.argmax(2) == batch.targets).double().mean().item()
        assert right == pytest.approx(known, abs=tolerance)
    assert hidden.baseline + 0.05 < hidden.simple_scores["filter"]
    assert hidden.simple_scores["filter"] + 0.05 < hidden.perfect < 1


@pytest.mark.parametrize("options", [{"stay": 0.2}, {"noise": 0.8}])
def test_a_process_that_prefers_another_state_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(options))}=.*states=4"):
        task(states=4, **options)


def test_memory_brings_a_causal_network_to_the_filter_and_not_beyond() -> None:
    hidden = task(chain=20)

    def skill(score: float) -> float:
        return float((score - hidden.baseline) / (hidden.perfect - hidden.baseline))

    best = skill(hidden.simple_scores["filter"])
    assert best - 0.2 < skill(train(hidden, Gated, steps=300).score) < best + 0.1
    assert skill(train(hidden, OneStep, steps=200).score) < 0.1
