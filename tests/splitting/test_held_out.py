"""Test parts by the value of a column, and splits that are stratified or without validation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from xlite.errors import InputError
from xlite.splitting.split import split_by_patient
from xlite.splitting.split_folder import read_split

NUM_IMAGES = 200


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    patient = rng.integers(0, 80, NUM_IMAGES)
    return pd.DataFrame(
        {
            "Image Index": [f"{i:08d}_000.png" for i in range(NUM_IMAGES)],
            "Finding Labels": rng.choice(["Mass", "Nodule", "No Finding"], NUM_IMAGES),
            "Patient ID": patient,
            "View Position": rng.choice(["PA", "AP"], NUM_IMAGES, p=[0.8, 0.2]),
            "Patient Age": rng.integers(1, 90, NUM_IMAGES),
            "site": np.array(["north", "south", "east"])[patient % 3],
        }
    )


def test_a_view_is_held_out_with_its_patients(table: pd.DataFrame, tmp_path: Path) -> None:
    split = split_by_patient(table, hold_out="view=AP", out=tmp_path)
    is_ap = table["View Position"] == "AP"
    assert split.rows["test"].tolist() == np.flatnonzero(is_ap).tolist()
    has_ap = table["Patient ID"].isin(table["Patient ID"][is_ap])
    kept = sorted([*split.rows["train"], *split.rows["val"]])
    assert kept == np.flatnonzero(~has_ap).tolist()
    assert split.images_left_out == (has_ap & ~is_ap).sum() > 0
    assert (split.hold_out, split.val, split.ratios) == (("view=AP",), 0.15, None)
    assert len(split.rows["val"]) == pytest.approx(0.15 * len(kept), abs=3)
    parts = read_split(tmp_path).parts
    assert set(parts["test"].table["view"]) == {"AP"}
    assert set(parts["train"].table["view"]) == {"PA"}


def test_sites_are_held_out_by_any_column(table: pd.DataFrame) -> None:
    split = split_by_patient(table, hold_out=["site=north", "site=east"], val=None)
    assert list(split.rows) == ["train", "test"]
    assert set(table["site"].iloc[split.rows["train"]]) == {"south"}
    assert set(table["site"].iloc[split.rows["test"]]) == {"north", "east"}
    assert split.images_left_out == 0
    assert split.val is None


def test_an_age_is_held_out_in_years(table: pd.DataFrame) -> None:
    age = int(table["Patient Age"].mode()[0])
    split = split_by_patient(table, hold_out=f"age={age}")
    assert len(split.rows["test"]) == (table["Patient Age"] == age).sum()


def test_labels_that_the_test_part_lacks_are_named(table: pd.DataFrame) -> None:
    split = split_by_patient(table, hold_out="view=AP")
    [warning] = split.warnings or ()
    assert warning.startswith("no image of the test part has Atelectasis, ")
    assert "Mass" not in warning


def test_another_value_is_another_split(table: pd.DataFrame, tmp_path: Path) -> None:
    split_by_patient(table, hold_out="site=north", out=tmp_path)
    split_by_patient(table, hold_out="site=north", out=tmp_path)
    message = r"another split \(seed 42, held out: site=north\)"
    with pytest.raises(InputError, match=message):
        split_by_patient(table, hold_out="site=south", out=tmp_path)
    with pytest.raises(InputError, match=message):
        split_by_patient(table, out=tmp_path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"hold_out": "view"}, "'view' is not COLUMN=VALUE, such as view=AP"),
        ({"hold_out": "view="}, "'view=' is not COLUMN=VALUE"),
        ({"hold_out": "=AP"}, "'=AP' is not COLUMN=VALUE"),
        ({"hold_out": "viev=AP"}, r"no such column. Did you mean view\?"),
        ({"hold_out": "view=Ap"}, r"no image has this value.* There are: PA, AP\."),
        ({"hold_out": "sex=F"}, "the column is empty for every image"),
        ({"hold_out": ["view=AP", "site=north"]}, "names view and site.*one column"),
        ({"hold_out": ["site=north", "site=south", "site=east"]}, "nobody is left for training"),
        ({"hold_out": "view=AP", "ratios": "60/20/20"}, "--ratios divide the whole table"),
        ({"hold_out": "view=AP", "val": 1}, "--val 1 is no share between 0 and 1"),
        ({"val": 0.3}, "--val goes with --folds or --hold-out"),
        ({"stratify": "sitte"}, r"--stratify sitte: .* Did you mean site\?"),
    ],
)
def test_what_can_not_be_done_is_said(
    table: pd.DataFrame, tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        split_by_patient(table, out=tmp_path / "s", **arguments)
    assert not (tmp_path / "s").exists()


def test_lists_and_what_is_held_out_exclude_each_other(table: pd.DataFrame, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x.png")
    lists = {"train_val_list": tmp_path / "a.txt", "test_list": tmp_path / "a.txt"}
    with pytest.raises(InputError, match="both say what the test part is"):
        split_by_patient(table, hold_out="view=AP", **lists)


def test_without_validation_training_has_its_images(table: pd.DataFrame, tmp_path: Path) -> None:
    split = split_by_patient(table, val=None, out=tmp_path / "s")
    assert {name: len(rows) for name, rows in split.rows.items()} == {"train": 170, "test": 30}
    assert split.ratios == pytest.approx([0.85, 0, 0.15])
    assert list(read_split(tmp_path / "s").parts) == ["train", "test"]
    names, is_test = table["Image Index"], table["site"] == "north"
    (tmp_path / "test.txt").write_text("\n".join(names[is_test]))
    (tmp_path / "rest.txt").write_text("\n".join(names[~is_test]))
    lists = {"train_val_list": tmp_path / "rest.txt", "test_list": tmp_path / "test.txt"}
    listed = split_by_patient(table, val=None, **lists)
    assert {name: len(rows) for name, rows in listed.rows.items()} == {
        "train": (~is_test).sum(),
        "test": is_test.sum(),
    }


def test_a_split_is_stratified_over_columns(table: pd.DataFrame) -> None:
    deviations = {}
    for stratify in ((), "site"):
        found = []
        for seed in range(8):
            split = split_by_patient(table, stratify=stratify, seed=seed)
            shares = [
                table["site"].iloc[rows].value_counts(normalize=True)
                for rows in split.rows.values()
            ]
            found.append(
                max(
                    (share - table["site"].value_counts(normalize=True)).abs().max()
                    for share in shares
                )
            )
        deviations[str(stratify)] = np.mean(found)
        assert split.stratify == (("site",) if stratify else None)
    assert deviations["site"] < deviations["()"] / 2
