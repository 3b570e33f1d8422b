"""`xlite predict`: what a run, the mean of several or an exported model says of films."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlite import console
from xlite.cli import options, predict_options
from xlite.cli.column_options import ColumnOptions
from xlite.cli.expansion import expand_groups
from xlite.cli.predict_options import AnswerOptions
from xlite.cli.predict_tables import print_prediction
from xlite.cli.predicting_options import PredictingOptions
from xlite.cli.settings_command import SettingsCommand
from xlite.cli.settings_options import HelpOptions
from xlite.own_process import keep_freed_memory
from xlite.signals import catch_stop_signals

_EPILOG = (
    "Example: xlite predict experiments/runs/NAME --images films --out predictions.csv\n\n"
    "Example: xlite predict experiments/runs/NAME_s0 experiments/runs/NAME_s1 --images films/*.png"
    "\n\n"
    "Example: xlite predict experiments/runs/NAME --labels other_site.csv --images other_site"
)

Models = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[RUN]",
        help="A run's folder, or its name in experiments/runs; several, or a folder of runs as of "
        "folds: the mean of their probs; or an exported folder.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    command = app.command(
        "predict", cls=SettingsCommand, rich_help_panel="After training", epilog=_EPILOG
    )
    command(expand_groups(predict))


def predict(
    answer: AnswerOptions,
    columns: ColumnOptions,
    predicting: PredictingOptions,
    _: HelpOptions,
    models: Models = None,
    images: predict_options.Images = None,
    labels: predict_options.Labels = None,
    cache: predict_options.Cache = None,
    json: options.Json = False,
) -> None:
    """Say what a model finds on films: probs, calibrated ones, and calls at fitted thresholds.

    Films are made as the run's were. A film that lies further from those of training than ordinary
    ones is marked (docs/predict.md has how well that works). Films that can't be read are named,
    and the rest goes on (exit 1). Stopped at any moment, the same command goes on where it was.
    """
    from xlite.workflows import predict as workflow

    keep_freed_memory()
    # Of --images *.png the shell leaves all but the first to the arguments.
    named = models or []
    files = [path for path in named if path.is_file()]
    predicted = workflow.predict(
        [path for path in named if not path.is_file()],
        [*images, *files] if images else files or None,
        labels=labels,
        table_format=columns.to_table_format(),
        cache=cache,
        skip_missing=answer.skip_missing,
        thresholds=answer.thresholds,
        split=answer.split,
        false_alarms=answer.false_alarms,
        out=answer.out,
        overwrite=answer.overwrite,
        runtime=predicting.to_runtime(),
        stopping=catch_stop_signals,
    )
    if json:
        console.result_json(predicted.to_json())
    else:
        print_prediction(predicted.summary)
    if not answer.allow_failed:
        workflow.require_all_predicted(predicted)
