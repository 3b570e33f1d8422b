"""The `xlite` command: its commands and its global options."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from xlite import __version__, console, own_process, streams
from xlite.cli import (
    ablate,
    balance,
    bundle,
    cache,
    checklist,
    combine,
    compare,
    demo,
    doctor,
    evaluate,
    explain,
    export,
    log,
    models,
    power,
    predict,
    probe,
    report,
    split,
    status,
    study,
    tables,
    track,
    train,
    verify,
)
from xlite.cli.exit_codes import ErrorHandlingGroup

app = typer.Typer(
    cls=ErrorHandlingGroup,
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
    tables,
    split,
    cache,
    balance,
    models,
    probe,
    train,
    status,
    study,
    power,
    evaluate,
    ablate,
    compare,
    doctor,
    combine,
    predict,
    explain,
    export,
    report,
    bundle,
    verify,
    log,
    checklist,
    track,
):
    command.register(app)


def main() -> None:
    """The entry point of the `xlite` script."""
    own_process.collect_rarely()
    streams.prepare()
    exit_code = 0
    try:
        app()
    except SystemExit as end:
        exit_code = end.code if isinstance(end.code, int) else int(end.code is not None)
    finally:
        own_process.leave_objects_uncollected()
    sys.exit(streams.finish(exit_code))
