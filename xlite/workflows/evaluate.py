"""`evaluate`: every score of a run, or of anyone's predictions, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, cast

from xlite import console, places
from xlite.errors import ArgumentError, InputError
from xlite.judging.evaluation_folder import (
    EvaluationFolder,
    choose_folder,
    find_evaluations_dir,
)
from xlite.judging.evaluation_task import EvaluationTask, read_resampling
from xlite.judging.floor_choice import FloorChoice
from xlite.judging.given_predictions import Columns, GivenPredictions
from xlite.judging.other_site import FilmProbs, OtherFilms
from xlite.judging.sample_plan import Aim, plan_from_predictions
from xlite.judging.threshold_choice import ThresholdChoice
from xlite.reporting.score_figures import FIGURE_FILES, draw_scores
from xlite.reporting.score_panels import ScorePanels
from xlite.results.evaluation import Evaluation

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from xlite.judging.evaluation import Resampling
    from xlite.judging.labelled_predictions import LabelledPredictions
    from xlite.judging.predictions_file import PredictionSource
    from xlite.judging.thresholding import ThresholdedCalls
    from xlite.results.sample_plan import SamplePlan
    from xlite.run_folder.folder import RunFolder
    from xlite.settings import Runtime
    from xlite.tables.manifest import Manifest
    from xlite.tables.read_labels import LabelSource
    from xlite.tables.table_format import TableFormat


def evaluate(
    run: str | Path | None = None,
    *,
    predictions: PredictionSource | ArrayLike | None = None,
    labels: LabelSource | ArrayLike | None = None,
    patients: ArrayLike | None = None,
    table_format: TableFormat | None = None,
    allow_partial: bool = False,
    split: str | Path | None = None,
    part: str | None = None,
    by: Columns = (),
    subgroups: bool = False,
    floor: bool = True,
    floor_columns: Sequence[str] = (),
    train: LabelSource | None = None,
    reference: PredictionSource | None = None,
    probe_borders: bool = False,
    images: str | Path | None = None,
    tta: bool = False,
    cache: str | Path = places.CACHE_DIR,
    thresholds: str | Path | None = None,
    fit: str | None = None,
    calibrate: str | None = None,
    save_thresholds: str | Path | None = None,
    other_patients: bool = False,
    resamples: int = 1000,
    seed: int = 42,
    level: float = 0.95,
    plan: Aim | None = None,
    runtime: Runtime | None = None,
    out: str | Path | None = None,
    write: bool | None = None,
    overwrite: bool = False,
    figures: bool = True,
    command: str = "xlite.evaluate",
) -> Evaluation:
    """Every score of a run or of anyone's predictions, with intervals over patients.

    run: a folder, or its name in `experiments/runs`; `part` of `split` is judged, of a folder of
    folds the out-of-fold predictions, and with `labels` and `images` another site's films beside
    it. Without a run: `predictions`, a CSV or data frame that names its images, and `labels` in
    another or in a split's part; or both (N, C) with `patients` (N,). by: columns to group by, for
    arrays themselves by name. write: leave files in `out`, else in `evaluation/NAME`. The rest is
    the command's. Raises InputError for what does not fit, LeakageError for what was seen before.
    """
    given = GivenPredictions(
        _path(run), predictions, labels, patients, table_format, allow_partial, _path(split), part
    )
    choice = ThresholdChoice(
        _path(thresholds), fit, calibrate, _path(save_thresholds), other_patients
    )
    films = (_path(images), Path(cache))
    worth = FloorChoice.of(floor, floor_columns, train, reference, probe_borders, films)
    resampling = read_resampling(resamples, seed, level)
    given = _check(given, choice, worth, runtime, tta=tta, out=_path(out))
    views = films[1] if tta else None
    task = _read_task(given, choice, worth, resampling, by, subgroups, views, runtime)
    is_kept = out is not None if write is None else write
    folder = _find_folder(task, _path(out), overwrite=overwrite) if is_kept else None
    return _carry_out(task, folder, plan, figures=figures, command=command)


def _add_films(
    given: GivenPredictions, choice: ThresholdChoice, worth: FloorChoice, runtime: Runtime | None
) -> GivenPredictions:
    """With another site's films, where a run is to be judged on the images of a label table."""
    if given.run is None or given.labels is None or worth.images is None or worth.probes_borders:
        return given
    films = OtherFilms(
        labels=cast("LabelSource", given.labels),
        images=worth.images,
        table_format=given.table_format,
        allow_partial=given.allow_partial,
        other_patients=choice.other_patients,
        predict=partial(_predict_films, runtime=runtime, cache_dir=worth.cache),
    )
    return replace(given, films=films)


def _predict_films(
    run: RunFolder, films: Manifest, *, runtime: Runtime | None, cache_dir: Path
) -> FilmProbs:
    # Predicting takes torch, whose import takes longer than all that is checked before.
    from xlite.predicting.located_films import predict_located

    return predict_located(run, films, runtime=runtime, cache_dir=cache_dir)


def _read_task(
    given: GivenPredictions,
    choice: ThresholdChoice,
    worth: FloorChoice,
    resampling: Resampling,
    by: Columns,
    subgroups: bool,
    cache: Path | None,
    runtime: Runtime | None,
) -> EvaluationTask:
    """What is asked, once all that it needs has been read."""
    names = (by,) if isinstance(by, str) else by
    judged = given.read(names, subgroups=subgroups)
    choice.require_fitting(judged)
    train = worth.read_training(given.table_format)
    return EvaluationTask(
        judged,
        choice,
        resampling,
        tuple(names),
        subgroups,
        cache,
        worth.ask(judged, train, given.table_format),
        worth.mark,
        None if train is None else train.manifest,
        worth.reference,
        worth.films,
        runtime,
    )


def _check(
    given: GivenPredictions,
    choice: ThresholdChoice,
    floor: FloorChoice,
    runtime: Runtime | None,
    *,
    tta: bool,
    out: Path | None,
) -> GivenPredictions:
    """What is given, with another site's films where it is those that a run is judged on.

    Raises InputError for what does not fit together, before anything is read.
    """
    given = _add_films(given, choice, floor, runtime)
    on_other_site = given.films is not None
    if tta:
        _check_views(given, choice)
    given.check()
    choice.check(on_other_site=on_other_site)
    floor.check(has_run=given.run is not None, on_other_site=on_other_site)
    if on_other_site and out is not None:
        # Predicting the films may take an hour.
        EvaluationFolder(out).require_ours(figures=FIGURE_FILES)
    return given


def _check_views(given: GivenPredictions, choice: ThresholdChoice) -> None:
    """Raise InputError for what --tta does not fit together with."""
    if choice.file is not None:
        raise InputError(
            "--thresholds were fitted on predictions of single images, and --tta judges means over "
            "views, whose thresholds are fitted on such means. Pass one of the two."
        )
    if given.run is None:
        raise InputError("--tta predicts anew, so it needs a run. Pass the run's folder.")
    if given.films is not None:
        raise InputError("--tta judges a part of the run's own split. Leave it out, or --images.")
    if given.is_over_folds:
        raise InputError(
            "--tta predicts anew with one run, and over folds each image has its own. Pass one "
            f"fold: --split {given.split_dir}/0."
        )


def _find_folder(task: EvaluationTask, out: Path | None, *, overwrite: bool) -> EvaluationFolder:
    """Where the evaluation is written; what is known about that is said."""
    judged, asked = task.judged, task.question
    if out is not None:
        folder = EvaluationFolder(out)
    else:
        evaluations_dir = places.EXPERIMENTS_DIR / places.EVALUATIONS
        if judged.run_dir is not None:
            evaluations_dir = find_evaluations_dir(judged.run_dir)
        folder = choose_folder(evaluations_dir, judged.title, asked)
        if folder.path.name != judged.title:
            taken = evaluations_dir / judged.title
            console.say(f"{taken} answers another question, and stays as it is")
    if folder.require_free(asked, figures=FIGURE_FILES, overwrite=overwrite):
        console.say(f"{folder.path} holds the same evaluation, which is written again")
    return folder


def _carry_out(
    task: EvaluationTask,
    folder: EvaluationFolder | None,
    plan: Aim | None,
    *,
    figures: bool,
    command: str,
) -> Evaluation:
    calls = task.choice.call(task.judged)
    evaluation = task.answer(calls, command=command)
    if plan is not None:
        evaluation = replace(evaluation, plan=_plan(task, evaluation, plan))
    task.choice.save(task.judged)
    if folder is None:
        return evaluation
    # Figures first: scores.json says that the folder is complete.
    if figures:
        draw_scores(_show(task.judged.labelled, calls, evaluation), folder.path)
    return folder.write(evaluation)


def _plan(task: EvaluationTask, evaluation: Evaluation, aim: Aim) -> SamplePlan:
    aim = replace(aim, level=task.resampling.level)
    source = evaluation.name if evaluation.part is None else f"{evaluation.name}, {evaluation.part}"
    return plan_from_predictions(task.judged.labelled, evaluation.macro, aim, source=source)


def _show(
    labelled: LabelledPredictions, calls: ThresholdedCalls, evaluation: Evaluation
) -> ScorePanels:
    return ScorePanels(
        labels=labelled.vocabulary,
        targets=labelled.targets,
        probs=labelled.probs,
        scaled=calls.probs,
        is_called=calls.is_called,
        called=calls.targets,
        per_class=evaluation.per_class,
    )


def _path(place: str | Path | None) -> Path | None:
    if not isinstance(place, str | Path | None):
        raise ArgumentError(f"{place!r} is no path. Pass text, or a pathlib.Path.")
    return None if place is None else Path(place)
