"""Which runs studies and comparisons have chosen, as their files say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from xlite.reporting.begun_studies import find_studies
from xlite.reporting.judged_studies import read_studies
from xlite.results.comparison import Comparison


@dataclass(frozen=True, kw_only=True)
class ChosenRuns:
    """A choice that was made by a rule."""

    time: str
    """ISO 8601."""
    why: str
    """Who chose, in a few words."""
    names: frozenset[str]
    """The run folders of what was chosen, a seed each."""


def find_choices(experiments_dir: Path) -> list[ChosenRuns]:
    """The winners of studies, the newest first, then what was chosen by the comparison; those of
    which no run of ours is known are left out.

    In this order whenever the comparison was made again: judging twice changes no page.
    """
    choices = []
    for files in find_studies(experiments_dir)[0].values():
        study = files.study
        won = study.find_experiment(study.winner) or study.find_trial(study.winner)
        if won is not None:
            names = frozenset(PurePosixPath(run).name for run in won.runs)
            choices.append(
                ChosenRuns(time=study.updated, why=f"the study {study.name}", names=names)
            )
    choices.sort(key=lambda one: one.time, reverse=True)
    for judged in read_studies(experiments_dir)[0].values():
        if isinstance(judged, Comparison):
            names = frozenset(judged.runs.get(judged.chosen, {}).values())
            choices.append(ChosenRuns(time=judged.time, why="the comparison", names=names))
    return [one for one in choices if one.names]
