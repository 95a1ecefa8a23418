"""Isolated processes: run each job in a process of its own.

:class:`Processes` is the whole interface: ``start`` a job, ``poll`` for ended ones, ``stop`` one.
The other modules of this package are imported by nothing outside it.
"""

from rnnbench.execution.isolation.outcome import KillReason, Outcome, ending_of
from rnnbench.execution.isolation.processes import Processes, RunningJob

__all__ = ["KillReason", "Outcome", "Processes", "RunningJob", "ending_of"]
