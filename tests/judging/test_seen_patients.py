"""Patients in training and others: a gross gain of memory is shown, a small one is unproven."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from xlite.errors import InputError
from xlite.judging.seen_patients import compare_seen_patients
from xlite.results.seen_patients import SeenPatients
from xlite.tables.table_format import TableFormat
from xlite.workflows.evaluate import evaluate

LABELS = ("Mass", "Edema", "Hernia")
PREVALENCES = (0.3, 0.15, 0.08)


def draw_tables(seed: int, *, memory: float, frailty: float = 0.0) -> dict[str, pd.DataFrame]:
    """A validation table of 800 patients of two films, half of them in training.

    memory: by how much scores of positives of seen patients lie above others', in standard
    deviations, for the model alone; frailty: the same for both models, since they are more ill.
    """
    rng = np.random.default_rng(seed)
    patient = np.arange(1600) // 2
    is_seen = patient < 400
    targets = (rng.random((1600, 3)) < PREVALENCES).astype(int)
    shared = rng.normal(size=targets.shape)
    images = {"Image Index": [f"{k:08d}_000.png" for k in range(1600)]}
    rise = 1.2 + frailty * is_seen[:, None]
    model = (
        shared + 0.7 * rng.normal(size=shared.shape) + (rise + memory * is_seen[:, None]) * targets
    )
    clean = shared + 0.7 * rng.normal(size=shared.shape) + rise * targets
    text = ["|".join(np.array(LABELS)[row == 1]) or "No Finding" for row in targets]
    table = pd.DataFrame({**images, "Finding Labels": text, "Patient ID": patient})

    def as_table(logits: np.ndarray) -> pd.DataFrame:
        probs = 1 / (1 + np.exp(-logits))
        return pd.DataFrame(images | {f"prob_{name}": probs[:, c] for c, name in enumerate(LABELS)})

    train = table[is_seen].assign(**{"Image Index": [f"t{k}.png" for k in range(is_seen.sum())]})
    return {"val": table, "train": train, "model": as_table(model), "clean": as_table(clean)}


def compare(tables: dict[str, pd.DataFrame], *, is_paired: bool) -> SeenPatients:
    return compare_seen_patients(
        tables["model"],
        tables["val"],
        train=tables["train"],
        reference=tables["clean"] if is_paired else None,
        resamples=200,
    )


def test_a_gross_gain_of_memory_is_shown_with_and_without_a_reference() -> None:
    tables = draw_tables(0, memory=1.2)
    for is_paired in (False, True):
        found = compare(tables, is_paired=is_paired)
        assert found.macro.is_shown
        assert found.seen_patients == found.unseen_patients == 400
        assert found.labels == LABELS
    assert found.macro.gain is not None
    assert found.macro.gain > 0.08


def test_a_small_gain_is_unproven_and_its_interval_says_so() -> None:
    shown, gains = 0, []
    for seed in range(20):
        found = compare(draw_tables(seed, memory=0.12), is_paired=True).macro
        assert found.gain is not None
        assert found.gain_low is not None
        assert found.is_shown == (found.gain_low > 0)
        shown += found.is_shown
        gains.append(found.gain)
    assert np.mean(gains) == pytest.approx(0.02, abs=0.008)
    assert shown <= 4


def test_patients_who_are_easier_are_no_memory_where_a_reference_says_so() -> None:
    tables = draw_tables(1, memory=0.0, frailty=1.2)
    assert compare(tables, is_paired=False).macro.is_shown
    paired = compare(tables, is_paired=True).macro
    assert not paired.is_shown


def test_all_on_one_side_is_refused() -> None:
    tables = draw_tables(2, memory=0.0)
    with pytest.raises(InputError, match="no two sides"):
        compare(tables | {"train": tables["val"]}, is_paired=False)
    with pytest.raises(InputError, match="lacks images"):
        compare(tables | {"clean": tables["clean"][:100]}, is_paired=True)


def test_audit_and_evaluate_print_both_sides(xlite: Any, tmp_path: Path) -> None:
    paths = {}
    for name, table in draw_tables(3, memory=1.2).items():
        paths[name] = tmp_path / f"{name}.csv"
        table.to_csv(paths[name], index=False)
    audit = xlite("split", "--audit", paths["train"], paths["val"], "--predictions", paths["model"])
    assert audit.exit_code == 1
    assert "higher, by memory or because they are other patients" in " ".join(audit.stderr.split())
    found = xlite(
        *("evaluate", "--predictions", paths["model"], "--labels", paths["val"]),
        *("--train", paths["train"], "--reference", paths["clean"], "--no-figures"),
        *("--resamples", 100, "--allow-partial", "--out", tmp_path / "out"),
    )
    assert found.exit_code == 0, found.output
    assert "is shown." in found.stderr
    refused = xlite("split", "--predictions", paths["model"])
    assert refused.exit_code == 2
    assert "go with --audit" in refused.stderr


def test_a_training_table_of_other_patients_alone_has_no_two_sides() -> None:
    tables = draw_tables(0, memory=0.0)
    others = tables["train"].assign(**{"Patient ID": tables["train"]["Patient ID"] + 5000})
    others["age"] = 50 + np.arange(len(others)) % 30
    judged = tables["val"].assign(age=40 + np.arange(1600) % 30)
    found = evaluate(
        predictions=tables["model"],
        labels=judged,
        train=others,
        table_format=TableFormat(vocabulary=LABELS),
        resamples=100,
    )
    assert found.seen_patients is None
    assert found.shortcut_floor is not None
