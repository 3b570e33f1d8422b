"""Folds from a label table to their folder: what they hold, and whose files are touched."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from xlite.errors import InputError
from xlite.labels import NIH_LABELS
from xlite.results.folds import FoldsRecord
from xlite.splitting.folds import make_folds
from xlite.splitting.folds_folder import read_folds
from xlite.splitting.split import split_by_patient
from xlite.splitting.split_folder import read_split
from xlite.tables.label_table import read_manifest

NUM_IMAGES = 120


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    texts = rng.choice(["Mass", "Nodule", "Mass|Edema", "No Finding"], NUM_IMAGES)
    return pd.DataFrame(
        {
            "Image Index": [f"{i:08d}_000.png" for i in range(NUM_IMAGES)],
            "Finding Labels": texts,
            "Patient ID": rng.integers(0, 60, NUM_IMAGES),
            "View Position": rng.choice(["PA", "AP"], NUM_IMAGES),
            "Patient Age": rng.integers(1, 90, NUM_IMAGES),
            "site": rng.choice(["north", "south"], NUM_IMAGES),
        }
    )


@pytest.fixture
def path(table: pd.DataFrame, tmp_path: Path) -> Path:
    table.to_csv(tmp_path / "labels.csv", index=False)
    return tmp_path / "labels.csv"


def contents_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_each_repeat_tests_every_image_once(path: Path, tmp_path: Path) -> None:
    made = make_folds(path, folds=4, repeats=2, out=tmp_path / "f", seed=3)
    manifest = read_manifest(path)
    assert made.patient_overlap == 0
    assert made.max_positive_excess < 1
    folds = read_folds(tmp_path / "f")
    assert folds.record == made
    tested = []
    for repeat in folds.repeats:
        assert len(repeat) == 4
        splits = [read_split(split, table=manifest).parts for split in repeat]
        tested.append([sorted(parts["test"].image_ids) for parts in splits])
        assert sorted(chain.from_iterable(tested[-1])) == sorted(manifest.image_ids)
        for parts in splits:
            assert sum(map(len, parts.values())) == NUM_IMAGES
            share = len(parts["val"]) / (NUM_IMAGES - len(parts["test"]))
            assert share == pytest.approx(0.15, abs=0.05)
    assert tested[0] != tested[1]
    for number, summary in enumerate(made.folds):
        split = json.loads((tmp_path / "f" / str(number) / "split.json").read_text())
        assert split["fold"] == {"number": number, "num_folds": 4, "repeat": number // 4}
        assert split["parts"]["test"]["images"] == summary.images
        assert split["parts"]["test"]["positives"] == summary.positives
        assert (split["val"], split["ratios"]) == (0.15, None)


def test_counts_of_a_fold_are_those_of_its_rows(table: pd.DataFrame) -> None:
    made = make_folds(table, folds=3, stratify=["site", "view"])
    for fold, rows in zip(made.folds, made.rows, strict=True):
        part = table.iloc[rows["test"]]
        assert (fold.images, fold.patients) == (len(part), part["Patient ID"].nunique())
        has_mass = part["Finding Labels"].str.contains("Mass")
        assert fold.positives["Mass"] == has_mass.sum()
        assert fold.positive_patients["Mass"] == part["Patient ID"][has_mass].nunique()
        healthy = part["Finding Labels"] == "No Finding"
        assert fold.no_finding == healthy.sum()
        assert fold.positive_patients["No Finding"] == part["Patient ID"][healthy].nunique()
        of_site = part.groupby("site")["Patient ID"].nunique().to_dict()
        of_view = part.groupby("View Position")["Patient ID"].nunique().to_dict()
        assert fold.strata == {"site": of_site, "view": of_view}
    counts = made.to_frame().pivot(index="fold", columns="label", values="positive_patients")
    distance = (counts - counts.mean()).abs().to_numpy().max()
    assert made.max_positive_excess >= distance - 1e-9
    assert FoldsRecord.from_json(made.to_json()) == made


def test_folds_depend_on_the_seed_alone(table: pd.DataFrame) -> None:
    one, same, other = (make_folds(table, folds=3, seed=seed) for seed in (1, 1, 2))
    tested = [[rows["test"].tolist() for rows in made.rows] for made in (one, same, other)]
    assert tested[0] == tested[1] != tested[2]


def test_without_validation_there_are_two_parts(path: Path, tmp_path: Path) -> None:
    make_folds(path, folds=3, val=None, out=tmp_path / "f")
    for split in read_folds(tmp_path / "f").splits:
        assert sorted(path.name for path in split.iterdir()) == [
            "split.json",
            "test.csv",
            "train.csv",
        ]
        parts = read_split(split).parts
        assert list(parts) == ["train", "test"]
        assert sum(map(len, parts.values())) == NUM_IMAGES


def test_the_same_folds_again_change_nothing(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "f"
    made = make_folds(path, folds=3, out=out)
    before = {file: file.stat().st_mtime_ns for file in out.rglob("*")}
    again = make_folds(path, folds=3, out=out)
    assert again == made
    assert [len(rows["test"]) for rows in again.rows] == [fold.images for fold in made.folds]
    with pytest.raises(InputError, match=r"holds other folds \(1 × 3, seed 42\).*--overwrite"):
        make_folds(path, folds=3, seed=1, out=out)
    assert {file: file.stat().st_mtime_ns for file in out.rglob("*")} == before
    (out / "1" / "test.csv").write_text("notes")
    with pytest.raises(InputError, match=r"test\.csv was changed"):
        make_folds(path, folds=3, out=out)
    assert (out / "1" / "test.csv").read_text() == "notes"


def test_folds_of_a_table_that_changed_since_are_others(
    table: pd.DataFrame, path: Path, tmp_path: Path
) -> None:
    out = tmp_path / "f"
    make_folds(path, folds=3, out=out)
    split_by_patient(path, out=tmp_path / "s")
    before = contents_of(tmp_path)
    # As many of each label as before.
    changed = table.copy()
    changed["Patient Age"] += 1
    changed.to_csv(path, index=False)
    for make in (
        lambda: make_folds(path, folds=3, out=out),
        lambda: split_by_patient(path, out=tmp_path / "s"),
    ):
        with pytest.raises(InputError, match="another state of the label table.*--overwrite"):
            make()
    path.write_bytes(before["labels.csv"])
    assert contents_of(tmp_path) == before


def test_fewer_folds_replace_more(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "f"
    make_folds(path, folds=3, repeats=2, out=out)
    (out / "5" / "notes.txt").write_text("theirs")
    (out / "9").mkdir()
    make_folds(path, folds=2, val=None, out=out, overwrite=True)
    found = sorted(str(file.relative_to(out)) for file in out.rglob("*"))
    tables = [f"{k}/{name}" for k in "01" for name in ("split.json", "test.csv", "train.csv")]
    assert found == sorted(["0", "1", *tables, "5", "5/notes.txt", "9", "folds.json"])
    assert len(read_folds(out).splits) == 2


@pytest.mark.parametrize("number", range(10))
def test_the_same_command_finishes_what_was_stopped(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    make_folds(path, folds=2, out=tmp_path / "whole")
    whole = contents_of(tmp_path / "whole")
    written = []
    replace = Path.replace

    def stop(self: Path, target: Path) -> Path:
        if len(written) == number:
            raise KeyboardInterrupt
        written.append(target)
        return replace(self, target)

    out = tmp_path / "f"
    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", stop)
        # 8 files in two folds, and their record.
        if number < 9:
            with pytest.raises(KeyboardInterrupt):
                make_folds(path, folds=2, out=out)
        else:
            make_folds(path, folds=2, out=out)
    assert (out / "folds.json").exists() == (number == 9)
    if number == 4:
        with pytest.raises(InputError, match="were not finished"):
            read_folds(out)
    make_folds(path, folds=2, out=out)
    assert contents_of(out) == whole


def test_nobodys_files_are_touched(path: Path, tmp_path: Path) -> None:
    out = tmp_path / "f"
    (out / "2").mkdir(parents=True)
    (out / "2" / "val.csv").write_text("theirs")
    with pytest.raises(InputError, match=r"2.val\.csv was not written by this command"):
        make_folds(path, folds=3, out=out)
    assert contents_of(out) == {str(Path("2") / "val.csv"): b"theirs"}
    make_folds(path, folds=3, out=out, overwrite=True)
    # A table of validation that no part is for is neither replaced nor deleted.
    (out / "2" / "val.csv").write_text("theirs")
    with pytest.raises(InputError, match=r"val\.csv was not written by this command"):
        make_folds(path, folds=3, val=None, out=out, overwrite=True)
    assert (out / "2" / "val.csv").read_text() == "theirs"


def test_folds_and_a_split_are_not_mixed(path: Path, tmp_path: Path) -> None:
    split_by_patient(path, out=tmp_path / "s")
    for overwrite in (False, True):
        with pytest.raises(InputError, match=r"holds split\.json, a file of a single split"):
            make_folds(path, folds=3, out=tmp_path / "s", overwrite=overwrite)
    make_folds(path, folds=3, out=tmp_path / "f")
    for overwrite in (False, True):
        with pytest.raises(InputError, match="holds folds, which need a folder of their own"):
            split_by_patient(path, out=tmp_path / "f", overwrite=overwrite)


def test_the_table_itself_is_not_replaced(path: Path, tmp_path: Path) -> None:
    (tmp_path / "f" / "0").mkdir(parents=True)
    table = path.rename(tmp_path / "f" / "0" / "train.csv")
    before = table.read_bytes()
    with pytest.raises(InputError, match="is what the split is made from"):
        make_folds(table, folds=3, out=tmp_path / "f", overwrite=True)
    assert contents_of(tmp_path / "f") == {str(Path("0") / "train.csv"): before}


def test_labels_that_are_too_rare_are_named(table: pd.DataFrame) -> None:
    rare = table.copy()
    rare["Finding Labels"] = "Nodule"
    rare.loc[:1, "Finding Labels"] = "Hernia"
    made = make_folds(rare, folds=5)
    [few, none] = made.warnings
    assert "fewer positive patients than the 5 folds: Hernia (2)" in few
    assert none.startswith("no patient at all has Atelectasis, Cardiomegaly")
    assert sum(fold.positive_patients["Hernia"] for fold in made.folds) == 2
    assert max(fold.positive_patients["Hernia"] for fold in made.folds) == 1


def test_rare_values_of_a_column_count_as_one(table: pd.DataFrame) -> None:
    sites = table.copy()
    sites["site"] = ["a", "b", "", *["main"] * (NUM_IMAGES - 3)]
    made = make_folds(sites, folds=5, stratify="site")
    assert list(made.folds[0].strata["site"]) == ["main", "other"]
    [warning] = [text for text in made.warnings if "site" in text]
    assert "3 of 4 values have fewer patients" in warning
    assert "a (1), b (1), unknown (1)" in warning


def test_numbers_are_cut_into_ranges(table: pd.DataFrame) -> None:
    made = make_folds(table, folds=3, stratify=["age", "Patient Age"])
    assert made.folds[0].strata["age"] == made.folds[0].strata["Patient Age"]
    assert len(made.folds[0].strata["age"]) == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"folds": 1}, "folds must be a whole number of at least 2"),
        ({"folds": 3, "repeats": 0}, "repeats must be a whole number of at least 1"),
        ({"folds": 61}, "patients can't fill 61 folds"),
        ({"folds": 5, "repeats": 1000}, "1,000 times 5 folds are 5,000 splits"),
        ({"folds": 3, "val": 0.0}, "--val 0.0 is no share"),
        ({"folds": 3, "val": float("nan")}, "--val nan is no share"),
        ({"folds": 3, "stratify": "sitte"}, r"no such column. Did you mean site\?"),
        ({"folds": 3, "stratify": "sex"}, "the column is empty for every image"),
        ({"folds": 3, "stratify": "Image Index"}, r"120 values, and at most 20"),
    ],
)
def test_what_can_not_be_done_is_said(
    table: pd.DataFrame, tmp_path: Path, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        make_folds(table, out=tmp_path / "f", **arguments)
    assert not (tmp_path / "f").exists()


def test_arrays_are_dealt_out_too() -> None:
    with pytest.raises(InputError, match="not known whose the images are"):
        make_folds([0, 1, 0, 1], folds=2)
    made = make_folds([0, 1, 0, 1], patients=[1, 2, 3, 4], folds=2, val=None)
    assert [list(fold.positives.values()) for fold in made.folds] == [[1], [1]]
    with pytest.raises(InputError, match="one patient only.*--no-val"):
        make_folds([0, 1], patients=[1, 2], folds=2)


def test_unknown_labels_come_through(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(-1, 2, (60, 14)).astype(np.int8)
    frame = pd.DataFrame(labels, columns=list(NIH_LABELS))
    made = make_folds(frame, patients=[f"p{i // 2}" for i in range(60)], folds=3, out=tmp_path)
    for rows, split in zip(made.rows, read_folds(tmp_path).splits, strict=True):
        for name, part in read_split(split).parts.items():
            assert part.labels.tolist() == labels[rows[name]].tolist()
