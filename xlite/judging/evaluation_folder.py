"""The folder of an evaluation: which one it is, and whether it may be written to.

Each evaluation notes what was asked of it. The same question goes to the same folder, another one
to a folder of its own: nothing that was found is overwritten without a word.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xlite.errors import InputError
from xlite.ownership import require_our_folder
from xlite.records import Record
from xlite.run_folder.file_names import RUNS
from xlite.run_folder.folder import RunFolder
from xlite.settings import fingerprint_of

if TYPE_CHECKING:
    from xlite.judging.labelled_predictions import LabelledPredictions

EVALUATIONS = "evaluation"
EVALUATION_SCORES = "scores.json"
"""Called as a run's are, so that one reads both alike; its keys are others."""
ASKED = "asked"
"""The key in `scores.json` of what was asked."""

_NUM_DIGITS = 6


class _Evaluation(Record):
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


def choose_folder(evaluations_dir: Path, name: str, asked: Mapping[str, Any]) -> Path:
    """The folder for what is asked: that called `name`, or one beside it where that is taken."""
    named = evaluations_dir / name
    if not os.path.lexists(named / EVALUATION_SCORES) or _is_same(named, asked):
        return named
    return evaluations_dir / f"{name}-{fingerprint_of(dict(asked))[:_NUM_DIGITS]}"


def require_free(
    folder: Path, asked: Mapping[str, Any], *, names: Sequence[str], overwrite: bool = False
) -> bool:
    """Whether the folder holds the same evaluation already, which is then written again.

    names: the files that are to be written. Raises InputError for the folder of a run, for one
    that holds other files of these names, and, without `overwrite`, another evaluation.
    """
    if RunFolder(folder).is_begun:
        raise InputError(
            f"{folder} is a run's folder, whose own scores.json would be lost. Pass another --out."
        )
    require_our_folder(folder, markers=[EVALUATION_SCORES], names=names, what="`xlite evaluate`")
    if not os.path.lexists(folder / EVALUATION_SCORES):
        return False
    is_same = _is_same(folder, asked)
    if not is_same and not overwrite:
        raise InputError(
            f"{folder} holds an evaluation of something else, or with other options. Pass another "
            "--out, or --overwrite to replace it."
        )
    return is_same


def _is_same(folder: Path, asked: Mapping[str, Any]) -> bool:
    found = _Evaluation.read(folder / EVALUATION_SCORES, remedy="Pass another --out.")
    # As it comes back from JSON: a tuple is a list then.
    return bool(found.asked == json.loads(json.dumps(asked)))
