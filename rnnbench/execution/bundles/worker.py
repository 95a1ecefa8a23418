"""Run the trials of a bundle on this node, each isolated, and append each record to the output."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rnnbench.contract import registry as plugins
from rnnbench.errors import UsageError, one_line
from rnnbench.execution.bundles.output import Output, read_output
from rnnbench.execution.bundles.requirements import differences
from rnnbench.execution.context import POLL_SECONDS
from rnnbench.execution.isolation import Processes
from rnnbench.execution.jobs.messages import TrialJob
from rnnbench.execution.results import result_of
from rnnbench.records.result import Record, Status
from rnnbench.records.store import utc_now

if TYPE_CHECKING:
    from rnnbench.execution.bundles.bundle import Bundle
    from rnnbench.execution.interruption import Interruption
    from rnnbench.execution.isolation import Outcome, RunningJob
    from rnnbench.records.spec import TrialSpec

_MOST_TOLD = 3
REFUSED = 2
"""Exit code of ``rnnbench worker`` on a node that must not run a bundle."""


@dataclass(frozen=True)
class Worked:
    """The end of a bundle's run.

    Attributes:
        ran: records that were added to the output.
        known: records that it had before.
        exit_code: 0 when it has every record, whatever the trials' own ends; 128 + signal when
            interrupted.
    """

    ran: int
    known: int
    exit_code: int


def check_node(bundle: Bundle) -> None:
    """Check that the plugins, versions and data of this node are those of the driver.

    Raises:
        UsageError: they are not; the text names the differences.
    """
    registry = plugins.load()
    for given in bundle.plugins.classes:
        registry.add_class(given, given.restored())
    if found := differences(bundle, registry):
        more = f"; and {len(found) - _MOST_TOLD} more" if len(found) > _MOST_TOLD else ""
        raise UsageError(
            f"this node cannot run the bundle: {one_line('; '.join(found[:_MOST_TOLD]), 800)}{more}"
        )


def run_bundle(
    bundle: Bundle,
    output: Path,
    interruption: Interruption,
    told: Callable[[Record], None] = lambda _: None,
) -> Worked:
    """Run the trials that the output does not hold yet.

    Args:
        bundle: trials whose requirements :func:`check_node` has checked.
        output: file that records are appended to, and beside which trained weights are kept.
        interruption: ends the run; interrupted trials leave no record, so that they run again.
        told: called with each record once it is on the disk.

    Raises:
        OutputError: a record could not be written; the running trials were ended.
    """
    done = {record.trial_id for record in read_output(output)}
    waiting = deque(spec for spec in bundle.trials if spec.trial_id not in done)
    ran = 0
    running: dict[RunningJob, tuple[TrialSpec, str]] = {}
    with Output(output) as file, Processes(bundle.threads) as processes:
        while running or (waiting and not interruption.count):
            while waiting and len(running) < bundle.jobs and not interruption.count:
                spec = waiting.popleft()
                job = processes.start(_job(bundle, spec, output), limit=bundle.timeout)
                running[job] = (spec, utc_now())
            for job in running:
                if interruption.count:
                    processes.stop(job, at_once=interruption.count > 1)
            for job, outcome in processes.poll(POLL_SECONDS):
                record = _record(*running.pop(job), outcome, bundle.timeout)
                if record.result.status is not Status.INTERRUPTED:
                    file.add(record)
                    told(record)
                    ran += 1
    return Worked(ran, len(done), interruption.exit_code if interruption.count else 0)


def weights_beside(output: Path) -> Path:
    """Return the folder of the trained weights of an output."""
    return output.with_name(f"{output.name}.weights")


def _job(bundle: Bundle, spec: TrialSpec, output: Path) -> TrialJob:
    weights = (weights_beside(output) / f"{spec.trial_id}.safetensors").absolute()
    return TrialJob(
        plugins=bundle.plugins,
        device=bundle.device,
        memory=bundle.memory,
        spec=spec,
        options=bundle.options,
        weights=weights if bundle.keep_weights and spec.tuning is None else None,
        logs=output.with_name(f"{output.name}.logs").absolute(),
    )


def _record(spec: TrialSpec, started_at: str, outcome: Outcome, timeout: float | None) -> Record:
    return Record(
        trial_id=spec.trial_id,
        attempt=1,
        spec=spec,
        result=result_of(outcome, timeout),
        started_at=started_at,
        seconds=outcome.seconds,
        log=outcome.log,
    )
