"""A command whose options may also come from a settings file or --set, and that has many of them.

Such a command is registered with `cls=SettingsCommand`, takes `SettingsOptions` as a parameter and
ends where its `shows` says so, when all has been validated; the rest is done here.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer
from typer.core import TyperCommand

from xlite import console
from xlite.cli.generated_options import FORMER_OPTIONS
from xlite.cli.settings_options import SETTINGS, SHOWS_ALL
from xlite.errors import InputError


class SettingsCommand(TyperCommand):
    """The command class that reads settings files, and shows rare options with --help-all only."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the arguments, with the values of --set and of the file as defaults."""
        args = _rename_options(args)
        given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
        has_more = given.get("config") is not None or given.get("assignments")
        if has_more and not ctx.resilient_parsing and not given.get("help"):
            from xlite.cli.settings_sources import collect_settings

            settings = collect_settings(
                inspect.signature(self.callback).parameters,  # type: ignore[arg-type]
                {name: param.opts for param in self.params if (name := param.name)},
                given,
            )
            ctx.default_map = {name: setting.value for name, setting in settings.items()}
            ctx.meta[SETTINGS] = settings
        with self._origins_named(ctx):
            return super().parse_args(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        """Run the command; a fault in a value that is not of the command line says whence it is."""
        with self._origins_named(ctx):
            return super().invoke(ctx)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Write the help, without rare options unless all are asked for."""
        rare: frozenset[str] = getattr(self.callback, "rare_parameters", frozenset())
        hidden = [] if ctx.meta.get(SHOWS_ALL) else [p for p in self.params if p.name in rare]
        for param in hidden:
            param.hidden = True  # type: ignore[attr-defined]
        try:
            super().format_help(ctx, formatter)
        finally:
            for param in hidden:
                param.hidden = False  # type: ignore[attr-defined]

    @contextmanager
    def _origins_named(self, ctx: Any) -> Iterator[None]:
        settings = ctx.meta.get(SETTINGS)
        try:
            yield
        except (InputError, typer.BadParameter) as error:
            if not settings:
                raise
            from xlite.cli.settings_sources import name_origins

            options = {param.name: param.opts for param in self.params}
            message = error.format_message() if hasattr(error, "format_message") else str(error)
            named = name_origins(message, settings, options)
            if named == message:
                raise
            raise InputError(named) from error


def _rename_options(args: list[str]) -> list[str]:
    """The arguments with today's names of options that had others, each noted."""
    renamed: list[str] = []
    for place, arg in enumerate(args):
        if arg == "--":
            return [*renamed, *args[place:]]
        option, equals, value = arg.partition("=")
        new = FORMER_OPTIONS.get(option)
        if new is not None:
            console.say(f"note: {option} is called {new} now")
        renamed.append(f"{new or option}{equals}{value}")
    return renamed
