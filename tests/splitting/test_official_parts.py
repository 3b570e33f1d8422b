"""`split --official` keeps a source's own parts, and carves out what it has not."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlite.errors import InputError, LeakageError
from xlite.splitting.split import split_by_patient
from xlite.tables.sources.chexpert import LABELS
from xlite.tables.table_format import TableFormat

CHEXPERT = TableFormat(dataset="chexpert")


def write_parts(folder: Path, **patients: range) -> Path:
    """CheXpert's tables: an image a patient, of which every third has each label."""
    header = ",".join(["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *LABELS])
    for part, numbers in patients.items():
        rows = [
            f"CheXpert-v1.0/{part}/patient{n:05d}/study1/view1_frontal.jpg,Male,60,Frontal,AP,"
            + ",".join(["1.0" if n % 3 == 0 else "0.0"] * 14)
            for n in numbers
        ]
        (folder / f"{part}.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder


def patients_of(folder: Path, part: str) -> set[str]:
    lines = (folder / f"{part}.csv").read_text().splitlines()[1:]
    return {line.split(",")[1] for line in lines}


def test_the_official_validation_is_kept_and_a_test_part_carved(tmp_path: Path) -> None:
    source = write_parts(tmp_path, train=range(1, 101), valid=range(200, 220))
    out = tmp_path / "split"
    record = split_by_patient(source, out=out, official=True, table_format=CHEXPERT)
    assert record.official_parts == ("train", "val")
    assert patients_of(out, "val") == {f"patient{n:05d}" for n in range(200, 220)}
    train, test = patients_of(out, "train"), patients_of(out, "test")
    assert train | test == {f"patient{n:05d}" for n in range(1, 101)}
    assert not train & test
    # 15 parts of 85, rather than of 100.
    assert len(test) == 18


def test_all_parts_are_official(tmp_path: Path) -> None:
    source = write_parts(tmp_path, train=range(1, 40), valid=range(200, 220), test=range(300, 330))
    record = split_by_patient(source, official=True, table_format=CHEXPERT)
    assert {name: part.images for name, part in record.parts.items()} == {
        "train": 39,
        "val": 20,
        "test": 30,
    }


def test_a_patient_in_two_official_parts_is_leakage(tmp_path: Path) -> None:
    source = write_parts(tmp_path, train=range(1, 40), valid=range(39, 50))
    with pytest.raises(LeakageError, match="patient"):
        split_by_patient(source, official=True, table_format=CHEXPERT)


@pytest.mark.parametrize(
    ("parts", "options", "message"),
    [
        ({"valid": range(9)}, {}, "the table has val alone, and no training part"),
        ({"train": range(9), "valid": range(20, 30)}, {"val": None}, "--no-val: the source has"),
        ({"train": range(9)}, {"hold_out": "view=AP"}, "--official takes the parts from"),
    ],
)
def test_what_official_parts_do_not_go_with(
    parts: dict[str, range], options: dict[str, object], message: str, tmp_path: Path
) -> None:
    source = write_parts(tmp_path, **parts)
    with pytest.raises(InputError, match=message):
        split_by_patient(source, official=True, table_format=CHEXPERT, **options)  # type: ignore[arg-type]


def test_a_table_without_official_parts_says_so(nih_table: Path) -> None:
    with pytest.raises(InputError, match="says of no image which official part it is in"):
        split_by_patient(nih_table, official=True)
