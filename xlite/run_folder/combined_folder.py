"""A folder that holds several runs as one: in the format of a run's, without history."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xlite.files import sha256_of_file
from xlite.run_folder.combined_runs import CombinedRuns, MemberRecord
from xlite.run_folder.ending import seal_run
from xlite.run_folder.file_names import (
    RUN_BEST,
    RUN_CONFIG,
    RUN_SCORES,
    RUN_THRESHOLDS,
    RUN_TYPICAL_FILMS,
    predictions_name,
)
from xlite.run_folder.records import PartScores, RunConfig, RunData, RunScores, write_config
from xlite.run_folder.weights import WeightsDescription, write_weights

if TYPE_CHECKING:
    from torch import Tensor

    from xlite.run_folder.folder import RunFolder

COMBINED_RECORD = RUN_SCORES
"""Written last: a folder that has it is whole."""
COMBINED_FILES = (
    RUN_CONFIG,
    RUN_BEST,
    RUN_THRESHOLDS,
    RUN_TYPICAL_FILMS,
    predictions_name("val"),
    predictions_name("test"),
    RUN_SCORES,
)
"""All that such a folder may hold."""


def describe_members(runs: Sequence[RunFolder], kind: Literal["ensemble", "soup"]) -> CombinedRuns:
    """What `config.json` says of the runs that a folder is made of."""
    return CombinedRuns(
        kind=kind,
        members=[
            MemberRecord(
                run=run.name,
                seed=run.settings.seed,
                weights_sha256=sha256_of_file(run.find_weights()),
                split_sha256=run.data.split_sha256,
            )
            for run in runs
        ],
    )


def write_combined(
    run_dir: Path,
    runs: Sequence[RunFolder],
    combined: CombinedRuns,
    weights: dict[str, Tensor],
    *,
    data: RunData,
    num_parameters: int,
    val: PartScores | None,
) -> None:
    """Write what is left to write of a folder that has its predictions and thresholds already.

    runs: the members, of one kind. What is kept of the films of training is the first one's, whose
    features the folder's model gives. data: what all were trained on. val: scores on validation.
    """
    first = runs[0]
    settings, preprocessing = first.settings, first.preprocessing
    assert preprocessing is not None, "runs of version 0.1 are not combined"
    config = RunConfig(
        schema_version=RunConfig.newest_schema,
        settings=settings.model_dump(mode="json"),
        labels=list(first.labels),
        pos_weight=first.config.pos_weight,
        data=data,
        preprocessing=preprocessing,
        combined=combined,
    )
    write_config(run_dir, config)
    description = WeightsDescription.of(
        settings, first.labels, preprocessing, num_models=combined.num_models
    )
    write_weights(run_dir, weights, description)
    kept = first.find_typical_films()
    if kept is not None:
        shutil.copyfile(kept, run_dir / RUN_TYPICAL_FILMS)
    reached = [run.require_scores() for run in runs]
    scores = RunScores(
        schema_version=RunScores.newest_schema,
        model=settings.model,
        num_parameters=num_parameters,
        epochs=max(one.epochs for one in reached),
        best_epoch=max(one.best_epoch for one in reached),
        stopped_early=False,
        seconds=round(sum(one.seconds for one in reached), 3),
        val=val,
    )
    written = [name for name in COMBINED_FILES if (run_dir / name).exists()]
    seal_run(run_dir, scores, written)
