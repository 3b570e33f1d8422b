"""Methods over folds from drawn predictions: repeats, thresholds by fold, the verdict."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from judging.drawn_predictions import draw_predictions

from xlite.judging.ablation import judge_variant
from xlite.judging.all_pairs import compare_all_pairs
from xlite.judging.evaluation import Resampling
from xlite.judging.fold_thresholds import call_by_fold
from xlite.judging.folded_methods import FoldedMethod, judge_folded_methods, list_fold_tests
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.paired_differences import JudgedMethods
from xlite.judging.thresholding import crossfit_calls
from xlite.scores.multiplicity import adjust_holm
from xlite.scores.ranking import auroc
from xlite.splitting.fold_splits import FoldSplits
from xlite.splitting.split_folder import Split
from xlite.tables.manifest import Manifest
from xlite.tables.read_labels import read_labels

NUM_FOLDS, REPEATS = 4, 2
QUICK = Resampling(num_resamples=200)


def make_folds(labelled: LabelledPredictions) -> FoldSplits:
    """Four folds, twice, of the images of predictions."""
    table = read_labels(labelled.targets, patients=labelled.patient_ids)
    named = table.table.assign(image_id=labelled.image_ids)
    manifest = Manifest(named, table.labels, labelled.vocabulary)
    codes = manifest.patient_codes
    splits = []
    for repeat in range(REPEATS):
        dealt = np.random.default_rng(repeat).permutation(codes.max() + 1)[codes] % NUM_FOLDS
        for fold in range(NUM_FOLDS):
            parts = {
                "train": manifest.select(dealt != fold),
                "test": manifest.select(dealt == fold),
            }
            splits.append(Split(parts=parts, sha256={"test": f"{repeat}{fold}"}))
    return FoldSplits(splits=tuple(splits), num_folds=NUM_FOLDS)


def shift(labelled: LabelledPredictions, by: float, seed: int) -> LabelledPredictions:
    """The same with noise, and the probs of positives moved."""
    noise = np.random.default_rng(seed).normal(0, 0.05, labelled.probs.shape)
    probs = labelled.probs + by * (labelled.targets == 1) + noise
    return replace(labelled, probs=np.clip(probs, 0, 1))


@pytest.fixture(scope="module")
def drawn() -> LabelledPredictions:
    return draw_predictions()


@pytest.fixture(scope="module")
def folds(drawn: LabelledPredictions) -> FoldSplits:
    return make_folds(drawn)


def judge(drawn: LabelledPredictions, folds: FoldSplits, gain: float) -> JudgedMethods:
    methods = [
        FoldedMethod(
            name=name,
            predictions={
                seed: [shift(drawn, by, 100 * number + 10 * seed + r) for r in range(REPEATS)]
                for seed in (0, 1)
            },
        )
        for number, (name, by) in enumerate({"plain": 0.0, "better": gain}.items())
    ]
    return judge_folded_methods(methods, folds, resampling=QUICK)[0]


def test_scores_are_the_means_over_repeats_and_folds_are_of_all_repeats(
    drawn: LabelledPredictions, folds: FoldSplits
) -> None:
    found = judge(drawn, folds, 0.1)
    expected = [auroc(drawn.targets, shift(drawn, 0.1, 100 + r).probs) for r in range(REPEATS)]
    row = found.rows("better")[0]
    assert found.scores["auroc"][row] == pytest.approx(np.mean(expected, axis=0))
    assert found.folds is not None
    assert found.folds.scores["auroc"].shape[1] == NUM_FOLDS * REPEATS
    tests = list_fold_tests(found, "plain", ["better"])
    assert tests is not None
    (macro,) = tests.macro("auroc")
    assert macro.folds == NUM_FOLDS * REPEATS
    # The first fold of the second repeat is of its own division.
    second = folds.assign(drawn.image_ids, 1) == NUM_FOLDS
    own = auroc(drawn.targets[second], shift(drawn, 0.1, 101).probs[second])
    assert found.folds.scores["auroc"][row, NUM_FOLDS] == pytest.approx(own, nan_ok=True)


def test_a_verdict_is_no_surer_than_either_test(
    drawn: LabelledPredictions, folds: FoldSplits
) -> None:
    found = judge(drawn, folds, 0.1)
    pooled = found.difference("plain", "better", "auroc")
    over_folds = found.difference_over_folds("plain", "better", "auroc")
    assert over_folds is not None
    # Over folds with a test that sees nothing, what patients alone would adopt is not adopted.
    assert found.folds is not None
    blind = {score: np.full_like(each, np.nan) for score, each in found.folds.scores.items()}
    without = replace(found, folds=None)
    unsure = replace(found, folds=replace(found.folds, scores=blind))
    kinds = [
        judge_variant(one, "plain", "better", pooled).decision for one in (without, found, unsure)
    ]
    assert kinds[0] in ("ADOPT", "UNDECIDED")
    assert float(pooled.macro.low) > 0
    assert kinds[2] == "UNDECIDED"
    pairs = compare_all_pairs(found, "auroc").p[frozenset(("plain", "better"))]
    alone = compare_all_pairs(without, "auroc").p[frozenset(("plain", "better"))]
    (corrected,) = adjust_holm(np.array([float(over_folds.macro.p)]))
    assert pairs == pytest.approx(max(alone, corrected))


def test_each_fold_takes_thresholds_from_its_own_validation_part(
    drawn: LabelledPredictions,
) -> None:
    # Two folds whose models are on different scales: one threshold for both would be wrong.
    halves = np.arange(len(drawn)) % 2
    scaled = np.where(halves[:, None] == 1, drawn.probs / 10, drawn.probs)
    pooled = replace(drawn, probs=scaled, columns={"fold": halves.astype(str).astype(object)})
    val = {str(half): replace(pooled, probs=drawn.probs / (10 if half else 1)) for half in (0, 1)}
    by_fold = call_by_fold(pooled, val, method="f1", calibration="none")
    same = call_by_fold(
        replace(pooled, probs=drawn.probs),
        dict.fromkeys("01", drawn),
        method="f1",
        calibration="none",
    )
    assert np.array_equal(by_fold.is_called, same.is_called)
    across = crossfit_calls(pooled, method="f1", calibration="none")
    assert not np.array_equal(by_fold.is_called, across.is_called)
