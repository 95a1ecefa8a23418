"""Plans without the compiler, which make the tests of everything else quick."""

from __future__ import annotations

import pytest

from rnnbench.cells import fast_path, plan


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the graphs of plans operation by operation."""
    monkeypatch.setattr(plan, "compile_graph", plan.interpret)
    monkeypatch.setattr(fast_path, "decompositions", lambda: None)
    monkeypatch.setattr(fast_path, "require_compiler", lambda _: None)
