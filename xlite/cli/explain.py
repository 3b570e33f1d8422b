"""`xlite explain`: heat maps of a run, how well they point, and whether they care for the weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlite import console
from xlite.cli import options
from xlite.cli.column_options import ColumnOptions
from xlite.cli.expansion import expand_groups
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
_Labels = Annotated[
    Path | None,
    typer.Option(
        "--labels",
        metavar="CSV",
        help="Label table: whose films they are, and what was missed or a false alarm.",
        rich_help_panel=options.DATA,
    ),
]
_Boxes = Annotated[
    Path | None,
    typer.Option(
        "--boxes",
        metavar="CSV",
        help="Boxes of findings: NIH's list, VinDr's or RSNA's, or image_id, label, x, y, width, "
        "height, in pixels of the films.",
        rich_help_panel=options.DATA,
    ),
]
_Method = Annotated[str, typer.Option("--method", help="gradcam, hirescam or layercam.")]
_Only = Annotated[
    str | None,
    typer.Option("--only", metavar="LABEL,…", help="Labels to draw maps of. Default: all."),
]
_Thresholds = Annotated[
    Path | None,
    typer.Option("--thresholds", metavar="FILE", help="Call by these instead of the run's own."),
]
_Split = Annotated[
    Path | None,
    typer.Option(
        "--split",
        metavar="DIR",
        help="Where the run's split lies now, to fit thresholds and to count films that it has "
        "seen.",
        rich_help_panel=options.DATA,
    ),
]
_Cache = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="DIR",
        help="The CLAHE cache of a run of version 0.1, which does not say how films were made.",
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


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("explain", rich_help_panel="Using", epilog=_EPILOG)(expand_groups(explain))


def explain(
    columns: ColumnOptions,
    predicting: PredictingOptions,
    run: _Run,
    images: _Images,
    labels: _Labels = None,
    boxes: _Boxes = None,
    method: _Method = "gradcam",
    only: _Only = None,
    thresholds: _Thresholds = None,
    split: _Split = None,
    cache: _Cache = None,
    maps: _Maps = False,
    out: _Out = None,
    overwrite: _Overwrite = False,
    json: options.Json = False,
) -> None:
    """Draw what a run's calls rest on, and score it against boxes beside what needs no model.

    Writes pictures of what was found, missed and falsely called, with map and box, and
    localisation.json: pointing game, energy in the box and IoU, by label with intervals over
    patients, beside the film's centre, the mean box of other patients, and models with new weights.
    """
    from xlite.workflows.explain import explain as workflow

    keep_freed_memory()
    explanation = workflow(
        run,
        images[0] if len(images) == 1 else images,
        labels=labels,
        table_format=columns.to_table_format(),
        boxes=boxes,
        method=method,
        only=split_quoted_names(only or ""),
        thresholds=thresholds,
        split=split,
        cache=cache,
        runtime=predicting.to_runtime(),
        maps=maps,
        out=out,
        overwrite=overwrite,
    )
    if json:
        console.result_json(explanation.to_json())
    else:
        print_explanation(explanation)
