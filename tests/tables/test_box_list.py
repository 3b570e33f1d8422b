"""Lists of boxes of each source, and what is refused in them."""

from __future__ import annotations

import gzip
import importlib.util
from pathlib import Path

import pandas as pd
import pytest

from xlite.errors import InputError
from xlite.tables.box_list import read_box_list
from xlite.tables.sources.boxes import COLUMNS

NIH = "Image Index,Finding Label,Bbox [x,y,w,h],,,\n"
VINDR = "image_id,rad_id,class_name,x_min,y_min,x_max,y_max\n"
RSNA = "patientId,x,y,width,height,Target\n"
PLAIN = "image_id,label,x,y,width,height\n"


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "boxes.csv"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    ("text", "first"),
    [
        (NIH + "a.png,Infiltrate,1.5,2,30,40,,,\n", ("a.png", "Infiltration", 1.5, 2, 30, 40, "")),
        (VINDR + "a,R1,Mass,1,2,31,42\nb,R2,No finding,,,,\n", ("a", "Mass", 1, 2, 30, 40, "R1")),
        (RSNA + "z,,,,,0\na,1,2,30,40,1\n", ("a", "Pneumonia", 1, 2, 30, 40, "")),
        (PLAIN + "a.png,My label,1,2,30,40\n", ("a.png", "My label", 1, 2, 30, 40, "")),
    ],
)
def test_each_source_s_boxes_are_read(tmp_path: Path, text: str, first: tuple[object]) -> None:
    boxes = read_box_list(write(tmp_path, text))
    assert tuple(boxes.columns) == COLUMNS
    assert len(boxes) == 1
    assert tuple(boxes.iloc[0]) == first
    pd.testing.assert_frame_equal(boxes, read_box_list(boxes), check_dtype=False)


def test_nih_s_984_boxes_are_read() -> None:
    spec = importlib.util.find_spec("torchxrayvision")
    if spec is None or spec.origin is None:
        pytest.skip("torchxrayvision is not installed, so NIH's boxes are not at hand")
    boxes = read_box_list(Path(spec.origin).parent / "data" / "BBox_List_2017.csv.gz")
    assert len(boxes) == 984
    assert boxes["label"].value_counts()["Infiltration"] == 123
    assert boxes["image_id"].nunique() == 880


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (NIH.encode(), "no rows"),
        (b"a,b\n1,2\n", "it has no column 'image_id'"),
        (
            f"{NIH}a.png,Mass,1,2,thirty,40,,,\n".encode(),
            r"row 2: the box '1, 2, thirty, 40' is not",
        ),
        (f"{NIH}a.png,Mass,1,2,30,40,,,\nb.png,Mass,1,2,0,40,,,\n".encode(), "row 3: .* no area"),
        (f"{VINDR}a,R1,Mass,31,2,1,42\n".encode(), "has no area"),
        (f"{PLAIN}a,Mass,1,nan,3,4\n".encode(), "is not four numbers"),
        (f"{RSNA}a,,,,,0\n".encode(), "has no box"),
        (gzip.compress(b"", mtime=0)[:-3], "gzip"),
    ],
)
def test_what_is_no_list_of_boxes_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "boxes.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        read_box_list(path)
