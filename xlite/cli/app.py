"""The `xlite` command: its commands, its global options, and how errors end it."""

from __future__ import annotations

import errno
import gc
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from xlite import __version__, console
from xlite.cli import (
    ablate,
    balance,
    cache,
    compare,
    demo,
    evaluate,
    log,
    models,
    report,
    split,
    status,
    train,
)
from xlite.errors import XliteError

_OBJECTS_BETWEEN_COLLECTIONS = 20_000
_DISK_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM)


class _ErrorHandlingGroup(TyperGroup):
    """The command group that turns a user's errors into one line and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except XliteError as error:
            console.error(str(error))
            raise typer.Exit(error.exit_code) from error
        except KeyboardInterrupt as interrupt:
            console.error("interrupted.")
            raise typer.Exit(130) from interrupt
        except OSError as error:
            if error.errno not in _DISK_FAULTS:
                raise
            console.error(f"{error.strerror}: {error.filename or 'the output folder'}.")
            raise typer.Exit(2) from error


app = typer.Typer(
    cls=_ErrorHandlingGroup,
    name="xlite",
    help="Train imbalanced, multi-label chest X-ray classifiers whose experiments can be believed.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"xlite {__version__}")
        raise typer.Exit


@app.callback()
def set_up(
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the full traceback of an error.")
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="Say nothing but results, warnings and errors.")
    ] = False,
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Train imbalanced, multi-label chest X-ray classifiers whose experiments can be believed."""
    console.show_tracebacks(debug)
    console.set_verbosity(
        console.QUIET if quiet else console.VERBOSE if verbose else console.NORMAL
    )


for command in (
    demo,
    split,
    cache,
    balance,
    models,
    train,
    status,
    evaluate,
    ablate,
    compare,
    report,
    log,
):
    command.register(app)


def main() -> None:
    """The entry point of the `xlite` script."""
    # Importing makes objects by the hundred thousand, all of them to stay: looking through them
    # every 700 (Python's default) takes a tenth of a command's start.
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    try:
        app()
    except BrokenPipeError:
        # `xlite … | head` closed the pipe; nobody is left to tell.
        sys.stderr.close()
        raise SystemExit(141) from None
    finally:
        # Python's last collection before it exits would look through all of them again: 0.15 s.
        gc.freeze()
