from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xlite.dataset.label_table import TableFormat, read_manifest
from xlite.dataset.manifest import Manifest, write_manifest
from xlite.errors import InputError
from xlite.labels import NIH_LABELS, UNKNOWN

HEADER_2017 = (
    "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,"
    "View Position,OriginalImage[Width,Height],OriginalImagePixelSpacing[x,y],"
)
ROW_2017 = "00000001_000.png,Cardiomegaly|Edema,0,1,058Y,M,PA,2682,2749,0.143,0.143,"


def write(tmp_path: Path, text: str | bytes, name: str = "table.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def read(tmp_path: Path, text: str | bytes, **options: object) -> Manifest:
    return read_manifest(write(tmp_path, text), table_format=TableFormat(**options))  # type: ignore[arg-type]


def test_nihs_2017_table(tmp_path: Path) -> None:
    manifest = read(tmp_path, f"{HEADER_2017}\n{ROW_2017}\n")
    assert manifest.vocabulary == NIH_LABELS
    assert manifest.table.iloc[0].to_dict() == {
        "image_id": "00000001_000.png",
        "path": "",
        "patient_id": "1",
        "view": "PA",
        "age": 58.0,
        "sex": "M",
    }
    present = [NIH_LABELS[c] for c in np.flatnonzero(manifest.labels[0])]
    assert present == ["Cardiomegaly", "Edema"]


def test_ages_of_the_2017_table_are_years(tmp_path: Path) -> None:
    rows = [f"{i:08d}_000.png,No Finding,{age}" for i, age in enumerate(["058Y", "006M", "", "41"])]
    manifest = read(tmp_path, "\n".join(["Image Index,Finding Labels,Patient Age", *rows]))
    np.testing.assert_allclose(manifest.table["age"], [58, 0.5, np.nan, 41])


def test_the_real_2020_table(nih_table: Path) -> None:
    manifest = read_manifest(nih_table)
    assert len(manifest) == 112_120
    assert len(np.unique(manifest.patient_codes)) == 30_805
    assert manifest.num_no_finding == 60_361
    assert dict(zip(NIH_LABELS, manifest.positives.tolist(), strict=True))["Hernia"] == 227


def test_generic_table_with_a_separator(tmp_path: Path) -> None:
    text = "file,found,who\na.png,Fracture; Edema,p1\nb.png,,p2\n"
    manifest = read(
        tmp_path, text, image_col="file", labels_col="found", separator=";", patient_col="who"
    )
    assert manifest.vocabulary == ("Edema", "Fracture")
    assert manifest.labels.tolist() == [[1, 1], [0, 0]]
    assert manifest.patient_ids.tolist() == ["p1", "p2"]


def test_generic_table_with_one_column_a_label(tmp_path: Path) -> None:
    text = "file,Edema,Mass,who\na.png,1,0,p1\nb.png,-1,,p2\nc.png,1.0,0.0,p2\n"
    manifest = read(
        tmp_path, text, image_col="file", label_cols=("Mass", "Edema"), patient_col="who"
    )
    assert manifest.vocabulary == ("Mass", "Edema")
    assert manifest.labels.tolist() == [[0, 1], [UNKNOWN, UNKNOWN], [0, 1]]


def test_a_manifest_survives_writing_with_its_unknown_labels(tmp_path: Path) -> None:
    labels = np.array([[1, 0, -1], [0, 0, 0], [-1, -1, 1]], dtype=np.int8)
    table = pd.DataFrame(
        {
            "image_id": ["a.png", "b.png", "c.png"],
            "path": "",
            "patient_id": ["1", "007", "x"],
            "view": ["AP", "", "PA"],
            "age": [0.5, np.nan, 60.0],
            "sex": ["F", "", "M"],
        }
    )
    write_manifest(Manifest(table, labels, ("Mass", "Edema", "Cyst")), tmp_path / "out.csv")
    back = read_manifest(tmp_path / "out.csv", vocabulary=("Mass", "Edema", "Cyst"))
    assert back.labels.tolist() == labels.tolist()
    pd.testing.assert_frame_equal(back.table, table, check_dtype=False)


def test_gzip_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(f"{HEADER_2017}\n{ROW_2017}\n".encode()), "t.csv.gz")
    assert len(read_manifest(path)) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("  \n", "is empty"),
        ("<!DOCTYPE html><html><body>Sign in</body></html>", "is a web page"),
        ("Image Index,Finding Labels\n", "no rows"),
        (
            "Image Index,Finding Labels\n00000001_000.png,Caf\xe9".encode("latin-1"),
            "not UTF-8.*line 2",
        ),
        ("a,b\n1,2\n", "no column 'Image Index'.*--image-col"),
        ("Image Index,Labels\n00000001_000.png,Mass\n", "no column 'Finding Labels'.*--labels-col"),
        ("Image Index,Finding Labels\n00000001_000.png,Hernai\n", "'Hernai' in row 2.*Hernia"),
        (
            "Image Index,Finding Labels\n00000001_000.png,Mass\n00000001_000.png,Mass\n",
            "duplicate image rows.*rows 2 and 3",
        ),
        ("Image Index,Finding Labels\n,Mass\n", "row 2 has no image name"),
        ("Image Index,Finding Labels\n../x.png,Mass\n", r"row 2.*'\.\./x\.png'.*leaves"),
        ("Image Index,Finding Labels\n/etc/x.png,Mass\n", "leaves the image folder"),
        ("Image Index,Finding Labels\nscan7.png,Mass\n", "row 2.*--patient-col"),
        ("Image Index,Finding Labels,Patient ID\na.png,Mass,\n", "row 2 has no patient id"),
        (b"\x1f\x8bnot gzip", "damaged gzip"),
    ],
)
def test_faulty_tables_are_explained(tmp_path: Path, text: str | bytes, message: str) -> None:
    with pytest.raises(InputError, match=f"(?s){message}"):
        read(tmp_path, text)


def test_a_value_that_is_no_label_names_row_and_column(tmp_path: Path) -> None:
    text = "file,Edema,who\na.png,1,p1\nb.png,maybe,p2\n"
    with pytest.raises(InputError, match="row 3 has 'maybe' in label column 'Edema'"):
        read(tmp_path, text, image_col="file", label_cols=("Edema",), patient_col="who")


def test_missing_table_and_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        read_manifest(tmp_path / "absent.csv")
    with pytest.raises(InputError, match="is a folder"):
        read_manifest(tmp_path)
