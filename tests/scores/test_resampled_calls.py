from __future__ import annotations

import numpy as np

from xlite.scores.bootstrap import resample_scores
from xlite.scores.class_scores import score_counts
from xlite.scores.resampled_calls import resample_calls
from xlite.scores.thresholded import confusion_counts

RNG = np.random.default_rng(4)
TARGETS = RNG.integers(-1, 2, (80, 3)).astype(np.int8)
CALLS = RNG.random((80, 3)) < 0.4
PATIENTS = RNG.integers(0, 30, 80).astype(str)


def draw(num_resamples: int = 200) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return resample_calls(TARGETS, CALLS, PATIENTS, rng=rng, num_resamples=num_resamples)


def test_f1_is_that_of_the_other_bootstrap() -> None:
    expected = resample_scores(
        TARGETS,
        [CALLS.astype(float)],
        PATIENTS,
        rng=np.random.default_rng(0),
        num_resamples=200,
        scores=("f1",),
        thresholds=[np.full(3, 0.5)],
    )["f1"][0]
    np.testing.assert_allclose(draw()["f1"], expected)


def test_a_resample_is_its_patients_with_all_of_their_images() -> None:
    patients, rows = np.unique(PATIENTS, return_inverse=True)
    drawn = draw(40)
    found = np.zeros((40, len(patients)))
    rng = np.random.default_rng(0)
    from xlite.scores.resampling import draw_weights

    for chunk, weights in draw_weights(len(patients), 40, rng):
        found[chunk] = weights.T
    for resample in (0, 33):
        copies = np.repeat(np.arange(len(rows)), found[resample].astype(int)[rows])
        expected = score_counts(confusion_counts(TARGETS[copies], CALLS[copies]))
        for name, values in expected.items():
            np.testing.assert_allclose(drawn[name][resample], values, err_msg=name)
