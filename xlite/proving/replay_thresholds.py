"""A run's own calibration and thresholds, fitted again on its validation part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xlite.errors import InputError
from xlite.places import VALIDATION
from xlite.proving.project import BundledProject
from xlite.proving.replay import Replayed
from xlite.run_folder.predictions import Predictions
from xlite.run_folder.thresholds_file import RUN_CALIBRATION, RUN_METHOD, describe_thresholds
from xlite.training.run_thresholds import fit_run_thresholds


def replay_thresholds(project: BundledProject, path: Path, stated: dict[str, Any]) -> Replayed:
    """`thresholds.json` of a run; InputError where it was fitted in another way."""
    if (stated.get("method"), stated.get("calibration")) != (RUN_METHOD, RUN_CALIBRATION):
        raise InputError("it was fitted in another way than runs fit their own")
    run = project.run(path.parent.name)
    labelled = project.labelled(run.name)
    fitted, seen = fit_run_thresholds(
        Predictions(labelled.image_ids, labelled.probs, labelled.vocabulary),
        labelled.targets,
        labelled.patient_ids,
        split_sha256=project.split_of(run).sha256[VALIDATION],
    )
    return Replayed(found=describe_thresholds(fitted, seen))
