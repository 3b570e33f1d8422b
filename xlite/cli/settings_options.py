"""The options that say where the values of other options come from."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from xlite import console

SETTINGS, SHOWS_ALL = "xlite.settings", "xlite.shows_all"
"""Where a context keeps the settings that are not of the command line, and which help to show."""


def _show_all(context: typer.Context, wanted: bool) -> None:
    if wanted:
        context.meta[SHOWS_ALL] = True
        typer.echo(context.get_help())
        raise typer.Exit


@dataclass(frozen=True)
class HelpOptions:
    """The help of a command that shows most of its options in it only."""

    help_all: Annotated[
        bool,
        typer.Option(
            "--help-all",
            is_eager=True,
            callback=_show_all,
            help="Show all options, also those that few people need.",
        ),
    ] = False


@dataclass(frozen=True)
class SettingsOptions(HelpOptions):
    """Where else the values of options come from."""

    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE",
            help="Options from a TOML file, or the settings in a run's config.json.",
        ),
    ] = None
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="NAME=VALUE",
            help="An option by its name, as in lr=3e-4; wins over --config. Repeatable.",
        ),
    ] = None
    show_config: Annotated[
        bool,
        typer.Option(
            "--show-config",
            help="Print the options as a file for --config, and where each came from; do nothing.",
        ),
    ] = False

    def shows(self, context: typer.Context) -> bool:
        """Print the options if that is what is wanted; whether it was."""
        from xlite.cli.settings_text import render_settings

        if self.show_config:
            console.result_text(render_settings(context, context.meta.get(SETTINGS)))
        return self.show_config
