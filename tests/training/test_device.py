"""Device set-up before a trial, as far as it can be tested without a GPU."""

from __future__ import annotations

import warnings
from collections.abc import Iterator

import pytest
import torch

from rnnbench.training.device import Determinism, cap_memory, request_determinism

NONDETERMINISTIC = (
    "histc_cuda does not have a deterministic implementation, but you set "
    "'torch.use_deterministic_algorithms(True, warn_only=True)'. You can file an issue."
)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The warnings shown, in place of the screen."""
    texts: list[str] = []
    with warnings.catch_warnings():
        monkeypatch.setattr(
            warnings, "showwarning", lambda message, *_, **__: texts.append(str(message))
        )
        yield texts


def test_the_cpu_needs_no_set_up() -> None:
    cpu = torch.device("cpu")
    before = warnings.showwarning
    cap_memory(cpu, 1)
    assert request_determinism(cpu).reached
    assert not torch.are_deterministic_algorithms_enabled()
    assert warnings.showwarning is before


def test_an_operation_that_cannot_be_deterministic_is_noted_and_still_shown(
    shown: list[str],
) -> None:
    determinism = Determinism()
    determinism.watch()
    warnings.simplefilter("default")
    warnings.warn("something else", UserWarning, stacklevel=1)
    assert determinism.reached
    warnings.warn(NONDETERMINISTIC, UserWarning, stacklevel=1)
    assert not determinism.reached
    assert shown == ["something else", NONDETERMINISTIC]


@pytest.mark.usefixtures("shown")
def test_it_is_noted_even_where_warnings_are_ignored() -> None:
    warnings.simplefilter("ignore")
    determinism = Determinism()
    determinism.watch()
    warnings.warn(NONDETERMINISTIC, UserWarning, stacklevel=1)
    assert not determinism.reached
