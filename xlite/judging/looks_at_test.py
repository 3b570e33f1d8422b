"""What runs score on the test part: shown beside a comparison, never part of the choice."""

from __future__ import annotations

import numpy as np

from xlite.judging.compared_runs import RunGroups
from xlite.judging.labelled_predictions import LabelledPredictions, read_run_predictions
from xlite.judging.sealed_test import looks_folder, record_test_look
from xlite.results.comparison import LookAtTest
from xlite.scores.ranking import macro_mean, ranking_scores
from xlite.scores.thresholded import count_at_thresholds, f1, fit_f1_thresholds
from xlite.splitting.split_folder import Split


def look_at_test(
    groups: RunGroups, split: Split, *, command: str, is_once: bool = False
) -> list[LookAtTest]:
    """Macro test scores of each run, at thresholds of its validation part.

    Each look is noted beside the run, with the command that asked for it. is_once: as of
    `record_test_look`.
    """
    looks = []
    for name, runs in groups.items():
        for seed, run_dir in runs.items():
            val, test = (read_run_predictions(run_dir, part, split) for part in ("val", "test"))
            noted = record_test_look(
                looks_folder(run_dir), test, command, run=run_dir.name, is_once=is_once
            )
            looks.append(score_look(name, seed, val, test, looks=len(noted)))
    return looks


def score_look(
    name: str, seed: int, val: LabelledPredictions, test: LabelledPredictions, *, looks: int
) -> LookAtTest:
    """The macro test scores of one run, at thresholds of its validation part; nothing is noted.

    looks: how often the test part has been looked at, with this look.
    """
    auroc, average_precision = ranking_scores(test.targets, test.probs)
    thresholds = fit_f1_thresholds(val.targets, val.probs)
    calls = count_at_thresholds(test.targets, test.probs, thresholds)
    return LookAtTest(
        name=name,
        seed=seed,
        images=len(np.unique(test.image_ids)),
        auroc=macro_mean(auroc)[0],
        average_precision=macro_mean(average_precision)[0],
        f1=macro_mean(f1(calls))[0],
        looks=looks,
    )
