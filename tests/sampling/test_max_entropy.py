from __future__ import annotations

import ast
import csv
import gzip
import subprocess
import sys
from collections import Counter
from pathlib import Path

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
from xlite.sampling.solvers.entropy_dual import solve_entropy_dual


@pytest.fixture(scope="module")
def nih_sets(nih_table: Path) -> LabelSets:
    with gzip.open(nih_table, "rt", encoding="utf-8") as file:
        texts = [row["Finding Labels"] for row in csv.DictReader(file)]
    labels = np.array([[name in text.split("|") for name in NIH_LABELS] for text in texts])
    return find_label_sets(labels.astype(np.int8))


@pytest.fixture(scope="module")
def padchest(nih_table: Path) -> tuple[LabelSets, list[str]]:
    """PadChest's label sets, for labels with at least 10 positives, and their names."""
    table = nih_table.parent / "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz"
    with gzip.open(table, "rt", encoding="utf-8") as file:
        texts = Counter(row["Labels"] or "[]" for row in csv.DictReader(file))
    found = {}
    for text in texts:
        labels = ast.literal_eval(text.replace("nan", "''"))
        found[text] = {str(label).strip() for label in labels} - {"", "normal"}
    positives: Counter[str] = Counter()
    for text, times in texts.items():
        positives.update(dict.fromkeys(found[text], times))
    names = sorted(name for name, times in positives.items() if times >= 10)
    patterns = np.array([[name in found[text] for name in names] for text in texts])
    labels = np.repeat(patterns.astype(np.int8), list(texts.values()), axis=0)
    return find_label_sets(labels), names


@pytest.mark.parametrize(
    ("strength", "cv", "ess"), [(1.0, 0.000, 0.360), (0.75, 0.247, 0.622), (0.5, 0.473, 0.843)]
)
def test_nih_meets_the_published_figures(
    nih_sets: LabelSets, strength: float, cv: float, ess: float
) -> None:
    fit = fit_max_entropy(nih_sets, strength=strength, no_finding_share=0.54)
    exposure = expected_exposure(nih_sets, fit.set_weights[nih_sets.inverse])
    assert exposure.cv == pytest.approx(cv, abs=5e-4)
    assert exposure.ess == pytest.approx(ess, abs=5e-4)
    assert exposure.ess == pytest.approx(fit.ess)
    assert exposure.no_finding_share == pytest.approx(0.54)
    np.testing.assert_allclose(exposure.share, fit.requested_share, atol=1e-9)


def test_nih_at_its_natural_share_without_finding(nih_sets: LabelSets) -> None:
    fit = fit_max_entropy(nih_sets)
    exposure = expected_exposure(nih_sets, fit.set_weights[nih_sets.inverse])
    assert exposure.cv < 1e-9
    assert exposure.no_finding_share == pytest.approx(60_361 / 112_120)
    assert exposure.ess == pytest.approx(0.3582, abs=5e-5)
    assert exposure.max_repeats == pytest.approx(62.5, abs=0.05)


def test_strength_zero_is_uniform(nih_sets: LabelSets) -> None:
    fit = fit_max_entropy(nih_sets, strength=0)
    np.testing.assert_allclose(fit.set_weights, 1, atol=1e-9)


def test_min_ess_takes_the_largest_strength(nih_sets: LabelSets) -> None:
    fit = fit_max_entropy(nih_sets, min_ess=0.5)
    assert fit.strength == pytest.approx(0.8630, abs=2e-4)
    assert 0.5 <= fit.ess < 0.5005
    assert fit_max_entropy(nih_sets, strength=fit.strength + 2e-4).ess < 0.5
    # It only lowers what was asked for.
    assert fit_max_entropy(nih_sets, strength=0.3, min_ess=0.5).strength == 0.3
    with pytest.raises(InputError, match=r"alone costs 0\.436"):
        fit_max_entropy(nih_sets, no_finding_share=0.1, min_ess=0.9)


def test_max_repeat_bounds_every_image_and_keeps_the_target(nih_sets: LabelSets) -> None:
    free = fit_max_entropy(nih_sets)
    capped = fit_max_entropy(nih_sets, max_repeat=20)
    assert free.set_weights.max() > 60
    assert capped.set_weights.max() <= 20 * (1 + 1e-9)
    exposure = expected_exposure(nih_sets, capped.set_weights[nih_sets.inverse])
    assert exposure.max_repeats == pytest.approx(20)
    assert exposure.cv < 1e-8


def test_max_repeat_that_is_too_small_names_the_class(nih_sets: LabelSets) -> None:
    with pytest.raises(InputError, match=r"10 repeats.*Hernia \(wanted 7\.143%, nearest 4\.132%"):
        fit_max_entropy(nih_sets, max_repeat=10, vocabulary=NIH_LABELS)
    with pytest.raises(InputError, match="repeats images 1.52 times"):
        fit_max_entropy(nih_sets, max_repeat=1.5, no_finding_share=0.3)
    # With --min-ess the strength falls until the bound can be kept.
    fit = fit_max_entropy(nih_sets, max_repeat=10, min_ess=0.3)
    assert 0.8 < fit.strength < 0.84


@pytest.mark.parametrize("max_repeat", [10.0, 3.0, 1.1])
def test_nearest_feasible_is_taken_on_request(nih_sets: LabelSets, max_repeat: float) -> None:
    fit = fit_max_entropy(nih_sets, max_repeat=max_repeat, nearest_feasible=True)
    weights = fit.set_weights
    assert weights.max() <= max_repeat * (1 + 1e-9)
    exposure = expected_exposure(nih_sets, weights[nih_sets.inverse])
    np.testing.assert_allclose(exposure.share, fit.share, atol=1e-9)
    assert np.abs(fit.share - fit.requested_share).sum() > 0.05
    natural = expected_exposure(nih_sets, None)
    assert exposure.cv < natural.cv


@pytest.mark.slow
def test_padchest_converges_or_names_what_is_infeasible(
    padchest: tuple[LabelSets, list[str]],
) -> None:
    sets, names = padchest
    assert (sets.num_images, len(names)) == (160_861, 183)
    fit = fit_max_entropy(sets, strength=0.5)
    shares = expected_exposure(sets, fit.set_weights[sets.inverse]).share
    np.testing.assert_allclose(shares, fit.requested_share, atol=1e-9)
    assert fit.ess == pytest.approx(0.3431, abs=1e-4)
    with pytest.raises(InputError, match="pulmonary venous hypertension, which never appears alo"):
        fit_max_entropy(sets, vocabulary=names)
    fit = fit_max_entropy(sets, nearest_feasible=True)
    assert 0 < np.abs(fit.share - fit.requested_share).sum() < 1e-3


# Label sets of the small problems below: random, and then not always feasible.
def draw_labels(rng: np.random.Generator) -> np.ndarray:
    num_classes = int(rng.integers(2, 5))
    prevalence = rng.uniform(0.05, 0.6, size=num_classes)
    labels = (rng.random((int(rng.integers(8, 40)), num_classes)) < prevalence).astype(np.int8)
    labels[0] = 0
    labels[1 : 1 + num_classes][np.diag_indices(num_classes)] = 1
    return labels


def largest_least_weight(labels: np.ndarray, target: np.ndarray, cap: float) -> float:
    """The largest t such that weights between t and `cap` meet the target; below 0 if none do.

    A linear program over images, with the share of healthy images as found.
    """
    num_images, num_classes = labels.shape
    healthy = (labels == 0).all(axis=1)
    features = labels - labels.sum(axis=1, keepdims=True) * target
    equalities = np.vstack([features.T, healthy, np.ones(num_images)])
    result = linprog(
        np.r_[np.zeros(num_images), -1.0],
        A_ub=np.hstack([-np.eye(num_images), np.ones((num_images, 1))]),
        b_ub=np.zeros(num_images),
        A_eq=np.hstack([equalities, np.zeros((num_classes + 2, 1))]),
        b_eq=np.r_[np.zeros(num_classes), healthy.sum(), num_images],
        bounds=[(None, cap)] * num_images + [(None, 1)],
    )
    return -result.fun if result.success else -np.inf


@given(
    seed=st.integers(0, 2**32),
    strength=st.sampled_from([0.3, 0.7, 1.0]),
    max_repeat=st.sampled_from([None, 1.3, 2.0, 4.0]),
)
@settings(max_examples=300, deadline=None)
def test_fits_meet_the_target_and_the_optimality_conditions(
    seed: int, strength: float, max_repeat: float | None
) -> None:
    labels = draw_labels(np.random.default_rng(seed))
    sets = find_label_sets(labels)
    counts = labels.sum(axis=0)
    target = counts ** (1 - strength) / (counts ** (1 - strength)).sum()
    cap = np.inf if max_repeat is None else max_repeat
    least = largest_least_weight(labels, target, cap)
    try:
        fit = fit_max_entropy(sets, strength=strength, max_repeat=max_repeat)
    except InputError:
        # Only what needs weights of 0, or can't be met at all, may be refused.
        assert least < 1e-6
        return
    assert least > -1e-6
    weights = fit.set_weights[sets.inverse]
    np.testing.assert_allclose(fit.requested_share, target)
    exposure = expected_exposure(labels, weights)
    np.testing.assert_allclose(exposure.share, target, atol=1e-8)
    assert weights.mean() == pytest.approx(1)
    assert (weights > 0).all()
    assert weights.max() <= cap * (1 + 1e-9)
    healthy = (labels == 0).all(axis=1)
    np.testing.assert_allclose(weights[healthy], 1)
    # Stationarity of the Lagrangian: log w - beta . y has one value below the cap, and is
    # below that value at the cap, where the multiplier of w <= R is positive.
    level = np.log(weights) - labels @ fit.coefficients
    is_capped = weights > cap * (1 - 1e-9)
    free = level[~healthy & ~is_capped]
    if free.size:
        np.testing.assert_allclose(free, free[0], atol=1e-6)
        assert (level[~healthy & is_capped] <= free[0] + 1e-6).all()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("cap", [None, 2.5])
def test_fits_agree_with_a_general_purpose_optimiser(seed: int, cap: float | None) -> None:
    rng = np.random.default_rng(seed)
    labels = np.vstack(
        [
            *([[1, 0, 0]] * 6),
            *([[0, 1, 0]] * 4),
            *([[0, 0, 1]] * 3),
            *([[0, 0, 0]] * 5),
            rng.integers(0, 2, size=(8, 3)),
        ]
    ).astype(np.int8)
    sets = find_label_sets(labels)
    target = np.full(3, 1 / 3)
    healthy = (labels == 0).all(axis=1)
    features = labels - labels.sum(axis=1, keepdims=True) * target
    # One of the three share constraints follows from the others.
    equalities = np.vstack([features.T[:2], healthy, np.ones(len(labels))])
    right = np.r_[0, 0, healthy.sum(), len(labels)]
    reference = minimize(
        lambda w: float(w @ np.log(w)),
        np.ones(len(labels)),
        jac=lambda w: 1 + np.log(w),
        method="SLSQP",
        bounds=[(1e-9, cap)] * len(labels),
        constraints={
            "type": "eq",
            "fun": lambda w: equalities @ w - right,
            "jac": lambda w: equalities,
        },
        options={"ftol": 1e-13, "maxiter": 500},
    )
    assert reference.success
    fit = fit_max_entropy(sets, max_repeat=cap)
    np.testing.assert_allclose(fit.set_weights[sets.inverse], reference.x, atol=2e-4)
    # Ensure that the above was a meaningful test.
    assert np.ptp(reference.x) > 0.1


def test_a_class_without_positives_is_named() -> None:
    labels = np.array([[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 0]], dtype=np.int8)
    sets = find_label_sets(labels)
    with pytest.raises(InputError, match="without a positive image: Mass"):
        fit_max_entropy(sets, vocabulary=["Edema", "Nodule", "Mass"])
    with pytest.raises(InputError, match="class 2"):
        fit_max_entropy(sets)
    fit = fit_max_entropy(sets, nearest_feasible=True)
    np.testing.assert_allclose(fit.share, [0.5, 0.5, 0])
    np.testing.assert_allclose(fit.set_weights[sets.inverse], [0.75, 0.75, 1.5, 1])
    np.testing.assert_allclose(fit_max_entropy(sets, strength=0).set_weights, 1)


def test_a_class_that_never_appears_alone_is_named() -> None:
    labels = np.array([[1, 1]] * 2 + [[0, 1]] * 5 + [[0, 0]] * 3, dtype=np.int8)
    sets = find_label_sets(labels)
    # Equal shares would need images of the second class alone to have weight 0.
    with pytest.raises(InputError, match=r"Hernia, which never appears alone \(wanted 50\.000%"):
        fit_max_entropy(sets, vocabulary=["Hernia", "Mass"])
    fit = fit_max_entropy(sets, nearest_feasible=True)
    weights = fit.set_weights[sets.inverse]
    # Images of the second class alone keep a hundredth of the mean weight of the others.
    assert weights[2:7] == pytest.approx(np.full(5, 0.01), rel=1e-6)
    assert expected_exposure(labels, weights).share == pytest.approx(fit.share)
    assert fit_max_entropy(sets, strength=0.5).ess > 0.5


def test_labels_that_always_come_together_are_solvable() -> None:
    labels = np.array([[1, 1, 0]] * 2 + [[0, 0, 1]] * 6 + [[0, 0, 0]], dtype=np.int8)
    sets = find_label_sets(labels)
    fit = fit_max_entropy(sets)
    assert expected_exposure(labels, fit.set_weights[sets.inverse]).cv < 1e-8


def test_open_images_keep_their_ratio_to_those_with_a_finding() -> None:
    labels = np.array([[1, 0]] * 3 + [[0, 1]] + [[0, -1]] * 2 + [[0, 0]] * 2, dtype=np.int8)
    sets = find_label_sets(labels)
    weights = fit_max_entropy(sets, no_finding_share=0.5).set_weights[sets.inverse]
    assert weights[6:].sum() / weights.sum() == pytest.approx(0.5)
    assert weights[4:6].sum() / weights[:4].sum() == pytest.approx(2 / 4)


def test_the_dual_has_no_solution_where_the_constraints_have_none() -> None:
    base = np.array([0.5, 0.5])
    assert solve_entropy_dual(np.array([[1.0], [2.0]]), base) is None
    assert solve_entropy_dual(np.array([[0.0], [1.0]]), base) is None
    assert solve_entropy_dual(np.array([[-1.0], [3.0]]), base, cap=1.2) is None
    point = solve_entropy_dual(np.array([[-1.0], [3.0]]), base, cap=1.6)
    assert point is not None
    np.testing.assert_allclose(point.ratio, [1.5, 0.5])


_TEN_MILLION_ROWS = """
import re
import resource
import sys
from pathlib import Path
import numpy as np
from xlite.sampling.exposure import expected_exposure
from xlite.sampling.label_sets import find_label_sets
from xlite.sampling.max_entropy import fit_max_entropy
from xlite.synthetic.label_draws import nih_label_sets

patterns, counts = nih_label_sets()
rows = np.random.default_rng(0).choice(801, size=10_000_000, p=counts / counts.sum())
labels = patterns[rows]
sets = find_label_sets(labels)
exposure = expected_exposure(sets, fit_max_entropy(sets).set_weights[sets.inverse])
status = Path("/proc/self/status")
if status.exists():
    # A child's ru_maxrss begins on Linux with what its parent had.
    peak = int(re.search(r"VmHWM:\\s+(\\d+)", status.read_text())[1])
else:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
sys.stdout.write(f"{exposure.cv} {exposure.ess} {peak}")
"""


@pytest.mark.slow
def test_ten_million_rows_stay_under_two_gigabytes() -> None:
    pytest.importorskip("resource", reason="Windows does not report the peak memory of a process")
    done = subprocess.run(
        [sys.executable, "-c", _TEN_MILLION_ROWS], capture_output=True, text=True, check=True
    )
    cv, ess, peak_kilobytes = (float(number) for number in done.stdout.split())
    assert cv < 1e-3
    assert ess == pytest.approx(0.358, abs=0.005)
    assert peak_kilobytes < 2e6
