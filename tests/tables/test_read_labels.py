"""Labels as a caller has them: one manifest, whatever they came in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from xlite.errors import InputError
from xlite.tables.read_labels import has_patients, read_labels
from xlite.tables.table_format import TableFormat

TEXT = (
    "Image Index,Finding Labels,Patient ID,Patient Age,Patient Gender,View Position\n"
    "a.png,Mass|Edema,1,58,M,PA\nb.png,No Finding,2,41,F,AP\n"
)
FORMAT = TableFormat(vocabulary=("Mass", "Edema"))


@pytest.fixture
def table(tmp_path: Path) -> Path:
    (tmp_path / "labels.csv").write_text(TEXT)
    return tmp_path / "labels.csv"


def test_a_file_and_its_data_frame_are_one_manifest(table: Path) -> None:
    read = read_labels(table, table_format=FORMAT)
    assert read.labels.tolist() == [[1, 1], [0, 0]]
    assert read_labels(read) is read
    for source in (str(table), pd.read_csv(table)):
        manifest = read_labels(source, table_format=FORMAT)
        pd.testing.assert_frame_equal(manifest.table, read.table)
        assert manifest.labels.tolist() == read.labels.tolist()
        assert manifest.vocabulary == read.vocabulary


def test_a_data_frame_is_refused_as_its_file_would_be(table: Path) -> None:
    frame = pd.read_csv(table)
    frame.loc[1, "Finding Labels"] = "Maass"
    with pytest.raises(InputError, match="the data frame: .* in row 3 of column 'Finding Labels'"):
        read_labels(frame, table_format=FORMAT)
    with pytest.raises(InputError, match="the data frame has no column 'file'; it has: Image Ind"):
        read_labels(frame, table_format=TableFormat(image_col="file"))


@pytest.mark.parametrize(
    "labels",
    [
        [[1, 0], [0, -1]],
        np.array([[1, 0], [0, -1]]),
        torch.tensor([[1, 0], [0, -1]]),
        pd.DataFrame({"class 0": [1, 0], "class 1": [0.0, -1.0]}),
    ],
    ids=["lists", "numpy", "torch", "pandas"],
)
def test_arrays_of_any_kind_are_one_manifest(labels: Any) -> None:
    manifest = read_labels(labels, patients=pd.Series([13.0, 7.0]))
    assert manifest.labels.tolist() == [[1, 0], [0, -1]]
    assert manifest.labels.dtype == np.int8
    assert manifest.vocabulary == ("class 0", "class 1")
    assert manifest.patient_ids.tolist() == ["13", "7"]
    assert manifest.image_ids.tolist() == ["0", "1"]
    assert has_patients(manifest)
    assert not has_patients(read_labels(labels))


def test_columns_name_the_labels() -> None:
    assert read_labels(pd.Series([1, 0], name="Hernia")).vocabulary == ("Hernia",)
    with pytest.raises(InputError, match="the array of labels: the label 'macro' is the name of"):
        read_labels(pd.DataFrame({"macro": [1, 0]}))


def test_patients_go_with_arrays_alone(table: Path) -> None:
    for source in (table, read_labels(table, table_format=FORMAT)):
        with pytest.raises(InputError, match="a label table has patients of its own"):
            read_labels(source, ["a", "b"], table_format=FORMAT)
