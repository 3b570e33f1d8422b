"""What of a project goes into a bundle: runs, their splits, and all that was judged from them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from xlite import places
from xlite.errors import InputError, did_you_mean
from xlite.files import read_json, sha256_of_file
from xlite.judging.comparison import COMPARISON_RECORD
from xlite.places import (
    ABLATION_RECORD,
    EVALUATION_SCORES,
    EVALUATIONS,
    FOLDS_DIR,
    SPLIT_DIR,
    SPLIT_PARTS,
    SPLIT_RECORD,
)
from xlite.results.ablation import Ablation
from xlite.results.comparison import Comparison
from xlite.run_folder.file_names import RUNS
from xlite.run_folder.folder import RunFolder, read_run
from xlite.splitting.folds_folder import is_folds
from xlite.splitting.split_folder import Split, read_split
from xlite.studies.find_study import list_studies
from xlite.studies.folder import StudyFolder
from xlite.studies.recorded_plan import read_state
from xlite.studies.summary.trained_items import finished_runs, list_trained_items

_REMEDY = "Judge the runs again, or move the file away."


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """What a bundle is made of."""

    experiments: Path
    runs: tuple[RunFolder, ...]
    """All finished, by name."""
    splits: tuple[Split, ...]
    """Those of the runs, each once."""
    split_dirs: tuple[Path, ...]
    """Where they lie."""
    studies: tuple[StudyFolder, ...]
    evaluations: tuple[Path, ...]
    """Folders of evaluations of these runs."""
    records: tuple[Path, ...]
    """`ablation.json` and `comparison.json`, where all of their runs are here."""

    def split_of(self, run: RunFolder) -> int:
        """The place of a run's split among the splits."""
        wanted = run.data.split_sha256
        return [split.sha256 for split in self.splits].index(wanted)


def choose(items: Sequence[Path], *, split: Path | None) -> Chosen:
    """What belongs to runs and studies that are named by their folders or their names.

    split: where the split of the runs lies, or the folds of them; None for where they say that it
    lay, or the usual place. Raises InputError for what is neither run nor study, for an unfinished
    or damaged run, for runs of several experiments folders, and where a split is not found.
    """
    runs, studies = _find_items(items)
    folders = {run.path.resolve().parent.parent for run in runs}
    if len(folders) > 1:
        raise InputError(
            f"the runs lie in {len(folders)} experiments folders ({', '.join(map(str, folders))}), "
            "and a bundle is of one. Bundle each by itself."
        )
    experiments = _find_experiments(runs, studies)
    names = {run.name for run in runs}
    found = _find_splits(runs, experiments, split)
    return Chosen(
        experiments=experiments,
        runs=tuple(runs),
        splits=tuple(one for _, one in found),
        split_dirs=tuple(folder for folder, _ in found),
        studies=tuple(studies),
        evaluations=tuple(_find_evaluations(experiments, names)),
        records=tuple(_find_records(experiments, names)),
    )


def _find_items(items: Sequence[Path]) -> tuple[list[RunFolder], list[StudyFolder]]:
    """The runs and the studies that are named; the runs of a study are among the runs."""
    runs: dict[Path, RunFolder] = {}
    studies: dict[Path, StudyFolder] = {}
    for item in items:
        study = _find_study(item)
        if study is not None:
            studies[study.path.resolve()] = study
        for path in _list_runs(study) if study is not None else [_find_run(item)]:
            runs.setdefault(path.resolve(), read_run(path))
    for run in runs.values():
        run.require_scores()
    if not runs:
        raise InputError("no run of this study has finished, so that there is nothing to prove.")
    return sorted(runs.values(), key=lambda run: run.name), list(studies.values())


def _find_study(item: Path) -> StudyFolder | None:
    for path in (item, places.EXPERIMENTS_DIR / places.STUDIES / item):
        folder = StudyFolder(path)
        if folder.ledger.path_of(1).exists():
            return folder
    return None


def _find_run(item: Path) -> Path:
    for path in (item, places.EXPERIMENTS_DIR / RUNS / item):
        if RunFolder(path).is_begun:
            return path
    runs_dir = places.EXPERIMENTS_DIR / RUNS
    names = [path.name for path in runs_dir.iterdir()] if runs_dir.is_dir() else []
    names += [study.path.name for study in list_studies(places.EXPERIMENTS_DIR)]
    hint = did_you_mean(item.name, names)
    raise InputError(f"{item} is neither a run nor a study, by its folder or its name.{hint}")


def _list_runs(study: StudyFolder) -> list[Path]:
    """The folders of the runs that a study has trained to their end."""
    trained = list_trained_items(read_state(study))
    names = [run for items in trained.values() for run in finished_runs(items).values()]
    return [study.experiments / run for run in dict.fromkeys(names)]


def _find_experiments(runs: Sequence[RunFolder], studies: Sequence[StudyFolder]) -> Path:
    if studies:
        return studies[0].experiments
    parent = runs[0].path.parent
    return parent.parent if parent.name == RUNS else parent


def _find_splits(
    runs: Iterable[RunFolder], experiments: Path, named: Path | None
) -> list[tuple[Path, Split]]:
    """The split of each run, each once, with the folder that it was found in."""
    found: dict[tuple[tuple[str, str], ...], tuple[Path, Split]] = {}
    for run in runs:
        key = tuple(sorted(run.data.split_sha256.items()))
        if key in found:
            continue
        for folder in _list_places(run, experiments, named):
            if _holds(folder, run):
                found[key] = folder, read_split(folder)
                break
        else:
            where = "is another" if named is not None else "is not found"
            raise InputError(
                f"the split that {run.name} was trained on {where}. Pass its folder with --split "
                "DIR: a bundle holds labels, which are in its tables."
            )
    return list(found.values())


def _list_places(run: RunFolder, experiments: Path, named: Path | None) -> Iterator[Path]:
    """Where a run's split may lie, the likeliest first."""
    if named is not None:
        roots = [named]
    else:
        recorded = run.data.split_dir
        project = experiments.resolve().parent
        roots = [] if recorded is None else [Path(recorded), project / recorded]
        roots += [SPLIT_DIR, project / SPLIT_DIR, FOLDS_DIR, project / FOLDS_DIR]
        roots += sorted((experiments / places.SUBSETS).glob("*/*"))
    for root in roots:
        if is_folds(root):
            yield from sorted(path.parent for path in root.glob(f"*/{SPLIT_RECORD}"))
        elif root.is_dir():
            yield root


def _holds(folder: Path, run: RunFolder) -> bool:
    """Whether a folder holds the very tables that a run was trained on."""
    wanted = run.data.split_sha256
    paths = {part: folder / f"{part}.csv" for part in SPLIT_PARTS}
    if {part for part, path in paths.items() if os.path.lexists(path)} != set(wanted):
        return False
    try:
        return all(sha256_of_file(paths[part]) == digest for part, digest in wanted.items())
    except InputError:
        return False


def _find_evaluations(experiments: Path, names: set[str]) -> Iterator[Path]:
    for path in sorted((experiments / EVALUATIONS).glob(f"*/{EVALUATION_SCORES}")):
        try:
            name = read_json(path, remedy="").get("name")
        except InputError:
            continue
        if name in names:
            yield path.parent


def _find_records(experiments: Path, names: set[str]) -> Iterator[Path]:
    """The ablation and the comparison, where every run of theirs goes into the bundle."""
    path = experiments / ABLATION_RECORD
    if path.is_file():
        ablation = Ablation.read(path, remedy=_REMEDY)
        failed = {run.run for one in ablation.variants for run in one.runs if run.error}
        if set(ablation.run_names) - failed <= names:
            yield path
    path = experiments / COMPARISON_RECORD
    if path.is_file():
        comparison = Comparison.read(path, remedy=_REMEDY)
        runs = [run for seeds in comparison.runs.values() for run in seeds.values()]
        if comparison.runs and set(runs) <= names:
            yield path
