"""Sources whose tables need credentials, by small tables in the format that is documented."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xlite.errors import InputError
from xlite.tables.label_table import read_manifest
from xlite.tables.manifest import Manifest
from xlite.tables.sources import vindr
from xlite.tables.sources.chexpert import LABELS
from xlite.tables.table_format import TableFormat


def read(path: Path, dataset: str, **options: object) -> Manifest:
    return read_manifest(path, table_format=TableFormat(dataset=dataset, **options))  # type: ignore[arg-type]


def write(folder: Path, name: str, *lines: str) -> Path:
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def mimic(folder: Path, *, metadata: bool = True) -> Path:
    """Two studies of a patient, the first with two images, and one without labels."""
    write(
        folder,
        "mimic-cxr-2.0.0-chexpert.csv",
        ",".join(["subject_id", "study_id", *sorted(LABELS)]),
        ",".join(
            ["10000032", "50414267", *["1.0" if n == "Edema" else "" for n in sorted(LABELS)]]
        ),
        ",".join(["10000032", "53189527", *["-1.0" if n == "Mass" else "0.0" for n in LABELS]]),
    )
    if metadata:
        write(
            folder,
            "mimic-cxr-2.0.0-metadata.csv",
            "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,StudyDate",
            "a1,10000032,50414267,CHEST (PA AND LAT),PA,21800506",
            "a2,10000032,50414267,CHEST (PA AND LAT),LATERAL,21800506",
            "b1,10000032,53189527,CHEST,AP,21800626",
            "c1,10000045,59999999,CHEST,AP,21900626",
        )
    write(
        folder,
        "mimic-cxr-2.0.0-split.csv",
        "dicom_id,study_id,subject_id,split",
        "a1,50414267,10000032,train",
        "a2,50414267,10000032,train",
        "b1,53189527,10000032,validate",
        "c1,59999999,10000045,test",
    )
    return folder / "mimic-cxr-2.0.0-chexpert.csv"


@pytest.mark.parametrize("is_folder", [True, False])
def test_mimic_is_joined_from_three_tables(is_folder: bool, tmp_path: Path) -> None:
    path = mimic(tmp_path)
    manifest = read(tmp_path if is_folder else path, "mimic")
    assert manifest.vocabulary == LABELS
    assert manifest.table.drop(columns=["path", "age", "sex"]).values.tolist() == [
        ["p10/p10000032/s50414267/a1", "10000032", "PA", "21800506", "train"],
        ["p10/p10000032/s50414267/a2", "10000032", "L", "21800506", "train"],
        ["p10/p10000032/s53189527/b1", "10000032", "AP", "21800626", "val"],
    ]
    edema = LABELS.index("Edema")
    assert manifest.labels[:, edema].tolist() == [1, 1, 0]
    assert (manifest.labels[0] == 0).sum() == 13


def test_mimic_says_which_table_it_lacks(tmp_path: Path) -> None:
    path = mimic(tmp_path, metadata=False)
    with pytest.raises(InputError, match=r"needs its metadata too.*mimic-cxr-2\.\*-metadata\.csv"):
        read(path, "mimic")


def test_brax_has_chexperts_cells_and_no_strips(tmp_path: Path) -> None:
    columns = ["DicomPath", "PngPath", "PatientID", "PatientSex", "PatientAge", "StudyDate"]
    columns += [*LABELS, "ViewPosition", "Rows", "Columns"]
    cells = ["1.0", *["-1.0", "0.0", ""] * 4, ""]
    path = write(
        tmp_path,
        "master_spreadsheet_update.csv",
        ",".join(columns),
        ",".join(["x", "images/id_1/a.png", "id_1", "F", "85 or more", "20150101", *cells, "PA"])
        + ",2000,2000",
        ",".join(["x", "images/id_2/b.png", "id_2", "M", "40", "20150101", *cells, "L,2130,10"]),
    )
    manifest = read(path, "brax")
    row = manifest.table.iloc[0]
    assert len(manifest) == 1
    assert (row["image_id"], row["patient_id"], row["view"]) == ("id_1/a.png", "id_1", "PA")
    assert row["age"] == 85
    assert manifest.cells[0].tolist() == [1, *[-1, 0, -2] * 4, -2]


def vindr_folder(folder: Path) -> Path:
    """Image a: Edema by two of three readers, COPD by one; image t by consensus."""
    train = ["image_id", "rad_id", *vindr.LABELS, "No finding"]
    readings = [("R1", {"Edema", "COPD"}), ("R2", {"Edema"}), ("R3", set[str]())]
    write(
        folder,
        "image_labels_train.csv",
        ",".join(train),
        *(
            ",".join(["a", reader, *[str(int(name in found)) for name in train[2:]]])
            for reader, found in readings
        ),
    )
    # The test table calls the last label otherwise.
    test = ["image_id", *vindr.LABELS[:-1], "Other disease", "No finding"]
    write(
        folder,
        "image_labels_test.csv",
        ",".join(test),
        ",".join(["t", *[str(int(name == "Other disease")) for name in test[1:]]]),
    )
    return folder


@pytest.mark.parametrize(
    ("rule", "found"), [(None, {"Edema"}), ("any", {"Edema", "COPD"}), ("all", set())]
)
def test_vindrs_readers_are_folded(rule: str | None, found: set[str], tmp_path: Path) -> None:
    manifest = read(vindr_folder(tmp_path), "vindr-cxr", fold_rows=rule)
    present = [{*np.array(manifest.vocabulary)[row == 1]} for row in manifest.labels]
    assert present == [found, {"Other diseases"}]
    assert manifest.table["part"].tolist() == ["train", "test"]
    assert "No finding" not in manifest.vocabulary


def test_padchests_lists_are_not_taken_for_texts(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "padchest.csv",
        "ImageID,ImageDir,PatientID,Projection,Labels",
        "a.png,0,1,PA,\"['COPD signs', ' nodule', '']\"",
        "b.png,0,2,AP_horizontal,['normal']",
        "c.png,0,3,PA,\"['unchanged', 'exclude']\"",
    )
    named = TableFormat(image_col="ImageID", labels_col="Labels", separator=",")
    with pytest.raises(InputError, match="is PadChest's, whose Labels are lists.*--dataset padch"):
        read_manifest(path, table_format=named)
    manifest = read_manifest(path)
    assert manifest.vocabulary == ("COPD signs", "nodule")
    assert manifest.labels.tolist() == [[1, 1], [0, 0]]
    assert manifest.table["view"].tolist() == ["PA", "AP"]


def test_a_broken_list_is_named_by_its_row(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        "padchest.csv",
        "ImageID,ImageDir,PatientID,Projection,Labels",
        "a.png,0,1,PA,__import__('os')",
    )
    with pytest.raises(InputError, match="no list of labels.*in row 2 of column 'Labels'"):
        read(path, "padchest")
