"""`xlite study check`: whether a plan is sound, and what it comes to."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlite import console
from xlite.cli import options
from xlite.cli.expansion import expand_groups

_EPILOG = "Example: xlite study check PLAN.toml"

Plan = Annotated[
    Path, typer.Argument(metavar="PLAN.toml", help="The plan of the study.", show_default=False)
]


def register(study: typer.Typer) -> None:
    """Add the command to the group."""
    study.command("check", epilog=_EPILOG)(expand_groups(check))


def check(
    plan: Plan,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of experiments, whose earlier runs tell of time. Default: the plan's.",
        ),
    ] = None,
    json: options.Json = False,
) -> None:
    """Check every name and value of a plan, and show its tree, its size, and what it can tell.

    Nothing is trained or written. All faults are named at once. Refused are selection by the test
    part, circles, what nobody reaches, scores that would be undefined, and thresholds for the point
    that are closer to each other than the images can tell with 80 % power. Images are counted as if
    each were another patient's and labels as if they were independent, which is the best case.
    """
    from xlite.workflows.study_check import check_study

    found = check_study(plan, out=out)
    for warning in found.warnings:
        console.warn(warning)
    if json:
        console.result_json(found.to_json())
        return
    from xlite.cli.study_check_tables import print_check

    print_check(found)
