"""The folder of an evaluation: which one it is, what it holds, and whether it may be written to.

Each evaluation notes what was asked of it. The same question goes to the same folder, another one
to a folder of its own: nothing that was found is overwritten without a word.
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.errors import InputError
from xlite.files import atomic_path, write_json, write_table
from xlite.ownership import require_our_folder
from xlite.places import EVALUATION_SCORES, EVALUATIONS
from xlite.records import Record
from xlite.results.evaluation import Evaluation, Question
from xlite.run_folder.file_names import RUNS
from xlite.run_folder.folder import RunFolder
from xlite.settings import fingerprint_of

if TYPE_CHECKING:
    import pandas as pd

    from xlite.judging.labelled_predictions import LabelledPredictions

"""Called as a run's are, so that one reads both alike; its keys are others."""
_SCORES_TABLE = "scores.csv"
_SUBGROUPS_TABLE = "subgroups.csv"
_DROP_TABLE, _CALIBRATION_TABLE = "drop.csv", "calibration.csv"
_OPTIONAL = (_SUBGROUPS_TABLE, _DROP_TABLE, _CALIBRATION_TABLE)
"""Tables that not every evaluation has."""
_NUM_DIGITS = 6


class _Answered(Record):
    """What `scores.json` of an evaluation has, and that of a run has not."""

    resamples: int
    level: float
    per_class: dict[str, Any]
    asked: dict[str, Any] | None = None
    """None in what version 0.1 wrote."""


def sum_predictions(labelled: LabelledPredictions) -> str:
    """The SHA-256 of what is judged: images, truth and probs."""
    digest = hashlib.sha256("\n".join(map(str, labelled.image_ids)).encode())
    for values in (labelled.targets, labelled.probs):
        digest.update(np.ascontiguousarray(values).tobytes())
    return digest.hexdigest()


def find_evaluations_dir(run_dir: Path) -> Path:
    """The folder of evaluations beside a run's: in its experiments folder, wherever that lies.

    >>> find_evaluations_dir(Path("/data/experiments/runs/a")).as_posix()
    '/data/experiments/evaluation'
    >>> find_evaluations_dir(Path("/moved/a")).as_posix()
    '/moved/evaluation'
    """
    parent = run_dir.resolve().parent if run_dir.name in ("", "..") else run_dir.parent
    return (parent.parent if parent.name == RUNS else parent) / EVALUATIONS


def choose_folder(evaluations_dir: Path, name: str, asked: Question) -> EvaluationFolder:
    """The folder for what is asked: that called `name`, or one beside it where that is taken."""
    named = EvaluationFolder(evaluations_dir / name)
    if not named.is_written or named.answers(asked):
        return named
    mark = fingerprint_of(asked.to_json())[:_NUM_DIGITS]
    return EvaluationFolder(evaluations_dir / f"{name}-{mark}")


def list_tables(evaluation: Evaluation) -> dict[str, pd.DataFrame]:
    """The tables that lie beside an evaluation's `scores.json`, by file name."""
    tables = {_SCORES_TABLE: evaluation.to_frame()}
    if evaluation.subgroups:
        tables[_SUBGROUPS_TABLE] = evaluation.subgroups_to_frame()
    if evaluation.external is not None:
        tables[_DROP_TABLE] = evaluation.external.drops_to_frame()
        tables[_CALIBRATION_TABLE] = evaluation.external.calibration_to_frame()
    return tables


@dataclass(frozen=True)
class EvaluationFolder:
    """The files of one evaluation: `scores.json`, written last, its tables and its figures."""

    path: Path

    @property
    def is_written(self) -> bool:
        """Whether there is an evaluation in it, or something that is called like one."""
        return os.path.lexists(self.path / EVALUATION_SCORES)

    def answers(self, asked: Question) -> bool:
        """Whether the evaluation in it is of what is asked; InputError for what is none."""
        found = _Answered.read(self.path / EVALUATION_SCORES, remedy="Pass another --out.")
        return found.asked == asked.to_json()

    def require_free(
        self, asked: Question, *, figures: Sequence[str], overwrite: bool = False
    ) -> bool:
        """Whether it holds the same evaluation already, which is then written again.

        figures: the names of files that are written besides. Raises InputError as `require_ours`
        does, and, without `overwrite`, for another evaluation.
        """
        self.require_ours(figures=figures)
        if not self.is_written:
            return False
        is_same = self.answers(asked)
        if not is_same and not overwrite:
            raise InputError(
                f"{self.path} holds an evaluation of something else, or with other options. Pass "
                "another --out, or --overwrite to replace it."
            )
        return is_same

    def require_ours(self, *, figures: Sequence[str]) -> None:
        """Raise InputError for the folder of a run, and for one that holds other files of the
        names that are written; figures: the names of some of them.
        """
        if RunFolder(self.path).is_begun:
            raise InputError(
                f"{self.path} is a run's folder, whose own {EVALUATION_SCORES} would be lost. Pass "
                "another --out."
            )
        require_our_folder(
            self.path,
            markers=[EVALUATION_SCORES],
            names=[_SCORES_TABLE, *_OPTIONAL, *figures],
            what="`xlite evaluate`",
        )

    def read(self) -> Evaluation:
        """The evaluation in it; InputError where it is damaged, or there is none."""
        remedy = "Evaluate again, with --overwrite."
        evaluation = Evaluation.read(self.path / EVALUATION_SCORES, remedy=remedy)
        return dataclasses.replace(evaluation, folder=self.path)

    def write(self, evaluation: Evaluation) -> Evaluation:
        """The evaluation, with its folder, once its tables and, last, `scores.json` are written."""
        tables = list_tables(evaluation)
        for name, table in tables.items():
            with atomic_path(self.path / name) as temporary:
                write_table(temporary, table)
        for name in _OPTIONAL:
            if name not in tables:
                # Of the evaluation that this one replaces.
                (self.path / name).unlink(missing_ok=True)
        write_json(self.path / EVALUATION_SCORES, evaluation.to_json())
        return dataclasses.replace(evaluation, folder=self.path)
