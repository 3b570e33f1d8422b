"""Any column of a source's tables, an image a row: of joined, of folded and of plain tables."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlite.errors import InputError
from xlite.splitting.split import split_by_patient
from xlite.tables.columns import read_column
from xlite.tables.read_labels import read_labels
from xlite.tables.sources.chexpert import LABELS
from xlite.tables.table_format import TableFormat


def write(path: Path, *lines: str) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def mimic(root: Path) -> list[Path]:
    """Its three tables, in three folders: the labels' last."""
    return [
        write(
            root / "a" / "split.csv",
            "dicom_id,study_id,subject_id,split",
            *(f"d{n},s{n},p{n},train" for n in range(6)),
        ),
        write(
            root / "b" / "metadata.csv",
            "dicom_id,subject_id,study_id,Procedure,ViewPosition,StudyDate,Rows",
            *(f"d{n},p{n},s{n},{'CHEST' if n < 4 else 'BEDSIDE'},AP,21800506,1" for n in range(6)),
        ),
        write(
            root / "c" / "chexpert.csv",
            ",".join(["subject_id", "study_id", *LABELS]),
            *(",".join([f"p{n}", f"s{n}", *["1.0"] * 14]) for n in (5, 4, 3, 2, 1, 0)),
        ),
    ]


def test_three_files_are_one_table_whose_joined_columns_are_known(tmp_path: Path) -> None:
    files = mimic(tmp_path)
    manifest = read_labels(files)
    assert (manifest.dataset, len(manifest)) == ("mimic", 6)
    assert set(manifest.table["part"]) == {"train"}
    cells = read_column(files, "Procedure", manifest, option="--by")
    assert cells.tolist() == ["CHEST"] * 4 + ["BEDSIDE"] * 2
    split = split_by_patient(files, hold_out="Procedure=BEDSIDE", val=None)
    assert split.parts["test"].images == 2
    with pytest.raises(InputError, match=r"There are: view, .*Procedure, ViewPosition, StudyDate"):
        read_column(files, "Manufacturer", manifest, option="--by")
    with pytest.raises(InputError, match="needs its metadata too"):
        read_labels([files[0], files[2]])


def test_a_column_of_boxes_is_none_of_images(tmp_path: Path) -> None:
    table = write(
        tmp_path / "stage_2_train_labels.csv",
        "patientId,x,y,width,height,Target,Scanner",
        "a,1,1,5,5,1,new",
        "a,9,1,5,5,1,new",
        "b,,,,,0,old",
    )
    layout = TableFormat(dataset="rsna")
    manifest = read_labels(table, table_format=layout)
    assert read_column(table, "Scanner", manifest, option="--by").tolist() == ["new", "old"]
    with pytest.raises(InputError, match=r"'x' differs between the rows of image 'a'"):
        read_column(table, "x", manifest, option="--by")
