from __future__ import annotations

import numpy as np
import pytest
from judging.drawn_predictions import draw_predictions

from xlite.errors import InputError
from xlite.judging.thresholding import (
    apply_thresholds,
    crossfit_calls,
    fit_to_predictions,
)
from xlite.scores.threshold_methods import check_method
from xlite.scores.thresholded import assign_halves, crossfit_counts, fit_f1_thresholds


def test_no_image_helps_to_fit_the_threshold_that_it_is_called_by() -> None:
    cases = draw_predictions()
    calls = crossfit_calls(cases, method="f1", calibration="none")
    in_first = assign_halves(cases.targets, cases.patient_ids)
    assert 0.3 < in_first.mean() < 0.7
    for judged in (in_first, ~in_first):
        limits = fit_f1_thresholds(cases.targets[~judged], cases.probs[~judged])
        np.testing.assert_array_equal(calls.is_called[judged], cases.probs[judged] >= limits)
    whole = fit_f1_thresholds(cases.targets, cases.probs)
    np.testing.assert_array_equal(calls.thresholds, whole)
    counts = crossfit_counts(cases.targets, cases.probs, cases.patient_ids)
    called = (calls.is_called & (calls.targets == 1)).sum(axis=0)
    np.testing.assert_array_equal(called, counts.true_positives)


def test_a_half_without_positives_leaves_the_other_unjudged() -> None:
    cases = draw_predictions()
    # One patient alone has it.
    cases.targets[:, 2] = cases.patient_ids == cases.patient_ids[0]
    in_first = assign_halves(cases.targets, cases.patient_ids)
    if in_first[0]:
        in_first = ~in_first
    calls = crossfit_calls(cases, method="f1", calibration="none")
    assert (calls.targets[~in_first, 2] == -1).all()
    assert (calls.targets[in_first, 2] == 0).all()
    np.testing.assert_array_equal(calls.targets[:, :2], cases.targets[:, :2])


@pytest.mark.parametrize("calibration", ["platt", "temperature"])
def test_calibration_mends_probs_that_are_too_extreme(calibration: str) -> None:
    cases = draw_predictions(num_images=2000)
    logits = np.log(cases.probs / (1 - cases.probs))
    extreme = 1 / (1 + np.exp(-4 * logits))
    cases.probs[:] = extreme
    calls = crossfit_calls(cases, method="f1", calibration=calibration)
    before = ((extreme - cases.targets) ** 2).mean(axis=0)
    after = ((calls.probs - cases.targets) ** 2).mean(axis=0)
    assert (after < 0.95 * before).all()


def test_a_model_that_ranks_the_wrong_way_round_is_not_turned_round() -> None:
    cases = draw_predictions()
    cases.probs[:, 1] = 1 - cases.probs[:, 1]
    thresholds = fit_to_predictions(cases, method="f1", calibration="platt")
    assert (thresholds.scaling.slope[1], thresholds.scaling.intercept[1]) == (1.0, 0.0)
    assert thresholds.scaling.slope[0] != 1.0
    assert any("wrong way round" in note for note in thresholds.notes["Edema"])
    assert not any("wrong way round" in note for note in thresholds.notes.get("Mass", []))


def test_thresholds_that_lack_a_label_are_refused() -> None:
    cases = draw_predictions()
    thresholds = fit_to_predictions(cases, method="f1", calibration="none")
    thresholds = type(thresholds)(**{**vars(thresholds), "vocabulary": ("Mass", "Edema", "Nodule")})
    with pytest.raises(InputError, match="lack Hernia"):
        apply_thresholds(thresholds, cases, source="a file")


def test_unstable_thresholds_and_those_at_an_edge_are_noted() -> None:
    cases = draw_predictions()
    rng = np.random.default_rng(3)
    cases.targets[:, 2] = 0
    cases.targets[rng.integers(0, 400, 3), 2] = 1
    cases.probs[:, 2] = rng.random(400)
    thresholds = fit_to_predictions(cases, method="f1", calibration="none")
    assert any("unstable" in note for note in thresholds.notes["Hernia"])
    assert "Mass" not in thresholds.notes


@pytest.mark.parametrize("method", ["f1", "youden", "sensitivity:0.9", "specificity:1"])
def test_methods_are_accepted(method: str) -> None:
    check_method(method)


@pytest.mark.parametrize(
    "method", ["", "f2", "sensitivity", "sensitivity:", "sensitivity:0", "specificity:1.5", "f1:1"]
)
def test_other_methods_are_refused(method: str) -> None:
    with pytest.raises(InputError):
        check_method(method)
