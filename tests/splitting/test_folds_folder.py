"""Folds as a folder: what is one, what is read of it, and splits without a validation part."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from xlite.errors import InputError
from xlite.files import sha256_of_file, write_json
from xlite.results.folds import FoldsRecord, FoldSummary
from xlite.splitting.folds_folder import is_folds, read_folds
from xlite.splitting.split_folder import Parts, read_split
from xlite.splitting.split_writer import write_split
from xlite.tables.manifest import Manifest
from xlite.tables.read_labels import read_labels


@pytest.fixture
def manifest() -> Manifest:
    labels = np.random.default_rng(0).integers(0, 2, size=(12, 2))
    return read_labels(labels, patients=[f"p{i}" for i in range(12)])


def divide(manifest: Manifest, *names: str) -> Parts:
    part = np.arange(len(manifest)) % len(names)
    return {name: manifest.select(part == number) for number, name in enumerate(names)}


@pytest.fixture
def folds(manifest: Manifest, tmp_path: Path) -> Path:
    """Two folds, twice, of which the second repeat's happen to be the first's."""
    files, summaries = {}, []
    for number in range(4):
        parts = divide(manifest, *(("train", "test") if number % 2 else ("test", "train")))
        split = tmp_path / "f" / str(number)
        write_split(parts, split, {"seed": number}, overwrite=False)
        files[f"{number}/split.json"] = sha256_of_file(split / "split.json")
        summaries.append(
            FoldSummary(
                folder=str(number),
                repeat=number // 2,
                images=6,
                patients=6,
                no_finding=0,
                positives={"0": 3, "1": 3},
                positive_patients={"0": 3, "1": 3},
            )
        )
    record = FoldsRecord(
        seed=1,
        num_folds=2,
        repeats=2,
        labels=("0", "1"),
        max_positive_excess=0.0,
        folds=tuple(summaries),
        files=files,
    )
    write_json(tmp_path / "f" / "folds.json", record.to_json())
    return tmp_path / "f"


def test_folds_are_read_by_repeat(folds: Path, manifest: Manifest) -> None:
    assert is_folds(folds)
    found = read_folds(folds)
    assert [[split.name for split in repeat] for repeat in found.repeats] == [
        ["0", "1"],
        ["2", "3"],
    ]
    assert [split.name for split in found.splits] == ["0", "1", "2", "3"]
    for repeat in found.repeats:
        tested = [image for split in repeat for image in read_split(split).parts["test"].image_ids]
        assert sorted(tested) == sorted(manifest.image_ids)


def test_other_folders_are_no_folds(folds: Path, tmp_path: Path) -> None:
    assert not is_folds(folds / "0")
    assert not is_folds(tmp_path)
    assert not is_folds(tmp_path / "absent")
    with pytest.raises(InputError, match=r"holds no folds.*xlite split --folds"):
        read_folds(folds / "0")


def test_unfinished_folds_are_refused(folds: Path) -> None:
    (folds / "folds.json").unlink()
    assert is_folds(folds)
    with pytest.raises(InputError, match=r"not finished.*folds\.json is missing.*command"):
        read_folds(folds)


def test_a_fold_that_was_changed_or_is_gone_is_named(folds: Path) -> None:
    record = folds / "2" / "split.json"
    content = json.loads(record.read_text())
    record.write_text(json.dumps(content | {"seed": 9}))
    with pytest.raises(InputError, match=r"2.split\.json was changed"):
        read_folds(folds)
    record.unlink()
    with pytest.raises(InputError, match=r"2.split\.json, which .* names, does not exist"):
        read_folds(folds)


def test_a_record_that_lacks_folds_is_refused(folds: Path) -> None:
    path = folds / "folds.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"folds": content["folds"][:3]}))
    with pytest.raises(InputError, match="records 3 folds, and 2 × 2 are expected"):
        read_folds(folds)


def test_folds_are_no_split(folds: Path) -> None:
    with pytest.raises(InputError, match=r"The folder holds folds: pass one of them, such as .*0"):
        read_split(folds)


def test_a_split_without_validation_is_read_where_its_record_says_so(
    manifest: Manifest, tmp_path: Path
) -> None:
    made = write_split(divide(manifest, "train", "test"), tmp_path, {}, overwrite=False)
    assert sorted(made.files) == ["test.csv", "train.csv"]
    split = read_split(tmp_path)
    assert list(split.parts) == list(split.sha256) == ["train", "test"]
    assert len(split.require_part("test")) == 6
    with pytest.raises(InputError, match="no val part: it was made with --no-val"):
        split.require_part("val")
    (tmp_path / "split.json").unlink()
    with pytest.raises(InputError, match=r"val\.csv does not exist"):
        read_split(tmp_path)


def test_an_unrecorded_validation_table_is_refused(manifest: Manifest, tmp_path: Path) -> None:
    write_split(divide(manifest, "train", "test"), tmp_path, {}, overwrite=False)
    (tmp_path / "val.csv").write_text("theirs")
    with pytest.raises(InputError, match=r"val\.csv is no part of the split"):
        read_split(tmp_path)


def test_a_split_without_validation_replaces_one_with_it(
    manifest: Manifest, tmp_path: Path
) -> None:
    write_split(divide(manifest, "train", "val", "test"), tmp_path, {}, overwrite=False)
    without = divide(manifest, "train", "test")
    with pytest.raises(InputError, match="holds another split"):
        write_split(without, tmp_path, {}, overwrite=False)
    write_split(without, tmp_path, {}, overwrite=True)
    assert list(read_split(tmp_path).parts) == ["train", "test"]
    # Anybody's table of that name is neither read nor deleted.
    (tmp_path / "val.csv").write_text("theirs")
    with pytest.raises(InputError, match=r"val\.csv was not written by this command"):
        write_split(without, tmp_path, {}, overwrite=True)
    assert (tmp_path / "val.csv").read_text() == "theirs"
