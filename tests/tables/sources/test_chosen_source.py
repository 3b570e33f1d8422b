"""Which source a table is read as: the one named, else the one its header is unmistakably of."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import xlite
from xlite.errors import InputError
from xlite.tables.label_table import read_manifest
from xlite.tables.sources.chexpert import LABELS
from xlite.tables.table_format import TableFormat

HEADER = ",".join(["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *LABELS])


def chexpert(folder: Path, part: str = "train", num_rows: int = 3) -> Path:
    """Rows of patients 1, 2, …: Edema is 1, -1 and blank in turn, all else is blank."""
    cells = [["1.0", "-1.0", ""][row % 3] for row in range(num_rows)]
    lines = [
        f"CheXpert-v1.0/{part}/patient{row:05d}/study1/view1_frontal.jpg,Male,60,Frontal,AP,"
        f",,,,,{cell},,,,,,,,"
        for row, cell in enumerate(cells, start=1)
    ]
    path = folder / f"{part}.csv"
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def test_a_header_tells_chexpert(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = read_manifest(chexpert(tmp_path))
    assert manifest.vocabulary == LABELS
    edema = LABELS.index("Edema")
    assert manifest.labels[:, edema].tolist() == [1, -1, 0]
    assert manifest.cells[:, edema].tolist() == [1, -1, -2]
    assert manifest.table.iloc[0].drop("path").to_dict() == {
        "image_id": "train/patient00001/study1/view1_frontal.jpg",
        "patient_id": "patient00001",
        "view": "AP",
        "age": 60.0,
        "sex": "M",
        "part": "train",
    }
    said = capsys.readouterr().err
    assert "CheXpert (as --dataset chexpert): 3 images; a blank cell is absent" in said


def test_a_blank_is_as_it_is_said(tmp_path: Path) -> None:
    manifest = read_manifest(
        chexpert(tmp_path), table_format=TableFormat(dataset="chexpert", blank="unknown")
    )
    assert manifest.labels[:, LABELS.index("Edema")].tolist() == [1, -1, -1]
    assert (manifest.labels[:, 0] == -1).all()


def test_a_folder_holds_several_tables(tmp_path: Path) -> None:
    chexpert(tmp_path)
    chexpert(tmp_path, "valid", 2)
    manifest = read_manifest(tmp_path, table_format=TableFormat(dataset="chexpert"))
    assert manifest.table["part"].tolist() == ["train"] * 3 + ["val"] * 2


def test_a_data_frame_is_read_as_its_file(tmp_path: Path) -> None:
    frame = pd.read_csv(chexpert(tmp_path))
    manifest = xlite.read_labels(frame)
    assert manifest.labels[:, LABELS.index("Edema")].tolist() == [1, -1, 0]


def test_named_columns_go_before_the_header(tmp_path: Path) -> None:
    layout = TableFormat(image_col="Path", label_cols=("Edema",), patient_col="Path")
    assert read_manifest(chexpert(tmp_path), table_format=layout).vocabulary == ("Edema",)


@pytest.mark.parametrize(
    ("layout", "message"),
    [
        ({"dataset": "chexprt"}, "--dataset chexprt: there is no such source. Did you mean chex"),
        ({"dataset": "nih"}, "is not NIH ChestX-ray14's: it has no column 'Image Index'"),
        ({"dataset": "chexpert", "image_col": "Path"}, "says what the columns hold"),
        ({"dataset": "csv"}, "has no column 'Image Index'"),
        ({"fold_rows": "any"}, "--fold-rows is for tables with a row a reader"),
    ],
)
def test_what_does_not_go_together(layout: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        read_manifest(chexpert(tmp_path), table_format=TableFormat(**layout))  # type: ignore[arg-type]


def test_an_empty_folder_says_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"holds none of CheXpert's files: train\.csv, valid\.csv"):
        read_manifest(tmp_path, table_format=TableFormat(dataset="chexpert"))


def test_named_nih_is_read_as_unnamed_and_with_its_official_lists(
    nih_table: Path, tmp_path: Path
) -> None:
    unnamed = read_manifest(nih_table)
    table = tmp_path / nih_table.name
    table.symlink_to(nih_table)
    names = unnamed.image_ids.tolist()
    (tmp_path / "train_val_list.txt").write_text("\n".join(names[:5]))
    (tmp_path / "test_list.txt").write_text("\n".join(names[5:9]) + "\n")
    named = read_manifest(table, table_format=TableFormat(dataset="nih"))
    assert named.table["part"].value_counts()[["train_val", "test"]].tolist() == [5, 4]
    pd.testing.assert_frame_equal(
        named.table.drop(columns="part"), unnamed.table, check_dtype=False
    )
    assert (named.labels == unnamed.labels).all()
