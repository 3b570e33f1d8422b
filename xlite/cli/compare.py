"""`xlite compare`: runs and predictions side by side, ranked with ties, and one chosen."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli.comparison_tables import print_comparison
from xlite.cli.expansion import expand_groups
from xlite.cli.verdict_options import VerdictOptions

_EPILOG = (
    "Example: xlite compare\n\n"
    "Example: xlite compare experiments/runs/ONE experiments/runs/OTHER theirs.csv --by val.auroc "
    "--then val.average_precision --then val.recall"
)

_Items = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[RUN_OR_CSV]...",
        help="Run folders, their names, and predictions of the validation part (CSV). "
        "Default: all finished runs.",
    ),
]
_By = Annotated[
    str,
    typer.Option(metavar="SCORE", help="Ranks: val.auroc, val.average_precision or val.f1, macro."),
]
_Then = Annotated[
    list[str] | None,
    typer.Option(
        metavar="SCORE",
        help="Breaks ties, in the order given; repeatable. Default: val.average_precision, "
        "then val.recall.",
    ),
]
_ShowTest = Annotated[
    bool,
    typer.Option(
        "--show-test",
        help="Show the runs' test scores, which choose nothing. Each look is counted.",
    ),
]


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("compare", rich_help_panel="Judging", epilog=_EPILOG)(expand_groups(compare))


def compare(
    verdict: VerdictOptions,
    items: _Items = None,
    by: _By = "val.auroc",
    then: _Then = None,
    labels: options.CheckedLabels = None,
    split: options.SplitDir = places.SPLIT_DIR,
    out: options.ExperimentsDir = places.EXPERIMENTS_DIR,
    allow_partial: options.AllowPartial = False,
    show_test: _ShowTest = False,
    json: options.Json = False,
) -> None:
    """Rank runs and predictions on validation, with ties where a paired test sees no difference.

    Runs that differ in the seed alone are one model; with two seeds or more in common intervals
    cover seeds and patients, else patients alone. The first rank goes to the best and to all that
    the test (corrected for all pairs) can't tell from it; --then breaks the tie. Each has a verdict
    by rule against the best, with its chances. The test set never selects. Runs of another split
    are refused. With folds as --split out-of-fold predictions rank, a run standing for those of the
    other folds. Writes comparison.csv and comparison.json.
    """
    from xlite.judging.comparison import COMPARISON, COMPARISON_RECORD
    from xlite.workflows.compare import compare as compare_runs

    comparison = compare_runs(
        items,
        by=by,
        then=then,
        split=split,
        labels=labels,
        out=out,
        allow_partial=allow_partial,
        show_test=show_test,
        margin=verdict.read_margins(decisive=by.rpartition(".")[2]),
        safety_margin=verdict.safety_margin,
        command=options.typed_command(),
    )
    # Written before anything is shown: a terminal that fails must not lose the result.
    if json:
        console.result_json(comparison.to_json())
    else:
        print_comparison(comparison)
    console.say(f"written: {out / COMPARISON}, {out / COMPARISON_RECORD}")
