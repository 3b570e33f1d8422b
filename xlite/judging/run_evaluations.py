"""The evaluations of one run that lie in its experiments folder, and are of what it says today."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from xlite.errors import InputError, LeakageError
from xlite.judging.evaluation_folder import (
    EvaluationFolder,
    find_evaluations_dir,
    sum_predictions,
)
from xlite.judging.labelled_predictions import read_run_predictions
from xlite.places import EVALUATION_SCORES
from xlite.results.evaluation import Evaluation
from xlite.run_folder.folder import RunFolder
from xlite.splitting.split_folder import Split, read_split


def read_run_evaluations(
    run: RunFolder, *, split: Split | None = None
) -> tuple[list[Evaluation], list[str]]:
    """The evaluations of a run, one of each part of its split and of each other site, and a
    sentence for each that was passed over.

    Of several of one part it is one with subgroups, else the first by the names of their folders,
    which is that with the default options; those of means over views are none. Where the run's
    split is still there, an evaluation has to be of the predictions and labels that are there now.
    split: that of the run; None for what lies where the run says that it did.
    """
    found: dict[str | None, Evaluation] = {}
    faults = []
    folders = _find_folders(run)
    digests = _digest_parts(run, split) if folders else {}
    for folder in folders:
        try:
            evaluation = folder.read()
        except InputError as error:
            faults.append(str(error))
            continue
        if evaluation.name != run.name or evaluation.tta is not None:
            continue
        wanted = digests.get(evaluation.part or "")
        if evaluation.external is None and wanted not in (None, evaluation.asked.cases):
            faults.append(
                f"{folder.path} is of other predictions or labels than those of {run.path}, and is "
                "left out. Evaluate again, with --overwrite."
            )
            continue
        external = evaluation.external
        key = evaluation.part if external is None else external.site
        if key not in found or (evaluation.subgroups and not found[key].subgroups):
            found[key] = evaluation
    return list(found.values()), faults


def _find_split(run: RunFolder) -> Split | None:
    if run.data.split_dir is None:
        return None
    try:
        return read_split(Path(run.data.split_dir))
    except (InputError, LeakageError):
        return None


def _find_folders(run: RunFolder) -> list[EvaluationFolder]:
    folders = []
    for path in sorted(find_evaluations_dir(run.path).glob(f"*/{EVALUATION_SCORES}")):
        try:
            named = json.loads(path.read_bytes()).get("name")
        except (ValueError, AttributeError, OSError):
            continue  # Whoever asks for it is told; it need not be of this run.
        if named == run.name:
            folders.append(EvaluationFolder(path.parent))
    return folders


def _digest_parts(run: RunFolder, split: Split | None) -> Mapping[str, str]:
    """What an evaluation of each part is of, as far as the split and predictions are there."""
    split = split or _find_split(run)
    if split is None:
        return {}
    digests = {}
    for part in split.parts:
        if run.has_predictions(part):
            try:
                digests[part] = sum_predictions(read_run_predictions(run.path, part, split))
            except (InputError, LeakageError):
                continue
    return digests
