"""What the score of a run's best epoch is worth, chosen on the images that it is told of."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from xlite.judging.evaluation import Resampling
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.paired_difference import IMAGES_ONLY
from xlite.results.selection import SelectedScore
from xlite.run_folder.epoch_predictions import read_epoch_logits
from xlite.run_folder.folder import RunFolder
from xlite.scores.auroc_interval import auroc_interval, macro_auroc_interval
from xlite.scores.bootstrap import average_classes, resample_scores
from xlite.scores.ranking import macro_mean
from xlite.scores.selection import correct_best

_NUM_RESAMPLES = 500
_MOST_APART = 0.002
"""Half precision and the history's own digits move a macro AUROC by less."""


def correct_best_epoch(
    run_dir: Path, labelled: LabelledPredictions, resampling: Resampling
) -> SelectedScore | None:
    """The macro AUROC of a run's best epoch, as measured and corrected for the choice.

    None where no epoch was chosen, or not by AUROC or average precision alone, or where the run
    does not hold what its epochs said, as older ones do not.
    Epochs that lie behind the best by more than its interval is wide are counted, and take no part:
    no resample would choose them.
    """
    run = RunFolder(run_dir)
    monitor, history = run.settings.monitor, run.history
    scores = run.require_scores()
    is_picked = run.settings.select == "best" and monitor in ("auroc", "average_precision")
    if not (is_picked and history):
        return None
    by = np.array([row.get(f"val_{monitor}", np.nan) for row in history])
    aurocs = np.array([row.get("val_auroc", np.nan) for row in history])
    best = scores.best_epoch - 1
    measured, low, high = _measure(labelled, resampling)
    if np.isnan([*by, *aurocs, low, high]).any() or int(by.argmax()) != best:
        return None
    if abs(aurocs[best] - measured) > _MOST_APART:
        return None  # the labels have changed since
    near = np.flatnonzero(by >= by[best] - (high - low))
    shape = labelled.targets.shape
    said = [read_epoch_logits(run_dir, int(epoch) + 1, shape) for epoch in near]
    models = [logits for logits in said if logits is not None]
    if len(models) < len(near):
        return None
    drawn = resample_scores(
        labelled.targets,
        models,
        labelled.patient_ids,
        rng=resampling.generator(),
        num_resamples=_NUM_RESAMPLES,
        scores=("auroc",) if monitor == "auroc" else ("auroc", "average_precision"),
    )
    means = {name: np.nan_to_num(average_classes(values)).T for name, values in drawn.items()}
    corrected = correct_best(
        aurocs[near],
        means["auroc"],
        level=resampling.level,
        limits=(low, high),
        chosen_by=(by[near], means[monitor]),
    )
    return SelectedScore(
        name=f"epoch {best + 1}",
        score="auroc",
        among=len(history),
        of="epochs",
        level=resampling.level,
        covers=IMAGES_ONLY,
        measured=measured,
        measured_low=low,
        measured_high=high,
        corrected=measured - corrected.optimism,
        low=max(0.0, corrected.low),
        high=min(1.0, corrected.high),
    )


def _measure(labelled: LabelledPredictions, resampling: Resampling) -> tuple[float, float, float]:
    """The macro AUROC with its interval, as `score_predictions` has them."""
    targets, groups, level = labelled.targets, labelled.patient_ids, resampling.level
    drawn = resample_scores(
        targets,
        [labelled.probs],
        groups,
        rng=resampling.generator(),
        num_resamples=resampling.num_resamples,
    )
    of_labels = auroc_interval(targets, labelled.probs, patients=groups, level=level)
    low, high = macro_auroc_interval(of_labels, drawn["auroc"][0], level=level)
    return macro_mean(of_labels.auroc)[0], low, high
