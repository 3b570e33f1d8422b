"""Every label in every fold within one patient of a K-th, on tables of 621 images and NIH's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlite.errors import InputError
from xlite.labels import has_no_finding
from xlite.splitting import equal_folds
from xlite.splitting.equal_folds import assign_folds
from xlite.tables.label_table import read_manifest

# NIH's, as shares of images; Hernia, the last, is set apart.
PREVALENCE = (
    *(0.177, 0.119, 0.103, 0.056, 0.052, 0.047, 0.042),
    *(0.030, 0.025, 0.022, 0.021, 0.015, 0.013, 0.0),
)


def draw_table(seed: int, *, num_rare: int, num_images: int = 621) -> tuple[Any, Any]:
    """Labels and patients like NIH's: several images each, and patients who keep their findings."""
    rng = np.random.default_rng(seed)
    sizes = np.minimum(rng.geometric(0.28, size=num_images), 40)
    codes = np.repeat(np.arange(num_images), sizes)[:num_images]
    num_patients = codes[-1] + 1
    prevalence = np.array(PREVALENCE)
    is_kept = rng.random((num_patients, 14)) < 0.5 * prevalence
    shape = (num_images, 14)
    labels = (rng.random(shape) < 0.6 * prevalence) | (is_kept[codes] & (rng.random(shape) < 0.6))
    for patient in rng.choice(num_patients, num_rare, replace=False):
        labels[rng.choice(np.flatnonzero(codes == patient)), 13] = True
    return labels.astype(np.int8), codes


def count_patients(has: Any, codes: Any, fold: Any, num_folds: int) -> Any:
    """(K, F) distinct patients of each fold with an image in each column, from the rows alone."""
    return np.array(
        [
            [len(np.unique(codes[(fold == k) & column])) for column in has.T]
            for k in range(num_folds)
        ]
    )


def columns_of(labels: Any) -> Any:
    return np.column_stack([labels == 1, has_no_finding(labels)])


@pytest.mark.parametrize("num_folds", [3, 5, 10])
@pytest.mark.parametrize("num_rare", [5, 7])
@pytest.mark.parametrize("seed", range(4))
def test_every_label_of_a_small_table_is_within_a_patient(
    num_folds: int, num_rare: int, seed: int
) -> None:
    labels, codes = draw_table(100 * num_folds + seed, num_rare=num_rare)
    rng = np.random.default_rng(seed)
    fold = assign_folds(labels, codes, num_folds=num_folds, rng=rng)
    found = count_patients(columns_of(labels), codes, fold, num_folds)
    ideal = found.sum(axis=0) / num_folds
    assert (np.floor(ideal) <= found).all()
    assert (found <= np.ceil(ideal)).all()
    if num_rare == num_folds == 5:
        assert found[:, 13].tolist() == [1] * 5
    sizes = np.bincount(fold)
    assert np.abs(sizes - 621 / num_folds).max() <= 10


def test_exchanges_are_what_deals_them_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(equal_folds, "_ROUNDS_OF_A_START", 0)
    labels, codes = draw_table(1, num_rare=5)
    fold = assign_folds(labels, codes, num_folds=5, rng=np.random.default_rng(1))
    found = count_patients(columns_of(labels), codes, fold, 5)
    assert np.abs(found - found.mean(axis=0)).max() > 2


def test_nihs_table_is_within_a_patient(nih_table: Any) -> None:
    manifest = read_manifest(nih_table)
    codes = manifest.patient_codes
    fold = assign_folds(manifest.labels, codes, num_folds=5, rng=np.random.default_rng(0))
    found = count_patients(columns_of(manifest.labels), codes, fold, 5)
    assert np.abs(found - found.mean(axis=0)).max() < 1
    assert np.abs(np.bincount(fold) / (112_120 / 5) - 1).max() < 0.005


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 6))
def test_patients_stay_whole_and_the_order_of_rows_does_not_matter(seed: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    codes = np.concatenate([np.arange(k), rng.integers(0, 12, 40)])
    labels = rng.integers(-1, 2, size=(len(codes), 3)).astype(np.int8)
    fold = assign_folds(labels, codes, num_folds=k, rng=np.random.default_rng(seed))
    assert sorted(set(fold.tolist())) == list(range(k))
    assert all(len(set(fold[codes == code].tolist())) == 1 for code in set(codes.tolist()))
    order = rng.permutation(len(codes))
    again = assign_folds(labels[order], codes[order], num_folds=k, rng=np.random.default_rng(seed))
    assert again.tolist() == fold[order].tolist()


def test_strata_are_dealt_out_as_labels_are() -> None:
    labels, codes = draw_table(3, num_rare=5)
    site = np.random.default_rng(0).integers(0, 4, codes[-1] + 1)[codes]
    strata = np.arange(4) == site[:, None]
    arguments: dict[str, Any] = {"num_folds": 5}
    with_sites = assign_folds(
        labels, codes, **arguments, rng=np.random.default_rng(0), strata=strata
    )
    without = assign_folds(labels, codes, **arguments, rng=np.random.default_rng(0))
    found, control = (count_patients(strata, codes, fold, 5) for fold in (with_sites, without))
    assert np.abs(found - found.mean(axis=0)).max() < 1
    assert np.abs(control - control.mean(axis=0)).max() > 1
    labelled = count_patients(columns_of(labels), codes, with_sites, 5)
    assert np.abs(labelled - labelled.mean(axis=0)).max() < 1


def test_fewer_patients_than_folds_are_refused() -> None:
    with pytest.raises(InputError, match="3 patients can't fill 5 folds"):
        assign_folds(
            np.zeros((9, 2), np.int8), np.arange(9) // 3, num_folds=5, rng=np.random.default_rng(0)
        )
