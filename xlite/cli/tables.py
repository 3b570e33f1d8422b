"""`xlite tables`: what label tables hold, and several of them as one."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import typer
from typer.core import TyperGroup

from xlite.cli import tables_merge, tables_read

_EPILOG = "Example: xlite tables --dataset chexpert CheXpert-v1.0-small"

_COMMANDS: tuple[ModuleType, ...] = (tables_read, tables_merge)
"""Each has `register`, which adds its command to the group."""


class ReadByDefault(TyperGroup):
    """The group whose command `read` needs no name: `xlite tables FILES`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Click's, with "read" in front of what names no command."""
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["read", *args]
        return super().parse_args(ctx, args)


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    tables = typer.Typer(no_args_is_help=True)
    for command in _COMMANDS:
        command.register(tables)
    app.add_typer(
        tables,
        name="tables",
        cls=ReadByDefault,
        help="Say what label tables hold, as their data set declares it; merge those of several.",
        epilog=_EPILOG,
        rich_help_panel="Data",
    )
