"""The command line: words in, one line per error out. Commands import what they need when they run,
so that help is quick.
"""

from __future__ import annotations

import atexit
import contextlib
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
from rnnbench.errors import RnnbenchError, did_you_mean, one_line

EPILOG = "Start here: rnnbench run --task copy-memory --preset quick"


class _Commands(click.Group):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            near = did_you_mean(args[0], self.commands)
            raise click.UsageError(
                f"no command called {one_line(args[0], 60)!r}.{near} Type: rnnbench --help", ctx
            )
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, prog_name="rnnbench")
def commands() -> None:
    """Which recurrent architecture, and why: learning, speed, size and gradient reach, measured the
    same way.
    """


for command in (run, list_, plugins, report, compare, export, show, generate, check, new, doctor):
    commands.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 1 some trials failed, 2 the user's mistake, 3 a failed
    gate, 130 interrupted.
    """
    quick_exit = _QuickExit()
    if arguments is None:
        atexit.register(quick_exit)
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
    quick_exit.code = code
    sys.exit(code)


class _QuickExit:
    """Ends the process without the teardown of its modules, which takes 0.5 s with torch loaded.

    Exit functions run in reverse order, so that this one, registered first, is the last.
    """

    def __init__(self) -> None:
        self.code: int | None = None

    def __call__(self) -> None:
        """Exit with the code of a command that ended in order."""
        if self.code is not None and "torch" in sys.modules:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(self.code)


def _fail(text: str, code: int) -> None:
    click.echo(f"rnnbench: {one_line(text, 2000)}", err=True)
    sys.exit(code)


def _abandon_output() -> None:
    """Let what could not be written go, about which Python would complain at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
