from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from judging.drawn_predictions import draw_predictions, seen_by

from xlite.errors import InputError, LeakageError
from xlite.judging.labelled_predictions import LabelledPredictions
from xlite.judging.thresholding import apply_thresholds, fit_to_predictions
from xlite.judging.unseen_images import require_unseen
from xlite.run_folder.thresholds_file import read_thresholds, write_thresholds


def test_thresholds_survive_their_file_and_are_applied_by_label(tmp_path: Path) -> None:
    fitted, other = draw_predictions(0), draw_predictions(1, prefix="other")
    fitted.targets[:, 2] = 0
    thresholds = fit_to_predictions(fitted, method="sensitivity:0.9", calibration="platt")
    assert np.isnan(thresholds.thresholds[2])
    path = tmp_path / "thresholds.json"
    write_thresholds(path, thresholds, seen_by(fitted, split_sha256="ab"))
    again, seen = read_thresholds(path)
    assert (seen.num_images, seen.split_sha256, len(seen.marks)) == (400, "ab", 400)
    np.testing.assert_array_equal(again.thresholds, thresholds.thresholds)
    calls = apply_thresholds(again, other, source="a file")
    np.testing.assert_array_equal(
        calls.is_called, apply_thresholds(thresholds, other, source="memory").is_called
    )
    assert (calls.targets[:, 2] == -1).all(), "no threshold, no judgement"
    found = calls.is_called[:, :2][other.targets[:, :2] == 1].mean()
    assert found == pytest.approx(0.9, abs=0.07)

    swapped = LabelledPredictions(
        **{
            **{name: getattr(other, name) for name in ("name", "image_ids", "patient_ids")},
            "targets": other.targets[:, [1, 0]],
            "probs": other.probs[:, [1, 0]],
            "vocabulary": ("Edema", "Mass"),
            "columns": {},
        }
    )
    other_way = apply_thresholds(again, swapped, source="a file")
    np.testing.assert_array_equal(other_way.is_called, calls.is_called[:, [1, 0]])


def test_a_file_without_marks_of_patients_is_read(tmp_path: Path) -> None:
    path = write_file(tmp_path)
    content = json.loads(path.read_text())
    del content["fitted_on"]["patient_marks"]
    path.write_text(json.dumps(content))
    _, seen = read_thresholds(path)
    assert not seen.patient_marks
    with pytest.raises(LeakageError, match="these very images"):
        require_unseen(seen, draw_predictions())


def write_file(folder: Path) -> Path:
    path = folder / "thresholds.json"
    cases = draw_predictions()
    write_thresholds(
        path, fit_to_predictions(cases, method="f1", calibration="platt"), seen_by(cases)
    )
    return path


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "-0.1", "2.0", '"0.5"', "1e999"])
def test_thresholds_out_of_range_are_refused(tmp_path: Path, value: str) -> None:
    path = write_file(tmp_path)
    content = json.loads(path.read_text())
    content["per_class"]["Edema"]["threshold"] = "HERE"
    path.write_text(json.dumps(content).replace('"HERE"', value))
    with pytest.raises(InputError, match=r"thresholds\.json .*--save-thresholds"):
        read_thresholds(path)


@pytest.mark.parametrize(
    ("key", "value"), [("slope", 0), ("slope", -1.5), ("slope", None), ("intercept", None)]
)
def test_scalings_out_of_range_are_refused(tmp_path: Path, key: str, value: Any) -> None:
    path = write_file(tmp_path)
    content = json.loads(path.read_text())
    content["per_class"]["Edema"][key] = value
    path.write_text(json.dumps(content))
    with pytest.raises(InputError, match=f"'per_class.Edema.{key}'"):
        read_thresholds(path)


@pytest.mark.parametrize("key", ["method", "calibration"])
def test_an_unknown_method_is_refused(tmp_path: Path, key: str) -> None:
    path = write_file(tmp_path)
    path.write_text(json.dumps({**json.loads(path.read_text()), key: "magic"}))
    with pytest.raises(InputError, match=f"{key}.*'magic'"):
        read_thresholds(path)


@pytest.mark.parametrize("content", ["{}", '{"per_class": [], "fitted_on": {}}', "[1]", "no json"])
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "thresholds.json"
    path.write_text(content)
    with pytest.raises(InputError, match="--save-thresholds"):
        read_thresholds(path)
