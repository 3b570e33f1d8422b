"""`xlite tables`: what label tables hold, and several of them as one."""

from __future__ import annotations

from types import ModuleType

import typer

from xlite.cli import tables_merge

_EPILOG = "Example: xlite tables merge SETS.toml --out merged.csv"

_COMMANDS: tuple[ModuleType, ...] = (tables_merge,)
"""Each has `register`, which adds its command to the group."""


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    tables = typer.Typer(no_args_is_help=True)
    for command in _COMMANDS:
        command.register(tables)
    app.add_typer(
        tables,
        name="tables",
        help="Merge label tables of several data sets.",
        epilog=_EPILOG,
        rich_help_panel="Data",
    )
