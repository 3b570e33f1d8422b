"""The runs that a page shows in detail, with their predictions, and its best model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xlite.errors import InputError, did_you_mean
from xlite.judging.labelled_predictions import LabelledPredictions, read_run_predictions
from xlite.reporting.chosen_runs import ChosenRuns, find_choices
from xlite.reporting.page_lead import BestModel
from xlite.reporting.run_groups import group_alike, mean_score, name_settings, rank_runs

if TYPE_CHECKING:
    from xlite.run_folder.folder import RunFolder
    from xlite.splitting.split_folder import Split

_NUM_RUNS = 3


@dataclass(frozen=True, kw_only=True)
class ShownRuns:
    """What the page's sections on scores are about."""

    chosen: Sequence[RunFolder]
    judged: Sequence[LabelledPredictions]
    """Of the chosen runs, on validation; empty without a split to judge by."""
    best: BestModel | None
    """The settings with the best mean over their seeds; None where nothing is judged."""
    faults: Sequence[str]
    """A sentence for each run that was left out, since its predictions can't be read."""


def choose_runs(
    all_runs: Sequence[RunFolder],
    names: Sequence[str] | None,
    experiments: Path,
    split: Split | None,
) -> ShownRuns:
    """The finished runs that are named, or the best that the split can judge, and the best model.

    A run that was not named and whose predictions are damaged is left out, and said to be. Raises
    InputError for a name that is no finished run's, and for a named one that can't be judged.
    """
    finished = [run for run in all_runs if run.scores is not None]
    of_split = [run for run in finished if split and run.config.data.split_sha256 == split.sha256]
    if names is not None:
        candidates = _find_named(finished, names, experiments)
    else:
        # Where none is, the first of them says so.
        candidates = of_split or finished[: 1 if split else _NUM_RUNS]
    if split is None:
        return ShownRuns(chosen=candidates[:_NUM_RUNS], judged=(), best=None, faults=())
    predictions = _Predictions(split, is_left_out=names is None and candidates == of_split)
    chosen: list[RunFolder] = []
    for run in candidates:
        if names is None and len(chosen) == _NUM_RUNS:
            break
        if predictions.read(run) is not None:
            chosen.append(run)
    judged = [found for run in chosen if (found := predictions.read(run)) is not None]
    best = _find_best_model(candidates, find_choices(experiments), predictions)
    return ShownRuns(chosen=chosen, judged=judged, best=best, faults=tuple(predictions.faults))


class _Predictions:
    """Each run's predictions of the validation part, read once."""

    def __init__(self, split: Split, *, is_left_out: bool) -> None:
        self.faults: list[str] = []
        self._split, self._is_left_out = split, is_left_out
        self._read: dict[Path, LabelledPredictions | None] = {}

    def read(self, run: RunFolder) -> LabelledPredictions | None:
        """The run's; None for a damaged one that may be left out, whose fault is kept."""
        if run.path not in self._read:
            self._read[run.path] = self._try(run)
        return self._read[run.path]

    def _try(self, run: RunFolder) -> LabelledPredictions | None:
        try:
            return read_run_predictions(run.path, "val", self._split)
        except InputError as error:
            if not self._is_left_out:
                raise
            self.faults.append(f"{run.name} is in no score here: {error}")
            return None


def _find_named(
    finished: Sequence[RunFolder], names: Sequence[str], experiments: Path
) -> list[RunFolder]:
    by_name = {run.name: run for run in finished}
    # A path to the folder, as the shell completes it, is as good as its name.
    wanted = [Path(name).name for name in names]
    absent = [name for name in wanted if name not in by_name]
    if absent or not wanted:
        known = ", ".join(by_name) or "none"
        what = absent[0] if absent else ""
        raise InputError(
            f"{what!r} is no finished run in {experiments / 'runs'}.{did_you_mean(what, by_name)} "
            f"Finished are: {known}."
        )
    return [by_name[name] for name in dict.fromkeys(wanted)]


def _find_best_model(
    runs: Sequence[RunFolder], choices: Sequence[ChosenRuns], predictions: _Predictions
) -> BestModel | None:
    """What scores best of all that was chosen, if its runs are there; else of all settings. The
    score is the mean validation AUROC: where several seeds are known, luck of one does not decide.
    """
    by_name = {run.name: run for run in runs}
    chosen = [
        (one.why, [by_name[name] for name in sorted(one.names)])
        for one in choices
        if one.names <= by_name.keys()
    ]
    chosen.sort(key=lambda one: mean_score(one[1]), reverse=True)
    others = [("its mean score, which is no test", group) for group in group_alike(runs)]
    for why, group in (*chosen, *others):
        read = [found for run in rank_runs(group) if (found := predictions.read(run)) is not None]
        if read:
            return BestModel(name=name_settings(group[0].settings), why=why, runs=read)
    return None
