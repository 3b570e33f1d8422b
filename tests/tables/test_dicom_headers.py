from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from dicom_cases import PRIVATE
from typer.testing import CliRunner

from xlite.cli.app import app
from xlite.errors import InputError
from xlite.synthetic.dicom_films import encode_dicom, generate_dicom_films
from xlite.tables.hashed_ids import hash_id
from xlite.tables.label_table import read_manifest
from xlite.tables.table_format import TableFormat

GREY = np.arange(16, dtype=np.uint8).reshape(4, 4)


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """A tree of eight films of four patients, without a suffix, and a table of labels alone."""
    rows = ["file,Mass"]
    for number in range(8):
        elements = {
            **PRIVATE,
            "PatientID": f"MRN-{number // 2:04d}",
            "StudyDate": f"2024010{number % 2 + 1}",
            "ViewPosition": "PA" if number % 2 else "AP",
            "PatientSex": "F",
            "PatientAge": "006M",
        }
        path = tmp_path / "tree" / f"s{number}" / f"IM{number}"
        path.parent.mkdir(parents=True)
        path.write_bytes(encode_dicom(GREY, bits_stored=8, elements=elements))
        rows.append(f"IM{number},{number % 2}")
    (tmp_path / "table.csv").write_text("\n".join(rows) + "\n")
    return tmp_path


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_bytes(b"0123456789abcdef")
    path.chmod(0o600)
    return path


def layout(folder: Path, **others: object) -> TableFormat:
    return TableFormat(
        image_col="file",
        label_cols=("Mass",),
        dicom=folder / "tree",
        **others,  # type: ignore[arg-type]
    )


def test_headers_say_what_the_table_does_not(films: Path) -> None:
    table = read_manifest(films / "table.csv", table_format=layout(films)).table
    assert table["patient_id"].tolist() == [f"MRN-{k // 2:04d}" for k in range(8)]
    assert table["date"].tolist() == ["20240101", "20240102"] * 4
    assert table["view"].tolist() == ["AP", "PA"] * 4
    assert set(table["sex"]) == {"F"}
    assert set(table["age"]) == {0.5}


def test_headers_name_the_patients_of_a_data_set_that_does_not(films: Path) -> None:
    rows = [f"IM{number}, {'1 2' if number % 2 else '-1'}" for number in range(8)]
    table = films / "train-rle.csv"
    table.write_text("\n".join(["ImageId, EncodedPixels", *rows]) + "\n")
    alone = read_manifest(table, table_format=TableFormat(dataset="siim"))
    assert alone.table["patient_id"].nunique() == 8
    beside = TableFormat(dataset="siim", dicom=films / "tree")
    manifest = read_manifest(table, table_format=beside)
    assert manifest.table["patient_id"].tolist() == [f"MRN-{k // 2:04d}" for k in range(8)]
    assert manifest.table["view"].tolist() == ["AP", "PA"] * 4
    assert manifest.positives.tolist() == [4]


def test_what_the_table_says_goes_before_headers(films: Path) -> None:
    path = films / "table.csv"
    rows = pd.read_csv(path).assign(**{"Patient ID": list("abcdefgh"), "View Position": "L"})
    rows.to_csv(path, index=False)
    table = read_manifest(path, table_format=layout(films)).table
    assert table["patient_id"].tolist() == list("abcdefgh")
    assert set(table["view"]) == {"L"}
    assert set(table["sex"]) == {"F"}


def test_a_film_without_a_patient_is_an_error_that_names_it(films: Path) -> None:
    (films / "tree/s3/IM3").write_bytes(encode_dicom(GREY, bits_stored=8))
    with pytest.raises(InputError, match="1 of 8 films have no PatientID .*IM3"):
        read_manifest(films / "table.csv", table_format=layout(films))
    (films / "tree/s3/IM3").write_bytes(b"\x89PNG")
    with pytest.raises(InputError, match="IM3 is not a DICOM file"):
        read_manifest(films / "table.csv", table_format=layout(films))


def test_hashes_stand_for_patients_and_studies(films: Path, key: Path) -> None:
    plain = read_manifest(films / "table.csv", table_format=layout(films)).table
    hashed = read_manifest(films / "table.csv", table_format=layout(films, hash_ids=key)).table
    assert not set(plain["patient_id"]) & set(hashed["patient_id"])
    codes = [pd.factorize(one["patient_id"])[0].tolist() for one in (plain, hashed)]
    assert codes[0] == codes[1]
    # The date of a study of two patients is no longer one text.
    assert hashed["date"].nunique() == 8
    assert hashed["patient_id"].iloc[0] == hash_id(key.read_bytes(), "patient", "mrn-0000")
    assert hash_id(b"another key of..", "patient", "mrn-0000") != hashed["patient_id"].iloc[0]


def test_a_key_is_long_and_nobody_elses(films: Path, key: Path) -> None:
    key.chmod(0o640)
    with pytest.raises(InputError, match="can be read by others. Run: chmod 600"):
        read_manifest(films / "table.csv", table_format=layout(films, hash_ids=key))
    key.chmod(0o600)
    key.write_bytes(b"short")
    with pytest.raises(InputError, match="has 5 bytes; 16 are needed"):
        read_manifest(films / "table.csv", table_format=layout(films, hash_ids=key))


@pytest.mark.parametrize("command", ["split", "tables"])
def test_no_file_or_message_has_a_header_or_the_key(films: Path, key: Path, command: str) -> None:
    out = films / "out"
    options = ["--image-col", "file", "--label-cols", "Mass", "--dicom", str(films / "tree")]
    table = ["--labels", str(films / "table.csv")] if command == "split" else []
    if command == "tables":
        table = [str(films / "table.csv")]
        out.mkdir()
        out = out / "table.csv"
    result = CliRunner().invoke(
        app, [command, *table, *options, "--hash-ids", str(key), "--out", str(out)]
    )
    assert result.exit_code == 0, result.output
    paths = [path for path in (films / "out").rglob("*") if path.is_file()]
    written = b"".join(path.read_bytes() for path in paths) + result.output.encode()
    assert b"Patient ID" in written
    secrets = [*PRIVATE.values(), "MRN-", "2024010", key.read_text()]
    assert not any(value.encode() in written for value in secrets)


def test_a_generated_tree_goes_from_films_to_a_split(tmp_path: Path) -> None:
    table = generate_dicom_films(tmp_path, num_images=24, image_size=32)
    out = tmp_path / "split"
    options = ["--labels", str(table), "--dicom", str(tmp_path / "films"), "--out", str(out)]
    result = CliRunner().invoke(app, ["split", *options])
    assert result.exit_code == 0, result.output
    assert json.loads((out / "split.json").read_text())["table_format"]["dicom"].endswith("films")
    rows = pd.concat(pd.read_csv(out / f"{part}.csv") for part in ("train", "val", "test"))
    assert rows["Patient ID"].str.startswith("DEMO-").all()
    assert set(rows["View Position"]) <= {"PA", "AP"}
