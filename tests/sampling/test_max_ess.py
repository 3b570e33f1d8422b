from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog, minimize

from xlite.errors import InputError
from xlite.labels import NIH_LABELS
from xlite.sampling.exposure import expected_exposure
from xlite.sampling.label_sets import LabelSets, find_label_sets
from xlite.sampling.max_entropy import fit_max_entropy
from xlite.sampling.max_ess import fit_max_ess
from xlite.sampling.solvers.ess_dual import solve_ess_dual
from xlite.sampling.weights import sampling_weights
from xlite.settings import SamplerSettings
from xlite.synthetic.label_draws import nih_label_sets


@pytest.fixture(scope="module")
def nih() -> LabelSets:
    """The label sets of NIH's 112,120 images, with as many images of each."""
    patterns, counts = nih_label_sets()
    return find_label_sets(np.repeat(patterns, counts, axis=0))


def test_nih_without_a_floor_keeps_more_than_max_entropy_and_drops_images(nih: LabelSets) -> None:
    fit = fit_max_ess(nih, min_repeat=0)
    exposure = expected_exposure(nih, fit.set_weights[nih.inverse])
    assert exposure.ess == pytest.approx(0.4280, abs=5e-5)
    assert exposure.ess == pytest.approx(fit.ess)
    assert exposure.max_repeats == pytest.approx(21.6, abs=0.05)
    assert exposure.cv < 1e-9
    assert exposure.no_finding_share == pytest.approx(60_361 / 112_120)
    assert nih.counts[fit.set_weights == 0].sum() == 16_145
    assert fit_max_entropy(nih).ess == pytest.approx(0.3582, abs=5e-5)


@pytest.mark.parametrize(
    ("min_repeat", "ess", "repeat"), [(0.1, 0.4134, 22.6), (0.2, 0.3954, 23.9)]
)
def test_nih_with_a_floor_drops_no_image(
    nih: LabelSets, min_repeat: float, ess: float, repeat: float
) -> None:
    fit = fit_max_ess(nih, min_repeat=min_repeat)
    assert fit.ess == pytest.approx(ess, abs=5e-5)
    assert fit.set_weights.max() == pytest.approx(repeat, abs=0.05)
    assert fit.set_weights.min() >= min_repeat * (1 - 1e-9)
    exposure = expected_exposure(nih, fit.set_weights[nih.inverse])
    np.testing.assert_allclose(exposure.share, 1 / 14, atol=1e-9)


@pytest.mark.parametrize("strength", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("no_finding_share", [0.0, 0.3, 0.8])
def test_nih_meets_other_targets(nih: LabelSets, strength: float, no_finding_share: float) -> None:
    fit = fit_max_ess(nih, strength=strength, no_finding_share=no_finding_share)
    exposure = expected_exposure(nih, fit.set_weights[nih.inverse])
    np.testing.assert_allclose(exposure.share, fit.requested_share, atol=1e-9)
    assert exposure.no_finding_share == pytest.approx(no_finding_share)
    # The floor is one of images with a finding; --no-finding says how often the others come.
    assert fit.set_weights[~nih.no_finding].min() >= 0.1 * (1 - 1e-9)
    other = fit_max_entropy(nih, strength=strength, no_finding_share=no_finding_share)
    if other.set_weights[~nih.no_finding].min() >= 0.1:
        assert fit.ess >= other.ess - 1e-12


def test_nih_bounds_on_both_sides_hold(nih: LabelSets) -> None:
    weights = fit_max_ess(nih, max_repeat=20).set_weights
    assert weights.min() == pytest.approx(0.1)
    assert weights.max() == pytest.approx(20)
    assert expected_exposure(nih, weights[nih.inverse]).cv < 1e-9


def test_min_ess_takes_the_largest_strength(nih: LabelSets) -> None:
    fit = fit_max_ess(nih, min_ess=0.5)
    assert 0.5 <= fit.ess < 0.5005
    assert fit_max_ess(nih, strength=fit.strength + 2e-4).ess < 0.5
    assert fit.strength > fit_max_entropy(nih, min_ess=0.5).strength


def test_a_floor_that_the_target_rules_out_names_class_and_remedy(nih: LabelSets) -> None:
    with pytest.raises(InputError) as caught:
        fit_max_ess(nih, min_repeat=0.8, vocabulary=NIH_LABELS)
    text = str(caught.value)
    assert "at least 0.8 draws an epoch: Infiltration (wanted 7.143%, nearest 15.0" in text
    assert "Hernia (wanted 7.143%, nearest 2.885%)" in text
    assert "lower --min-repeat, or pass --nearest-feasible." in text
    fit = fit_max_ess(nih, min_repeat=0.8, nearest_feasible=True)
    assert fit.set_weights.min() >= 0.8 * (1 - 1e-9)
    exposure = expected_exposure(nih, fit.set_weights[nih.inverse])
    np.testing.assert_allclose(exposure.share, fit.share, atol=1e-9)
    assert exposure.cv < expected_exposure(nih, None).cv
    with pytest.raises(InputError, match=r"0\.11 draws an epoch on average, which --min-repeat 0"):
        fit_max_ess(nih, min_repeat=0.2, no_finding_share=0.95)


def test_the_sampler_reads_its_option(nih: LabelSets) -> None:
    for floor in (0.1, 0.05):
        chosen = SamplerSettings(name="max-ess", min_repeat=floor)
        weights = sampling_weights(nih, chosen)
        assert weights is not None
        assert weights.min() == pytest.approx(floor)


# Label sets of the small problems below: random, and then not always feasible.
def draw_labels(seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    num_classes = int(rng.integers(2, 5))
    prevalence = rng.uniform(0.05, 0.6, size=num_classes)
    labels = (rng.random((int(rng.integers(8, 40)), num_classes)) < prevalence).astype(np.int8)
    labels[0] = 0
    labels[1 : 1 + num_classes][np.diag_indices(num_classes)] = 1
    return labels


def write_constraints(labels: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A and b of A w = b over images: the class shares, and healthy images as found."""
    healthy = (labels == 0).all(axis=1)
    features = labels - labels.sum(axis=1, keepdims=True) * target
    # One of the share constraints follows from the others.
    left = np.vstack([features.T[1:], healthy, np.ones(len(labels))])
    return left, np.r_[np.zeros(len(target) - 1), healthy.sum(), len(labels)]


def widest_margin(labels: np.ndarray, target: np.ndarray, floor: float, cap: float) -> float:
    """How far the bounds can move inwards with the target met; below 0 outwards."""
    left, right = write_constraints(labels, target)
    num_images = len(labels)
    eye, ones = np.eye(num_images), np.ones((num_images, 1))
    result = linprog(
        np.r_[np.zeros(num_images), -1.0],
        A_ub=np.vstack([np.hstack([-eye, ones]), np.hstack([eye, ones])]),
        # Weights of mean 1 are below the number of images.
        b_ub=np.r_[np.full(num_images, -floor), np.full(num_images, min(cap, num_images))],
        A_eq=np.hstack([left, np.zeros((len(left), 1))]),
        b_eq=right,
        bounds=[(None, None)] * num_images + [(None, 1)],
    )
    return float(-result.fun) if result.success else -np.inf


@given(
    seed=st.integers(0, 2**32),
    strength=st.sampled_from([0.3, 0.7, 1.0]),
    floor=st.sampled_from([0.0, 0.1, 0.4]),
    max_repeat=st.sampled_from([None, 1.3, 2.0, 4.0]),
)
@settings(max_examples=300, deadline=None)
def test_fits_meet_the_target_and_the_optimality_conditions(
    seed: int, strength: float, floor: float, max_repeat: float | None
) -> None:
    labels = draw_labels(seed)
    sets = find_label_sets(labels)
    counts = labels.sum(axis=0)
    target = counts ** (1 - strength) / (counts ** (1 - strength)).sum()
    cap = np.inf if max_repeat is None else max_repeat
    margin = widest_margin(labels, target, floor, cap)
    try:
        fit = fit_max_ess(sets, strength=strength, min_repeat=floor, max_repeat=max_repeat)
    except InputError:
        # Only what no weights within the bounds can meet may be refused.
        assert margin < 1e-7
        return
    assert margin > -1e-7
    weights = fit.set_weights[sets.inverse]
    exposure = expected_exposure(labels, weights)
    np.testing.assert_allclose(exposure.share, target, atol=1e-9)
    assert weights.mean() == pytest.approx(1, abs=1e-9)
    assert weights.min() >= floor * (1 - 1e-9)
    assert weights.max() <= cap * (1 + 1e-9)
    healthy = (labels == 0).all(axis=1)
    np.testing.assert_allclose(weights[healthy], 1)
    # Karush-Kuhn-Tucker: w - beta . y has one value between the bounds, is above it at the
    # floor and below it at the cap, where the bounds' multipliers are positive.
    level = weights - labels @ fit.coefficients
    at_floor, at_cap = weights < floor + 1e-9, weights > cap - 1e-9
    free = level[~healthy & ~at_floor & ~at_cap]
    lowest = level[~healthy & at_floor].min(initial=np.inf)
    highest = level[~healthy & at_cap].max(initial=-np.inf)
    if free.size:
        np.testing.assert_allclose(free, free[0], atol=1e-6)
        assert highest - 1e-6 <= free[0] <= lowest + 1e-6
    else:
        assert highest <= lowest + 1e-6


@given(
    seed=st.integers(0, 2**32),
    floor=st.sampled_from([0.0, 0.1]),
    max_repeat=st.sampled_from([None, 3.0]),
)
@settings(max_examples=40, deadline=None)
def test_fits_agree_with_a_general_purpose_optimiser(
    seed: int, floor: float, max_repeat: float | None
) -> None:
    labels = draw_labels(seed)
    target = np.full(labels.shape[1], 1 / labels.shape[1])
    cap = np.inf if max_repeat is None else max_repeat
    if widest_margin(labels, target, floor, cap) < 1e-3:
        return
    left, right = write_constraints(labels, target)
    reference = minimize(
        lambda w: float(w @ w) / len(w),
        np.ones(len(labels)),
        jac=lambda w: 2 * w / len(w),
        method="SLSQP",
        bounds=[(floor, max_repeat)] * len(labels),
        constraints={"type": "eq", "fun": lambda w: left @ w - right, "jac": lambda w: left},
        options={"ftol": 1e-14, "maxiter": 1000},
    )
    assert reference.success
    sets = find_label_sets(labels)
    fit = fit_max_ess(sets, min_repeat=floor, max_repeat=max_repeat)
    np.testing.assert_allclose(fit.set_weights[sets.inverse], reference.x, atol=1e-4)


def test_images_that_the_target_leaves_no_room_for_are_dropped_only_without_a_floor() -> None:
    labels = np.array([[1, 1]] * 2 + [[0, 1]] * 5 + [[0, 0]] * 3, dtype=np.int8)
    sets = find_label_sets(labels)
    weights = fit_max_ess(sets, min_repeat=0).set_weights[sets.inverse]
    np.testing.assert_allclose(weights, [3.5] * 2 + [0] * 5 + [1] * 3, atol=1e-9)
    with pytest.raises(InputError, match=r"Hernia, which never appears alone \(wanted 50\.000%"):
        fit_max_ess(sets, vocabulary=["Hernia", "Mass"])
    with pytest.raises(InputError, match="the max-ess sampler can't raise.*class 1"):
        fit_max_ess(find_label_sets(np.array([[1, 0], [0, 0]], dtype=np.int8)))


def test_the_dual_has_no_solution_where_the_constraints_have_none() -> None:
    base = np.array([0.5, 0.5])
    assert solve_ess_dual(np.array([[1.0], [2.0]]), base) is None
    assert solve_ess_dual(np.array([[-1.0], [3.0]]), base, cap=1.2) is None
    assert solve_ess_dual(np.array([[-1.0], [3.0]]), base, floor=0.6) is None
    for bounds in ({}, {"cap": 1.6}, {"floor": 0.4}, {"floor": 0.5, "cap": 1.5}):
        solution = solve_ess_dual(np.array([[-1.0], [3.0]]), base, **bounds)
        assert solution is not None
        np.testing.assert_allclose(solution[1], [1.5, 0.5])
