"""Tables of others: their separators, their words, and labels that are none."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlite.errors import InputError
from xlite.tables.label_table import read_manifest
from xlite.tables.manifest import Manifest
from xlite.tables.table_format import TableFormat


def read(tmp_path: Path, text: str, **options: object) -> Manifest:
    path = tmp_path / "table.csv"
    path.write_text(text)
    return read_manifest(path, table_format=TableFormat(**options))  # type: ignore[arg-type]


COLUMNS = {"image_col": "file", "patient_col": "who"}


@pytest.mark.parametrize("sign", [";", "\t"])
def test_semicolons_and_tabs_separate_cells(tmp_path: Path, sign: str) -> None:
    rows = [
        ["file", "who", "labels"],
        ["a.png", "p1", "Mass, large|Edema"],
        ["b.png", "p2", '"Edema"'],
    ]
    text = "\n".join(sign.join(row) for row in rows)
    manifest = read(tmp_path, text, labels_col="labels", **COLUMNS)
    assert manifest.vocabulary == ("Edema", "Mass, large")
    assert manifest.labels.tolist() == [[1, 1], [1, 0]]


def test_rows_are_counted_alike_whatever_separates_cells(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="row 3 has 2 cells, the header 3"):
        read(
            tmp_path,
            "file;who;Mass\na.png;p1;1\nb.png;p2\nc.png;p3;0\n",
            label_cols=("Mass",),
            **COLUMNS,
        )


def test_words_say_present_and_absent(tmp_path: Path) -> None:
    text = "file,who,Mass,Edema\na.png,p1,Yes,TRUE\nb.png,p2,no,false\nc.png,p3,,-1\n"
    manifest = read(tmp_path, text, label_cols=("Mass", "Edema"), **COLUMNS)
    assert manifest.labels.tolist() == [[1, 1], [0, 0], [-1, -1]]


def test_two_labels_stay_two_though_they_are_among_nihs(tmp_path: Path) -> None:
    text = "Image Index,Finding Labels,Patient ID\na.png,Mass,1\nb.png,Mass|Hernia,2\n"
    assert read(tmp_path, text).vocabulary == ("Mass", "Hernia")
    whole = read(
        tmp_path,
        text.replace("ID\n", "ID,View Position\n")
        .replace(",1\n", ",1,PA\n")
        .replace(",2\n", ",2,AP\n"),
    )
    assert len(whole.vocabulary) == 14
    assert len(read(tmp_path, text, vocabulary=("Mass", "Hernia", "Edema")).vocabulary) == 3


@pytest.mark.parametrize("label", ["['COPD", "COPD']", '"COPD', "COPD`"])
def test_pieces_of_lists_are_no_labels(tmp_path: Path, label: str) -> None:
    quoted = '"' + label.replace('"', '""') + '"'
    with pytest.raises(InputError, match="piece of a list"):
        read(tmp_path, f"file,who,labels\na.png,p1,{quoted}\n", labels_col="labels", **COLUMNS)


def test_labels_that_may_be_several_are_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "file,who,labels\na.png,p1,Mass;Edema\nb.png,p2,Hernia\n"
    read(tmp_path, text, labels_col="labels", **COLUMNS)
    assert (
        "'Mass;Edema' is taken for one label. Pass --separator ';'"
        in capsys.readouterr().err.replace("\n", " ")
    )
