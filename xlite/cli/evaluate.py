"""`xlite evaluate`: every score of a run, or of anyone's predictions, with its interval."""

from __future__ import annotations

import dataclasses
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xlite import console, places
from xlite.cli import options
from xlite.cli.evaluation_tables import print_evaluation
from xlite.cli.expansion import expand_groups
from xlite.cli.judged_predictions import JudgedPredictions, add_columns, read_judged
from xlite.cli.names import split_names
from xlite.cli.threshold_options import ThresholdOptions, call_judged
from xlite.errors import InputError

if TYPE_CHECKING:
    from xlite.judging.evaluation import Resampling
    from xlite.judging.labelled_predictions import LabelledPredictions
    from xlite.judging.thresholding import ThresholdedCalls

_EPILOG = (
    "Example: xlite evaluate experiments/runs/NAME --subgroups\n\n"
    "Example: xlite evaluate experiments/runs/NAME --part test\n\n"
    "Example: xlite evaluate --predictions predictions.csv --labels labels.csv --json\n\n"
    "Example: xlite evaluate --predictions val.csv --labels labels.csv --fit youden "
    "--save-thresholds thresholds.json"
)
_PARTS = ("val", "test")
_MOST_RESAMPLES = 20_000


def register(app: typer.Typer) -> None:
    """Add the command to the app."""
    app.command("evaluate", rich_help_panel="Judging", epilog=_EPILOG)(expand_groups(evaluate))


def evaluate(
    columns: options.ColumnOptions,
    deciding: ThresholdOptions,
    run: Annotated[
        Path | None,
        typer.Argument(metavar="[RUN]", help="A run's folder, or its name in experiments/runs."),
    ] = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            "--predictions",
            metavar="CSV",
            help="Anyone's predictions: an image column, and prob_<label> or <label> columns.",
        ),
    ] = None,
    allow_partial: options.AllowPartial = False,
    labels: options.CheckedLabels = None,
    split: Annotated[
        Path | None,
        typer.Option(
            "--split",
            metavar="DIR",
            help="The run's split (default: data/splits), or one to take --part of predictions by.",
            rich_help_panel=options.DATA,
        ),
    ] = None,
    part: Annotated[
        str | None,
        typer.Option(
            "--part",
            metavar="val|test",
            help="Part of the split to judge; val by default. Each look at a run's test part is "
            "counted.",
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="COLUMN,…",
            help="Scores by view, sex, age (in bands), or any column of --labels.",
        ),
    ] = None,
    subgroups: Annotated[
        bool, typer.Option("--subgroups", help="--by view,sex,age, as far as they are known.")
    ] = False,
    tta: Annotated[
        bool,
        typer.Option(
            "--tta", help="For a run: judge the mean over seven views of each image, too. Slow."
        ),
    ] = False,
    cache: options.CacheDir = places.CACHE_DIR,
    resamples: Annotated[
        int,
        typer.Option("--resamples", min=100, help="Bootstrap resamples of the patients."),
    ] = 1000,
    seed: options.Seed = 42,
    level: Annotated[
        float, typer.Option("--level", min=0.5, max=0.999, help="Confidence of the intervals.")
    ] = 0.95,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="DIR",
            help="Folder for scores.json, scores.csv and figures. Default: evaluation/NAME in the "
            "run's experiments folder, or with other options a folder beside it; with --json, "
            "none.",
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace another evaluation in --out.")
    ] = False,
    figures: Annotated[bool, typer.Option(help="Draw the figures.")] = True,
    json: options.Json = False,
) -> None:
    """Judge a run or anyone's predictions: scores by label with intervals, figures, subgroups.

    AUROC's interval is Newcombe's, clustered by patient; the others are bootstrapped over patients.
    Calls are made at 0.5 and at fitted thresholds, which no image has helped to fit for itself:
    they come from --thresholds, for a run's test part from its validation part, and otherwise
    they are cross-fitted between halves of the patients. Labels with fewer than 30 positives are
    marked; what is undefined is named and left out of the means.
    """
    from xlite.judging.evaluation import Resampling, evaluate_cases, write_evaluation
    from xlite.judging.evaluation_folder import ASKED, sum_predictions
    from xlite.judging.labelled_predictions import GROUP_COLUMNS
    from xlite.judging.sealed_test import find_test_run

    if part is not None and part not in _PARTS:
        raise InputError(f"--part {part}: it has to be val or test.")
    if tta and deciding.thresholds is not None:
        raise InputError(
            "--thresholds were fitted on predictions of single images, and --tta judges means over "
            "views, whose thresholds are fitted on such means. Pass one of the two."
        )
    if tta and run is None:
        raise InputError("--tta predicts anew, so it needs a run. Pass the run's folder.")
    if allow_partial and predictions is None:
        raise InputError("--allow-partial is for --predictions: a run has all of its images.")
    test_run = None if predictions is None else find_test_run(predictions)
    if resamples > _MOST_RESAMPLES:
        raise InputError(
            f"--resamples {resamples:,}: at most {_MOST_RESAMPLES:,} are drawn. They fix a limit "
            "to a hundredth of the interval's width; more would cost time for nothing."
        )
    deciding.check(is_test=part == "test" or test_run is not None)
    judged = read_judged(
        run, predictions, labels, split, part, columns, allow_partial=allow_partial
    )
    judged = add_columns(
        judged,
        split_names(by or ""),
        labels,
        predictions,
        columns,
        welcome=GROUP_COLUMNS if subgroups else (),
    )
    resampling = Resampling(num_resamples=resamples, seed=seed, level=level)
    asked = {
        "cases": sum_predictions(judged.cases),
        "part": judged.part,
        **deciding.describe(),
        "by": split_names(by or ""),
        "subgroups": subgroups,
        "tta": tta,
        **dataclasses.asdict(resampling),
    }
    folder = None
    if out is not None or not json:
        folder = _find_folder(judged, asked, out, overwrite=overwrite)
    calls = call_judged(judged, deciding)
    result = evaluate_cases(judged.cases, calls, resampling=resampling)
    result["part"] = judged.part
    result["epoch_chosen_here"] = judged.run_dir is not None and judged.part == "val"
    result[ASKED] = asked
    result["join"] = dataclasses.asdict(judged.join) if judged.join else None
    result["subgroups"] = _judge_groups(judged.cases, by, subgroups, resampling)
    if tta:
        result["tta"] = _judge_views(judged, deciding, cache, resampling)
    if judged.part == "test" or test_run is not None:
        result["test_looks"] = _count_look(judged.cases, judged.run_dir or test_run)
    if deciding.save_thresholds is not None:
        _save_thresholds(judged, deciding, deciding.save_thresholds)
    if folder is not None:
        # Figures first: scores.json says that the folder is complete.
        if figures:
            _draw(judged.cases, calls, result, folder)
        write_evaluation(folder, result)
    if json or folder is None:
        console.result_json(result)
    else:
        print_evaluation(result, folder)
        console.say(f"written: {folder}")


def _find_folder(
    judged: JudgedPredictions, asked: dict[str, Any], out: Path | None, *, overwrite: bool
) -> Path:
    """Where the evaluation is written; what is known about that is said."""
    from xlite.judging.evaluation import SCORES_TABLE, SUBGROUPS_TABLE
    from xlite.judging.evaluation_folder import (
        EVALUATIONS,
        choose_folder,
        find_evaluations_dir,
        require_free,
    )
    from xlite.reporting.score_figures import FIGURES

    folder = out
    if folder is None:
        evaluations_dir = places.EXPERIMENTS_DIR / EVALUATIONS
        if judged.run_dir is not None:
            evaluations_dir = find_evaluations_dir(judged.run_dir)
        name = judged.cases.name if judged.part is None else f"{judged.cases.name}-{judged.part}"
        folder = choose_folder(evaluations_dir, name, asked)
        if folder.name != name:
            console.say(f"{evaluations_dir / name} answers another question, and stays as it is")
    figures = [f"{name}.{kind}" for name in FIGURES for kind in ("png", "svg")]
    names = [SCORES_TABLE, SUBGROUPS_TABLE, *figures]
    if require_free(folder, asked, names=names, overwrite=overwrite):
        console.say(f"{folder} holds the same evaluation, which is written again")
    return folder


def _save_thresholds(judged: JudgedPredictions, deciding: ThresholdOptions, path: Path) -> None:
    from xlite.judging.thresholding import fit_thresholds
    from xlite.judging.thresholds_file import FittedOn, write_thresholds

    fitted = fit_thresholds(judged.cases, method=deciding.method, calibration=deciding.calibration)
    write_thresholds(path, fitted, FittedOn.of(judged.cases, split_sha256=judged.split_sha256))
    console.say(f"thresholds fitted on all {len(judged.cases)} images: {path}")


def _judge_groups(
    cases: LabelledPredictions, by: str | None, wants_all: bool, resampling: Resampling
) -> list[dict[str, Any]]:
    from xlite.judging.labelled_predictions import GROUP_COLUMNS
    from xlite.judging.subgroups import NOT_KNOWN, assign_groups, judge_subgroups

    names = split_names(by or "")
    if wants_all:
        for name in GROUP_COLUMNS:
            is_known = any(str(value) not in ("", "nan") for value in cases.columns[name])
            if is_known and name not in names:
                names.append(name)
            elif not is_known:
                console.warn(f"no image has a {name}: no subgroups by it ({NOT_KNOWN}).")
    for name in names:
        assign_groups(cases, name)
    return [
        group for name in names for group in judge_subgroups(cases, name, resampling=resampling)
    ]


def _judge_views(
    judged: JudgedPredictions, deciding: ThresholdOptions, cache: Path, resampling: Resampling
) -> dict[str, Any]:
    """The scores of test-time augmentation, and what it changes.

    Means over views are other numbers than the probs of single images, so the test part's
    thresholds are fitted on the means of the validation part.
    """
    from xlite.judging.evaluation import evaluate_cases, measure_change
    from xlite.judging.labelled_predictions import read_run_predictions
    from xlite.training.augmented_prediction import VIEWS, predict_with_views
    from xlite.training.data import load_study_data

    assert judged.run_dir is not None, "--tta is for runs"
    assert judged.split is not None
    assert judged.part is not None
    run_dir = judged.run_dir
    data = load_study_data(judged.split, cache)

    def augment(cases: LabelledPredictions, part: str) -> LabelledPredictions:
        if data.parts[part].image_ids.tolist() != cases.image_ids.tolist():
            raise InputError(f"the images of {cache} are not those that the run predicted.")
        return dataclasses.replace(cases, probs=predict_with_views(run_dir, part, data))

    cases = augment(judged.cases, judged.part)
    val = None
    if judged.part == "test":
        val = augment(read_run_predictions(run_dir, "val", judged.split), "val")
    calls = call_judged(dataclasses.replace(judged, cases=cases), deciding, val=val)
    scores = evaluate_cases(cases, calls, resampling=resampling)
    return {
        "views": len(VIEWS),
        "change": measure_change(judged.cases, cases.probs, resampling=resampling),
        "macro": scores["macro"],
        "per_class": scores["per_class"],
    }


def _count_look(cases: LabelledPredictions, run_dir: Path | None) -> list[dict[str, Any]]:
    from xlite.judging.sealed_test import looks_folder, record_test_look

    folder = places.EXPERIMENTS_DIR if run_dir is None else looks_folder(run_dir)
    name = None if run_dir is None else run_dir.name
    command = shlex.join(["xlite", *sys.argv[1:]])
    looks = record_test_look(folder, cases, command, run=name)
    return [look.model_dump(exclude_defaults=True) for look in looks]


def _draw(
    cases: LabelledPredictions, calls: ThresholdedCalls, result: dict[str, Any], folder: Path
) -> None:
    from xlite.reporting.score_figures import ScorePanels, draw_scores

    panels = ScorePanels(
        labels=cases.vocabulary,
        targets=cases.targets,
        probs=cases.probs,
        scaled=calls.probs,
        calls=calls.is_called,
        called=calls.targets,
        per_class=result["per_class"],
    )
    draw_scores(panels, folder)
