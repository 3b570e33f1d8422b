"""`xlite evaluate`: every score of a run, or of anyone's predictions, with its interval."""

from __future__ import annotations

from typing import Annotated

import typer

from xlite import console
from xlite.cli import options
from xlite.cli.column_options import ColumnOptions
from xlite.cli.evaluation_options import AnswerOptions, JudgedOptions
from xlite.cli.evaluation_tables import print_evaluation
from xlite.cli.expansion import expand_groups
from xlite.cli.floor_options import FloorOptions
from xlite.cli.names import split_names
from xlite.cli.plan_options import HOW_MANY, PlanOptions
from xlite.cli.predicting_options import PredictingOptions
from xlite.cli.settings_command import SettingsCommand
from xlite.cli.settings_options import HelpOptions
from xlite.cli.threshold_options import ThresholdOptions
from xlite.own_process import keep_freed_memory

_EPILOG = (
    "Example: xlite evaluate experiments/runs/NAME --subgroups\n\n"
    "Example: xlite evaluate experiments/runs/NAME --part test\n\n"
    "Example: xlite evaluate experiments/runs/NAME --labels other_site.csv --images other_site\n\n"
    "Example: xlite evaluate --predictions predictions.csv --labels labels.csv --json\n\n"
    "Example: xlite evaluate --predictions val.csv --labels labels.csv --fit youden "
    "--save-thresholds thresholds.json\n\n"
    "Example: xlite evaluate --predictions val.csv --labels labels.csv --train train_labels.csv"
)


Plan = Annotated[
    bool,
    typer.Option(
        "--plan",
        help="Say, too, how many films and seeds it takes, as `xlite power` does, by these scores.",
        rich_help_panel=HOW_MANY,
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    command = app.command(
        "evaluate", cls=SettingsCommand, rich_help_panel="Judging", epilog=_EPILOG
    )
    command(expand_groups(evaluate))


def evaluate(
    judged: JudgedOptions,
    answer: AnswerOptions,
    columns: ColumnOptions,
    thresholds: ThresholdOptions,
    floor: FloorOptions,
    how_many: PlanOptions,
    predicting: PredictingOptions,
    _: HelpOptions,
    plan: Plan = False,
    json: options.Json = False,
) -> None:
    """Judge a run or anyone's predictions: scores by label with intervals, figures, subgroups.

    AUROC's interval is Newcombe's, clustered by patient; the others are bootstrapped over patients.
    Calls are made at 0.5 and at fitted thresholds, which no image has helped to fit for itself:
    they come from --thresholds, for a run's test part from its validation part, and otherwise
    they are cross-fitted between halves of the patients. Labels with fewer than 30 positives are
    marked; what is undefined is named and left out of the means. Beside the scores stands what the
    table's own columns reach without the image, and what the image adds to them.

    RUN with the --labels and --images of another site is judged on those: its drop there is taken
    apart into what prevalence does, what the mix of views does, and the rest.
    """
    from xlite.workflows import evaluate as workflow

    if (
        judged.tta or floor.images
    ):  # a CPU predicts with much memory that it frees and soon needs again
        keep_freed_memory()
    evaluation = workflow.evaluate(
        **{**vars(judged), "by": split_names(judged.by or "")},
        **vars(answer),
        **vars(thresholds),
        **{**vars(floor), "floor_columns": split_names(floor.floor_columns or "")},
        table_format=columns.to_table_format(),
        runtime=predicting.to_runtime(),
        plan=how_many.to_aim(level=answer.level) if plan else None,
        write=answer.out is not None or not json,
        command=options.typed_command(),
    )
    if json:
        console.result_json(evaluation.to_json())
    else:
        print_evaluation(evaluation)
