"""The `xlite` command: its commands, its global options, and how errors end it."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from xlite import __version__, console, streams
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
from xlite.errors import InterruptedRunError, explain
from xlite.signals import raise_on_interrupt

_OBJECTS_BETWEEN_COLLECTIONS = 20_000
_INTERRUPTED = 130


class _ErrorHandlingGroup(TyperGroup):
    """The command group that turns every error into one line and an exit code.

    2 is a mistake of the user's, 1 a fault that a check found, 70 a mistake of xlite's own.
    """

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        with _errors_explained():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        with _errors_explained(), raise_on_interrupt():
            return super().invoke(ctx)


@contextmanager
def _errors_explained() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt as interrupt:
        console.error("interrupted.")
        raise typer.Exit(_INTERRUPTED) from interrupt
    except Exception as error:
        # Typer's own: an end with an exit code, or a wrong option, which it shows itself.
        if isinstance(error, typer.Exit | typer.Abort) or hasattr(error, "format_message"):
            raise
        raise typer.Exit(_explain(error)) from error


def _explain(error: Exception) -> int:
    """Say what went wrong in one line; returns the exit code."""
    if _follows_interrupt(error) and not isinstance(error, InterruptedRunError):
        console.error("interrupted.")
        return _INTERRUPTED
    if isinstance(error, OSError) and streams.is_closed_pipe(error):
        return streams.leave_closed_pipe()
    message, exit_code = explain(error)
    console.error(message)
    return exit_code


def _follows_interrupt(error: BaseException | None) -> bool:
    """Whether Ctrl-C led to the error: an import that it stops may raise anything."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


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
    streams.prepare()
    exit_code = 0
    try:
        app()
    except SystemExit as end:
        exit_code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        # Python's last collection before it exits would look through all of them again: 0.15 s.
        gc.freeze()
    sys.exit(streams.finish(exit_code))
