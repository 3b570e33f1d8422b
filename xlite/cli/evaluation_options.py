"""The options of `xlite evaluate`: what is judged, and what becomes of the answer."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from xlite import places
from xlite.cli import options


@dataclass(frozen=True)
class JudgedOptions:
    """What is judged, and by what."""

    run: Annotated[
        Path | None,
        typer.Argument(metavar="[RUN]", help="A run's folder, or its name in experiments/runs."),
    ] = None
    predictions: Annotated[
        Path | None,
        typer.Option(
            "--predictions",
            metavar="CSV",
            help="Anyone's predictions: an image column, and prob_<label> or <label> columns.",
        ),
    ] = None
    allow_partial: options.AllowPartial = False
    labels: options.JudgedLabels = None
    split: Annotated[
        Path | None,
        typer.Option(
            "--split",
            metavar="DIR",
            help="The run's split (default: data/splits), or one to take --part of predictions by. "
            "Of folds the out-of-fold predictions of all of their runs are judged.",
            rich_help_panel=options.DATA,
        ),
    ] = None
    part: Annotated[
        str | None,
        typer.Option(
            "--part",
            metavar="val|test",
            help="Part of the split to judge, or to hold another site against; val by default. "
            "Each look at a run's test part is counted.",
        ),
    ] = None
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="COLUMN,…",
            help="Scores by view, sex, age (in bands), or any column of --labels.",
        ),
    ] = None
    subgroups: Annotated[
        bool,
        typer.Option(
            "--subgroups",
            help="--by view,sex,age, and a merged table's source, as far as they are known.",
        ),
    ] = False
    tta: Annotated[
        bool,
        typer.Option(
            "--tta", help="For a run: judge the mean over seven views of each image, too. Slow."
        ),
    ] = False
    cache: options.CacheDir = places.CACHE_DIR


@dataclass(frozen=True)
class AnswerOptions:
    """How sure the answer has to be, and where it goes."""

    resamples: Annotated[
        int,
        typer.Option("--resamples", min=100, help="Bootstrap resamples of the patients."),
    ] = 1000
    seed: options.Seed = 42
    level: Annotated[
        float, typer.Option("--level", min=0.5, max=0.999, help="Confidence of the intervals.")
    ] = 0.95
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder for scores.json, scores.csv and figures. Default: evaluation/NAME in the "
            "run's experiments folder, or with other options a folder beside it; with --json, "
            "none.",
        ),
    ] = None
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace another evaluation in --out.")
    ] = False
    figures: Annotated[bool, typer.Option(help="Draw the figures.")] = True
