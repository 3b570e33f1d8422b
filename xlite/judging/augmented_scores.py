"""The scores of test-time augmentation: of means over several views of each image."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from xlite.errors import InputError
from xlite.judging.evaluation import Resampling, measure_change, score_predictions
from xlite.judging.judged_predictions import JudgedPredictions
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.threshold_choice import ThresholdChoice
from xlite.places import VALIDATION
from xlite.results.evaluation import AugmentedScores
from xlite.settings import Runtime
from xlite.training.augmented_prediction import VIEWS, predict_with_views
from xlite.training.data import load_study_data


def score_views(
    judged: JudgedPredictions,
    choice: ThresholdChoice,
    cache: Path,
    resampling: Resampling,
    *,
    runtime: Runtime | None = None,
) -> AugmentedScores:
    """The scores of means over the views of a run's images, and what they change.

    Means over views are other numbers than the probs of single images, so the test part's
    thresholds are fitted on the means of the validation part. Raises InputError when the cache
    does not hold what the run has predicted.
    """
    assert judged.run_dir is not None, "views are predicted by a run"
    assert judged.split is not None
    assert judged.part is not None
    run_dir = judged.run_dir
    data = load_study_data(judged.split, cache)

    def augment(labelled: LabelledPredictions, part: str) -> LabelledPredictions:
        if data.parts[part].image_ids.tolist() != labelled.image_ids.tolist():
            raise InputError(f"the images of {cache} are not those that the run predicted.")
        return replace(labelled, probs=predict_with_views(run_dir, part, data, runtime=runtime))

    means = augment(judged.labelled, judged.part)
    val = None
    if judged.takes_thresholds_of_validation:
        val = augment(judged.read_validation(), VALIDATION)
    calls = choice.call(replace(judged, labelled=means), val=val)
    scores = score_predictions(means, calls, resampling=resampling)
    return AugmentedScores(
        views=len(VIEWS),
        change=measure_change(judged.labelled, means.probs, resampling=resampling),
        macro=scores.macro,
        per_class=scores.per_class,
    )
