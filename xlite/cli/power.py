"""`xlite power`: how many images and seeds it takes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlite import console
from xlite.cli import options
from xlite.cli.column_options import ColumnOptions
from xlite.cli.expansion import RARE, expand_groups
from xlite.cli.plan_options import PlanOptions
from xlite.cli.plan_tables import print_sample_plan
from xlite.cli.settings_command import SettingsCommand
from xlite.cli.settings_options import HelpOptions

_EPILOG = (
    "Example: xlite power --labels Data_Entry_2017.csv --width 0.03\n\n"
    "Example: xlite power --split data/splits --part test --difference 0.02 --num-seeds 5"
)

Split = Annotated[
    Path | None,
    typer.Option(
        "--split",
        metavar="DIR",
        help="Plan for a part of this split instead of a whole table.",
        rich_help_panel=options.DATA,
    ),
]
Part = Annotated[
    str | None, typer.Option(metavar="val|test|train", help="Part of the split; val by default.")
]
Auroc = Annotated[float, typer.Option(help="AUROC that models are expected to have.")]
Level = Annotated[float, typer.Option(min=0.5, max=0.999, help="Confidence of the intervals.")]
PatientCorrelation = Annotated[
    float, typer.Option(help="Likeness of a patient's images with a finding: assumed."), RARE
]


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    command = app.command("power", cls=SettingsCommand, rich_help_panel="Judging", epilog=_EPILOG)
    command(expand_groups(power))


def power(
    plan: PlanOptions,
    columns: ColumnOptions,
    _: HelpOptions,
    labels: options.Labels = None,
    split: Split = None,
    part: Part = None,
    auroc: Auroc = 0.8,
    patient_correlation: PatientCorrelation = 0.5,
    level: Level = 0.95,
    json: options.Json = False,
) -> None:
    """Say how many positives, films and seeds it takes, before anything is trained.

    By this table's patients and prevalences: the positives for an interval of ± --width of each
    label, and the films and seeds that tell two methods apart by --difference. After a run,
    `xlite evaluate RUN --plan` says the same by its own scores; how much more training films bring
    is told by `xlite train --subset-sizes`.
    """
    from xlite.workflows.power import plan_sample

    found = plan_sample(
        labels,
        split=split,
        part=part,
        table_format=columns.to_table_format(),
        auroc=auroc,
        aim=plan.to_aim(level=level, patient_correlation=patient_correlation),
    )
    if json:
        console.result_json(found.to_json())
    else:
        print_sample_plan(found)
