"""The entry point: the group of commands, exit codes, and one line for every error.

Commands import what they need when they run, so that help answers quickly.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Sequence

import click

from rnnbench import __version__
from rnnbench.cli.catalog import list_, plugins
from rnnbench.cli.develop import check, new
from rnnbench.cli.doctor import doctor
from rnnbench.cli.generate import generate
from rnnbench.cli.results import compare, export, report, show
from rnnbench.cli.run import run
from rnnbench.errors import RnnbenchError, did_you_mean, message_line

EPILOG = "To start: rnnbench run --task copy-memory --preset quick"


class _Commands(click.Group):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            near = did_you_mean(args[0], self.commands)
            raise click.UsageError(
                f"no command called {args[0]!r}.{near} Type: rnnbench --help", ctx
            )
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="rnnbench")
def commands() -> None:
    """Benchmark recurrent architectures: learning, speed, size and gradient reach."""


for command in (run, list_, plugins, report, compare, export, show, generate, check, new, doctor):
    commands.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    The exit code is 0 for success, 1 for failed trials or checks, 2 for wrong usage, 3 for a
    regression, and 130 after an interrupt.
    """
    try:
        code = commands.main(arguments, prog_name="rnnbench", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except RnnbenchError as error:
        _fail(str(error), error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)
    except BrokenPipeError:
        _abandon_output()
        sys.exit(1)
    except OSError as error:
        _abandon_output()
        _fail(
            f"{error.filename or 'the output'} cannot be used: {error.strerror}.",
            RnnbenchError.exit_code,
        )
    code = code if isinstance(code, int) else 0
    # Python collects garbage on exit. With torch loaded, this takes 0.4 of 2.0 s of rnnbench list.
    if arguments is None:
        gc.freeze()
    sys.exit(code)


def _fail(text: str, code: int) -> None:
    click.echo(f"rnnbench: {message_line(text)}", err=True)
    sys.exit(code)


def _abandon_output() -> None:
    """Discard buffered output that cannot be written, so that Python does not report it on exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
