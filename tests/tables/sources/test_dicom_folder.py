"""A folder of films without a table: read by headers, cached, refused where labels count."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from xlite.errors import InputError
from xlite.synthetic.dicom_films import encode_dicom
from xlite.tables.read_labels import read_labels
from xlite.tables.table_format import TableFormat
from xlite.workflows.read_tables import read_tables

LAYOUT = TableFormat(dataset="dicom")


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Six films of three patients under odd names, beside files that are none."""
    rng = np.random.default_rng(0)
    root = tmp_path / "films"
    for number in range(6):
        elements = {"PatientID": f"MRN-{number // 2}", "ViewPosition": "LL", "PatientAge": "042Y"}
        path = root / f"s{number}" / f"IM{number}"
        path.parent.mkdir(parents=True)
        grey = rng.integers(0, 255, (40, 40), dtype=np.uint8)
        path.write_bytes(encode_dicom(grey, bits_stored=8, elements=elements))
    (root / "notes.txt").write_text("none")
    (root / "DICOMDIR").write_bytes(bytes(128) + b"DICM")
    return root


def test_films_are_read_by_their_headers_and_cached(
    films: Path, tmp_path: Path, xlite_ok: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    found = read_tables(films, table_format=LAYOUT)
    assert (found.images, found.patients, found.views, found.labels) == (6, 3, {"L": 6}, {})
    assert found.images_with_age == 6
    assert "not DICOM and passed over: 1 file" in capsys.readouterr().err
    told = xlite_ok("tables", "--dataset", "dicom", films).stdout
    assert "6 images, 3 patients, no labels" in told
    cache = tmp_path / "cache"
    named = ("--dataset", "dicom", "--labels", films, "--images", films)
    xlite_ok("cache-clahe", *named, "--out", cache, "--size", 32)
    assert len(pd.read_csv(cache / "index.csv")) == 6
    assert "MRN" not in (cache / "index.csv").read_text()


def test_what_needs_labels_says_so(films: Path, tmp_path: Path, xlite: Any) -> None:
    with pytest.raises(InputError, match="nothing says what is on these films"):
        read_labels(films, table_format=LAYOUT)
    for command in (
        ("split", "--labels", films, "--out", tmp_path / "split"),
        ("verify-balance", "--labels", films, "--out", tmp_path / "balance"),
        ("tables", "read", films, "--out", tmp_path / "plain.csv"),
    ):
        refused = xlite(*command, "--dataset", "dicom")
        assert (refused.exit_code, "there are no labels" in refused.stderr) == (2, True), command
    assert {path.name for path in tmp_path.iterdir()} == {"films"}


def test_a_film_of_nobody_and_a_folder_of_none_are_refused(films: Path) -> None:
    empty = films.parent / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="holds no DICOM film"):
        read_tables(empty, table_format=LAYOUT)
    (films / "odd").write_bytes(encode_dicom(np.eye(8, dtype=np.uint8), bits_stored=8, elements={}))
    with pytest.raises(InputError, match=r"1 of 7 films have no PatientID.*films/odd"):
        read_tables(films, table_format=LAYOUT)
