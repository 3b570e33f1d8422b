"""The maps to torchxrayvision's 18 labels beside its own relabelling, on the tables it ships.

It looks for words within PadChest's texts, so that "pseudonodule" is a nodule to it, "subcutaneous
emphysema" emphysema and "pericardial effusion" an effusion of the pleura.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from xlite.tables.label_table import read_manifest
from xlite.tables.table_format import TableFormat

datasets = pytest.importorskip("torchxrayvision.datasets")

ALL = {"views": ["*"], "unique_patients": False}
PADCHEST = {
    # Ours has it, theirs not: miliary opacities; post radiotherapy changes and asbestosis signs;
    # hydropneumothorax and empyema.
    "Infiltration": {(1, 0): 75},
    "Fibrosis": {(1, 0): 400},
    "Effusion": {(1, 0): 34, (0, 1): 39},
    # Theirs has it, ours not: subcutaneous; pseudonodules; masses that are not of the lung.
    "Emphysema": {(0, 1): 203},
    "Nodule": {(0, 1): 2153},
    "Mass": {(-1, 1): 450},
}


@pytest.mark.filterwarnings("ignore:Parsing integer or float values")
@pytest.mark.parametrize(
    ("name", "make", "options", "image", "table", "explained"),
    [
        ("nih", "NIH_Dataset", ALL, "Image Index", "Data_Entry_2017_v2020.csv.gz", {}),
        (
            "vindr",
            "VinDr_Dataset",
            {},
            "image_id",
            "vinbigdata-train.csv.gz",
            # Any opacity, and not only what has no other name.
            {"Lung Opacity": {(1, 0): 692}},
        ),
        (
            "padchest",
            "PC_Dataset",
            ALL,
            "ImageID",
            "PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv.gz",
            PADCHEST,
        ),
    ],
)
def test_a_map_says_what_theirs_says_but_for_what_is_explained(
    name: str,
    make: str,
    options: dict[str, Any],
    image: str,
    table: str,
    explained: dict[str, dict[tuple[int, int], int]],
    tmp_path: Path,
) -> None:
    theirs = getattr(datasets, make)(str(tmp_path), **options)
    datasets.relabel_dataset(datasets.default_pathologies, theirs, silent=True)
    layout = TableFormat(
        label_map=f"{name}-to-torchxrayvision", fold_rows="any" if name == "vindr" else None
    )
    ours = read_manifest(Path(datasets.datapath) / table, table_format=layout)
    place = pd.Index(theirs.csv[image]).get_indexer(pd.Index(ours.image_ids))
    ours, place = ours.select(place >= 0), place[place >= 0]
    assert len(ours) > 14_000
    for label, labels in zip(theirs.pathologies, theirs.labels[place].T, strict=True):
        if np.isnan(labels).any():
            continue
        pairs = pd.Series(
            list(
                zip(
                    ours.labels[:, ours.vocabulary.index(label)].tolist(),
                    labels.astype(int).tolist(),
                    strict=True,
                )
            )
        ).value_counts()
        differs = {pair: count for pair, count in pairs.items() if pair[0] != pair[1]}
        assert differs == explained.get(label, {}), label


def test_chexpert_is_read_as_theirs_but_for_the_blanks_of_healthy_films(tmp_path: Path) -> None:
    theirs = datasets.CheX_Dataset(str(tmp_path), **ALL)
    datasets.relabel_dataset(datasets.default_pathologies, theirs, silent=True)
    layout = TableFormat(label_map="chexpert-to-torchxrayvision", blank="unknown")
    path = Path(datasets.datapath) / "chexpert_train.csv.gz"
    ours = read_manifest(path, table_format=layout)
    assert len(ours) == len(theirs) == 223_414
    is_healthy = theirs.csv["No Finding"].to_numpy() == 1
    num_compared = 0
    for label, labels in zip(theirs.pathologies, theirs.labels.T, strict=True):
        if np.isnan(labels).all():
            continue
        column = ours.labels[:, ours.vocabulary.index(label)]
        np.testing.assert_array_equal(column == 1, labels == 1)
        np.testing.assert_array_equal((column == 0) | is_healthy, (labels == 0) | is_healthy)
        num_compared += 1
    assert num_compared == 11
