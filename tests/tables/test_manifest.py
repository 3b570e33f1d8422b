from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xlite.errors import InputError
from xlite.labels import NIH_LABELS, UNKNOWN
from xlite.tables.label_table import read_manifest
from xlite.tables.manifest import Manifest, write_manifest
from xlite.tables.table_format import TableFormat, written_format

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
    rows = [f"{i:08d}_000.png,Mass,{age}" for i, age in enumerate(["058Y", "006M", "", "41"])]
    manifest = read(tmp_path, "\n".join(["Image Index,Finding Labels,Patient Age", *rows]))
    np.testing.assert_allclose(manifest.table["age"], [58, 0.5, np.nan, 41])


def test_the_real_2020_table(nih_table: Path) -> None:
    manifest = read_manifest(nih_table)
    assert len(manifest) == 112_120
    assert len(np.unique(manifest.patient_codes)) == 30_805
    assert manifest.num_no_finding == 60_361
    assert dict(zip(NIH_LABELS, manifest.positives.tolist(), strict=True))["Hernia"] == 227


def test_generic_table_with_a_separator(tmp_path: Path) -> None:
    text = "file,found,who\na.png,Fracture; Edema,p1\nb.png,No finding,p2\n"
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
    vocabulary = ("Mass", "Edema", "Cyst")
    labels = np.array([[1, 0, -1], [0, 0, 0], [-1, -1, 1]], dtype=np.int8)
    table = pd.DataFrame(
        {
            "image_id": ["a.png", "b.png", "c.png"],
            "path": "",
            "patient_id": ["1", "007", "x"],
            "view": ["AP", "", "PA"],
            "age": [1 / 3, np.nan, 60.0],
            "sex": ["F", "", "M"],
        }
    )
    manifest = Manifest(table, labels, vocabulary)
    write_manifest(manifest, tmp_path / "out.csv")
    back = read_manifest(tmp_path / "out.csv", table_format=written_format(manifest))
    assert back.labels.tolist() == labels.tolist()
    pd.testing.assert_frame_equal(back.table, table, check_dtype=False)


def test_nihs_labels_are_written_in_nihs_columns(tmp_path: Path) -> None:
    manifest = read(tmp_path, f"{HEADER_2017}\n{ROW_2017}\n")
    manifest.labels[0, NIH_LABELS.index("Mass")] = UNKNOWN
    write_manifest(manifest, tmp_path / "out.csv")
    written = pd.read_csv(tmp_path / "out.csv")
    assert written["Finding Labels"].tolist() == ["Cardiomegaly|Edema"]
    assert written["Unknown Labels"].tolist() == ["Mass"]
    assert read_manifest(tmp_path / "out.csv").labels.tolist() == manifest.labels.tolist()


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
        (
            "Image Index,Finding Labels,Patient ID,View Position\n00000001_000.png,Hernai,1,PA\n",
            "'Hernai' in row 2.*Hernia",
        ),
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


TEXTS = {"image_col": "file", "labels_col": "found", "patient_col": "who"}


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            "a.png,['COPD signs'],p1",
            "a list in Python's writing.*row 2 of column 'found'.*'a.png'.*PadChest",
        ),
        ('a.png,"Mass,p1\nb.png,Mass,p2', "can't be read as a CSV.*Close every quote"),
        ('a.png,"Mass\nb.png",p2', "row 2 has a line break within column 'found'"),
        ("a.png,Mass,p1\nb.png,Mass", "row 3 has 2 cells, the header 3.*cut off"),
        ("a.png,Mass,p1\nb.png,,Mass,p2\nc.png,Mass,p3", "row 3 has 4 cells, the header 3"),
        ("a.png,Mass,p1\nb.png,,p2", r"no label text \(''\) in row 3.*leave out"),
        ("a.png,Mass,p1\n\nb.png,nan,p2", r"no label text \('nan'\).*row 4"),
        ("a.png,No Finding|Mass,p1", "'No Finding' beside a label.*row 2"),
        ("a.png,Mass|mass,p1", "'Mass' and 'mass' differ only in case"),
        ("a.png,Mass,p1\nb.png,Edema;Mass,p2\nc.png,Edema,p3", "'Edema;Mass' is not one label"),
        (
            "x/a.png,Mass,p1\nb.png,Mass,p2\na.png,Mass,p3",
            r"'a.png' \(row 4\) and 'x/a.png' \(row 2\) may be one image",
        ),
        ("a.png,macro,p1", "'macro' is the name of a mean"),
        ("a.png,=1+1,p1", "spreadsheet"),
        ("a.png,Patient ID,p1", "another column of our tables"),
        ("a.png,prob_Mass,p1", "begins with prob_"),
        ("a.png,\x1b[31mMass,p1", "control character"),
        ("a.png,No Finding,p1", "has no label"),
        ("a.png,Mass,0013\nb.png,Mass,13", r"'0013' \(row 2\) and '13' \(row 3\)"),
        ("a.png,Mass,P5\nb.png,Mass,p5", "one patient is written in more than one way"),
        ("a.png,Mass,1.23e+17", "row 2 has the patient id '1.23e\\+17'.*lost digits"),
        ("a.png,Mass,9007199254740992.0", "lost digits"),
        ("a.png,Mass,p1\nb.png,Mass,nan", "row 3 has no patient id"),
        ("x/a.png,Mass,p1\nx\\\\a.png,Mass,p1", "duplicate image rows.*rows 2 and 3"),
    ],
)
def test_tables_that_would_be_misread_are_refused(tmp_path: Path, rows: str, message: str) -> None:
    with pytest.raises(InputError, match=f"(?s){message}"):
        read(tmp_path, f"file,found,who\n{rows}\n", **TEXTS)


@pytest.mark.parametrize(
    ("header", "options", "message"),
    [
        ("file,A,A,who", {"label_cols": ("A",)}, r"2 columns called 'A' \(columns 2 and 3\)"),
        ("file,file,A,who", {"label_cols": ("A",)}, "2 columns called 'file'"),
        ("file,A,B,who", {"label_cols": ("A", "A")}, "the label 'A' is there twice"),
        ("file,A,B,who", {"label_cols": ("A", "who")}, "'who' can't hold labels and"),
        ("file,A,B,who", {"label_cols": ("A", "file")}, "'file' can't hold labels and"),
        ("file,a_b,A B,who", {"label_cols": ("a_b", "A B")}, "differ only in case"),
    ],
)
def test_columns_that_can_not_be_told_apart_are_refused(
    tmp_path: Path, header: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, f"{header}\na.png,1,1,p1\n", image_col="file", patient_col="who", **options)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"{HEADER_2017}\n{ROW_2017}\n".encode("utf-16"), "is UTF-16"),
        (b"PK\x03\x04rest", "is an archive"),
        (b"Image Index,Finding Labels\n\0\0\0", "zero byte in line 2"),
        (b"Image Index,Finding Labels\na.png," + b"x" * 200_000, "row 2 is longer than 131,072"),
        (b'Image Index,Finding Labels\na.png,"' + b"x" * 200_000 + b'"', "field larger"),
        (b'Image Index,Finding Labels\na.png,"Mass"x\n', "can't be read as a CSV"),
        (b"\xef\xbb\xbf<html>", "is a web page"),
    ],
)
def test_files_that_are_no_table_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(tmp_path, content)


@pytest.mark.parametrize("line_end", ["\r", "\r\n", "\n\n", ",\n"])
def test_line_ends_of_any_system_and_empty_lines_are_read(tmp_path: Path, line_end: str) -> None:
    lines = ["Image Index,Finding Labels,Patient ID", "a.png,Mass,p1", "b.png,No Finding,p2", ""]
    manifest = read(tmp_path, line_end.join(lines))
    assert manifest.image_ids.tolist() == ["a.png", "b.png"]
    assert manifest.positives.sum() == 1
    quoted = ["Image Index,Finding Labels,Patient ID", 'a.png,"Mass",p1', "b.png,Mass,p2", ""]
    assert read(tmp_path, line_end.join(quoted)).positives.sum() == 2


def test_rows_with_a_trailing_comma_that_the_header_lacks_are_read(tmp_path: Path) -> None:
    text = "Image Index,Finding Labels,Patient ID\na.png,Mass,p1,\nb.png,Mass,p2,\n"
    assert read(tmp_path, text).patient_ids.tolist() == ["p1", "p2"]
    with pytest.raises(InputError, match="row 2 has 4 cells, the header 3"):
        read(tmp_path, text.replace("p1,", "p1,x"))


def test_the_vocabulary_is_what_the_table_holds_or_what_is_declared(tmp_path: Path) -> None:
    text = "file,found,who\na.png,Mass,p1\nb.png,Edema|Mass,p2\n"
    assert read(tmp_path, text, **TEXTS).vocabulary == ("Mass", "Edema")
    declared = read(tmp_path, text, **TEXTS, vocabulary=("Edema", "Cyst", "Mass"))
    assert declared.vocabulary == ("Edema", "Cyst", "Mass")
    assert declared.labels.tolist() == [[0, 0, 1], [1, 0, 1]]
    assert read(tmp_path, text, **TEXTS, vocabulary=NIH_LABELS).vocabulary == NIH_LABELS
    with pytest.raises(InputError, match="unknown label 'Edema' in row 3 of column 'found'"):
        read(tmp_path, text, **TEXTS, vocabulary=("Mass",))


def test_a_message_names_no_option_that_the_caller_lacks(tmp_path: Path) -> None:
    path = write(tmp_path, "a,b\n1,2\n")
    with pytest.raises(InputError, match="no column 'Image Index'.*Run `xlite split` again"):
        read_manifest(path, remedy="Run `xlite split` again.")
    path = write(tmp_path, "Image Index,Finding Labels\nscan7.png,Mass\n")
    with pytest.raises(InputError) as error:
        read_manifest(path, remedy="Run `xlite split` again.")
    assert "--patient-col" not in str(error.value)
