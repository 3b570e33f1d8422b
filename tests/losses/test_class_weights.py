"""Schemes for pos_weight against closed forms, on NIH's counts, and the refusal of absurd ones."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from xlite.errors import InputError
from xlite.losses.class_weights import (
    POS_WEIGHT_SCHEMES,
    check_pos_weight,
    implied_operating_point,
    pos_weight_by_scheme,
)

NUM_IMAGES = 78_484
NIH_COUNTS = {
    "Hernia": 153,
    "Pneumonia": 996,
    "Fibrosis": 1_184,
    "Edema": 1_622,
    "Emphysema": 1_796,
    "Cardiomegaly": 1_919,
    "Pleural_Thickening": 2_391,
    "Consolidation": 3_303,
    "Pneumothorax": 3_701,
    "Mass": 4_069,
    "Nodule": 4_455,
    "Atelectasis": 8_113,
    "Effusion": 9_306,
    "Infiltration": 13_823,
}
LABELS = tuple(NIH_COUNTS)
POSITIVES = np.array(list(NIH_COUNTS.values()))
NEGATIVES = NUM_IMAGES - POSITIVES
PREVALENCE = POSITIVES / NUM_IMAGES


def weigh(scheme, positives=POSITIVES, negatives=NEGATIVES, labels=LABELS, **changes):
    options = {"power": 1.0, "smoothing": 1.0, "beta": 0.9999} | changes
    return pos_weight_by_scheme(positives, negatives, scheme, labels=labels, **options)


def precursor_weights():
    """Inverse prevalence, rescaled to a mean of images over classes."""
    inverse = 1 / PREVALENCE
    return inverse / inverse.mean() * NUM_IMAGES / len(LABELS)


def test_neg_over_pos_puts_every_operating_point_at_one_half():
    weights = weigh("neg-over-pos")
    assert weights[0] == pytest.approx(78_331 / 153)
    points = implied_operating_point(weights, PREVALENCE)
    np.testing.assert_allclose(points, 0.5, rtol=0, atol=2**-52)


def test_sqrt_is_half_the_correction_in_log_odds():
    np.testing.assert_allclose(
        np.log(weigh("sqrt")), 0.5 * np.log(weigh("neg-over-pos")), rtol=1e-14
    )


@pytest.mark.parametrize(("power", "smoothing"), [(1.0, 1.0), (0.5, 0.0), (0.0, 3.0), (2.0, 10.0)])
def test_inverse_is_the_formula_with_mean_one(power, smoothing):
    weights = weigh("inverse", power=power, smoothing=smoothing)
    expected = 1 / (POSITIVES + smoothing) ** power
    np.testing.assert_allclose(weights, expected / expected.mean(), rtol=1e-13)
    assert weights.mean() == pytest.approx(1.0)


def test_inverse_survives_a_large_power():
    weights = weigh("inverse", power=120.0)
    assert np.isfinite(weights).all()
    assert weights.argmax() == LABELS.index("Hernia")


@pytest.mark.parametrize("beta", [0.5, 0.99, 0.9999])
def test_effective_number_is_a_ratio_of_geometric_sums(beta):
    positives, negatives = np.array([1, 3, 40]), np.array([50, 3, 7])
    weights = weigh(
        "effective-number", positives, negatives, labels=("Mass", "Edema", "Hernia"), beta=beta
    )
    expected = [
        sum(beta**k for k in range(n)) / sum(beta**k for k in range(p))
        for p, n in zip(positives, negatives, strict=True)
    ]
    np.testing.assert_allclose(weights, expected, rtol=1e-10)


def test_effective_number_lies_between_plain_and_neg_over_pos():
    np.testing.assert_array_equal(weigh("effective-number", beta=0.0), 1.0)
    np.testing.assert_allclose(
        weigh("effective-number", beta=1 - 1e-14), weigh("neg-over-pos"), rtol=1e-9
    )


@pytest.mark.parametrize("scheme", POS_WEIGHT_SCHEMES)
def test_every_scheme_is_usable_and_favours_the_rarest(scheme):
    weights = weigh(scheme)
    assert weights.dtype == np.float64
    assert (np.diff(weights) < 0).all()
    check_pos_weight(weights, PREVALENCE, LABELS)


@pytest.mark.parametrize("scheme", POS_WEIGHT_SCHEMES)
@pytest.mark.parametrize("side", ["positives", "negatives"])
def test_an_empty_class_is_named(scheme, side):
    counts = {"positives": POSITIVES.copy(), "negatives": NEGATIVES.copy()}
    counts[side][[2, 5]] = 0
    with pytest.raises(InputError, match=rf"no {side} .*: Fibrosis, Cardiomegaly\. Leave"):
        weigh(scheme, **counts)


def test_an_unknown_scheme_is_answered_with_the_list():
    with pytest.raises(InputError, match=r"'balanced'.*neg-over-pos, sqrt, inverse, effective"):
        weigh("balanced")


@pytest.mark.parametrize(
    ("scheme", "change"),
    [
        ("inverse", {"power": -1.0}),
        ("inverse", {"power": float("nan")}),
        ("inverse", {"smoothing": -0.5}),
        ("effective-number", {"beta": 1.0}),
        ("effective-number", {"beta": -0.1}),
        ("effective-number", {"beta": float("nan")}),
    ],
)
def test_a_parameter_out_of_range_is_refused(scheme, change):
    with pytest.raises(InputError, match=next(iter(change))):
        weigh(scheme, **change)


@pytest.mark.parametrize(("weight", "prevalence"), [(1.0, 0.3), (20.0, 0.05), (5606.0, 0.002)])
def test_the_operating_point_minimises_the_expected_loss(weight, prevalence):
    def expected_loss(prob):
        return -weight * prevalence * np.log(prob) - (1 - prevalence) * np.log1p(-prob)

    found = minimize_scalar(
        expected_loss, bounds=(1e-9, 1 - 1e-9), method="bounded", options={"xatol": 1e-10}
    )
    point = implied_operating_point(np.array([weight]), np.array([prevalence]))[0]
    assert point == pytest.approx(found.x, abs=1e-6)


def test_the_precursors_vector_is_refused_with_reason_and_remedies():
    weights = precursor_weights()
    assert weights.mean() == pytest.approx(5606)
    with pytest.raises(InputError) as refusal:
        check_pos_weight(weights, PREVALENCE, LABELS)
    message = str(refusal.value)
    assert "mean 5,606" in message
    assert "14 of 14 classes over 0.9: Hernia 0.98" in message
    assert "A classifier that knows nothing would call everything positive" in message
    assert "neg-over-pos" in message
    assert "--allow-extreme" in message
    check_pos_weight(weights, PREVALENCE, LABELS, allow_extreme=True)


def test_half_of_the_classes_may_be_extreme_and_one_more_may_not():
    prevalence = np.full(4, 0.5)
    check_pos_weight(np.array([99.0, 99.0, 1.0, 1.0]), prevalence, LABELS[:4])
    with pytest.raises(InputError, match=r"3 of 4 classes over 0\.9: Hernia 0\.990, Pneumonia"):
        check_pos_weight(np.array([99.0, 99.0, 99.0, 1.0]), prevalence, LABELS[:4])


@pytest.mark.parametrize("value", [0.0, -1.0, np.nan, np.inf])
def test_unusable_weights_are_refused_whatever_is_allowed(value):
    weights = weigh("sqrt")
    weights[1] = value
    with pytest.raises(InputError, match="Pneumonia are not finite numbers above 0"):
        check_pos_weight(weights, PREVALENCE, LABELS, allow_extreme=True)


def test_a_vector_of_another_length_is_refused():
    with pytest.raises(InputError, match="14 labels need as many loss weights"):
        check_pos_weight(np.ones(13), PREVALENCE, LABELS)


def test_names_are_importable_without_torch():
    code = "import sys, xlite.losses.class_weights; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
