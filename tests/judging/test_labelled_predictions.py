from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from xlite.errors import InputError
from xlite.judging.labelled_predictions import add_column, join_predictions
from xlite.tables.csv_table import open_csv
from xlite.tables.manifest import Manifest

LABELS = ("Mass", "Pleural_Thickening")
IDS = ["a.png", "b.png", "c.png", "d.png"]


@pytest.fixture
def manifest() -> Manifest:
    table = pd.DataFrame(
        {
            "image_id": IDS,
            "path": "",
            "patient_id": ["1", "1", "2", "3"],
            "view": ["AP", "PA", "PA", "AP"],
            "age": [3.0, 50.0, np.nan, 81.0],
            "sex": ["F", "F", "M", ""],
        }
    )
    labels = np.array([[1, 0], [0, -1], [0, 1], [1, 1]], dtype=np.int8)
    return Manifest(table, labels, LABELS)


def write(path: Path, **columns: Any) -> Path:
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def test_any_order_of_rows_and_names_of_columns_is_joined(
    manifest: Manifest, tmp_path: Path
) -> None:
    file = write(
        tmp_path / "p.csv",
        **{"Pleural Thickening": [0.1, 0.2, 0.3, 0.4], "mass": [0.5, 0.6, 0.7, 0.8]},
        filename=["/data/d.png", r"c:\images\b.png", "c.png", "images/a.png"],
    )
    cases, report = join_predictions(file, manifest, name="p")
    assert cases.image_ids.tolist() == IDS
    assert cases.patient_ids.tolist() == ["1", "1", "2", "3"]
    assert cases.probs.tolist() == [[0.8, 0.4], [0.6, 0.2], [0.7, 0.3], [0.5, 0.1]]
    np.testing.assert_array_equal(cases.targets, manifest.labels)
    assert cases.columns["view"].tolist() == ["AP", "PA", "PA", "AP"]
    assert (report.num_joined, report.describe()) == (4, [])


def test_a_column_beside_probs_is_what_is_true_not_what_is_said(
    manifest: Manifest, tmp_path: Path
) -> None:
    file = write(
        tmp_path / "p.csv", image_id=IDS, Mass=[1, 0, 0, 1], prob_Mass=[0.25, 0.5, 0.75, 1.0]
    )
    cases, report = join_predictions(file, manifest, name="p")
    assert cases.vocabulary == ("Mass",)
    assert cases.probs.ravel().tolist() == [0.25, 0.5, 0.75, 1.0]
    assert cases.targets.tolist() == [[1], [0], [0], [1]]
    assert report.missing_labels == ("Pleural_Thickening",)


@pytest.mark.parametrize("prefix", ["Prob_", "PROB_", "prob ", "prob-", "Prob"])
def test_the_truth_beside_probs_is_never_judged(
    manifest: Manifest, tmp_path: Path, prefix: str
) -> None:
    columns = {"Mass": [1, 0, 0, 1], f"{prefix}Mass": [0.25, 0.5, 0.75, 1.0]}
    cases, _ = join_predictions(
        write(tmp_path / "p.csv", image_id=IDS, **columns), manifest, name="p"
    )
    assert cases.probs.ravel().tolist() == [0.25, 0.5, 0.75, 1.0]


def test_calls_of_0_and_1_are_predictions_where_the_prefix_says_so(
    manifest: Manifest, tmp_path: Path
) -> None:
    file = write(tmp_path / "p.csv", image_id=IDS, prob_Mass=[1, 0, 1, 1])
    assert join_predictions(file, manifest, name="p")[0].probs.ravel().tolist() == [1, 0, 1, 1]


@pytest.mark.parametrize("header", ["image_id,prob_Mass,prob_Mass", "image_id,image_id,prob_Mass"])
def test_columns_that_are_there_twice_are_refused(
    manifest: Manifest, tmp_path: Path, header: str
) -> None:
    (tmp_path / "p.csv").write_text(f"{header}\na.png,0.1,0.9\n")
    with pytest.raises(InputError, match="more than one"):
        join_predictions(tmp_path / "p.csv", manifest, name="p")


def test_a_file_without_some_images_or_labels_is_not_whole(
    manifest: Manifest, tmp_path: Path
) -> None:
    file = write(tmp_path / "p.csv", image=IDS[:2], prob_Mass=[0.1, 0.2])
    _, report = join_predictions(file, manifest, name="p")
    with pytest.raises(
        InputError,
        match=r"p\.csv: 2 of 4 images .*first: c\.png, d\.png.*no column .*Pleural_Thickening",
    ):
        report.require_whole(file)
    whole = write(tmp_path / "p.csv", image=IDS, prob_Mass=0.1, prob_Pleural_Thickening=0.2)
    join_predictions(whole, manifest, name="p")[1].require_whole(whole)


def test_other_folders_are_other_images(manifest: Manifest, tmp_path: Path) -> None:
    manifest.table["image_id"] = ["p1/v.png", "p2/v.png", "c.png", "d.png"]
    file = write(tmp_path / "p.csv", image=["p3/v.png", r"x\\p2\\v.png"], prob_Mass=[0.1, 0.2])
    cases, report = join_predictions(file, manifest, name="p")
    assert cases.image_ids.tolist() == ["p2/v.png"]
    assert report.extra == ("p3/v.png",)


def test_compressed_predictions_are_read_and_damaged_ones_refused(
    manifest: Manifest, tmp_path: Path
) -> None:
    content = b"image,prob_Mass\na.png,0.5\n"
    for name, data in (("p.csv.gz", gzip.compress(content)), ("plain.csv.gz", content)):
        (tmp_path / name).write_bytes(data)
        assert len(join_predictions(tmp_path / name, manifest, name="p")[0]) == 1
    (tmp_path / "p.csv.gz").write_bytes(gzip.compress(content)[:-9])
    with pytest.raises(InputError, match="damaged gzip"):
        join_predictions(tmp_path / "p.csv.gz", manifest, name="p")


def test_missing_and_extra_rows_are_reported(manifest: Manifest, tmp_path: Path) -> None:
    file = write(tmp_path / "p.csv", image=["d.png", "x.png", "a.png"], Mass=[0.1, 0.2, 0.3])
    cases, report = join_predictions(file, manifest, name="p")
    assert cases.image_ids.tolist() == ["a.png", "d.png"]
    assert (report.num_missing, report.missing) == (2, ("b.png", "c.png"))
    assert (report.num_extra, report.extra) == (1, ("x.png",))
    assert len(report.describe()) == 3


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"image": IDS, "Mass": [0.1, "", 0.2, 0.3]}, "no number.*'Mass'.*row 3"),
        ({"image": IDS, "Mass": [0.1, "x", 0.2, ""]}, "2 probs.*rows? 3, 5|2 probs.*row 3, 5"),
        ({"image": IDS, "Mass": [0.1, 0.2, 1.5, 0.3]}, r"not in \[0, 1\].*'1.5' in row 4"),
        ({"image": IDS, "Mass": [0.1, -2, 0.5, 0.3]}, r"not in \[0, 1\].*row 3.*logits"),
        ({"image": IDS, "Mass": [0.1, "inf", 0.5, 0.3]}, r"not in \[0, 1\]"),
        ({"image": ["a.png", "b.png", "a.png"], "Mass": 0.5}, "'a.png' in rows 2, 4"),
        ({"image": ["a.png", "", "c.png"], "Mass": 0.5}, "row 3 has no image name"),
        ({"image": ["a.png", "x/a.png"], "Mass": 0.5}, "with and without its folder.*rows 2, 3"),
        ({"image": ["x.png"], "Mass": 0.5}, "no image of .* is in the label table"),
        ({"study": IDS, "Mass": 0.5}, "no image column; it has: study, Mass"),
        ({"image": IDS, "Fracture": 0.5}, "no column of predictions"),
        ({"image": IDS, "Mass": 0.5, "mass": 0.5}, "more than one column for Mass"),
        ({"image": IDS, "Image": IDS, "Mass": 0.5}, "more than one image column: image, Image"),
        ({"image": IDS, "Mass": [0, 1, 1, 0]}, "only 0 and 1 in Mass.*prob_<label>"),
        ({"image": IDS, "Mass": 0.5, "Pleural_Thickening": [1, 0, 0, 0]}, "only 0 and 1 in Pl"),
        ({"image": IDS, "Mass": [0, 1, 1, 0], "PROB Fracture": 0.5}, "no column of predictions"),
    ],
)
def test_faulty_files_are_refused(
    manifest: Manifest, tmp_path: Path, columns: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        join_predictions(write(tmp_path / "p.csv", **columns), manifest, name="p")


def test_unreadable_files_are_refused(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "empty.csv").touch()
    (tmp_path / "header.csv").write_text("image,Mass\n")
    for name, message in (
        ("absent.csv", "does not exist"),
        ("empty.csv", "is empty"),
        ("header.csv", "no rows"),
        (".", "is a folder"),
    ):
        with pytest.raises(InputError, match=message):
            join_predictions(tmp_path / name, manifest, name="p")


def test_two_images_of_one_name_need_their_folders(manifest: Manifest, tmp_path: Path) -> None:
    manifest.table["image_id"] = ["x/a.png", "y/a.png", "c.png", "d.png"]
    file = write(tmp_path / "whole.csv", image=["y/a.png", "x/a.png"], Mass=[0.1, 0.9])
    cases, _ = join_predictions(file, manifest, name="p")
    assert cases.probs.ravel().tolist() == [0.9, 0.1]
    file = write(tmp_path / "last.csv", image=["a.png", "c.png"], Mass=0.5)
    with pytest.raises(InputError, match="more than one image called 'a.png'"):
        join_predictions(file, manifest, name="p")


def test_selected_cases_keep_their_rows_together(manifest: Manifest, tmp_path: Path) -> None:
    file = write(tmp_path / "p.csv", image=IDS, Mass=[0.1, 0.2, 0.3, 0.4])
    cases, _ = join_predictions(file, manifest, name="p")
    chosen = cases.select(np.array([False, True, False, True]))
    assert len(chosen) == 2
    assert chosen.image_ids.tolist() == ["b.png", "d.png"]
    assert chosen.probs.ravel().tolist() == [0.2, 0.4]
    assert chosen.columns["sex"].tolist() == ["F", ""]
    assert cases.positives.tolist() == [2]


def test_a_column_of_the_label_table_is_added_by_image(manifest: Manifest, tmp_path: Path) -> None:
    file = write(tmp_path / "p.csv", image=IDS, Mass=0.5)
    cases, _ = join_predictions(file, manifest, name="p")
    table = open_csv(
        write(tmp_path / "t.csv", **{"Image Index": IDS[::-1][:3], "scanner": ["X", "Y", "Z"]})
    )
    added = add_column(cases, table, "scanner", image_column="Image Index")
    assert added.columns["scanner"].tolist() == ["", "Z", "Y", "X"]
    assert "scanner" not in cases.columns
    with pytest.raises(InputError, match="no column 'site'; it has: Image Index, scanner"):
        add_column(cases, table, "site", image_column="Image Index")
