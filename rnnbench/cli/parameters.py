"""Options that several commands share, and the flags of the training's settings."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click

from rnnbench.api import DEFAULT_STORE
from rnnbench.cli.advice import Command
from rnnbench.errors import OptionError, UsageError, did_you_mean
from rnnbench.files import expanded

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from rnnbench.contract.options import Option

STORE_VARIABLE = "RNNBENCH_STORE"
FLAGS = {
    "learning_rate": ["--learning-rate", "--lr"],
    "jobs": ["-j", "--jobs"],
    "loggers": ["--logger"],
}
"""Flags that are not simply the name of the field."""
METAVARS = {
    "jobs": "NUMBER|auto",
    "threads": "NUMBER",
    "timeout": "DURATION",
    "max_time": "DURATION",
    "memory": "SIZE",
    "shard": "K/N",
    "retry": "STATUS",
    "loggers": "NAME",
}
"""Words for the values of run options in the help, where ``TEXT`` would be too vague."""
MEANT = {"accelerator": {"cuda": "gpu", "cuda:0": "gpu", "nvidia": "gpu", "mps": "auto"}}
"""Words of other tools for the values of run options."""
LOG_WIDTH = 140
"""Columns of the tables in a log file, which has no width of its own."""


class FilePath(click.Path):
    """A path; ``~`` is the home folder, where the shell has not replaced it: ``--store=~/a.db``."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """Return the path."""
        return expanded(os.fsdecode(super().convert(value, param, ctx)))


class Choice(click.Choice[str]):
    """One of several words; the refusal of another one states which word is near."""

    def __init__(self, choices: Sequence[str], meant: Mapping[str, str] | None = None) -> None:
        super().__init__(choices)
        self._meant = meant or {}

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the word."""
        word = str(value)[:60]
        if word not in self.choices:
            near = self._meant.get(word.lower())
            hint = f" Did you mean {near!r}?" if near else did_you_mean(word, self.choices)
            self.fail(f"{word!r} is not one of {', '.join(self.choices)}.{hint}", param, ctx)
        return word


store_option = click.option(
    "--store",
    type=FilePath(),
    envvar=STORE_VARIABLE,
    default=DEFAULT_STORE,
    show_default=True,
    show_envvar=True,
    metavar="FILE",
    help="The SQLite file with the records.",
)


def parse_seeds(count: str | None, exactly: Sequence[str] = ()) -> int | list[int] | None:
    """Return the seeds that ``--seeds`` and ``--seed`` ask for.

    Args:
        count: the text of ``--seeds``: ``5`` is a count, ``0,1,7`` are the seeds themselves.
        exactly: the texts of ``--seed``: ``42`` is the seed itself, and so are ``0,1,7``.

    Raises:
        UsageError: a text that cannot be read, or both options.
    """
    if count is not None and exactly:
        raise UsageError(
            f"--seeds and --seed were both given; type --seeds 5 for five seeds, "
            f"or --seed {exactly[0][:60]} for this one."
        )
    if exactly:
        return [seed for text in exactly for seed in _numbers("--seed", text, "a seed such as 42")]
    if count is None:
        return None
    seeds = _numbers("--seeds", count, "a count such as 5")
    return seeds[0] if len(seeds) == 1 and "," not in count else seeds


def _numbers(flag: str, text: str, what: str) -> list[int]:
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(re.fullmatch(r"[0-9]{1,10}", part) for part in parts):
        raise UsageError(f"{flag} {text[:60]!r} is neither {what} nor a list such as 0,1,7.")
    return [int(part) for part in parts]


class Setting(click.ParamType[str]):
    """The text of a setting's value, checked; the planner parses it."""

    def __init__(self, option: Option) -> None:
        kinds = {int: "INTEGER", float: "NUMBER", str: "NAME", type(None): "none"}
        words = [str(choice) for choice in option.choices]
        words += [word for kind, word in kinds.items() if kind in option.kinds]
        self._option = option
        self.name = "|".join(words)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the text unchanged."""
        try:
            self._option.parse(value)
        except OptionError as error:
            self.fail(str(error), param, ctx)
        return str(value)


class RunCommand(Command):
    """A command with one flag per field of ``Settings`` and of ``RunOptions``.

    A new setting or run option thereby needs no change here. The flags follow ``--hidden-size``.
    They are made when the command's options are needed, because importing pydantic would triple
    the time of ``rnnbench --help``.
    """

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own options, those of the settings and those of the run."""
        own = super().get_params(ctx)
        after = 1 + [parameter.name for parameter in own].index("hidden_size")
        return [*own[:after], *setting_flags(), *run_option_flags(), *own[after:]]


def setting_flags() -> list[click.Parameter]:
    """Return the flags of :class:`rnnbench.records.settings.Settings`."""
    from rnnbench.contract.options import Option
    from rnnbench.records.settings import Settings

    flags: list[click.Parameter] = []
    for name, field in Settings.model_fields.items():
        if field.annotation is bool:
            words = name.replace("_", "-")
            help_text = _sentence(field.description or name)
            flags.append(
                click.Option([f"--{words}/--no-{words}", name], default=None, help=help_text)
            )
            continue
        value = Setting(Option(name, field.rebuild_annotation(), field.default))
        flags.append(_flag(name, field, type=value, metavar=value.name))
    return flags


def run_option_flags() -> list[click.Parameter]:
    """Return the flags of the described fields of :class:`rnnbench.execution.options.RunOptions`.

    A switch that is on by default becomes ``--no-NAME``; a collection repeats. ``RunOptions``
    itself checks the values.
    """
    from rnnbench.execution.options import RunOptions

    flags: list[click.Parameter] = []
    for name, field in RunOptions.model_fields.items():
        if field.description is None:
            continue
        if isinstance(field.default, bool):
            flags.append(_switch(name, field))
        elif isinstance(field.default, tuple | frozenset):
            flags.append(_flag(name, field, multiple=True))
        elif get_origin(field.annotation) is Literal:
            choices = Choice(get_args(field.annotation), MEANT.get(name))
            flags.append(_flag(name, field, type=choices))
        else:
            flags.append(_flag(name, field))
    return flags


def _switch(name: str, field: FieldInfo) -> click.Option:
    flag = f"--{'no-' if field.default else ''}{name.replace('_', '-')}"
    text = f"{'do not ' if field.default else ''}{field.description}"
    value = not field.default
    return click.Option([flag, name], flag_value=value, default=None, help=_sentence(text))


def _flag(name: str, field: FieldInfo, **more: Any) -> click.Option:
    names = FLAGS.get(name, [f"--{name.replace('_', '-')}"])
    more.setdefault("metavar", METAVARS.get(name))
    return click.Option([*names, name], help=_sentence(field.description or name), **more)


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
