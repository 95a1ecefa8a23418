"""Options of a run: how trials are executed. They are no part of a trial's identity."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Annotated, Any, Literal, Self, get_args, get_origin

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ByteSize,
    ConfigDict,
    Field,
    ModelWrapValidatorHandler,
    PositiveInt,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
    model_validator,
)

from rnnbench.errors import UsageError, did_you_mean, one_line
from rnnbench.execution.jobs.loggers import check_loggers
from rnnbench.plan.sharding import parse_shard
from rnnbench.records.result import Status

_DURATION = re.compile(r"(\d{1,12}(?:\.\d{1,12})?)\s*(s|m|h|d)?", re.ASCII)
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_DEVICES = {"cuda": "gpu", "cuda:0": "gpu", "nvidia": "gpu", "none": "auto"}
"""Words of torch and of other libraries for an accelerator."""
_MOST_BYTES = 1 << 62
"""More than any machine has, and less than the operating system's own value for no limit."""


def _seconds(value: Any) -> Any:
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        value = float(match[1]) * _SECONDS[match[2] or "s"] if match else math.nan
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError("it should be a duration such as 90, 90s, 10m or 2h")
    return value


def _bytes(value: Any, parse: ValidatorFunctionWrapHandler) -> Any:
    try:
        return parse(value)
    except (ValueError, OverflowError):
        raise ValueError("it should be a size such as 500MB or 4GiB") from None


def _number_or_auto(value: Any) -> Any:
    return None if value == "auto" else value


def _shard(text: str | None) -> str | None:
    return None if text is None else str(parse_shard(text))


def _names(value: Any) -> Any:
    return [name.strip() for name in value.split(",")] if isinstance(value, str) else value


def _statuses(words: Any) -> frozenset[Status]:
    known = [status.value for status in Status]
    if not isinstance(words, Iterable):
        raise ValueError("it should be a status such as failed, or several")
    statuses: set[Status] = set()
    for text in [words] if isinstance(words, str) else words:
        for word in map(str.strip, str(text).split(",")):
            if word == "all":
                statuses.update(status for status in Status if status is not Status.DONE)
            elif word in known:
                statuses.add(Status(word))
            else:
                raise UsageError(
                    f"retry={word!r} is not a status.{did_you_mean(word, [*known, 'all'])} "
                    f"There are: {', '.join(known)}; all means all but done."
                )
    return frozenset(statuses)


def _nearest(name: str, value: Any, options: type[BaseModel]) -> str:
    """Return the word that was probably meant, where an option takes certain words only."""
    field = options.model_fields.get(name)
    choices = (
        get_args(field.annotation) if field and get_origin(field.annotation) is Literal else ()
    )
    word = str(value).lower()
    if _DEVICES.get(word) in choices:
        return f" Did you mean {_DEVICES[word]!r}?"
    return did_you_mean(word, choices)


Duration = Annotated[float, BeforeValidator(_seconds)]
Size = Annotated[ByteSize, Field(gt=0, lt=_MOST_BYTES), WrapValidator(_bytes)]


class TrialOptions(BaseModel):
    """The options that the process of a trial needs.

    Raises:
        UsageError: a value that is not valid; the text names the option.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    probes: bool = Field(default=True, description="measure size, gradient and speed")
    cuda_graphs: bool = Field(
        default=True, description="replay training steps on a GPU from a CUDA graph where possible"
    )
    loggers: Annotated[tuple[str, ...], BeforeValidator(_names), AfterValidator(check_loggers)] = (
        Field(default=(), description="log each training too, into STORE.logs: csv, tensorboard")
    )

    @model_validator(mode="wrap")
    @classmethod
    def _explain(cls, given: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        try:
            return handler(given)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            reason = first["msg"].removeprefix("Value error, ")
            reason = reason.replace("Input should", "it should", 1)
            raise UsageError(
                f"{first['loc'][0]}={one_line(repr(first['input']), 60)}: {reason}."
                f"{_nearest(str(first['loc'][0]), first['input'], cls)}"
            ) from None


class RunOptions(TrialOptions):
    """How trials are run: the flags of ``rnnbench run`` and the keywords of ``rnnbench.run``.

    The description of a field is the help of its flag.

    Raises:
        UsageError: a value that is not valid; the text names the option.
    """

    jobs: Annotated[PositiveInt | None, BeforeValidator(_number_or_auto)] = Field(
        default=None, description="trials at a time; auto: one per core, or one on a GPU"
    )
    threads: PositiveInt = Field(default=1, description="torch threads of each trial")
    accelerator: Literal["auto", "cpu", "gpu"] = Field(
        default="auto", description="device of the trials; auto: a GPU if torch finds one"
    )
    timeout: Duration | None = Field(
        default=None, description="wall-clock limit of a trial: 90s, 10m, 2h"
    )
    memory: Size | None = Field(
        default=None,
        description="memory limit of a trial (on a GPU, of GPU memory): 4GiB, or 4GB for 4e9 bytes",
    )
    max_time: Duration | None = Field(
        default=None, description="start no trial, and measure no speed, after this time"
    )
    retry: Annotated[frozenset[Status], BeforeValidator(_statuses)] = Field(
        default=frozenset(),
        description="run trials again that ended so: failed, crashed, timeout, oom, diverged, "
        "done, or all (all but done)",
    )
    executor: str = Field(
        default="local",
        description="where trials are trained: local, subprocess, or an executor of a plugin",
    )
    shard: Annotated[str | None, AfterValidator(_shard)] = Field(
        default=None,
        description="run a fixed part of the trials, e.g. 3/16; rnnbench merge joins the stores",
    )
    fail_fast: bool = Field(default=False, description="start no trial after the first that failed")
    circuit_breaker: bool = Field(
        default=True,
        description="skip the other trials of a model that crashed three times in this run",
    )
    contract_checks: bool = Field(
        default=True,
        description="check each model against the plugin contract before its first trial",
    )
    command: str = ""
    """The command line or the call, stored with every record."""

    @property
    def for_trial(self) -> TrialOptions:
        """The options that a trial's process needs."""
        return TrialOptions(**{name: getattr(self, name) for name in TrialOptions.model_fields})
