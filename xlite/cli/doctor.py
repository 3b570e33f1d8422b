"""`xlite doctor`: the faults that make results false, looked for in anyone's project."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from xlite import console
from xlite.cli import options
from xlite.cli.column_options import ColumnOptions
from xlite.cli.doctor_tables import print_diagnosis
from xlite.cli.expansion import expand_groups
from xlite.errors import CheckFailedError

_EPILOG = (
    "Example: xlite doctor\n\n"
    "Example: xlite doctor --split their_split --images images\n\n"
    "Example: xlite doctor --predictions theirs.csv --split data/splits --json"
)

_Project = Annotated[
    Path | None,
    typer.Argument(
        metavar="[DIR]", help="A project's folder. Default: the current one, if nothing is given."
    ),
]
_All = Annotated[bool, typer.Option("--all", help="Also list what passed and what did not apply.")]
_Ignore = Annotated[
    list[str] | None,
    typer.Option("--ignore", metavar="CODE", help="Leave out a check: XL009. Repeatable."),
]


@dataclass(frozen=True)
class SingleOptions:
    """Single things to look at, and what lies beside them."""

    split: Annotated[
        Path | None,
        typer.Option(
            "--split",
            metavar="DIR",
            help="A folder of train.csv, val.csv and test.csv, anyone's; or of folds.",
        ),
    ] = None
    predictions: Annotated[
        Path | None,
        typer.Option(
            "--predictions", metavar="CSV", help="Anyone's predictions, of --split or --labels."
        ),
    ] = None
    labels: Annotated[
        list[Path] | None,
        typer.Option(
            "--labels", metavar="CSV", help="A label table, also the one that --split is made from."
        ),
    ] = None
    run: Annotated[Path | None, typer.Option("--run", metavar="DIR", help="A run's folder.")] = None
    images: Annotated[
        Path | None, typer.Option("--images", metavar="DIR", help="The images of the split.")
    ] = None
    cache: Annotated[
        Path | None, typer.Option("--cache", metavar="DIR", help="The CLAHE cache of the split.")
    ] = None
    test_list: Annotated[
        Path | None,
        typer.Option(
            "--test-list",
            metavar="FILE",
            help="The official list that the test part is said to be: an image name a line.",
        ),
    ] = None


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("doctor", rich_help_panel="Judging", epilog=_EPILOG)(expand_groups(doctor))


def doctor(
    single: SingleOptions,
    columns: ColumnOptions,
    project: _Project = None,
    every: _All = False,
    ignore: _Ignore = None,
    json: options.Json = False,
) -> None:
    """Look for the faults that make published results false, in a project or in single things.

    Splits, label tables, caches, runs and what was judged of them are found below the folder,
    whatever it is called and whoever made it; columns are found by their names. Each check says
    what it saw, with numbers, what follows and what to do; docs/doctor.md has a section a check.
    Exit 1 on an issue.
    """
    from xlite.tables.table_format import TableFormat
    from xlite.workflows.doctor import doctor as diagnose

    table_format = columns.to_table_format()
    diagnosis = diagnose(
        project,
        **vars(single),
        # Without a word on columns, each file's own names are looked at.
        table_format=None if table_format == TableFormat() else table_format,
        ignore=ignore or (),
    )
    if json:
        console.result_json(diagnosis.to_json())
    else:
        print_diagnosis(diagnosis, every=every)
    if diagnosis.issues:
        raise CheckFailedError(_count(len(diagnosis.issues)))


def _count(num_issues: int) -> str:
    return "1 issue was found." if num_issues == 1 else f"{num_issues} issues were found."
