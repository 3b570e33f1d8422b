"""What predicts, by what was named: a run, several, a folder of them, or an exported folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xlite import places
from xlite.errors import InputError
from xlite.files import sha256_of_file
from xlite.predicting.ensemble import Ensemble
from xlite.predicting.exported_folder import EXPORT_MODEL, ExportedFolder
from xlite.predicting.exported_model import open_exported
from xlite.predicting.run_predictor import open_run_predictor
from xlite.predicting.run_thresholds import (
    FoundThresholds,
    find_thresholds,
    find_thresholds_of_mean,
    read_given_thresholds,
)
from xlite.run_folder.file_names import RUNS
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.listing import find_run_folders
from xlite.run_folder.typical_films_file import read_typical_films
from xlite.settings import TrainSettings

if TYPE_CHECKING:
    from xlite.predicting.predictor import Predictor
    from xlite.scores.typical_films import TypicalFilms
    from xlite.settings import Runtime


@dataclass(frozen=True, eq=False)
class OpenedPredictor:
    """A predictor with what there is to know of it."""

    predictor: Predictor
    kind: str
    """run, ensemble or exported."""
    names: tuple[str, ...]
    """Of the runs, or of the exported folder."""
    thresholds: FoundThresholds
    typical: TypicalFilms | None
    """What is kept of the films of training, of an ensemble by its first run; None where the run is
    of an earlier version."""
    identity: tuple[str, ...]
    """Of all that its predictions depend on beside the films, the device among it."""


def open_predictor(
    models: Sequence[Path],
    *,
    thresholds: Path | None = None,
    split_dir: Path | None = None,
    cache_dir: Path | None = None,
    runtime: Runtime | None = None,
) -> OpenedPredictor:
    """What the models predict together, opened on the device.

    models: folders of runs, their names in `experiments/runs`, or one folder that holds runs, as of
    folds or seeds, which is the mean of all that are finished; or one exported folder. The rest is
    as `find_thresholds` and `find_preprocessing` take it. Raises InputError for what is no run, and
    for runs that can't be averaged.
    """
    exported = [model for model in models if ExportedFolder(model).is_exported]
    if exported:
        return _open_exported(models, thresholds=thresholds, runtime=runtime)
    runs = find_runs(models)
    for run in runs:
        run.require_begun()
        run.require_scores()
    found = (
        find_thresholds(runs[0], file=thresholds, split_dir=split_dir)
        if len(runs) == 1
        else find_thresholds_of_mean(runs, file=thresholds, split_dir=split_dir)
    )
    members = [open_run_predictor(run, cache_dir=cache_dir, runtime=runtime) for run in runs]
    predictor: Predictor = members[0]
    if len(members) > 1:
        predictor = Ensemble(members, thresholds=found.fitted)
    else:
        members[0].thresholds = found.fitted
    kept = runs[0].find_typical_films()
    return OpenedPredictor(
        predictor=predictor,
        kind="run" if len(runs) == 1 else "ensemble",
        names=tuple(run.name for run in runs),
        thresholds=found,
        typical=None
        if kept is None
        else read_typical_films(kept, remedy=runs[0].how_to_make_again),
        identity=(
            *(sha256_of_file(run.find_weights()) for run in runs),
            str(predictor.preprocessing.model_dump()),
            members[0].device,
        ),
    )


def _open_exported(
    models: Sequence[Path], *, thresholds: Path | None, runtime: Runtime | None
) -> OpenedPredictor:
    """An exported folder as it is used elsewhere, by onnxruntime; alone, since it is no run."""
    if len(models) > 1:
        raise InputError("an exported folder predicts alone. The mean is taken of runs.")
    (path,) = models
    device = "auto" if runtime is None else runtime.device
    model = open_exported(path, device=device)
    found = FoundThresholds(model.thresholds, None, "the exported folder's own")
    if thresholds is not None:
        found = read_given_thresholds(thresholds, model.labels)
        model.thresholds = found.fitted
    elif model.thresholds is None:
        found = FoundThresholds(
            None,
            None,
            f"{path} was exported without any. Pass a file that `xlite evaluate "
            "--save-thresholds` wrote with --thresholds FILE.",
        )
    return OpenedPredictor(
        predictor=model,
        kind="exported",
        names=(model.name,),
        thresholds=found,
        typical=model.typical_films,
        identity=(
            sha256_of_file(path / EXPORT_MODEL),
            model.preprocessing.model_dump_json(),
            device,
        ),
    )


def find_runs(models: Sequence[Path]) -> list[RunFolder]:
    """The runs that are named: themselves, or all that are finished in a folder of runs."""
    if not models:
        raise InputError("pass a run's folder, or its name in experiments/runs.")
    found: list[RunFolder] = []
    for model in models:
        found += _find_in(model)
    paths = [run.path.resolve() for run in found]
    if len(set(paths)) < len(paths):
        raise InputError("a run is named twice. The mean takes each once.")
    return found


def _find_in(model: Path) -> list[RunFolder]:
    named = places.EXPERIMENTS_DIR / RUNS / model
    run = RunFolder(model if model.is_dir() or not named.is_dir() else named)
    if not run.path.is_dir():
        raise InputError(
            f"{model} is no folder, and no run in {places.EXPERIMENTS_DIR / RUNS} is called so. "
            "Pass the folder of a run, such as experiments/runs/NAME."
        )
    if run.is_begun:
        return [run]
    inner = find_run_folders(run.path) or find_run_folders(run.path / RUNS)
    finished = [one for one in inner if one.is_finished]
    if not inner:
        run.require_begun()
    if not finished:
        raise InputError(f"none of the {len(inner)} runs in {model} is finished.")
    kinds = {_fingerprint(one): one for one in finished}
    if len(kinds) > 1:
        first, second = list(kinds.values())[:2]
        raise InputError(
            f"the runs in {model} differ in more than seed and split: {first.name} and "
            f"{second.name} have other settings. Name those that are to be averaged."
        )
    return finished


def _fingerprint(run: RunFolder) -> str:
    """Of the settings but for the seed: what runs over folds and seeds share."""
    return TrainSettings.fingerprint(run.settings.model_copy(update={"seed": 0}))
