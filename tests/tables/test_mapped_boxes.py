"""Boxes in the labels of another vocabulary."""

from __future__ import annotations

import pandas as pd

from xlite.tables.label_maps import LabelMap, MappedLabel, Vocabulary, imply_labels
from xlite.tables.mapped_boxes import map_boxes


def boxes_of(*labels: str) -> pd.DataFrame:
    sides = {"x": 1.0, "y": 2.0, "width": 3.0, "height": 4.0}
    names = [f"{number}.png" for number in range(len(labels))]
    return pd.DataFrame({"image_id": names, "label": list(labels), **sides})


def test_a_box_is_of_every_label_that_its_own_implies_and_of_no_other() -> None:
    mapped, left_out = map_boxes(boxes_of("atelectasis", "Effusion", "Fibrosis"), "nih-to-chexpert")
    assert list(zip(mapped["image_id"], mapped["label"], strict=True)) == [
        ("0.png", "Lung Opacity"),
        ("0.png", "Atelectasis"),
        ("1.png", "Pleural Effusion"),
    ]
    assert mapped[["x", "width"]].drop_duplicates().to_numpy().tolist() == [[1, 3]]
    assert left_out == {"of Fibrosis, of which the label map nih-to-chexpert makes no label": 1}
    # Both have a Lung Opacity, and not the same one.
    mapped, left_out = map_boxes(boxes_of("Lung Opacity", "Ours"), "chexpert-to-vindr")
    assert mapped["label"].tolist() == ["Ours"], "what the map does not know stays as it is"
    assert sum(left_out.values()) == 1


def test_what_a_label_lies_within_is_implied() -> None:
    within = (("opacity", ("infiltrate",)), ("finding", ("opacity",)))
    source = Vocabulary(
        name="a", title="A", labels=("infiltrate", "opacity", "finding"), within=within
    )
    target = Vocabulary(name="b", title="B", labels=("Any", "Opacity", "Dense"))
    rows = (
        MappedLabel(name="Any", broader=("finding",)),
        MappedLabel(name="Opacity", exact="opacity"),
        MappedLabel(name="Dense", narrower=("opacity",)),
    )
    implied = imply_labels(LabelMap(name="a-to-b", source=source, target=target, labels=rows))
    assert implied == {
        "infiltrate": ("Any", "Opacity"),
        "opacity": ("Any", "Opacity"),
        "finding": ("Any",),
    }
