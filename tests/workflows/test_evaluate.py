"""`evaluate` as a function: the files and the JSON of the command, for tables and for arrays."""

from __future__ import annotations

import inspect
import json
import math
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from xlite.cli.evaluation_options import AnswerOptions, JudgedOptions
from xlite.cli.floor_options import FloorOptions
from xlite.cli.threshold_options import ThresholdOptions
from xlite.errors import InputError, LeakageError
from xlite.judging.evaluation_folder import EvaluationFolder
from xlite.results.evaluation import Evaluation
from xlite.tables.table_format import TableFormat
from xlite.workflows.evaluate import evaluate

GOLDEN = Path(__file__).parents[1] / "golden" / "evaluation"
"""What version 0.1 wrote, of predictions and labels beside it."""
TABLES: dict[str, Any] = {
    "predictions": GOLDEN / "predictions.csv",
    "labels": GOLDEN / "labels.csv",
    "allow_partial": True,
    "resamples": 200,
}


def require_same(found: Any, golden: Any) -> None:
    """The same keys in the same order, and numbers to the last digits, which machines may round."""
    if isinstance(golden, dict):
        assert list(found) == list(golden)
        for key, value in golden.items():
            require_same(found[key], value)
    elif isinstance(golden, list):
        assert len(found) == len(golden)
        for one, other in zip(found, golden, strict=True):
            require_same(one, other)
    elif isinstance(golden, float):
        assert found == pytest.approx(golden, rel=1e-9, abs=1e-12)
    else:
        assert found == golden


@pytest.fixture
def arrays() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    targets = (rng.random((300, 2)) < 0.3).astype(int)
    probs = np.clip(0.3 * targets + rng.random(targets.shape) / 2, 0, 1)
    patients = np.arange(300) // 2
    return {"predictions": probs, "labels": targets, "patients": patients, "resamples": 100}


def test_the_content_is_that_of_version_0_1(tmp_path: Path) -> None:
    found = evaluate(
        **TABLES,
        by=["view", "Scanner"],
        calibrate="platt",
        fit="sensitivity:0.9",
        out=tmp_path,
        figures=False,
    )
    added = ("shortcut_floor", "within_view")
    content = {name: value for name, value in found.to_json().items() if name not in added}
    require_same(content, json.loads((GOLDEN / "scores.json").read_text()))
    for name in ("scores.csv", "subgroups.csv"):
        pd.testing.assert_frame_equal(pd.read_csv(tmp_path / name), pd.read_csv(GOLDEN / name))
    assert found.folder == tmp_path


@pytest.mark.parametrize("name", ["scores.json", "looked_at.json"])
def test_files_of_version_0_1_are_read_and_written_to_the_same_bytes(
    name: str, tmp_path: Path
) -> None:
    shutil.copy(GOLDEN / name, tmp_path / "scores.json")
    folder = EvaluationFolder(tmp_path)
    before = (tmp_path / "scores.json").read_bytes()
    evaluation = folder.read()
    assert evaluation.folder == tmp_path
    assert folder.write(evaluation) == evaluation
    assert (tmp_path / "scores.json").read_bytes() == before
    if name == "scores.json":
        for table in ("scores.csv", "subgroups.csv"):
            assert (tmp_path / table).read_bytes() == (GOLDEN / table).read_bytes()


def test_what_was_not_asked_for_is_none_and_left_out_of_json() -> None:
    plain = Evaluation.read(GOLDEN / "scores.json", remedy="")
    whole = Evaluation.read(GOLDEN / "looked_at.json", remedy="")
    assert plain.tta is None
    assert plain.test_looks is None
    assert whole.tta is not None
    assert whole.tta.views == 7
    assert whole.tta.change["auroc"].after == whole.tta.macro.auroc
    assert whole.test_looks is not None
    assert [look.run for look in whole.test_looks] == [whole.name] * 2
    assert plain.per_class["Mass"].ece_uncalibrated is not None
    assert whole.per_class["Mass"].ece_uncalibrated is None
    # Undefined is another thing than not asked for.
    assert math.isnan(plain.per_class["Edema"].calibration_slope_uncalibrated or 0)


def test_a_damaged_file_is_named_with_its_key(tmp_path: Path) -> None:
    content = json.loads((GOLDEN / "scores.json").read_text())
    content["per_class"]["Mass"]["auroc"] = "high"
    (tmp_path / "scores.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=r"scores\.json has 'high' in 'per_class\.Mass\.auroc'"):
        EvaluationFolder(tmp_path).read()


def test_the_function_leaves_the_files_of_the_command(tmp_path: Path, xlite_ok: Any) -> None:
    printed = xlite_ok(
        *("evaluate", "--predictions", TABLES["predictions"], "--labels", TABLES["labels"]),
        *("--allow-partial", "--resamples", 200, "--by", "Scanner", "--fit", "youden"),
        *("--out", tmp_path / "command", "--save-thresholds", tmp_path / "command.json"),
        "--json",
    )
    found = evaluate(
        **TABLES,
        by=["Scanner"],
        fit="youden",
        out=tmp_path / "function",
        save_thresholds=tmp_path / "function.json",
    )
    assert json.loads(printed.stdout) == found.to_json()
    names = {path.name for path in (tmp_path / "command").iterdir()}
    assert names >= {"scores.json", "scores.csv", "subgroups.csv", "roc.png", "roc.svg"}
    for name in names:
        by_function = (tmp_path / "function" / name).read_bytes()
        assert by_function == (tmp_path / "command" / name).read_bytes(), name
    saved = [(tmp_path / f"{name}.json").read_bytes() for name in ("command", "function")]
    assert saved[0] == saved[1]


def test_the_command_has_the_function_s_options_and_defaults() -> None:
    of_function = {
        name: parameter.default
        for name, parameter in inspect.signature(evaluate).parameters.items()
    }
    of_command: dict[str, Any] = {}
    for group in (JudgedOptions, AnswerOptions, ThresholdOptions, FloorOptions):
        of_command |= vars(group())
    assert of_command.pop("by") is None
    assert of_command.pop("floor_columns") is None
    for name, default in of_command.items():
        assert of_function[name] == default, name
    others = {*of_function} - {*of_command}
    made_of_others = {"by", "floor_columns", "plan", "runtime", "table_format"}
    assert others == {*made_of_others, "patients", "write", "command"}


def test_data_frames_are_judged_as_their_files(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    frames = {name: pd.read_csv(TABLES[name], dtype=str) for name in ("predictions", "labels")}
    by_file = evaluate(**TABLES, by=["Scanner"])
    by_frame = evaluate(**{**TABLES, **frames}, by="Scanner")
    assert by_frame.to_json() == by_file.to_json()
    assert by_frame.folder is None
    assert not [*tmp_path.iterdir()]


def test_predictions_that_lack_images_are_refused_as_files_are() -> None:
    predictions = pd.read_csv(TABLES["predictions"]).iloc[:300]
    with pytest.raises(InputError, match="predictions: 300 of 600 images of the label table have"):
        evaluate(predictions=predictions, labels=TABLES["labels"])


def test_arrays_are_judged_as_tables_of_them(arrays: dict[str, Any], tmp_path: Path) -> None:
    found = evaluate(**arrays, by={"site": ["a", "b"] * 150})
    assert list(found.per_class) == ["class 0", "class 1"]
    assert (found.images, found.patients) == (300, 150)
    assert [group.group for group in found.subgroups] == ["a", "b"]
    names = [f"{row}.png" for row in range(300)]
    labels = pd.DataFrame(arrays["labels"], columns=["class 0", "class 1"]).assign(
        **{"Image Index": names, "Patient ID": arrays["patients"]}
    )
    probs = pd.DataFrame(arrays["predictions"], columns=["prob_class 0", "prob_class 1"])
    labels.to_csv(tmp_path / "labels.csv", index=False)
    probs.assign(image=names).to_csv(tmp_path / "probs.csv", index=False)
    by_file = evaluate(
        predictions=tmp_path / "probs.csv",
        labels=tmp_path / "labels.csv",
        table_format=TableFormat(label_cols=("class 0", "class 1")),
        resamples=100,
    )
    assert found.per_class == by_file.per_class
    assert found.macro == by_file.macro


def test_tables_of_arrays_tensors_and_single_labels_are_arrays(arrays: dict[str, Any]) -> None:
    found = evaluate(**arrays)
    named = {
        name: pd.DataFrame(arrays[name], columns=["Mass", "Edema"])
        for name in ("predictions", "labels")
    }
    swapped = named["predictions"][["Edema", "Mass"]]
    as_tables = evaluate(**{**arrays, **named, "predictions": swapped})
    assert list(as_tables.per_class) == ["Mass", "Edema"]
    assert as_tables.macro == found.macro
    tensors = {name: torch.tensor(arrays[name]) for name in ("predictions", "labels", "patients")}
    assert evaluate(**{**arrays, **tensors}) == found
    one = {name: arrays[name][:, 0].tolist() for name in ("predictions", "labels")}
    alone = evaluate(**{**arrays, **one}).per_class
    assert list(alone) == ["class 0"]
    assert alone["class 0"].auroc == found.per_class["class 0"].auroc


def test_arrays_leave_files_where_asked(arrays: dict[str, Any], tmp_path: Path) -> None:
    found = evaluate(**arrays, out=tmp_path / "out", figures=False)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"scores.json", "scores.csv"}
    assert EvaluationFolder(tmp_path / "out").read() == found


def test_thresholds_of_a_file_are_for_images_with_names(
    arrays: dict[str, Any], tmp_path: Path
) -> None:
    saved = tmp_path / "t.json"
    evaluate(**TABLES, save_thresholds=saved)
    with pytest.raises(LeakageError, match="these very images"):
        evaluate(**TABLES, thresholds=saved)
    for name in ("thresholds", "save_thresholds"):
        with pytest.raises(InputError, match="arrays have none"):
            evaluate(**arrays, **{name: saved})


def test_a_run_is_judged_by_its_name_and_a_look_is_noted(golden: Path) -> None:
    [run] = golden.glob("experiments/runs/*-bce-*")
    found = evaluate(run.name, split="splits", resamples=100)
    assert (found.name, found.part, found.folder) == (run.name, "val", None)
    assert found.epoch_chosen_here
    looked = evaluate(run, split="splits", part="test", resamples=100, command="mine")
    assert looked.test_looks is not None
    assert looked.test_looks[-1].command == "mine"
    assert looked.thresholds.source == "fitted on the validation part"
    kept = evaluate(run, split="splits", resamples=100, write=True, figures=False)
    assert kept.folder is not None
    assert os.fspath(kept.folder).endswith(f"evaluation/{run.name}-val")


def test_the_table_has_a_row_a_label_and_the_means() -> None:
    frame = Evaluation.read(GOLDEN / "scores.json", remedy="").to_frame().set_index("label")
    assert frame.index.tolist() == ["Mass", "Edema", "Hernia", "macro", "weighted", "micro"]
    assert math.isnan(frame.loc["Edema", "auroc"])
    assert frame.loc["Edema", "notes"].startswith("no positives")
