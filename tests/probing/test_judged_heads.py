"""Candidates ranked on planted features: the better one is told, equals are not."""

from __future__ import annotations

import numpy as np
import pandas as pd

from xlite.judging.comparison import compare_methods
from xlite.probing.feature_folder import Features
from xlite.probing.judged_heads import judge_heads, measure_interval
from xlite.probing.out_of_fold import FilmFeatures, Heads, fit_over_folds
from xlite.splitting.fold_splits import FoldSplits
from xlite.splitting.split_folder import Split
from xlite.tables.manifest import Manifest

N, C = 300, 3
RNG = np.random.default_rng(5)
SIGNAL = RNG.normal(size=(N, C))
LABELS = (SIGNAL + 0.7 * RNG.normal(size=(N, C)) > 0.6).astype(np.int8)
PATIENTS = np.arange(N) // 2


def make_folds() -> FoldSplits:
    table = pd.DataFrame(
        {
            "image_id": [f"{number:03d}.png" for number in range(N)],
            "patient_id": PATIENTS.astype(str),
            "age": np.nan,
            "sex": "",
            "view": "",
        }
    )
    films = Manifest(table=table, labels=LABELS, vocabulary=("A", "B", "C"))
    dealt = PATIENTS % 5
    splits = (
        Split(
            parts={"train": films.select(dealt != k), "test": films.select(dealt == k)}, sha256={}
        )
        for k in range(5)
    )
    return FoldSplits(splits=tuple(splits), num_folds=5)


def fit(name: str, noise: float, folds: FoldSplits, seed: int) -> Heads:
    """Heads on features that hold the signal under so much noise."""
    rng = np.random.default_rng(seed)
    values = SIGNAL + noise * rng.normal(size=SIGNAL.shape)
    further = rng.normal(size=(N, 5))
    stacked = np.hstack([values, further]).astype(np.float32)[:, None]
    features = Features(key=None, values=stacked, widths=(8,))  # type: ignore[arg-type]
    ids = [f"{number:03d}.png" for number in range(N)]
    return fit_over_folds(FilmFeatures(features, ids), folds, name=name)


def test_the_better_of_planted_candidates_is_found_and_equals_are_not_told_apart() -> None:
    folds = make_folds()
    heads = [fit("weak", 2.0, folds, 1), fit("good", 0.3, folds, 2), fit("alike", 0.3, folds, 3)]
    judged = judge_heads(heads, folds)
    found = compare_methods(judged, ["auroc"])
    rows = {row.name: row for row in found.rows}
    assert {name: row.rank for name, row in rows.items()} == {"good": 1, "alike": 1, "weak": 3}
    assert rows["weak"].change_high is not None
    assert rows["weak"].change_high < 0
    second = rows["alike" if found.best == "good" else "good"]
    assert second.change_low is not None
    assert second.change_low < 0 < second.change_high  # type: ignore[operator]
    assert found.over_folds is not None
    auroc, low, high = measure_interval(judged, "good")
    assert 0.5 < low < auroc < high < 1
    assert auroc == rows["good"].auroc


def test_a_film_is_judged_by_a_head_that_has_not_seen_its_patient() -> None:
    folds = make_folds()
    said = fit("good", 0.3, folds, 2).predictions[0]
    assert said.image_ids.tolist() == folds.images.image_ids.tolist()
    # A film's own labels, and those of its patient, change nothing of what is said of it.
    changed = folds.splits[0].parts["test"].labels
    before = changed.copy()
    changed[:] = 1 - changed
    again = fit("good", 0.3, folds, 2).predictions[0]
    changed[:] = before
    is_first = folds.assign(said.image_ids, 0) == 0
    np.testing.assert_array_equal(said.probs[is_first], again.probs[is_first])


def test_a_rare_label_of_a_fold_is_no_lower_in_the_pool() -> None:
    # Features of pure noise: with the bias of each fold, which is the higher the fewer positives
    # the fold has kept for itself, pooled films would be ranked upside down.
    folds = make_folds()
    noise = fit("noise", 1e6, folds, 4)
    auroc, _, _ = measure_interval(judge_heads([noise, fit("good", 0.3, folds, 2)], folds), "noise")
    assert 0.4 < auroc < 0.6
