"""A list of boxes in the labels of another vocabulary."""

from __future__ import annotations

from collections import Counter

import pandas as pd

from xlite.labels import simplify_label
from xlite.tables.label_maps import imply_labels
from xlite.tables.shipped_maps import find_label_map


def map_boxes(boxes: pd.DataFrame, name: str) -> tuple[pd.DataFrame, dict[str, int]]:
    """Boxes (`read_box_list`) in the labels of a map's target, and how many are left out, and why.

    name: the map's, or its file. What is in a box is all that its label implies: a box of
    Atelectasis, which is also Lung Opacity there, is one of each. A label that the map does not
    know stays as it is, as one that is the target's already; one that it knows and from which no
    label of the target follows is left out.
    """
    implied = imply_labels(find_label_map(name))
    made = [implied.get(simplify_label(label), (label,)) for label in boxes["label"]]
    left_out = Counter(
        f"of {label}, of which the label map {name} makes no label"
        for label, names in zip(boxes["label"], made, strict=True)
        if not names
    )
    mapped = boxes.assign(label=pd.Series(made, index=boxes.index)).explode(
        "label", ignore_index=True
    )
    return mapped[mapped["label"].notna()].reset_index(drop=True), dict(left_out)
