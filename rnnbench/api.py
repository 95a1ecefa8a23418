"""The program behind ``rnnbench run`` and ``rnnbench.run``: plan trials, run them, report.

Both build :class:`~rnnbench.plan.asked.Asked` (the trials) and
:class:`~rnnbench.execution.options.RunOptions` (how to run them), and pass them to :func:`execute`.
"""

from __future__ import annotations

import contextlib
import inspect
import signal
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from rnnbench.errors import UsageError, did_you_mean, one_line
from rnnbench.files import expanded

if TYPE_CHECKING:
    import pandas as pd
    from torch import nn

    from rnnbench.analysis.against import Others
    from rnnbench.analysis.claims.judged import JudgedClaim
    from rnnbench.claims.planned import PlannedClaim
    from rnnbench.execution.options import RunOptions
    from rnnbench.execution.planned import Plan
    from rnnbench.execution.progress import View
    from rnnbench.plan.asked import Asked
    from rnnbench.records.result import Record
    from rnnbench.records.spec import TrialSpec

DEFAULT_STORE = "rnnbench.db"
_FLAGS_IN_PYTHON = {"task": "tasks", "model": "models", "seed": "seeds", "logger": "loggers"}
"""Keywords of :func:`run` whose flags have another name."""
_SIGNALLED = 128
"""Exit codes above this one are 128 + the signal that ended the run."""


def run(
    tasks: str | Sequence[str] = (),
    models: str | type[nn.Module] | Sequence[str | type[nn.Module]] = (),
    *,
    suite: str | Path | None = None,
    claims: str | Sequence[str] = (),
    seeds: int | Sequence[int] | None = None,
    preset: str | None = None,
    hidden_size: int | None = None,
    match: str | None = None,
    vary: str | Sequence[str] = (),
    tune: str | Sequence[str] = (),
    tune_trials: int | None = None,
    tune_sampler: Literal["random", "tpe", "grid"] | None = None,
    tune_pruner: Literal["none", "median", "halving"] | None = None,
    tune_report: Literal["both", "tuned"] | None = None,
    speed: bool | None = None,
    store: str | Path = DEFAULT_STORE,
    report: str | Path | None = None,
    against: str | Path | Sequence[str | Path] = (),
    jobs: int | None = None,
    threads: int = 1,
    accelerator: Literal["auto", "cpu", "gpu"] = "auto",
    timeout: float | str | None = None,
    memory: int | str | None = None,
    cuda_graphs: bool = True,
    max_time: float | str | None = None,
    executor: str = "local",
    shard: str | None = None,
    retry: str | Sequence[str] = (),
    fail_fast: bool = False,
    circuit_breaker: bool = True,
    contract_checks: bool = True,
    probes: bool = True,
    loggers: str | Sequence[str] = (),
    progress: bool = True,
    dry_run: bool = False,
    **settings: Any,
) -> pd.DataFrame:
    """Run trials and return one tidy row for each, including those that the store held already.

    Args:
        tasks: names with options inline, as on the command line: ``"copy-memory[delay=10,20]"``.
        models: likewise: ``"lstm,gru"``, ``["lstm[hidden_size=32]", "rnn"]``; ``"all"``, and
            ``"family:gated"`` for those of a family. Default: rnn, lstm, gru, bilstm and
            attention-lstm. A class of a core is taken too: ``MyGRU`` is the model ``my-gru``, which
            a text beside it may name with options: ``[MyGRU, "my-gru[num_layers=2]"]``. Its source
            code is stored with the records.
        suite: name or YAML file of a suite; the other arguments override it.
        claims: claims by name or glob, whose trials are run: ``"lstm-*"``;
            ``rnnbench.judge_claims`` returns their verdicts.
        seeds: their number, from 0, or the seeds themselves: ``[42]`` is the seed 42.
            Default: 5 for the preset ``"quick"``, else 10.
        preset: ``"quick"``, ``"standard"`` or ``"paper"``: the task's own sizes.
            Default: ``"standard"``.
        hidden_size: of every model that does not set it inline.
        match: quantity that the hidden sizes make equal: ``"params=50k"``, ``"core-params=..."``,
            ``"state=..."``, ``"flops=..."`` (per time step) or ``"time=..."`` (seconds of
            training), or that of a model: ``"params=lstm[hidden_size=128]"``.
        vary: sources of randomness that further trials vary alone: ``"init,data,order"``.
        tune: search space, one text for each setting or model option:
            ``["learning_rate=1e-4..1e-2", "optimizer=adam|sgd"]``. Every model gets the same tries.
        tune_trials: tries of each model on each task. Default: 10.
        tune_sampler: how values are proposed. Default: ``"random"``.
        tune_pruner: how tries that look worse than others are ended early. Default: ``"none"``.
        tune_report: whether the default recipe is trained with the seeds as well. Default:
            ``"both"``.
        speed: whether speed is measured, after the trials and alone on the machine. Default: it is.
        store: the SQLite file that keeps the records.
        report: folder that a report is written to. Default: none is written.
        against: files with records of other runs, stores or files of
            :func:`rnnbench.write_records`, that the report shows beside those of this run, on its
            tasks alone. They are neither stored nor run again.
        jobs: trials at a time. Default: one per core, or one on a GPU.
        threads: torch threads of each trial.
        accelerator: ``"auto"`` takes a GPU if there is one.
        timeout: wall-clock limit of a trial: seconds, or a text such as ``"10m"``.
        memory: memory limit of a trial (of GPU memory on a GPU): bytes, or a text such as
            ``"4GiB"``.
        cuda_graphs: whether training steps on a GPU are replayed from a CUDA graph where possible.
        max_time: start no trial, and measure no speed, after this time; as ``timeout``.
        executor: where trials are trained: ``"local"``, ``"subprocess[slots=2]"``, or an executor
            of a plugin.
        shard: run a fixed part of the trials, e.g. ``"3/16"``; :func:`rnnbench.merge_stores` joins
            the stores.
        retry: statuses whose trials are run again, e.g. ``["failed"]`` or ``"all"``.
        fail_fast: start no trial after the first that failed.
        circuit_breaker: skip the other trials of a model that crashed three times in this run.
        contract_checks: whether each model is checked against the plugin contract before its first
            trial; the trials of a model that breaks it fail.
        probes: whether size, gradient and speed are measured.
        loggers: ``"csv"``, ``"tensorboard"``: log each training, into the folder named like the
            store with ``.logs`` appended.
        progress: whether lines are printed as trials end.
        dry_run: run nothing; return the trials, with ``status`` as stored or ``"to run"``.
        settings: settings of the training, e.g. ``steps=1000, learning_rate=3e-3``; see
            :class:`rnnbench.records.settings.Settings`.

    Returns:
        One row per trial; the columns are described in ``rnnbench.analysis.columns``. Tries of
        ``tune`` are none of them: ``rnnbench.read_tries`` returns those.

    Raises:
        rnnbench.errors.RnnbenchError: a mistake that the caller can correct.
        KeyboardInterrupt: the run was interrupted. The store holds the trials that had ended; the
            same call continues from there.
    """
    # First, while there are no other names than the arguments.
    command = _call(dict(locals()))
    from rich.console import Console

    from rnnbench.analysis.tables import tidy
    from rnnbench.encoding import plain_output
    from rnnbench.execution.options import RunOptions
    from rnnbench.execution.planned import dry_plan, tries_of
    from rnnbench.execution.progress import PlainView
    from rnnbench.plan.asked import ask

    _check_keywords(settings)
    store = expanded(store)
    files = [expanded(path) for path in _listed(against)]
    given = _classes(models)
    asked = ask(
        None if suite is None else str(suite),
        _words("claims", claims),
        {
            "tasks": _words("tasks", tasks),
            "models": _words("models", models),
            "seeds": seeds,
            "preset": preset,
            "hidden_size": hidden_size,
            "match": match,
            "vary": _words("vary", vary),
            "tune": _words("tune", tune),
            "tune_trials": tune_trials,
            "tune_sampler": tune_sampler,
            "tune_pruner": tune_pruner,
            "tune_report": tune_report,
            "speed": speed,
            "settings": settings,
        },
    )
    options = RunOptions(
        jobs=jobs,
        threads=threads,
        accelerator=accelerator,
        timeout=timeout,
        memory=memory,
        cuda_graphs=cuda_graphs,
        loggers=loggers,
        probes=probes,
        retry=retry,
        fail_fast=fail_fast,
        max_time=max_time,
        executor=executor,
        shard=shard,
        circuit_breaker=circuit_breaker,
        contract_checks=contract_checks,
        command=command,
    )
    if dry_run:
        planned = dry_plan(asked, options, store, given=given)
        others_of(files, planned)
        return _frame([*tries_of(planned, store), *planned.specs], store, options)
    with plain_output():
        finished = execute(
            asked,
            options,
            store=store,
            report=None if report is None else expanded(report),
            view=PlainView(Console(quiet=not progress)),
            given=given,
            against=files,
        )
    if finished.interrupted:
        if finished.exit_code == _SIGNALLED + signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(finished.exit_code)
    finished.write_report()
    return tidy(finished.records)


def _check_keywords(settings: Mapping[str, Any]) -> None:
    from rnnbench.records.settings import Settings

    for name, value in settings.items():
        if name not in Settings.model_fields:
            keywords = [each for each in inspect.signature(run).parameters if each != "settings"]
            known = [*keywords, *Settings.model_fields]
            raise UsageError(
                f"rnnbench.run has no keyword {name!r}."
                f"{_keyword_meant(name, value, known) or did_you_mean(name, known)} "
                f"It takes the settings {', '.join(sorted(Settings.model_fields))}; "
                f"for its other keywords, type: help(rnnbench.run)"
            )


def _keyword_meant(name: str, value: object, known: Sequence[str]) -> str:
    """Return what to give in place of a keyword of another tool; empty if it is unknown."""
    from rnnbench.plan.foreign import Replacement, normalised, replacement

    options = [*_FLAGS_IN_PYTHON, *(each.replace("_", "-") for each in known)]
    key = normalised(name)
    found = Replacement(key) if key in options else replacement(key, options)
    if found is None:
        return ""
    why = f" {found.why}." if found.why else ""
    if not found.option:
        return f"{why} Omit it."
    keyword = _FLAGS_IN_PYTHON.get(found.option, found.option.replace("-", "_"))
    text = found.translated(value if isinstance(value, str) else None)
    given = _code(value) if text is None else text if text.isdecimal() else repr(text)
    return f"{why} Give {keyword}={f'[{given}]' if found.option == 'seed' else given}."


@dataclass(frozen=True)
class Finished:
    """The end of a run.

    Attributes:
        records: the last record of each trial of the request, with the default recipe and with
            the chosen ones.
        exit_code: 0 all done, 1 some trials failed, 128 + signal when interrupted.
        report: the folder of the report, or ``None`` for none.
        command: the command line or the call.
        tries: the last record of each try in its tuning studies.
        claims: its claims with their trials.
        others: records of other runs that are shown with its own.
    """

    records: Sequence[Record]
    exit_code: int
    report: Path | None
    command: str
    tries: Sequence[Record] = ()
    claims: Sequence[PlannedClaim] = ()
    others: Sequence[Others] = ()

    @cached_property
    def judged(self) -> list[JudgedClaim]:
        """The verdicts on its claims, from the records of other runs too."""
        if not self.claims:
            return []
        from rnnbench.analysis.claims.judged import judge

        return judge(self.claims, self.shown, self.shown_tries)

    @property
    def shown(self) -> list[Record]:
        """The records of its report and its tables."""
        return [*self.records, *(record for each in self.others for record in each.records)]

    @property
    def shown_tries(self) -> list[Record]:
        """The tries of its report and its tables."""
        return [*self.tries, *(record for each in self.others for record in each.tries)]

    @property
    def interrupted(self) -> bool:
        """Whether a signal ended the run."""
        return self.exit_code > _SIGNALLED

    def write_report(self) -> Path | None:
        """Write the report, if one was asked for and there are records; return its index."""
        if self.report is None or not self.records:
            return None
        from rnnbench.execution.environment import available_cores
        from rnnbench.report.write import write_report

        return write_report(
            self.shown,
            self.report,
            command=self.command,
            processes=available_cores(),
            tries=self.shown_tries,
            claims=self.judged,
            others=self.others,
        )


def execute(
    asked: Asked,
    options: RunOptions,
    *,
    store: Path,
    report: Path | None,
    view: View,
    warn: Callable[[str], None] = warnings.warn,
    given: Sequence[type[nn.Module]] = (),
    against: Sequence[Path] = (),
) -> Finished:
    """Plan the trials and run those that the store does not hold yet.

    ``report`` and the files of ``against`` are checked before the work;
    :meth:`Finished.write_report` writes the report.

    Raises:
        RnnbenchError: a mistake that the user can correct.
    """
    from rnnbench.execution.executors.chosen import make_executor
    from rnnbench.execution.isolation import Processes
    from rnnbench.execution.planned import matched, plan, sharded, tuned
    from rnnbench.execution.run import pick_device, run_trials
    from rnnbench.records.store import Store

    # Before the plan: torch, which takes seconds, then loads in the server and here in parallel.
    with contextlib.ExitStack() as stack:
        processes = stack.enter_context(Processes(options.threads))
        planned = plan(asked, warn, given)
        others = others_of(against, planned, warn)
        device = pick_device(options.accelerator)
        if report is not None:
            from rnnbench.report.write import check_folder

            check_folder(report)
        planned = matched(planned, options, processes, store=store, device=device, warn=warn)
        planned = sharded(tuned(planned), options.shard)
        executor = make_executor(options.executor, planned.registry)
        if executor is not None:
            stack.enter_context(contextlib.closing(executor))
            if any(study.pruner != "none" for study in planned.studies):
                raise UsageError(
                    "--tune-pruner needs the progress of running tries, which executors do not "
                    "report; omit it, or run with --executor local."
                )
        with Store(store) as opened:
            ran = run_trials(
                planned.specs,
                opened,
                planned.registry,
                processes,
                options,
                device,
                view,
                planned.studies,
                planned.untimed,
                executor,
            )
            wanted = {spec.trial_id: spec for spec in ran.reported}
            records = [
                _chosen_for(record, wanted[record.trial_id])
                for record in opened.records()
                if record.trial_id in wanted
            ]
            tried = {spec.trial_id for spec in ran.tries}
            tries = [
                record
                for record in (opened.records(purpose="tuning") if tried else ())
                if record.trial_id in tried
            ]
    if others:
        from rnnbench.analysis.against import beside

        others = beside(records, tries, others, warn)
    return Finished(
        records,
        ran.exit_code,
        report,
        options.command,
        tries=tries,
        claims=planned.claims,
        others=others,
    )


def others_of(
    files: Sequence[Path],
    planned: Plan,
    warn: Callable[[str], None] = warnings.warn,
) -> list[Others]:
    """Return the records of files on the tasks of trials; ``warn`` is called for each task without.

    Raises:
        RnnbenchError: a file that cannot be read, or without a record on any of these tasks.
    """
    if not files:
        return []
    from rnnbench.analysis.against import on_tasks, read_others

    tasks = [spec.task for grid in planned.grids for spec in grid.specs]
    return [on_tasks(read_others(path), tasks, warn) for path in files]


def _chosen_for(record: Record, spec: TrialSpec) -> Record:
    """Return a record with the target of this run, which an earlier run may have had or not."""
    model = record.spec.model.model_copy(update={"matched": spec.model.matched})
    return record.model_copy(update={"spec": record.spec.model_copy(update={"model": model})})


def _frame(specs: Sequence[TrialSpec], store: Path, options: RunOptions) -> pd.DataFrame:
    import pandas as pd

    from rnnbench.execution.planned import stored

    kept = stored(store, options.retry)
    return pd.DataFrame(
        [
            {
                "trial_id": spec.trial_id,
                "status": str(kept.get(spec.trial_id, "to run")),
                "task": spec.task.label,
                "model": spec.model.label,
                "hidden_size": spec.model.hidden_size,
                "steps": spec.settings.steps,
                "seed": spec.seed,
                **_matched_columns(spec),
                "varied": spec.varied,
                **_tuning_columns(spec),
            }
            for spec in specs
        ]
    )


def _matched_columns(spec: TrialSpec) -> dict[str, object]:
    found = spec.model.matched
    if found is None:
        return {}
    return {
        "match_quantity": found.quantity,
        "match_target": found.target,
        "match_achieved": found.achieved,
        "match_error": found.error,
    }


def _tuning_columns(spec: TrialSpec) -> dict[str, object]:
    if spec.tuning is None:
        return {}
    return {"try": spec.tuning.number, **spec.tuning.values}


def _call(given: Mapping[str, Any]) -> str:
    """Return a call of :func:`run` as Python code, with each argument that is not the default.

    Args:
        given: all its arguments by name.
    """
    tasks, models = given["tasks"], given["models"]
    words = [_code(tasks), _code(models)] if models else [_code(tasks)] if tasks else []
    options = {
        name: given[name]
        for name, parameter in inspect.signature(run).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
        # Not ==: of an array it is no truth value, and True equals 1.
        and repr(given[name]) != repr(parameter.default)
    }
    words += [f"{name}={_code(value)}" for name, value in (options | given["settings"]).items()]
    return f"rnnbench.run({', '.join(words)})"


def _code(value: Any) -> str:
    if isinstance(value, list | tuple):
        inside = ", ".join(map(_code, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside},)"
    if isinstance(value, Path):
        return repr(str(value))
    if inspect.isclass(value):
        return value.__name__
    return repr(value.tolist() if hasattr(value, "tolist") else value)


def _classes(models: object) -> list[type[nn.Module]]:
    """Return the models that are no texts, each once."""
    return list(dict.fromkeys(each for each in _listed(models) if not isinstance(each, str)))


_TEXTS = {
    "vary": "init,data",
    "tune": "learning_rate=1e-4..1e-2",
    "claims": "forget-bias-half-life",
}
"""Examples of keywords whose values are texts."""


def _words(keyword: str, given: object) -> list[str]:
    """Return the texts of a keyword; a class of a model is selected by its name.

    Raises:
        UsageError: a value that is no text, or a model that is neither a text nor a class of a
            core.
    """
    words = []
    for each in _listed(given):
        if isinstance(each, str):
            words.append(each)
        elif keyword == "models":
            from rnnbench.contract.given import take_class

            words.append(take_class(each).name)
        elif keyword == "tasks":
            raise UsageError(
                f"tasks={each!r}: give the name of a task, e.g. 'copy-memory'; a task of your own "
                "is registered by a plugin; type: rnnbench new task NAME"
            )
        else:
            raise UsageError(
                f"{keyword}={one_line(repr(each), 60)} is not a text; "
                f"give e.g. {keyword}={_TEXTS[keyword]!r}."
            )
    return words


def _listed(given: Any) -> list[Any]:
    return list(given) if isinstance(given, list | tuple | set | frozenset) else [given]
