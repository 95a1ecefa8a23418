"""Messages between the driver and the processes of its jobs.

The driver makes a job, the child process validates it and passes it on to ``run_trial``,
``preflight``, ``check_contract``, ``time_trial`` or ``find_widths``. The child answers with any
number of :class:`Progress` messages and then one :class:`Success` or :class:`Failure`, which the
driver validates.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Generic, Literal, TypeVar

from pydantic import Field, PositiveFloat, PositiveInt, TypeAdapter

from rnnbench.execution.jobs.plugins import Plugins
from rnnbench.execution.options import TrialOptions
from rnnbench.probes.speed.process_timings import TrialTimings
from rnnbench.records.base import Data
from rnnbench.records.environment import Environment
from rnnbench.records.result import Result, Validated
from rnnbench.records.spec import Matched, Quantity, TrialSpec


class KnownWidth(Data):
    """A hidden size that an earlier run chose by the training time, and where it was measured."""

    hidden_size: int
    matched: Matched
    environment: Environment


class Width(Data):
    """The hidden size found for one model on one task.

    Attributes:
        hidden_size: ``None`` where there is none, as of a model that declines the task.
        achieved: the quantity at that size.
        low: the quantity at the smallest size that can be built.
        high: the quantity at the largest size tried.
        problem: why there is no size, where the trial itself will record it.
        mistake: what the user can correct.
    """

    hidden_size: int | None = None
    achieved: float = 0.0
    low: float = 0.0
    high: float = 0.0
    problem: str = ""
    mistake: str = ""


class Widths(Data):
    """The target, and the width of each trial of the job in its order."""

    target: float | None = None
    widths: tuple[Width, ...] = ()


JobResult = Result | TrialTimings | Widths | tuple[str, ...]
R = TypeVar("R", covariant=True)


class _AnyJob(Data):
    plugins: Plugins = Plugins()
    """The models and tasks that the process loads."""
    device: str = "cpu"
    """``"cpu"``, ``"cuda"`` or ``"cuda:1"``."""
    memory: PositiveInt | None = None
    """Limit in bytes of the process's address space or, on a GPU, of its GPU memory."""


class TrialJob(_AnyJob):
    """Run one trial."""

    kind: Literal["trial"] = "trial"
    spec: TrialSpec
    options: TrialOptions = TrialOptions()
    weights: Path | None = None
    """File for the best-validation weights; ``None`` keeps none."""
    logs: Path = Path("logs")
    """Folder that the loggers write into."""


class PreflightJob(_AnyJob):
    """Build every task and model of ``specs`` once, to find the user's mistakes."""

    kind: Literal["preflight"] = "preflight"
    specs: tuple[TrialSpec, ...]


class ContractJob(_AnyJob):
    """Check the model of ``spec`` against the contract that scores rest on."""

    kind: Literal["contract"] = "contract"
    spec: TrialSpec


class SpeedJob(_AnyJob):
    """Time the untrained network of a trial and that of the model that ratios refer to."""

    kind: Literal["speed"] = "speed"
    spec: TrialSpec
    comparator: TrialSpec
    plain_loop: TrialSpec | None = None
    """The plain loop that the model declares."""
    comparator_plain_loop: TrialSpec | None = None
    budget_seconds: PositiveFloat


class WidthJob(_AnyJob):
    """Find the hidden sizes of ``specs``, all of one task, whose quantity is nearest to a target.

    Attributes:
        target: the target; ``None`` where it is that of ``reference``.
        reference: a trial of the model whose quantity is the target.
        known: hidden sizes that earlier runs chose for the same question by the training time.
    """

    kind: Literal["width"] = "width"
    quantity: Quantity
    target: float | None = None
    reference: TrialSpec | None = None
    specs: tuple[TrialSpec, ...]
    known: tuple[KnownWidth, ...] = ()


Job = TrialJob | PreflightJob | ContractJob | SpeedJob | WidthJob
JOB: TypeAdapter[Job] = TypeAdapter(Annotated[Job, Field(discriminator="kind")])


class Progress(Data):
    """The state of a training: optimizer steps taken and the last training loss."""

    kind: Literal["progress"] = "progress"
    step: int
    loss: float
    validated: Validated | None = None
    """What a try that a pruner may end has validated so far."""


class Failure(Data):
    """The exception that ended a job; ``usage`` if the user can correct its cause."""

    kind: Literal["failure"] = "failure"
    error: str
    traceback: str | None = None
    usage: bool = False


class Success(Data, Generic[R]):
    """The result of a job."""

    kind: Literal["success"] = "success"
    result: R


Message = Progress | Failure | Success[JobResult]
_ANSWERS: dict[type[Job], TypeAdapter[Message]] = {
    TrialJob: TypeAdapter(
        Annotated[Progress | Failure | Success[Result], Field(discriminator="kind")]
    ),
    PreflightJob: TypeAdapter(
        Annotated[Progress | Failure | Success[tuple[str, ...]], Field(discriminator="kind")]
    ),
    ContractJob: TypeAdapter(
        Annotated[Progress | Failure | Success[tuple[str, ...]], Field(discriminator="kind")]
    ),
    SpeedJob: TypeAdapter(
        Annotated[Progress | Failure | Success[TrialTimings], Field(discriminator="kind")]
    ),
    WidthJob: TypeAdapter(
        Annotated[Progress | Failure | Success[Widths], Field(discriminator="kind")]
    ),
}


def answers_to(job: Job) -> TypeAdapter[Message]:
    """Return the validator of the messages that a job's process may send."""
    return _ANSWERS[type(job)]
