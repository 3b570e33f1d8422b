"""`xlite study`: experiments, searches, rules and questions from one plan file."""

from __future__ import annotations

from types import ModuleType

import typer

from xlite.cli import (
    study_check,
    study_decide,
    study_import,
    study_run,
    study_slurm,
    study_status,
    study_work,
)

_EPILOG = "Example: xlite study run PLAN.toml"

_COMMANDS: tuple[ModuleType, ...] = (
    study_check,
    study_run,
    study_work,
    study_slurm,
    study_status,
    study_decide,
    study_import,
)
"""Each has `register`, which adds its command to the group."""


def register(app: typer.Typer) -> None:
    """Add the commands to the app."""
    study = typer.Typer(no_args_is_help=True)
    for command in _COMMANDS:
        command.register(study)
    app.add_typer(
        study,
        name="study",
        help="Carry out a study that is written in one file, on one machine or many.",
        epilog=_EPILOG,
        rich_help_panel="Training",
    )
