"""Options that several commands share, and the flags of the training's settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

import click

from rnnbench.api import DEFAULT_STORE
from rnnbench.errors import OptionError, UsageError

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
    "retry": "STATUS",
    "loggers": "NAME",
}
"""Words for the values of run options in the help, where ``TEXT`` would be too vague."""
LOG_WIDTH = 140
"""Columns of the tables in a log file, which has no width of its own."""

store_option = click.option(
    "--store",
    type=click.Path(path_type=Path),
    envvar=STORE_VARIABLE,
    default=DEFAULT_STORE,
    show_default=True,
    show_envvar=True,
    help="The SQLite file with the records.",
)


def parse_seeds(text: str | None) -> int | list[int] | None:
    """Parse ``5`` as a count and ``0,1,7`` as the seeds themselves."""
    if text is None:
        return None
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(re.fullmatch(r"[0-9]{1,10}", part) for part in parts):
        raise UsageError(
            f"--seeds {text[:60]!r} is neither a count such as 5 nor a list such as 0,1,7."
        )
    return int(parts[0]) if len(parts) == 1 and "," not in text else [int(part) for part in parts]


class Setting(click.ParamType[str]):
    """The text of a setting's value, checked; the planner parses it."""

    def __init__(self, option: Option) -> None:
        kinds = {int: "INTEGER", float: "NUMBER", type(None): "none"}
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


class RunCommand(click.Command):
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
    """Return the flags of :class:`rnnbench.records.spec.Settings`."""
    from rnnbench.contract.options import Option
    from rnnbench.records.spec import Settings

    flags: list[click.Parameter] = []
    for name, field in Settings.model_fields.items():
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
            flags.append(_flag(name, field, type=click.Choice(get_args(field.annotation))))
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
