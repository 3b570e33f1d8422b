"""What a checklist is of: a run, or a study with its winner's runs, and what lies around them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from xlite import places
from xlite.errors import InputError
from xlite.judging.asked_runs import Trained, read_judged_runs
from xlite.judging.asked_scores import JudgedRun, measure_asked
from xlite.judging.evaluation_folder import find_evaluations_dir
from xlite.judging.judged_predictions import find_run
from xlite.judging.labelled_predictions import LabelledPredictions, read_run_predictions
from xlite.judging.run_evaluations import read_run_evaluations
from xlite.reporting.begun_studies import StudyFiles, read_study_files
from xlite.results.evaluation import Evaluation
from xlite.results.split import SplitRecord
from xlite.run_folder.folder import RunFolder
from xlite.scores.ranking import macro_mean, ranking_scores
from xlite.splitting.fold_splits import FoldSplits, read_fold_splits
from xlite.splitting.folds_folder import is_folds
from xlite.splitting.split_folder import Split, read_split
from xlite.studies.folder import StudyFolder
from xlite.studies.ledger_entries import Score
from xlite.studies.recorded_plan import read_state
from xlite.studies.study_plan import ScoreName
from xlite.studies.study_state import StudyState


@dataclass(frozen=True)
class Subject:
    """A finished run, or a study whose experiments have finished runs; files are read when asked
    for, and once. Whatever reads one raises InputError where it is missing or damaged.
    """

    name: str
    experiments: Path
    runs: tuple[RunFolder, ...]
    """Of the winner, else of the baseline: at least one; the weights of the first count."""
    study_folder: StudyFolder | None = None
    study: StudyFiles | None = None

    @property
    def title(self) -> str:
        """`run NAME` or `study NAME`."""
        return f"{'run' if self.study is None else 'study'} {self.name}"

    @property
    def run(self) -> RunFolder:
        """The run whose weights count."""
        return self.runs[0]

    @property
    def split_dir(self) -> Path:
        """The folder of its split; InputError where the run does not say."""
        if self.run.data.split_dir is None:
            raise InputError(
                f"{self.run.path} does not say where its split lay: version 0.1 did not note it. "
                "Train it again."
            )
        return Path(self.run.data.split_dir)

    @cached_property
    def split(self) -> Split:
        """The split, which has to be the run's; LeakageError where a patient is on two sides."""
        split = read_split(self.split_dir)
        if split.sha256 != {part: self.run.data.split_sha256.get(part) for part in split.sha256}:
            raise InputError(
                f"{self.split_dir} is another split than {self.run.path} was trained on. Restore "
                "its files."
            )
        return split

    @cached_property
    def record(self) -> SplitRecord:
        """How the split was made; InputError where that is not recorded."""
        path = self.split_dir / places.SPLIT_RECORD
        return SplitRecord.read(path, remedy="Run `xlite split` again, and train on that split.")

    @cached_property
    def state(self) -> StudyState:
        """Where the study stands by its ledger."""
        assert self.study_folder is not None
        return read_state(self.study_folder)

    @cached_property
    def evaluations(self) -> Sequence[Evaluation]:
        """Those of the run whose weights count, of what it says today."""
        return read_run_evaluations(self.run)[0]

    def find_evaluation(self, *parts: str) -> Evaluation | None:
        """The evaluation of the first of these parts that has one."""
        own = {one.part: one for one in self.evaluations if one.external is None}
        return next((own[part] for part in parts if part in own), None)

    @cached_property
    def _labelled(self) -> dict[str, LabelledPredictions]:
        return {}

    def read_predictions(self, part: str) -> LabelledPredictions:
        """What the run whose weights count says of a part, beside the labels."""
        if part not in self._labelled:
            self._labelled[part] = read_run_predictions(self.run.path, part, self.split)
        return self._labelled[part]

    @cached_property
    def folds(self) -> FoldSplits | None:
        """The folds that its split is one of; None for a split by itself."""
        parent = self.split_dir.parent
        return read_fold_splits(parent, None)[0] if is_folds(parent) else None

    def read_judged(self, part: str) -> dict[Trained, JudgedRun]:
        """What a study judges of each seed: all runs on a part, over folds pooled (oof)."""
        if part not in self._judged:
            paths = [run.path for run in self.runs]
            split = self.folds or self.split
            self._judged[part] = read_judged_runs(paths, split, part, where=self.name)
        return self._judged[part]

    @cached_property
    def _judged(self) -> dict[str, dict[Trained, JudgedRun]]:
        return {}

    def measure(self, names: Sequence[ScoreName]) -> dict[str, Score]:
        """Scores with their intervals, as a study measures them: means over the seeds, from
        predictions and labels. InputError for runs and scores that can't be judged.
        """
        found: dict[str, Score] = {}
        for part in dict.fromkeys(name.part for name in names):
            asked = [name for name in names if name.part == part]
            found |= measure_asked([*self.read_judged(part).values()], asked)
        return found


def measure_macro_auroc(labelled: LabelledPredictions) -> float:
    """The macro AUROC of predictions, from them and the labels beside them."""
    return macro_mean(ranking_scores(labelled.targets, labelled.probs)[0])[0]


def read_subject(name: str | Path, experiments: Path = places.EXPERIMENTS_DIR) -> Subject:
    """The run or the study of that folder or name.

    Raises InputError where it is neither, or has no finished run.
    """
    for path in (experiments / places.STUDIES / name, Path(name)):
        folder = StudyFolder(path)
        if folder.ledger.path_of(1).exists():
            return _read_study(folder)
    run = RunFolder(find_run(Path(name)))
    if not run.is_begun:
        raise InputError(
            f"{name} is neither a run nor a study. Pass the folder or the name of one, as in "
            "experiments/runs/NAME or experiments/studies/NAME."
        )
    run.require_scores()
    run.check()
    experiments_dir = find_evaluations_dir(run.path).parent
    return Subject(name=_name_of(run.path), experiments=experiments_dir, runs=(run,))


def _read_study(folder: StudyFolder) -> Subject:
    files = read_study_files(folder.path)
    study = files.study
    first = next((one.id for one in study.experiments if one.runs), None)
    chosen = study.winner or study.baseline or first
    owner = study.find_experiment(chosen) or study.find_trial(chosen)
    paths = () if owner is None else owner.runs
    runs = tuple(RunFolder(folder.experiments / path) for path in paths)
    finished = tuple(run for run in runs if run.is_finished)
    if not finished:
        raise InputError(
            f"the study {study.name} has no finished run of {chosen or 'any experiment'} yet. Go "
            "on with `xlite study run` first."
        )
    return Subject(
        name=_name_of(folder.path),
        experiments=folder.experiments,
        runs=finished,
        study_folder=folder,
        study=files,
    )


def _name_of(path: Path) -> str:
    return path.name or Path(os.path.realpath(path)).name
