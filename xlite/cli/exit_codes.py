"""How an error ends a command: one line, and an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperGroup

from xlite import console, streams
from xlite.errors import InterruptedRunError, explain
from xlite.signals import raise_on_interrupt

_INTERRUPTED = 130


class ErrorHandlingGroup(TyperGroup):
    """The command group that turns every error into one line and an exit code.

    2 is a mistake of the user's, 1 a fault that a check found, 70 a mistake of xlite's own.
    """

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Click's, for the options of the command."""
        with _errors_explained():
            return super().make_context(*args, **kwargs)

    def get_params(self, ctx: Any) -> Any:
        """Click's: the options before the command, all of them flags."""
        params = super().get_params(ctx)
        for flag in params:
            # To find that the None of its own flags is not given, Typer would import pydantic,
            # which takes a third of the start of `xlite train --help`.
            flag.default = flag.default or False
        return params

    def invoke(self, ctx: Any) -> Any:
        """Click's, for the command itself."""
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
