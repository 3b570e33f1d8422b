"""`xlite explain`: heat maps of a run, how they point, whether they care for weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlite import console
from xlite.cli import options
from xlite.cli.column_options import ColumnOptions
from xlite.cli.expansion import expand_groups
from xlite.cli.explanation_options import ExplainedOptions
from xlite.cli.explanation_tables import print_explanation
from xlite.cli.names import split_quoted_names
from xlite.cli.predicting_options import PredictingOptions
from xlite.own_process import keep_freed_memory

_EPILOG = (
    "Example: xlite explain experiments/runs/NAME --images data/raw --labels "
    "Data_Entry_2017.csv --boxes BBox_List_2017.csv\n\n"
    "Example: xlite explain experiments/runs/NAME --images film.dcm --maps"
)

_Run = Annotated[
    Path, typer.Argument(metavar="RUN", help="A run's folder, or its name in experiments/runs.")
]
_Images = Annotated[
    list[Path],
    typer.Option(
        "--images",
        metavar="DIR|FILE",
        help="Films: a folder, or files; repeatable. With --labels the folder of the table's.",
        rich_help_panel=options.DATA,
    ),
]
_Maps = Annotated[
    bool, typer.Option("--maps", help="Write each map, too, as a PNG of the film's size.")
]
_Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Default: explanations/NAME beside the runs."),
]
_Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace the explanation in the folder.")
]
_AllowFailed = Annotated[
    bool, typer.Option("--allow-failed", help="Exit 0 although films could not be read.")
]


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("explain", rich_help_panel="Using", epilog=_EPILOG)(expand_groups(explain))


def explain(
    run: _Run,
    images: _Images,
    explained: ExplainedOptions,
    columns: ColumnOptions,
    predicting: PredictingOptions,
    maps: _Maps = False,
    out: _Out = None,
    overwrite: _Overwrite = False,
    allow_failed: _AllowFailed = False,
    json: options.Json = False,
) -> None:
    """Draw what a run's calls rest on, and score it against boxes beside what needs no model.

    Writes pictures of what was found, missed and falsely called, with map and box, and
    localisation.json: pointing game, energy in the box and IoU, by label with intervals over
    patients, beside the film's centre, the mean box of other patients, and models with new weights.
    Films that can't be read are named, and the rest goes on (exit 1).
    """
    from xlite.workflows import explain as workflow

    keep_freed_memory()
    explanation = workflow.explain(
        run,
        images[0] if len(images) == 1 else images,
        **{**vars(explained), "only": split_quoted_names(explained.only or "")},
        table_format=columns.to_table_format(),
        runtime=predicting.to_runtime(),
        maps=maps,
        out=out,
        overwrite=overwrite,
    )
    if json:
        console.result_json(explanation.to_json())
    else:
        print_explanation(explanation)
    if not allow_failed:
        workflow.require_all_explained(explanation)
