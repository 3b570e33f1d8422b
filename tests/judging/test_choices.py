"""The ledger of choices made by a validation set, and what the best of several is worth."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from xlite.errors import InputError
from xlite.judging.choices import VAL_CHOICES, count_choices, record_choice
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.methods import Method
from xlite.judging.paired_differences import judge_methods
from xlite.judging.winner import correct_winner
from xlite.results.selection import ChoiceKind, ValidationUse


def draw_predictions(seed: int, *, name: str = "one", images: int = 200) -> LabelledPredictions:
    truth = np.random.default_rng(0)
    targets = (truth.random((images, 2)) < 0.3).astype(np.int8)
    shared = truth.normal(size=targets.shape)
    logits = targets + shared + 0.5 * np.random.default_rng(seed).normal(size=targets.shape)
    ids = np.array([f"{row:05}" for row in range(images)], dtype=object)
    return LabelledPredictions(
        name=name,
        image_ids=ids,
        patient_ids=ids,
        targets=targets,
        probs=1 / (1 + np.exp(-logits)),
        vocabulary=("A", "B"),
        columns={},
    )


def note(
    folder: Path, kind: ChoiceKind, *names: str, chosen: str | None = None, images: int = 200
) -> ValidationUse:
    return record_choice(
        folder,
        draw_predictions(1, images=images),
        "xlite x",
        kind=kind,
        names=names,
        chosen=chosen,
        split_sha256="aa" if images == 200 else "bb",
    )


def test_choices_are_counted_by_kind_and_a_repeated_one_once(tmp_path: Path) -> None:
    note(tmp_path, "comparison", "a", "b", chosen="a")
    note(tmp_path, "comparison", "a", "b", chosen="a")
    note(tmp_path, "ablation", "a", "b", "c", chosen="c")
    note(tmp_path, "thresholds", "a")
    note(tmp_path, "look", "a", images=100)
    use = note(tmp_path, "look", "a")
    assert (use.comparisons, use.compared, use.thresholds, use.looks) == (2, 5, 1, 3)
    assert use.choices == 3
    assert count_choices(tmp_path, "aa").choices == 3
    assert count_choices(tmp_path, "another").choices == 0
    assert "Choices made on this validation set: 3" in use.sentence


def test_choices_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: note(tmp_path, "look", str(number)), range(24)))
    assert count_choices(tmp_path, "aa").looks == 24


def test_a_damaged_ledger_is_said_and_left(tmp_path: Path) -> None:
    path = tmp_path / VAL_CHOICES
    path.write_text('{"choices": [{"time": 3}]}')
    with pytest.raises(InputError, match=r"Restore it from a backup"):
        note(tmp_path, "look", "a")
    assert json.loads(path.read_text()) == {"choices": [{"time": 3}]}


def test_the_best_of_equal_methods_is_told_with_what_it_owes_to_the_choice() -> None:
    methods = [
        Method(name=f"m{seed}", predictions={0: draw_predictions(seed)}) for seed in range(11, 21)
    ]
    judged = judge_methods(methods)
    found = correct_winner(judged, "auroc", seed_variance=0.0)
    assert found is not None
    assert (found.among, found.covers) == (10, "images only")
    assert found.measured == max(judged.macro(one.name, "auroc") for one in methods)
    assert found.measured_low < found.corrected < found.measured - 0.002
    assert found.low < found.corrected < found.high
    moved = correct_winner(judged, "auroc", seed_variance=0.02**2)
    assert moved is not None
    assert moved.high - moved.low > 1.2 * (found.high - found.low)
    assert moved.covers == "seeds and images"
    alone = correct_winner(judge_methods(methods[:1]), "auroc", seed_variance=0.0)
    assert alone is not None
    assert alone.corrected == pytest.approx(alone.measured)
    assert (alone.low, alone.high) == pytest.approx((alone.measured_low, alone.measured_high))
