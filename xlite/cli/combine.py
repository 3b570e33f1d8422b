"""`xlite combine`: several runs as one run folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xlite import console
from xlite.cli import options
from xlite.cli.expansion import expand_groups
from xlite.cli.option_values import read_choice

if TYPE_CHECKING:
    from xlite.results.combination import Combination

_EPILOG = (
    "Example: xlite combine NAME_s0 NAME_s1 NAME_s2 --out experiments/ensembles/seeds\n\n"
    "Example: xlite combine NAME_s0 NAME_s1 NAME_s2 --as soup --out experiments/ensembles/soup"
)

_Runs = Annotated[
    list[Path],
    typer.Argument(
        metavar="RUN...",
        help="Runs of other seeds or folds, by their folders or names; or a folder of them.",
    ),
]
_Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="The run folder to write.")]
_Kind = Annotated[
    str,
    typer.Option(
        "--as",
        metavar="ensemble|soup",
        help="The mean of what the runs say, or of their weights: of those with which validation "
        "scores no less; refused where it does not help.",
    ),
]
_Split = Annotated[
    Path | None,
    typer.Option("--split", metavar="DIR", help="The runs' split. Default: where it lay."),
]
_Cache = Annotated[
    Path | None,
    typer.Option("--cache", metavar="DIR", help="The runs' cache. Default: where it lay."),
]
_Images = Annotated[
    Path | None,
    typer.Option("--images", metavar="DIR", help="The runs' films, if they had no cache."),
]


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("combine", rich_help_panel="After training", epilog=_EPILOG)(expand_groups(combine))


def combine(
    runs: _Runs,
    out: _Out,
    kind: _Kind = "ensemble",
    split: _Split = None,
    cache: _Cache = None,
    images: _Images = None,
    json: options.Json = False,
) -> None:
    """Make one model of several runs, which predicts, is judged and exports as a run does.

    The runs differ in seed or fold alone. An ensemble costs as much as all of them, a soup as much
    as one. Seeds of one split are judged together on its validation part; folds have seen each
    other's, so that an ensemble of them has thresholds out of fold and no scores.
    """
    from xlite.workflows.combine import KINDS
    from xlite.workflows.combine import combine as combine_runs

    found = combine_runs(
        runs,
        out=out,
        kind=read_choice("--as", kind, KINDS) or "ensemble",
        split=split,
        cache=cache,
        images=images,
    )
    if json:
        console.result_json(found.to_json())
        return
    _print(found)


def _print(found: Combination) -> None:
    for step in found.steps or ():
        fate = "kept" if step.is_kept else "left out"
        console.say(f"with {step.run}: AUROC {console.decimal(step.auroc)} on validation, {fate}")
    console.result_text(
        f"{found.kind} of {len(found.members)} runs: {', '.join(found.members)}; "
        f"{found.num_parameters / 1e6:.2f} M parameters"
    )
    if found.val_auroc is not None and found.best_auroc is not None:
        console.result_text(
            f"macro AUROC on validation {console.decimal(found.val_auroc)}; the best of the runs "
            f"alone has {console.decimal(found.best_auroc)}"
        )
    console.say(f"written: {found.folder}")
