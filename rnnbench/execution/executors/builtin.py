"""The executors that come with rnnbench."""

from __future__ import annotations

from rnnbench import RegisterExecutor, hookimpl


def subprocesses(slots: int = 0) -> object:
    """Run bundles in processes of this machine.

    Args:
        slots: bundles at a time; 0 is one per core.
    """
    from rnnbench.execution.executors.subprocesses import SubprocessExecutor

    return SubprocessExecutor(slots or None)


@hookimpl
def register_executors(register: RegisterExecutor) -> None:
    """Register the executors of rnnbench."""
    register("subprocess", subprocesses)
