"""How many patients a class rests on, and what a test that counts images would make of them."""

from __future__ import annotations

import numpy as np
import pytest

from xlite.scores.bootstrap import resample_scores
from xlite.scores.finding_patients import combine_freedoms, count_finding_patients
from xlite.scores.ranking import ranking_scores
from xlite.scores.seed_variance import combine_seeds


def cluster(sizes: list[int], num_negatives: int = 200) -> tuple[np.ndarray, np.ndarray]:
    """Targets (N, 1) and patients (N,) of positives in clusters, negatives in pairs."""
    targets = np.zeros((sum(sizes) + num_negatives, 1), dtype=np.int8)
    targets[: sum(sizes)] = 1
    patients = np.concatenate(
        [np.repeat(np.arange(len(sizes)), sizes), len(sizes) + np.arange(num_negatives) // 2]
    )
    return targets, patients


@pytest.mark.parametrize(
    ("sizes", "freedom", "is_judged"),
    [
        ([8], 0, False),
        ([4, 4], 1, False),
        ([2] * 4, 3, False),
        ([1] * 5, 4, True),
        ([10] + [1] * 9, 19**2 / 109 - 1, True),
        ([40] + [1] * 4, 44**2 / 1604 - 1, False),
    ],
)
def test_patients_count_by_kishs_effective_number(
    sizes: list[int], freedom: float, is_judged: bool
) -> None:
    found = count_finding_patients(*cluster(sizes))
    assert found.with_finding.tolist() == [len(sizes)]
    assert found.without_finding.tolist() == [100]
    assert found.freedom[0] == pytest.approx(freedom, abs=0.01)
    assert found.is_judged.tolist() == [is_judged]


def test_the_rarer_side_counts_and_unknown_images_do_not() -> None:
    targets, patients = cluster([1] * 20)
    turned = count_finding_patients(1 - targets, patients)
    assert turned.freedom == count_finding_patients(targets, patients).freedom
    targets[:15] = -1
    assert count_finding_patients(targets, patients).with_finding.tolist() == [5]
    empty = count_finding_patients(np.zeros((4, 1), dtype=np.int8), np.arange(4))
    assert (empty.freedom, empty.is_judged) == (0, False)


def test_freedoms_of_a_mean_are_those_of_the_class_that_moves_it() -> None:
    assert combine_freedoms(np.array([1.0, 0.0]), np.array([4.0, 99.0])) == 4
    assert combine_freedoms(np.array([1.0, np.nan]), np.array([4.0, 0.0])) == 4
    assert combine_freedoms(np.array([1.0, 1.0]), np.array([4.0, 0.0])) == 0
    assert combine_freedoms(np.zeros(2), np.array([4.0, 5.0])) == 9


@pytest.mark.parametrize("sizes", [[8], [4, 4], [2] * 4, [8] + [1] * 7, [3] * 8])
def test_equal_models_are_seldom_told_apart_by_few_patients(sizes: list[int]) -> None:
    rng = np.random.default_rng(len(sizes) + sum(sizes))
    targets, patients = cluster(sizes)
    found = count_finding_patients(targets, patients)
    images, tested = 0, 0
    times = 150
    for _ in range(times):
        # Images of one patient are alike, to each of the two models in its own way.
        of_patient = rng.normal(size=(2, patients.max() + 1))[:, patients]
        common = rng.normal(size=len(targets))
        models = [
            (1.2 * targets[:, 0] + 0.6 * common + 0.8 * own)[:, None]
            for own in np.repeat(of_patient, 3, axis=0) + 0.2 * rng.normal(size=(6, len(targets)))
        ]
        aurocs = np.array([ranking_scores(targets, model)[0] for model in models])
        drawn = resample_scores(targets, models, patients, rng=rng, num_resamples=100)["auroc"]
        change, resampled = aurocs[3:] - aurocs[:3], drawn[3:] - drawn[:3]
        images += bool(combine_seeds(change, resampled).p < 0.05)
        p = combine_seeds(change, resampled, image_freedom=found.freedom).p
        tested += bool(found.is_judged & (p < 0.05))
    # 15 of 150 have a chance of 0.7 % at 5 %.
    assert tested <= 15
    if len(sizes) < 3:
        assert images > 0.2 * times, "what counts images tells equal models apart"
