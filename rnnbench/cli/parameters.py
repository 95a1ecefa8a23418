"""Options that several commands share, and the flags of the training's settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from rnnbench.api import DEFAULT_STORE
from rnnbench.errors import OptionError, UsageError

if TYPE_CHECKING:
    from rnnbench.contract.options import Option

STORE_VARIABLE = "RNNBENCH_STORE"
SHORT_FLAGS = {"learning_rate": ["--lr"]}
"""Additional flags of settings."""
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


class CommandWithSettings(click.Command):
    """A command with one flag for each field of :class:`rnnbench.records.spec.Settings`.

    The flags follow ``--hidden-size``. They are made when the command's options are needed, because
    importing pydantic would triple the time of ``rnnbench --help``.
    """

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Return the command's own options and those of the settings."""
        own = super().get_params(ctx)
        after = 1 + [parameter.name for parameter in own].index("hidden_size")
        return [*own[:after], *self._settings(), *own[after:]]

    def _settings(self) -> list[click.Parameter]:
        from rnnbench.contract.options import Option
        from rnnbench.records.spec import Settings

        options: list[click.Parameter] = []
        for name, field in Settings.model_fields.items():
            flags = [f"--{name.replace('_', '-')}", *SHORT_FLAGS.get(name, ())]
            value = Setting(Option(name, field.rebuild_annotation(), field.default))
            text = f"{field.description or name}."
            options.append(
                click.Option(
                    [*flags, name],
                    type=value,
                    metavar=value.name,
                    help=text[0].upper() + text[1:],
                )
            )
        return options
