"""Boxes of the real tables, in pixels of the published images."""

from __future__ import annotations

from pathlib import Path

import pytest

from xlite.tables.sources.files import gather_tables
from xlite.tables.sources.reading import read_source
from xlite.tables.sources.registry import SOURCES

datasets = pytest.importorskip("torchxrayvision.datasets")


@pytest.mark.parametrize(
    ("name", "file", "count", "first"),
    [
        ("nih", "Data_Entry_2017_v2020.csv.gz", 984, ("00013118_008.png", "Atelectasis", 79.186)),
        ("vinbig", "vinbigdata-train.csv.gz", 36_096, (None, "Cardiomegaly", None)),
        ("rsna", "kaggle_stage_2_train_labels.csv.zip", 9_555, (None, "Pneumonia", 379.0)),
    ],
)
def test_boxes_are_read_beside_the_labels(
    name: str, file: str, count: int, first: tuple[str | None, str, float | None]
) -> None:
    path = Path(datasets.datapath) / file
    reading = read_source(gather_tables(SOURCES[name], [path]))
    boxes = reading.boxes
    assert len(boxes) == count
    assert {*boxes["label"]} <= {*reading.manifest.vocabulary}
    assert (boxes[["width", "height"]] > 0).all(axis=None)
    image, label, height = first
    assert boxes["label"][0] == label
    assert image is None or boxes["image_id"][0] == image
    assert height is None or boxes["height"][0] == pytest.approx(height, abs=0.001)
    # Every boxed image is in the table, and any reader's box is a label by the rule "any".
    assert {*boxes["image_id"]} <= {*reading.manifest.image_ids}
