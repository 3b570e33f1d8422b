from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xlite.errors import InputError
from xlite.labels import NIH_LABELS, encode_label_texts
from xlite.splitting import patient_exchange
from xlite.splitting.patient_disjoint import assign_patients, choose_subset, measure_deviation

RATIOS = (0.7, 0.15, 0.15)


@pytest.fixture(scope="module")
def nih(nih_table: Path):
    table = pd.read_csv(nih_table, usecols=["Finding Labels", "Patient ID"])
    labels = encode_label_texts(table["Finding Labels"].to_numpy(), NIH_LABELS)
    return labels, table["Patient ID"].to_numpy()


@pytest.fixture(scope="module")
def nih_part(nih):
    return assign_patients(*nih, ratios=RATIOS, seed=42)


@st.composite
def tables(draw, *, min_patients: int = 3):
    """A label table of a few dozen rows, unknowns included, whose patients have 1 to 12 images."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    num_patients = draw(st.integers(min_patients, 30))
    num_classes = draw(st.integers(1, 9))
    codes = np.repeat(rng.permutation(1000)[:num_patients], rng.integers(1, 13, num_patients))
    prevalence = rng.uniform(0.01, 0.5, num_classes)
    labels = (rng.random((len(codes), num_classes)) < prevalence).astype(np.int8)
    labels[rng.random(labels.shape) < 0.05] = -1
    order = rng.permutation(len(codes))
    return labels[order], codes[order]


def parts_of_patients(codes, part):
    return {int(code): set(part[codes == code].tolist()) for code in np.unique(codes)}


def squared_deviation(labels, part, ratios):
    """X² of the images, by its definition; the parts are those of positive ratio."""
    no_finding = (labels == 0).all(axis=1, keepdims=True)
    columns = np.hstack([labels == 1, no_finding, np.ones_like(no_finding)])
    total = columns.sum(axis=0)
    columns, total = columns[:, total > 0], total[total > 0]
    return sum(
        (((columns[part == k].sum(axis=0) - r * total) ** 2) / (r * total)).sum()
        for k, r in enumerate(ratios)
    )


def test_nih_table_is_stratified_to_a_fiftieth_of_a_point(nih, nih_part):
    labels, patients = nih
    # ensure the below is a meaningful test: the table is NIH's, heavy patients and all
    assert len(labels) == 112_120
    assert np.bincount(patients).max() == 184
    owners = [set(patients[nih_part == k]) for k in range(3)]
    assert sum(len(owner) for owner in owners) == len(set.union(*owners)) == 30_805
    assert measure_deviation(labels, nih_part).max_pp < 0.03
    np.testing.assert_allclose(np.bincount(nih_part) / len(labels), RATIOS, atol=1e-3)
    hernia = labels[:, NIH_LABELS.index("Hernia")]
    np.testing.assert_allclose(np.bincount(nih_part, weights=hernia), [158.9, 34, 34], atol=5)
    # Patients are balanced as well as images: no part is made of the heavy ones.
    np.testing.assert_allclose([len(owner) / 30_805 for owner in owners], RATIOS, atol=1e-3)


def test_seeds_give_unrelated_splits(nih, nih_part):
    labels, patients = nih
    other = assign_patients(labels, patients, ratios=RATIOS, seed=43)
    for group in (patients >= 0, np.bincount(patients)[patients] > 20):
        first, second = (set(patients[group & (part == 2)]) for part in (nih_part, other))
        overlap = len(first & second) / len(first)
        # Chance is 0.15; about 120 heavy patients are in test, so 4 sigma is 0.13.
        assert overlap == pytest.approx(0.15, abs=0.02 if len(first) > 1000 else 0.13)


def test_each_patient_is_as_likely_as_any_other_to_be_tested():
    rng = np.random.default_rng(5)
    codes = np.repeat(np.arange(120), np.r_[np.full(10, 20), np.full(30, 4), np.ones(80, int)])
    labels = (rng.random((len(codes), 4)) < (0.3, 0.1, 0.05, 0.02)).astype(np.int8)
    num_seeds = 60
    tested = np.zeros(120)
    for seed in range(num_seeds):
        part = assign_patients(labels, codes, ratios=(0.5, 0.3, 0.2), seed=seed)
        tested[np.unique(codes[part == 2])] += 1
    for group in (slice(0, 10), slice(10, 40), slice(40, 120)):
        assert tested[group].mean() / num_seeds == pytest.approx(0.2, abs=0.06)
    assert tested.min() > 0


@pytest.mark.parametrize("seed", range(5))
def test_real_sample_of_single_image_patients_keeps_its_ratios(nih_sample: Path, seed):
    table = pd.read_csv(nih_sample / "Data_Entry_2017.csv")
    labels = encode_label_texts(table["Finding Labels"].to_numpy(), NIH_LABELS)
    part = assign_patients(labels, table["Patient ID"].to_numpy(), ratios=RATIOS, seed=seed)
    assert np.abs(np.bincount(part) - len(table) * np.array(RATIOS)).max() <= 1
    positives = np.array([(labels[part == k] == 1).sum(axis=0) for k in range(3)])
    # Every label, even the rarest, is in every part and within 2 of its share.
    assert positives.min() >= 1
    assert np.abs(positives - np.outer(RATIOS, labels.sum(axis=0))).max() < 2


@pytest.mark.parametrize(
    ("num_positive", "expected"),
    [(1, [1, 0, 0]), (3, [1, 1, 1]), (4, [2, 1, 1]), (5, [3, 1, 1]), (20, [14, 3, 3])],
)
def test_rare_label_reaches_every_part_first(num_positive, expected):
    labels = np.zeros((200, 1), dtype=np.int8)
    labels[:num_positive] = 1
    for seed in range(5):
        part = assign_patients(labels, np.arange(200), ratios=RATIOS, seed=seed)
        assert np.bincount(part, weights=labels[:, 0], minlength=3).tolist() == expected
        assert np.bincount(part).tolist() == [140, 30, 30]


def test_two_positive_patients_are_not_both_spent_on_training():
    labels = np.zeros((100, 1), dtype=np.int8)
    labels[:2] = 1
    where = {
        tuple(np.bincount(assign_patients(labels, np.arange(100), ratios=RATIOS, seed=s)[:2]))
        for s in range(20)
    }
    assert where == {(1, 1), (1, 0, 1)}


def test_exchanges_are_what_evens_the_parts_out(nih, nih_part):
    labels, patients = nih
    start = assign_patients(labels, patients, ratios=RATIOS, seed=42, rounds=0)
    before, after = (measure_deviation(labels, part).max_pp for part in (start, nih_part))
    assert before > 10 * after


def test_heaviest_patients_are_exchanged_in_tables_beyond_the_pool(monkeypatch):
    monkeypatch.setattr(patient_exchange, "_POOL_SIZE", 512)
    codes = np.concatenate([np.arange(2000), np.repeat([2000, 2001], 400)])
    labels = np.zeros((len(codes), 1), dtype=np.int8)
    for seed in range(10):
        part = assign_patients(labels, codes, ratios=RATIOS, seed=seed)
        np.testing.assert_allclose(np.bincount(part) / len(part), RATIOS, atol=0.02)


def test_two_hundred_labels_and_ten_parts():
    rng = np.random.default_rng(0)
    codes = rng.integers(3000, size=10_000)
    labels = (rng.random((10_000, 200)) < np.geomspace(0.15, 0.004, 200)).astype(np.int8)
    ratios = np.full(10, 0.1)
    part = assign_patients(labels, codes, ratios=ratios, seed=0)
    chance = rng.integers(10, size=3001)[codes]
    assert squared_deviation(labels, part, ratios) < squared_deviation(labels, chance, ratios) / 4
    assert np.abs(np.bincount(part) - 1000).max() <= 10


@settings(max_examples=40, deadline=None)
@given(tables(), st.integers(0, 2**31))
def test_patients_are_whole_and_the_result_is_deterministic(table, seed):
    labels, codes = table
    part = assign_patients(labels, codes, ratios=RATIOS, seed=seed)
    assert part.shape == codes.shape
    assert set(part.tolist()) == {0, 1, 2}
    assert all(len(parts) == 1 for parts in parts_of_patients(codes, part).values())
    again = assign_patients(labels, codes, ratios=RATIOS, seed=seed)
    np.testing.assert_array_equal(part, again)


@settings(max_examples=25, deadline=None)
@given(tables(), st.randoms(use_true_random=False))
def test_order_of_rows_and_unit_of_ratios_change_nothing(table, random):
    labels, codes = table
    order = np.array(random.sample(range(len(codes)), len(codes)))
    part = assign_patients(labels, codes, ratios=RATIOS, seed=7)
    permuted = assign_patients(labels[order], codes[order], ratios=(70, 15, 15), seed=7)
    np.testing.assert_array_equal(part[order], permuted)


def test_order_of_labels_does_not_change_the_quality():
    rng = np.random.default_rng(11)
    totals = np.zeros(3)
    for seed in range(12):
        codes = rng.integers(150, size=400)
        labels = (rng.random((400, 8)) < np.geomspace(0.3, 0.01, 8)).astype(np.int8)
        one = assign_patients(labels, codes, ratios=RATIOS, seed=seed)
        other = assign_patients(labels[:, ::-1], codes, ratios=RATIOS, seed=seed)
        chance = rng.choice(3, size=150, p=RATIOS)[codes]
        totals += [squared_deviation(labels, part, RATIOS) for part in (one, other, chance)]
    assert totals[0] == pytest.approx(totals[1], rel=0.25)
    assert max(totals[:2]) < totals[2] / 10


@settings(max_examples=25, deadline=None)
@given(
    tables(min_patients=10),
    st.lists(st.sampled_from([0.0, 0.01, 0.2, 1.0]), min_size=1, max_size=10).filter(any),
)
def test_parts_are_empty_exactly_where_the_ratio_is_zero(table, ratios):
    labels, codes = table
    part = assign_patients(labels, codes, ratios=ratios, seed=3)
    sizes = np.bincount(part, minlength=len(ratios))
    assert [size > 0 for size in sizes] == [ratio > 0 for ratio in ratios]


def test_unknown_counts_neither_as_positive_nor_as_no_finding():
    labels = np.array([[1, 0], [-1, 0], [0, 0], [0, 0]], dtype=np.int8)
    deviation = measure_deviation(labels, np.array([0, 0, 1, 1]))
    np.testing.assert_allclose(deviation.table_pp, [[25, 0, -50], [-25, 0, 50]])
    assert deviation.max_pp == 50


def test_deviation_of_an_empty_part_is_undefined_and_left_out():
    labels = np.array([[1], [0]], dtype=np.int8)
    deviation = measure_deviation(labels, np.array([0, 2]))
    assert np.isnan(deviation.table_pp[1]).all()
    assert deviation.max_pp == 50


def test_subset_is_stratified_and_keeps_patients_whole(nih):
    labels, patients = nih
    chosen = choose_subset(labels, patients, fraction=0.2, seed=42)
    assert chosen.mean() == pytest.approx(0.2, abs=1e-3)
    assert not set(patients[chosen]) & set(patients[~chosen])
    assert measure_deviation(labels, (~chosen).astype(int)).max_pp < 0.03


def test_whole_subset_is_everything():
    labels = np.zeros((5, 2), dtype=np.int8)
    assert choose_subset(labels, np.arange(5), fraction=1, seed=0).all()


@pytest.mark.parametrize("fraction", [0, -0.1, 1.5, float("nan")])
def test_subset_refuses_a_fraction_outside_its_range(fraction):
    with pytest.raises(InputError, match="above 0 and up to 1"):
        choose_subset(np.zeros((5, 2), np.int8), np.arange(5), fraction=fraction, seed=0)


@pytest.mark.parametrize("ratios", [(), (0, 0), (0.7, -0.1), (1, float("nan")), (float("inf"), 1)])
def test_unusable_ratios_are_refused(ratios):
    with pytest.raises(InputError, match="ratios"):
        assign_patients(np.zeros((5, 2), np.int8), np.arange(5), ratios=ratios, seed=0)


@pytest.mark.parametrize("num_patients", [0, 1, 2])
def test_fewer_patients_than_parts_are_refused_with_a_remedy(num_patients):
    codes = np.repeat(np.arange(num_patients), 50)
    labels = np.zeros((len(codes), 2), dtype=np.int8)
    with pytest.raises(InputError, match=rf"{num_patients} patient.*fill 3 parts.*Use fewer parts"):
        assign_patients(labels, codes, ratios=RATIOS, seed=0)


def test_one_patient_fills_one_part():
    part = assign_patients(np.zeros((9, 2), np.int8), np.zeros(9, int), ratios=(0, 1), seed=0)
    assert part.tolist() == [1] * 9
