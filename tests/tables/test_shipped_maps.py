"""The maps that come with xlite: their labels exist, and both directions say the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from xlite.errors import InputError
from xlite.labels import NIH_LABELS
from xlite.tables.label_table import read_manifest
from xlite.tables.shipped_maps import find_label_map, shipped_map_names, shipped_vocabularies
from xlite.tables.table_format import TableFormat


def test_every_map_reads_in_both_directions_and_says_the_same() -> None:
    names = shipped_map_names()
    sets = {"nih", "chexpert", "mimic", "padchest", "vindr", "torchxrayvision"}
    assert {f"{one}-to-{other}" for one in sets for other in sets - {one}} <= {*names}
    for name in names:
        one, other = name.split("-to-")
        there, back = find_label_map(name), find_label_map(f"{other}-to-{one}")
        assert there.target.labels == shipped_vocabularies()[other].labels
        exact = {(row.name, row.exact) for row in there.labels if row.exact is not None}
        assert exact == {(row.exact, row.name) for row in back.labels if row.exact is not None}
        partial = {(row.name, part) for row in there.labels for part in row.partial}
        assert partial == {(part, row.name) for row in back.labels for part in row.partial}
        order = [row.name for row in there.labels]
        assert order == [label for label in there.target.labels if label in order]


def test_vocabularies_are_those_of_the_data_sets() -> None:
    known = shipped_vocabularies()
    assert known["nih"].labels == NIH_LABELS
    assert sorted(known["mimic"].labels) == sorted(known["chexpert"].labels)
    assert set(known["mimic"].labels) < set(known["cxr-lt-2023"].labels)
    assert {*known["cxr-lt-2023"].labels} - {"No Finding"} < set(known["cxr-lt-2024"].labels)
    assert [len(known[f"cxr-lt-{year}"].labels) for year in (2023, 2024)] == [26, 45]


def test_a_table_is_read_through_a_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "table.csv"
    path.write_text(
        "Image Index,Finding Labels,Patient ID,View Position\na.png,Mass|Edema,1,PA\n"
        "b.png,No Finding,2,PA\nc.png,Hernia,3,PA\n"
    )
    manifest = read_manifest(path, table_format=TableFormat(label_map="nih-to-chexpert"))
    said = dict(zip(manifest.vocabulary, manifest.labels.T.tolist(), strict=True))
    assert said["Lung Lesion"] == [1, 0, 0]
    assert said["Lung Opacity"] == [1, -1, -1]
    assert said["Edema"] == [1, 0, 0]
    assert np.isin(["Fracture", "Support Devices", "No Finding"], manifest.vocabulary).sum() == 0
    report = manifest.mapping
    assert report is not None
    assert report.unmapped == ("Emphysema", "Fibrosis", "Hernia")
    assert report.silent[:2] == ("No Finding", "Enlarged Cardiomediastinum")
    assert "Lung Opacity" in report.never_absent
    printed = capsys.readouterr().err
    assert "not mapped, and left out: Emphysema, Fibrosis, Hernia" in printed
    assert "never known to be absent: Lung Opacity" in printed


def test_a_map_that_says_nothing_of_the_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("Image Index,Patient ID,Gout\na.png,1,1\n")
    layout = TableFormat(label_cols=("Gout",), label_map="nih-to-chexpert")
    with pytest.raises(InputError, match="says nothing of the table's labels, Gout"):
        read_manifest(path, table_format=layout)


def test_a_table_that_is_not_nihs_keeps_the_labels_that_occur(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("Image Index,Finding Labels,Patient ID\na.png,Mass|Edema,1\nb.png,Mass,2\n")
    manifest = read_manifest(path)
    assert manifest.vocabulary == ("Mass", "Edema")
    assert manifest.labels.tolist() == [[1, 1], [1, 0]]
    assert (
        len(read_manifest(path, table_format=TableFormat(vocabulary=NIH_LABELS)).vocabulary) == 14
    )
    path.write_text(
        path.read_text().replace("a.png", "00000001_000.png").replace("b.png", "00000002_000.png")
    )
    assert read_manifest(path).vocabulary == NIH_LABELS
