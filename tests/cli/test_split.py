from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from xlite.files import sha256_of_file
from xlite.splitting.split_folder import read_split
from xlite.tables.label_table import read_manifest
from xlite.tables.manifest import write_manifest

PARTS = ("train", "val", "test")


def test_the_real_table_splits_without_overlap_and_within_a_fifth_of_a_point(
    nih_table: Path, tmp_path: Path, xlite_ok: Any
) -> None:
    result = xlite_ok("split", "--labels", nih_table, "--out", tmp_path / "splits", "--json")
    record = json.loads(result.stdout)
    assert record["patient_overlap"] == 0
    assert record["max_deviation_pp"] < 0.20
    # The same, from the files alone.
    tables = {name: pd.read_csv(tmp_path / "splits" / f"{name}.csv") for name in PARTS}
    patients = [set(table["Patient ID"]) for table in tables.values()]
    assert sum(len(part) for part in patients) == len(set.union(*patients)) == 30_805
    whole = pd.concat(tables.values())
    assert len(whole) == whole["Image Index"].nunique() == 112_120
    assert len(tables["train"]) == pytest.approx(0.7 * 112_120, rel=0.001)
    for label in ("Hernia", "Pneumonia", "Infiltration", "No Finding"):
        prevalence = whole["Finding Labels"].str.contains(label).mean()
        for table in tables.values():
            in_part = table["Finding Labels"].str.contains(label).mean()
            assert abs(in_part - prevalence) < 0.0020


def test_the_files_agree_with_the_record(project: Any) -> None:
    record = json.loads((project.split / "split.json").read_text())
    assert record["files"] == {
        f"{n}.csv": sha256_of_file(project.split / f"{n}.csv") for n in PARTS
    }
    for name in PARTS:
        manifest = read_manifest(project.split / f"{name}.csv")
        part = record["parts"][name]
        assert part["images"] == len(manifest)
        assert list(part["positives"].values()) == manifest.positives.tolist()
    assert sum(record["parts"][name]["images"] for name in PARTS) == 160


def test_the_same_command_again_changes_nothing(project: Any, xlite: Any, tmp_path: Path) -> None:
    arguments = ("split", "--labels", project.table, "--out", tmp_path)
    assert xlite(*arguments).exit_code == 0
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert xlite(*arguments).exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    other = xlite(*arguments, "--seed", 7)
    assert other.exit_code == 2
    assert "holds another split (seed 42" in other.stderr
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before
    assert xlite(*arguments, "--seed", 7, "--overwrite").exit_code == 0
    assert json.loads((tmp_path / "split.json").read_text())["seed"] == 7


def test_official_lists_keep_the_test_part(project: Any, xlite_ok: Any, tmp_path: Path) -> None:
    manifest = read_manifest(project.table)
    is_test = manifest.patient_codes % 4 == 0
    (tmp_path / "test.txt").write_text("\n".join(manifest.image_ids[is_test]) + "\n")
    (tmp_path / "rest.txt").write_text("\n".join(manifest.image_ids[~is_test]))
    lists = ("--train-val-list", tmp_path / "rest.txt", "--test-list", tmp_path / "test.txt")
    xlite_ok("split", "--labels", project.table, "--out", tmp_path / "s", *lists)
    parts = read_split(tmp_path / "s").parts
    assert set(parts["test"].image_ids) == set(manifest.image_ids[is_test])
    assert len(parts["val"]) == pytest.approx((~is_test).sum() * 15 / 85, rel=0.25)


def test_official_lists_that_share_a_patient_leak(project: Any, xlite: Any, tmp_path: Path) -> None:
    manifest = read_manifest(project.table)
    half = len(manifest) // 2
    codes = np.bincount(manifest.patient_codes)
    assert codes.max() > 1
    order = np.argsort(manifest.patient_codes, kind="stable")
    # Cut within the patient who has most images.
    cut = int(np.flatnonzero(manifest.patient_codes[order] == codes.argmax())[0]) + 1
    assert 0 < cut < 2 * half
    (tmp_path / "test.txt").write_text("\n".join(manifest.image_ids[order[:cut]]))
    (tmp_path / "rest.txt").write_text("\n".join(manifest.image_ids[order[cut:]]))
    lists = ("--train-val-list", tmp_path / "rest.txt", "--test-list", tmp_path / "test.txt")
    result = xlite("split", "--labels", project.table, "--out", tmp_path / "s", *lists)
    assert result.exit_code == 1
    assert "leaks" in result.stderr
    assert not (tmp_path / "s").exists()


def test_a_subset_takes_whole_patients_of_training_only(
    nih_table: Path, tmp_path: Path, xlite_ok: Any
) -> None:
    xlite_ok("split", "--labels", nih_table, "--out", tmp_path / "whole")
    xlite_ok("split", "--labels", nih_table, "--out", tmp_path / "fifth", "--subset", 0.2)
    whole, fifth = (read_split(tmp_path / name).parts for name in ("whole", "fifth"))
    assert fifth["val"].image_ids.tolist() == whole["val"].image_ids.tolist()
    assert len(fifth["train"]) == pytest.approx(0.2 * len(whole["train"]), rel=0.01)
    chosen = set(fifth["train"].patient_ids)
    kept = [patient in chosen for patient in whole["train"].patient_ids]
    assert sum(kept) == len(fifth["train"])
    for old, new in zip(whole["train"].positives, fifth["train"].positives, strict=True):
        assert new / len(fifth["train"]) == pytest.approx(old / len(whole["train"]), abs=0.002)


def test_audit_of_a_random_split_of_images_finds_the_leak(
    nih_table: Path, tmp_path: Path, xlite: Any
) -> None:
    manifest = read_manifest(nih_table)
    part = np.random.default_rng(42).choice(3, size=len(manifest), p=[0.7, 0.15, 0.15])
    paths = []
    for number, name in enumerate(PARTS):
        paths.append(tmp_path / f"{name}.csv")
        write_manifest(manifest.select(part == number), paths[-1])
    result = xlite("split", "--audit", *paths, "--json")
    assert result.exit_code == 1
    audit = json.loads(result.stdout)
    val = manifest.select(part == 1)
    train_patients = set(manifest.select(part == 0).patient_ids)
    leaked = [patient for patient in val.patient_ids if patient in train_patients]
    assert audit["images_of_shared_patients"]["train|val"] == len(leaked)
    assert audit["patient_overlap"]["train|val"] == len(set(leaked))
    assert len(leaked) / len(val) > 0.75
    assert audit["image_overlap"]["train|val"] == 0


def test_audit_of_our_own_split_finds_nothing(project: Any, xlite: Any) -> None:
    paths = [project.split / f"{name}.csv" for name in PARTS]
    result = xlite("split", "--audit", *paths)
    assert result.exit_code == 0, result.output
    assert "0 patients on both sides" in result.stderr
    assert "Hernia" in result.stderr


def test_a_split_file_that_was_edited_is_refused(project: Any, xlite: Any, tmp_path: Path) -> None:
    xlite("split", "--labels", project.table, "--out", tmp_path)
    text = (tmp_path / "val.csv").read_text()
    (tmp_path / "val.csv").write_text(text.replace("No Finding", "Hernia", 1))
    result = xlite("verify-balance", "--split", tmp_path, "--out", tmp_path / "e")
    assert result.exit_code == 2
    assert "val.csv was changed since the split was made" in result.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--ratios", "70/30"), "70/15/15"),
        (("--ratios", "a/b/c"), "70/15/15"),
        (("--subset", "0"), "fraction"),
        (("--test-list", "x.txt"), "go together"),
        (("stray.csv",), "Pass --audit"),
        (("--audit", "one.csv"), "at least two"),
        (("--labels-col", "a", "--label-cols", "b"), "exclude each other"),
        (("--folds", "1"), "--folds"),
        (("--folds", "1000"), "can't fill 1000 folds"),
        (("--folds", "3", "--ratios", "70/15/15"), "--ratios is of a single split"),
        (("--folds", "3", "--subset", "0.5"), "--subset is of a single split"),
        (("--folds", "3", "--hold-out", "view=AP"), "--hold-out is of a single split"),
        (("--folds", "3", "--test-list", "x.txt"), "--test-list is of a single split"),
        (("--folds", "3", "--val", "0.2", "--no-val"), "exclude each other"),
        (("--folds", "3", "--val", "1"), "no share between 0 and 1"),
        (("--folds", "3", "--stratify", "viev"), "Did you mean view?"),
        (("--repeats", "2"), "--repeats goes with --folds"),
        (("--val", "0.15"), "--val goes with --folds or --hold-out"),
        (("--hold-out", "view=Ap"), "There are: PA, AP"),
        (("--hold-out", "AP"), "is not COLUMN=VALUE"),
    ],
)
def test_wrong_usage_is_explained(
    project: Any, xlite: Any, tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = xlite("split", "--labels", project.table, "--out", tmp_path / "s", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "s").exists()


def test_a_generic_table_keeps_its_format_for_later_commands(
    xlite_ok: Any, xlite: Any, tmp_path: Path
) -> None:
    rng = np.random.default_rng(0)
    table = pd.DataFrame(
        {
            "file": [f"scan{i}.png" for i in range(60)],
            "who": rng.integers(0, 30, 60),
            "Fracture": rng.integers(0, 2, 60),
            "Edema": rng.choice([0, 1, -1], 60),
        }
    )
    table.to_csv(tmp_path / "t.csv", index=False)
    columns = ("--image-col", "file", "--label-cols", "Fracture,Edema", "--patient-col", "who")
    out = tmp_path / "s"
    xlite_ok("split", "--labels", tmp_path / "t.csv", *columns, "--out", out)
    parts = read_split(out).parts
    assert parts["train"].vocabulary == ("Fracture", "Edema")
    total = sum(int((part.labels == -1).sum()) for part in parts.values())
    assert total == int((table["Edema"] == -1).sum()) > 0
    verify = ("verify-balance", "--split", out, "--out", tmp_path / "e", "--batches", 20)
    xlite_ok(*verify, "--labels", tmp_path / "t.csv")
    table.loc[0, "Fracture"] = 1 - table.loc[0, "Fracture"]
    table.to_csv(tmp_path / "t.csv", index=False)
    changed = xlite(*verify, "--labels", tmp_path / "t.csv")
    assert changed.exit_code == 2
    assert "scan0.png" in changed.stderr


def test_folds_are_printed_and_recorded(xlite_ok: Any, project: Any, tmp_path: Path) -> None:
    arguments = ("split", "--labels", project.table, "--folds", 3, "--repeats", 2)
    out = tmp_path / "folds"
    shown = xlite_ok(*arguments, "--stratify", "view", "--out", out)
    assert "2 × 3 folds, seed 42" in shown.stdout
    assert "view PA" in shown.stdout
    assert "patients on two sides of a fold: 0" in shown.stderr
    assert max(map(len, shown.stdout.splitlines())) <= 80
    record = json.loads(xlite_ok(*arguments, "--out", tmp_path / "other", "--json").stdout)
    assert record == json.loads((tmp_path / "other" / "folds.json").read_text())
    assert [fold["repeat"] for fold in record["folds"]] == [0, 0, 0, 1, 1, 1]
    assert sum(fold["images"] for fold in record["folds"][:3]) == 160
    assert record["patient_overlap"] == 0
    assert record["max_positive_excess"] < 1
    again = xlite_ok(*arguments, "--out", tmp_path / "other", "--json")
    assert json.loads(again.stdout) == record
    # Each is a split for every command that reads one.
    xlite_ok("split", "--audit", *(out / "4" / f"{name}.csv" for name in PARTS))
    xlite_ok("verify-balance", "--split", out / "4", "--batches", 60, "--out", tmp_path / "e")


def test_a_folder_of_folds_is_no_split(
    xlite_ok: Any, xlite: Any, project: Any, tmp_path: Path
) -> None:
    xlite_ok("split", "--labels", project.table, "--folds", 2, "--out", tmp_path / "f")
    result = xlite("verify-balance", "--split", tmp_path / "f", "--out", tmp_path / "e")
    assert result.exit_code == 2
    assert "The folder holds folds: pass one of them" in result.stderr


def test_the_report_shows_folds(xlite_ok: Any, xlite: Any, project: Any, tmp_path: Path) -> None:
    folds, page = tmp_path / "folds", tmp_path / "r.html"
    made = json.loads(
        xlite_ok("split", "--labels", project.table, "--folds", 3, "--out", folds, "--json").stdout
    )
    arguments = ("report", "--split", folds, "--experiments", tmp_path / "e", "--out", page)
    xlite_ok(*arguments)
    cells = re.sub(r"\s*<[^>]+>\s*", "|", page.read_text(encoding="utf-8"))
    assert "No patient stands on two sides of a fold." in cells
    masses = [fold["positive_patients"]["Mass"] for fold in made["folds"]]
    total = sum(masses)
    row = re.compile(rf"\|Mass\|+{total}\|+{total / 3:.1f}\|+{min(masses)}\|+{max(masses)}\|")
    assert row.search(cells)
    record = json.loads((folds / "folds.json").read_text())
    (folds / "folds.json").write_text(json.dumps(record | {"folds": 3}))
    refused = xlite(*arguments)
    assert refused.exit_code == 2
    assert "folds.json has 3 in 'folds'" in refused.stderr


def test_a_cache_of_folds_has_every_image(xlite_ok: Any, project: Any, tmp_path: Path) -> None:
    folds, cache = tmp_path / "folds", tmp_path / "cache"
    xlite_ok("split", "--labels", project.table, "--folds", 2, "--out", folds)
    xlite_ok(
        *("cache-clahe", "--split", folds, "--images", project.images),
        *("--size", 32, "--out", cache, "--workers", 1),
    )
    assert len(pd.read_csv(cache / "index.csv")) == 160


def test_predictions_of_validation_need_a_split_with_it(
    xlite_ok: Any, xlite: Any, project: Any, tmp_path: Path
) -> None:
    xlite_ok("split", "--labels", project.table, "--no-val", "--out", tmp_path / "s")
    (tmp_path / "p.csv").write_text("image,Mass\na.png,0.5\n")
    arguments = ("--predictions", tmp_path / "p.csv", "--split", tmp_path / "s")
    for command in (
        ("evaluate", *arguments, "--out", tmp_path / "e"),
        ("compare", tmp_path / "p.csv", *arguments[2:], "--out", tmp_path / "e"),
    ):
        result = xlite(*command)
        assert result.exit_code == 2
        assert "no val part: it was made with --no-val" in result.stderr


def test_a_folder_is_audited_as_its_files(
    xlite_ok: Any, xlite: Any, project: Any, tmp_path: Path
) -> None:
    found = xlite_ok("split", "--audit", project.split, "--json").stdout
    files = [project.split / f"{name}.csv" for name in PARTS]
    assert found == xlite_ok("split", "--audit", *files, "--json").stdout
    xlite_ok("split", "--labels", project.table, "--folds", 2, "--no-val", "--out", tmp_path)
    result = xlite("split", "--audit", tmp_path)
    assert result.exit_code == 2
    assert "holds folds, each a split of its own. Name one" in result.stderr
    audit = json.loads(xlite_ok("split", "--audit", tmp_path / "0", "--json").stdout)
    assert list(audit["parts"]) == ["train", "test"]


def test_a_view_is_held_out(xlite_ok: Any, project: Any, tmp_path: Path) -> None:
    arguments = ("split", "--labels", project.table, "--hold-out", "view=AP")
    shown = xlite_ok(*arguments, "--no-val", "--out", tmp_path / "s")
    record = json.loads((tmp_path / "s" / "split.json").read_text())
    assert (record["hold_out"], list(record["parts"])) == (["view=AP"], ["train", "test"])
    assert f"{record['images_left_out']} other images of these patients" in shown.stderr
    assert record["images_left_out"] > 0


def write_parts(folder: Path, *patients: str, images: tuple[str, ...] = ("1.png", "2.png")) -> Any:
    paths = []
    for number, (patient, image) in enumerate(zip(patients, images, strict=True)):
        paths.append(folder / f"part{number}.csv")
        paths[-1].write_text(f"Image Index,Finding Labels,Patient ID\n{image},Mass,{patient}\n")
    return paths


@pytest.mark.parametrize(("one", "other"), [("0013", "13"), ("13", "13.0"), ("P5", "p5")])
def test_audit_finds_a_patient_who_is_written_in_two_ways(
    xlite: Any, tmp_path: Path, one: str, other: str
) -> None:
    result = xlite("split", "--audit", *write_parts(tmp_path, one, other))
    assert result.exit_code == 1
    assert "1 patients in part0 and part1 (1 of them spelled differently)" in result.stderr
    assert repr(other) in result.stderr


def test_audit_finds_an_image_with_and_without_its_folder(xlite: Any, tmp_path: Path) -> None:
    paths = write_parts(tmp_path, "1", "2", images=("x/7.png", r"x\\7.png"))
    result = xlite("split", "--audit", *paths, "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)["images_respelled"] == {"part0|part1": 1}


def test_a_label_called_no_finding_comes_through(xlite_ok: Any, tmp_path: Path) -> None:
    rows = [f"a{i}.png,p{i},{i % 2},{(i + 1) % 2}" for i in range(40)]
    (tmp_path / "t.csv").write_text("\n".join(["Path,Patient ID,No Finding,Edema", *rows]))
    columns = ("--image-col", "Path", "--label-cols", "No Finding,Edema")
    xlite_ok("split", "--labels", tmp_path / "t.csv", *columns, "--out", tmp_path / "s")
    positives = [part.positives.tolist() for part in read_split(tmp_path / "s").parts.values()]
    assert np.sum(positives, axis=0).tolist() == [20, 20]
    paths = [tmp_path / "s" / f"{name}.csv" for name in PARTS]
    xlite_ok("split", "--audit", *paths)


def test_the_table_that_is_split_is_not_overwritten(
    project: Any, xlite: Any, tmp_path: Path
) -> None:
    table = tmp_path / "train.csv"
    table.write_bytes(project.table.read_bytes())
    for options in ((), ("--overwrite",)):
        result = xlite("split", "--labels", table, "--out", tmp_path, *options)
        assert result.exit_code == 2
        assert "is what the split is made from" in result.stderr
    assert table.read_bytes() == project.table.read_bytes()
    assert list(tmp_path.iterdir()) == [table]


def test_the_vocabulary_is_declared_by_an_option(xlite_ok: Any, xlite: Any, tmp_path: Path) -> None:
    rows = "".join(f"a{i}.png,Mass,p{i}\n" for i in range(10))
    (tmp_path / "t.csv").write_text(f"Image Index,found,Patient ID\n{rows}")
    base = ("split", "--labels", tmp_path / "t.csv", "--labels-col", "found", "--json", "--out")
    found = json.loads(xlite_ok(*base, tmp_path / "a").stdout)
    assert (found["labels"], found["layout"]) == (["Mass"], "columns")
    nih = json.loads(xlite_ok(*base, tmp_path / "b", "--vocabulary", "nih").stdout)
    assert (len(nih["labels"]), nih["layout"]) == (14, "nih")
    own = json.loads(xlite_ok(*base, tmp_path / "c", "--vocabulary", '"Mass","a, b"').stdout)
    assert own["labels"] == ["Mass", "a, b"]
    both = xlite(*base, tmp_path / "d", "--vocabulary", "nih", "--label-cols", "found")
    assert "exclude each other" in both.stderr


def test_commands_name_only_options_that_they_have(
    project: Any, xlite: Any, tmp_path: Path
) -> None:
    (tmp_path / "other.csv").write_text("file,found\na.png,Mass\n")
    arguments = ("--models", "test_resnet", "--split", project.split, "--cache", project.cache)
    result = xlite("train", *arguments, "--labels", tmp_path / "other.csv", "--out", tmp_path)
    assert result.exit_code == 2
    assert "no column 'Image Index'" in result.stderr
    assert "the table that the split was made from" in result.stderr
    assert "--image-col" not in result.stderr


def test_an_empty_separator_is_refused(project: Any, xlite: Any, tmp_path: Path) -> None:
    arguments = ("--labels", project.table, "--separator", "", "--out", tmp_path)
    result = xlite("split", *arguments)
    assert result.exit_code == 2
    assert "--separator is empty" in result.stderr
