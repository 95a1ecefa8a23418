"""The entry point: the group of commands, exit codes, and one line for every error.

Commands import what they need when they run, so that help answers quickly.
"""

from __future__ import annotations

import contextlib
import gc
import os
import shlex
import sys
from collections.abc import Sequence

import click

from rnnbench import __version__
from rnnbench.cli.catalog import list_, plugins
from rnnbench.cli.claims import claims
from rnnbench.cli.develop import check, new
from rnnbench.cli.doctor import doctor
from rnnbench.cli.generate import generate
from rnnbench.cli.info import info
from rnnbench.cli.merge import merge
from rnnbench.cli.output import echo
from rnnbench.cli.results import compare, export, report, show
from rnnbench.cli.run import run
from rnnbench.cli.worker import worker
from rnnbench.encoding import write_plainly
from rnnbench.errors import MESSAGE_LIMIT, RnnbenchError, did_you_mean, message_line

EPILOG = """\b
To start:
  rnnbench run --task copy-memory --preset quick
Exit codes:
  0 success, 1 failed trials or checks, 2 wrong usage, 3 a regression or a contradicted claim,
  130 an interrupt
"""
MEANT = {
    **dict.fromkeys(("train", "bench", "benchmark", "fit", "start", "sweep", "resume"), "run"),
    **dict.fromkeys(("ls", "show-all", "available"), "list"),
    **dict.fromkeys(("describe", "explain", "equations", "cite"), "info"),
    **{kind: f"list {kind}" for kind in ("models", "tasks", "suites")},
    **dict.fromkeys(("csv", "results", "table", "dump"), "export"),
    **dict.fromkeys(("plot", "html", "summary", "leaderboard"), "report"),
    **dict.fromkeys(("log", "logs", "trial", "inspect"), "show"),
    **dict.fromkeys(("diff", "vs"), "compare"),
    **dict.fromkeys(("join", "combine", "import"), "merge"),
    **dict.fromkeys(("init", "create", "scaffold"), "new"),
    **dict.fromkeys(("sample", "text"), "generate"),
    **dict.fromkeys(("verify", "validate", "test", "lint"), "check"),
    **dict.fromkeys(("env", "diagnose", "fsck"), "doctor"),
    "plugin": "plugins",
    "version": "--version",
    "help": "--help",
}
"""Commands of other tools, and ours."""


class _Commands(click.Group):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self.commands and not args[0].startswith("-"):
            meant = MEANT.get(args[0].lower())
            near = "" if meant else did_you_mean(args[0], self.commands)
            words = shlex.join(["rnnbench", *meant.split(), *args[1:]]) if meant else ""
            if not meant or len(words) > MESSAGE_LIMIT // 2:
                words = "rnnbench --help"
            raise click.UsageError(f"no command called {args[0]!r}.{near} Type: {words}", ctx)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            text = error.format_message()
            raise click.UsageError(f"{text} Type: rnnbench --help", ctx) from None


@click.group(
    cls=_Commands,
    epilog=EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
)
@click.version_option(__version__, "-v", "-V", "--version", prog_name="rnnbench")
def commands() -> None:
    """Benchmark recurrent architectures: learning, speed, size and gradient reach."""


for command in (
    run,
    list_,
    info,
    claims,
    plugins,
    report,
    compare,
    export,
    merge,
    show,
    generate,
    check,
    new,
    doctor,
    worker,
):
    commands.add_command(command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    The exit code is 0 for success, 1 for failed trials or checks, 2 for wrong usage, 3 for a
    regression or a contradicted claim, and 130 after an interrupt.
    """
    write_plainly()
    try:
        code = commands.main(arguments, prog_name="rnnbench", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        echo(error.ctx.get_help() if error.ctx else "", err=True)
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
    echo(f"rnnbench: {message_line(text)}", err=True)
    sys.exit(code)


def _abandon_output() -> None:
    """Discard buffered output that cannot be written, so that Python does not report it on exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
