"""Cells as sources write them survive in a split, beside the labels decided from them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from xlite.labels import NIH_LABELS
from xlite.splitting.split import split_by_patient
from xlite.splitting.split_folder import read_split
from xlite.tables.cells import ABSENT, BLANK, PRESENT, UNCERTAIN
from xlite.tables.manifest import Manifest, encode_manifest
from xlite.tables.table_format import TableFormat


def manifest_of(vocabulary: tuple[str, ...], *, blank: str, has_blanks: bool = True) -> Manifest:
    """Forty patients with an image each; further text columns, of which one is empty."""
    codes = np.random.default_rng(0).choice(
        [PRESENT, ABSENT, UNCERTAIN, BLANK if has_blanks else ABSENT], size=(40, len(vocabulary))
    )
    table = pd.DataFrame(
        {
            "image_id": [f"{row}.png" for row in range(40)],
            "path": "",
            "patient_id": [f"p{row}" for row in range(40)],
            "view": "PA",
            "age": np.arange(40.0),
            "sex": "F",
            "site": [f"=site {row % 3}" for row in range(40)],
            "part": "",
        }
    )
    return Manifest.of_codes(table, codes.astype(np.int8), vocabulary, blank=blank)  # type: ignore[arg-type]


@pytest.mark.parametrize("vocabulary", [("Edema", "No Finding"), NIH_LABELS])
@pytest.mark.parametrize("blank", ["absent", "unknown"])
def test_blank_and_uncertain_cells_survive_a_split(
    vocabulary: tuple[str, ...], blank: str, tmp_path: Path
) -> None:
    manifest = manifest_of(vocabulary, blank=blank)
    record = split_by_patient(manifest, out=tmp_path / "split")
    assert json.loads((tmp_path / "split/split.json").read_text())["blank"] == blank
    split = read_split(tmp_path / "split")
    for name, part in split.parts.items():
        expected = manifest.select(record.rows[name])
        np.testing.assert_array_equal(part.cells, expected.cells)
        np.testing.assert_array_equal(part.labels, expected.labels)
        assert part.table["site"].tolist() == expected.table["site"].tolist()
        assert "part" not in part.table
    decided = manifest.labels[manifest.cells == BLANK]
    assert set(decided.tolist()) == {0 if blank == "absent" else -1}
    assert (manifest.labels[manifest.cells == UNCERTAIN] == -1).all()


def test_a_table_without_blanks_has_no_codes_and_says_nothing_of_them(tmp_path: Path) -> None:
    manifest = manifest_of(("Edema", "Mass"), blank="absent", has_blanks=False)
    assert manifest.codes is None
    split_by_patient(manifest, out=tmp_path / "split")
    assert "blank" not in json.loads((tmp_path / "split/split.json").read_text())
    first = encode_manifest(manifest).decode().splitlines()[0]
    assert (
        first == "Image Index,Patient ID,Patient Age,Patient Gender,View Position,Site,Edema,Mass"
    )


def test_an_empty_cell_of_a_table_is_kept_as_blank(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    rows = [f"{row}.png,p{row},{['1', '0', '-1', ''][row % 4]}" for row in range(40)]
    path.write_text("\n".join(["file,who,Edema", *rows]) + "\n")
    layout = TableFormat(image_col="file", patient_col="who", label_cols=("Edema",))
    split_by_patient(path, table_format=layout, out=tmp_path / "split")
    cells = np.concatenate([part.cells for part in read_split(tmp_path / "split").parts.values()])
    assert np.unique(cells, return_counts=True)[1].tolist() == [10, 10, 10, 10]
