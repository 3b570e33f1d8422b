"""What is compared: finished runs by method and seed, and files of predictions.

Runs that differ in nothing but the seed are one method.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from xlite import console
from xlite.errors import InputError
from xlite.judging.fold_runs import FoldRuns, find_fold
from xlite.judging.labelled_predictions import join_predictions, read_run_predictions
from xlite.judging.methods import Method
from xlite.places import TRAINING_PROGRESS
from xlite.run_folder.file_names import RUNS
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.listing import list_runs
from xlite.settings import TrainSettings
from xlite.splitting.split_folder import Split
from xlite.studies.progress import read_entries

if TYPE_CHECKING:
    from xlite.judging.predictions_file import PredictionSource
    from xlite.splitting.fold_splits import FoldSplits
    from xlite.tables.manifest import Manifest

RunGroups = Mapping[str, Mapping[int, Path]]
"""Run folders by method and seed."""
FoldsBySeed = Mapping[int, FoldRuns]
"""Run folders by seed and fold."""


def find_finished_runs(out: Path) -> list[Path]:
    """The folders of an experiments folder's finished runs; damaged ones are named and left out.

    Raises InputError when there is none.
    """
    runs, faults = list_runs(out)
    found = [run.path for run in runs if run.is_finished]
    for fault in faults:
        console.warn(fault)
    if not found:
        raise InputError(f"{out / RUNS} has no finished run. Train one, or name files to compare.")
    return found


def group_runs(run_dirs: Sequence[Path]) -> dict[str, dict[int, Path]]:
    """Runs by method and seed: those that differ in nothing but the seed are one method.

    A method is called as the progress file calls its runs, without the seed; where that is not
    unique, as the folder of its first run.
    """
    return {
        name: {seed: by_fold[0] for seed, by_fold in runs.items()}
        for name, runs in _group(run_dirs, None).items()
    }


def group_fold_runs(run_dirs: Sequence[Path], folds: FoldSplits) -> dict[str, FoldsBySeed]:
    """The same over folds: by method, seed and fold. InputError for a run of none of the folds."""
    return dict(_group(run_dirs, folds))


def _group(
    run_dirs: Sequence[Path], folds: FoldSplits | None
) -> dict[str, dict[int, dict[int, Path]]]:
    """By method, seed and fold; without folds all are of fold 0."""
    groups: dict[str, dict[int, dict[int, Path]]] = {}
    names: dict[str, str] = {}
    for run_dir in run_dirs:
        run = RunFolder(run_dir)
        run.require_begun()
        settings = run.settings
        key = TrainSettings.fingerprint(settings.model_copy(update={"seed": 0}))
        runs = groups.setdefault(key, {}).setdefault(settings.seed, {})
        fold = 0 if folds is None else find_fold(run, folds)
        if fold in runs:
            _refuse_twice(RunFolder(runs[fold]), run, fold=None if folds is None else fold)
        runs[fold] = run_dir
        names.setdefault(key, _name_in_progress(run_dir) or run_dir.name)
    is_unique = {key: list(names.values()).count(name) == 1 for key, name in names.items()}
    first = {key: next(iter(next(iter(runs.values())).values())) for key, runs in groups.items()}
    return {names[key] if is_unique[key] else first[key].name: runs for key, runs in groups.items()}


def _refuse_twice(one: RunFolder, other: RunFolder, *, fold: int | None) -> None:
    what = "settings and seed" if fold is None else f"settings, seed and fold ({fold})"
    if one.config.data.split_sha256 != other.config.data.split_sha256:
        raise InputError(
            f"{one.path} and {other.path} have the same {what}, and were trained on different "
            "splits. If these are folds, pass their folder as --split; else leave one out."
        )
    raise InputError(f"{one.path} and {other.path} have the same {what}. Leave one out.")


def _name_in_progress(run_dir: Path) -> str | None:
    path = run_dir.parent.parent / TRAINING_PROGRESS
    for name, entry in read_entries(path).items():
        if Path(entry["run"]).name == run_dir.name:
            of_fold = f":f{entry['fold']}" if "fold" in entry else ""
            return re.sub(rf":s{entry['seed']}$", "", name.removesuffix(of_fold))
    return None


def read_run_methods(groups: RunGroups, split: Split) -> list[Method]:
    """The groups with their predictions of the validation part."""
    return [
        Method(
            name=name,
            predictions={
                seed: read_run_predictions(path, "val", split) for seed, path in runs.items()
            },
        )
        for name, runs in groups.items()
    ]


def name_files(files: Sequence[Path], *, taken: Collection[str]) -> dict[str, Path]:
    """Files of predictions by what the methods in them are called: the file's name, as a rule.

    taken: names that others have; a file of such a name is called by its whole path. Raises
    InputError for a file that is named twice.
    """
    named: dict[str, Path] = {}
    for path in files:
        stem = path.name.split(".")[0]
        name = str(path) if stem in taken or stem in named else stem
        if name in named:
            raise InputError(f"{path} is named twice.")
        named[name] = path
    return named


def sort_items(
    items: Mapping[str, PredictionSource],
) -> tuple[dict[str, dict[int, Path]], dict[str, PredictionSource]]:
    """Of run folders and tables of predictions by name the runs, each a method, and the tables."""
    groups, tables = {}, {}
    for name, item in items.items():
        if isinstance(item, str | Path) and Path(item).is_dir():
            run = RunFolder(Path(item))
            run.require_begun()
            groups[name] = {run.settings.seed: run.path}
        else:
            tables[name] = item
    return groups, tables


def read_table_methods(
    tables: Mapping[str, PredictionSource], manifest: Manifest, *, allow_partial: bool
) -> list[Method]:
    """A method a table of predictions of the images of a manifest: those that are judged.

    Raises InputError, unless `allow_partial`, for one that lacks images or labels of them.
    """
    methods = []
    for name, source in tables.items():
        labelled, join = join_predictions(source, manifest, name=name)
        shown = source if isinstance(source, str | Path) else name
        if not allow_partial:
            join.require_whole(shown)
        for sentence in join.describe():
            console.warn(f"{shown}: {sentence}")
        methods.append(Method(name=name, predictions={None: labelled}))
    return methods
