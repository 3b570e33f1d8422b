"""Policies on uncertain cells and on rows, from the table to the verdict."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from xlite.settings import PolicySettings, TrainSettings
from xlite.splitting.split_folder import read_split
from xlite.training.data import load_study_data

LABELS = ("Effusion", "Mass", "Atelectasis")


@pytest.fixture(scope="module")
def uncertain(project: Any, xlite_ok: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A split of the project's images whose table has a column a label, 1, 0, -1 or empty."""
    folder = tmp_path_factory.mktemp("uncertain")
    raw = pd.read_csv(project.table)
    rng = np.random.default_rng(0)
    table = raw[["Image Index", "Patient ID", "Patient Age", "View Position"]].copy()
    for label in LABELS:
        present = raw["Finding Labels"].str.contains(label)
        cells = pd.Series(np.where(present, "1.0", "0.0"), index=raw.index)
        cells[(rng.random(len(raw)) < 0.2) & present] = "-1.0"
        cells[(rng.random(len(raw)) < 0.2) & ~present] = ""
        table[label] = cells
    path = folder / "table.csv"
    table.to_csv(path, index=False)
    xlite_ok("split", "--labels", path, "--label-cols", ",".join(LABELS), "--out", folder / "split")
    return folder / "split"


def arguments(project: Any, split: Path, out: Path) -> tuple[object, ...]:
    return (
        *("--split", split, "--cache", project.cache, "--out", out, "--workers", 0),
        *("--no-pretrained", "--batch-size", 16, "--epochs", 1, "--loss", "bce"),
    )


def test_policies_are_axes_of_an_ablation_and_are_judged_on_the_same_cells(
    project: Any, xlite_ok: Any, uncertain: Path, tmp_path: Path
) -> None:
    xlite_ok(
        *("ablate", "--model", "test_resnet", *arguments(project, uncertain, tmp_path)),
        *("--vary", "uncertain=ignore,ones,soft:0.55-0.85", "--variant", "upright:views=PA"),
    )
    runs = {
        path.parent: json.loads(path.read_text()) for path in tmp_path.glob("runs/*/config.json")
    }
    found = {
        (run["settings"]["policy"]["uncertain"], run["settings"]["policy"]["views"]): (
            run["data"],
            json.loads((folder / "scores.json").read_text())["val"],
            (folder / "predictions_val.csv").read_text(),
        )
        for folder, run in runs.items()
    }
    plain, ones = found["ignore", "all"], found["ones", "all"]
    soft, upright = found["soft:0.55-0.85", "all"], found["ignore", "PA"]
    assert all(
        a > b for a, b in zip(ones[0]["train_positives"], plain[0]["train_positives"], strict=True)
    )
    # A softened cell is no positive, and yet something is learnt of it.
    assert soft[0]["train_positives"] == plain[0]["train_positives"]
    assert len({predictions for *_, predictions in found.values()}) == 4
    assert all(val["images"] == plain[1]["images"] for _, val, _ in found.values())
    views = read_split(uncertain).parts["train"].table["view"]
    assert upright[0]["images"]["train"] == int((views == "PA").sum())


def test_a_policy_for_each_label_comes_from_a_file(
    project: Any, xlite: Any, xlite_ok: Any, uncertain: Path, tmp_path: Path
) -> None:
    policies = tmp_path / "uncertain.toml"
    policies.write_text('Mass = "ones"\nEffusion = "zeros"\n')
    told = ("verify-balance", "--split", uncertain, "--out", tmp_path, "--sampler", "none")

    def count(*more: object) -> dict[str, int]:
        xlite(*told, "--batches", 50, *more)
        table = pd.read_csv(tmp_path / "data_balance_verification.csv")
        return dict(zip(table["label"], table["count"], strict=True))

    plain, file = count(), count("--uncertain", policies)
    assert file == count("--uncertain", "Effusion=zeros,Mass=ones")
    assert file["Mass"] > plain["Mass"]
    assert file["Effusion"] == plain["Effusion"]
    policies.write_text('Mass = "perhaps"\n')
    wrong = xlite(*told, "--uncertain", policies)
    assert wrong.exit_code == 2
    assert "uncertain.toml: it must be ignore, zeros, ones" in wrong.stderr


def test_what_is_learnt_of_an_image_is_what_its_batch_holds(project: Any, uncertain: Path) -> None:
    from xlite.sampling.sampler import EpochSampler
    from xlite.training.loaders import RunLoaders

    settings = TrainSettings(
        model="test_resnet", policy=PolicySettings(uncertain="soft:0.3-0.4"), augment="none"
    )
    data = load_study_data(read_split(uncertain), project.cache).read_by(settings)
    assert data.train_targets is not None
    num_images = len(data.parts["train"])
    loaders = RunLoaders(settings, data, num_workers=0, pin_memory=False)
    sampler = EpochSampler(num_images, batch_size=16, seed=0)
    for batch in loaders.build("train", sampler):
        assert (batch.targets.numpy() == data.train_targets[batch.index.numpy()]).all()
    held = np.concatenate([b.targets.numpy() for b in loaders.build_in_order("val")])
    assert (held == data.parts["val"].labels).all()
