from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from xlite.labels import NIH_LABELS
from xlite.scores.thresholded import fit_f1_thresholds
from xlite.splitting.split_folder import read_split
from xlite.training.augmented_prediction import predict_with_views
from xlite.training.data import load_study_data

FIGURES = {
    *("roc.png", "precision_recall.png", "calibration.png"),
    *("score_by_prevalence.png", "confusion.png", "error_overlap.png"),
}
FAST = ("--resamples", 100)


@pytest.fixture(scope="module")
def run(project: Any, xlite_ok: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("evaluate") / "experiments"
    xlite_ok(
        *("train", "--models", "test_resnet", "--split", project.split, "--cache", project.cache),
        *("--out", out, "--no-pretrained", "--batch-size", 16, "--epochs", 1),
    )
    [folder] = (out / "runs").iterdir()
    return folder


@pytest.fixture
def foreign(tmp_path: Path) -> tuple[Path, Path]:
    """Someone's predictions and label table: 600 images of two labels, one of them rare."""
    rng = np.random.default_rng(0)
    present = rng.random((600, 2)) < (0.3, 0.02)
    texts = [
        "|".join(name for name, is_set in zip(("Mass", "Hernia"), row, strict=True) if is_set)
        for row in present
    ]
    ids = [f"{k // 2:08d}_{k % 2:03d}.png" for k in range(600)]
    table = {
        "Image Index": ids,
        "Finding Labels": [text or "No Finding" for text in texts],
        "Patient ID": [k // 2 for k in range(600)],
        "View Position": rng.choice(["AP", "PA"], 600),
        "Scanner": rng.choice(["X", "Y"], 600),
    }
    pd.DataFrame(table).to_csv(tmp_path / "labels.csv", index=False)
    logits = rng.normal(size=(600, 2)) + 2 * present - 1
    probs = pd.DataFrame(1 / (1 + np.exp(-logits)), columns=["mass", "hernia"])
    probs.insert(0, "path", [f"/somewhere/{name}" for name in ids])
    probs.iloc[::-1].to_csv(tmp_path / "predictions.csv", index=False)
    return tmp_path / "predictions.csv", tmp_path / "labels.csv"


def judge(xlite: Any, files: tuple[Path, Path], *more: object) -> Any:
    named = ("--predictions", files[0], "--labels", files[1], "--allow-partial")
    return xlite("evaluate", *named, *FAST, *more)


def test_anyones_predictions_are_judged_without_a_project(
    xlite: Any, foreign: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = judge(xlite, foreign, "--json")
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)
    assert list(content["per_class"]) == ["Mass", "Hernia"]
    mass, hernia = content["per_class"].values()
    assert 0.85 < mass["auroc_low"] < mass["auroc"] < mass["auroc_high"] < 0.99
    assert {"average_precision", "f1", "f1_at_half", "positives", "threshold"} <= set(mass)
    assert hernia["few_positives"]
    assert not mass["few_positives"]
    assert content["macro"]["auroc"] == pytest.approx((mass["auroc"] + hernia["auroc"]) / 2)
    assert "cross-fitted" in content["thresholds"]["source"]
    assert content["join"]["num_joined"] == 600
    assert "no column of predictions for Atelectasis" in result.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["labels.csv", "predictions.csv"]


def test_predictions_of_a_part_are_judged_only_where_the_user_says_so(
    xlite: Any, foreign: tuple[Path, Path], tmp_path: Path
) -> None:
    table = pd.read_csv(foreign[0])
    table.iloc[:300].to_csv(tmp_path / "half.csv", index=False)
    result = xlite("evaluate", "--predictions", tmp_path / "half.csv", "--labels", foreign[1])
    assert result.exit_code == 2
    assert "300 of 600 images of the label table have no prediction" in result.stderr
    assert "no column of predictions for Atelectasis" in result.stderr
    assert "--allow-partial" in result.stderr
    assert not (tmp_path / "experiments").exists()


def test_a_column_of_the_table_goes_before_an_empty_one_of_the_manifest(
    xlite: Any, foreign: tuple[Path, Path]
) -> None:
    table = pd.read_csv(foreign[1])
    table["sex"] = np.where(np.arange(600) < 300, "F", "M")
    table["age"] = np.where(np.arange(600) < 200, "011Y", "50")
    table.to_csv(foreign[1], index=False)
    result = judge(xlite, foreign, "--by", "sex,age", "--json")
    assert result.exit_code == 0, result.output
    groups = {
        (g["column"], g["group"]): g["images"] for g in json.loads(result.stdout)["subgroups"]
    }
    assert groups == {
        ("sex", "F"): 300,
        ("sex", "M"): 300,
        ("age", "0-17"): 200,
        ("age", "40-59"): 400,
    }
    all_of_them = judge(xlite, foreign, "--subgroups", "--json")
    columns = {group["column"] for group in json.loads(all_of_them.stdout)["subgroups"]}
    assert columns == {"view", "sex", "age"}


@pytest.mark.parametrize(
    ("by", "message"),
    [("Image Index", "names the images"), ("sex", "no column 'sex'"), ("nope", "no column 'nope'")],
)
def test_columns_that_can_not_be_grouped_by_are_named(
    xlite: Any, foreign: tuple[Path, Path], by: str, message: str
) -> None:
    result = judge(xlite, foreign, "--by", by)
    assert result.exit_code == 2
    assert message in result.stderr


def test_the_table_and_the_files_say_the_same(
    xlite: Any, foreign: tuple[Path, Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = judge(xlite, foreign, "--out", out, "--by", "view,Scanner")
    assert result.exit_code == 0, result.output
    names = {path.name for path in out.iterdir()}
    assert names >= {"scores.json", "scores.csv", "subgroups.csv", *FIGURES}
    mass = json.loads((out / "scores.json").read_text())["per_class"]["Mass"]
    interval = f"{mass['auroc']:.3f} [{mass['auroc_low']:.3f}, {mass['auroc_high']:.3f}]"
    # The first is that of the scores, the second that of the floor under them.
    line, _ = (line for line in result.stdout.splitlines() if line.startswith("│ Mass "))
    assert interval in line
    assert "│ Hernia* " in result.stdout
    groups = pd.read_csv(out / "subgroups.csv")
    assert set(groups["column"]) == {"view", "Scanner"}
    assert set(groups["group"]) == {"AP", "PA", "X", "Y"}
    assert max(map(len, result.stdout.splitlines())) <= 120


def test_no_figures_are_drawn_when_none_are_wanted(
    xlite: Any, foreign: tuple[Path, Path], tmp_path: Path
) -> None:
    result = judge(xlite, foreign, "--out", tmp_path / "out", "--no-figures")
    assert result.exit_code == 0, result.output
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"scores.json", "scores.csv"}


def test_thresholds_are_applied_to_other_images_only(
    xlite: Any, foreign: tuple[Path, Path], tmp_path: Path
) -> None:
    predictions, labels = foreign
    table = pd.read_csv(predictions)
    table.iloc[:300].to_csv(tmp_path / "first.csv", index=False)
    table.iloc[300:].to_csv(tmp_path / "second.csv", index=False)
    saved = tmp_path / "thresholds.json"
    fitted = judge(
        xlite,
        (tmp_path / "first.csv", labels),
        *("--fit", "youden", "--calibrate", "platt", "--save-thresholds", saved, "--json"),
    )
    assert fitted.exit_code == 0, fitted.output
    content = json.loads(saved.read_text())
    assert content["fitted_on"]["images"] == 300
    assert len(content["fitted_on"]["images_sha256"]) == 64

    applied = judge(xlite, (tmp_path / "second.csv", labels), "--thresholds", saved, "--json")
    assert applied.exit_code == 0, applied.output
    scores = json.loads(applied.stdout)
    assert scores["thresholds"]["method"] == "youden"
    assert scores["thresholds"]["calibration"] == "platt"
    for label, row in content["per_class"].items():
        assert scores["per_class"][label]["threshold"] == row["threshold"]

    for file, message in (("first", "these very images: 300 of 300"), ("", "images among these")):
        again = judge(
            xlite,
            (tmp_path / "first.csv" if file else predictions, labels),
            *("--thresholds", saved),
        )
        assert again.exit_code == 1
        assert message in again.stderr


def test_a_run_is_judged_on_validation_and_agrees_with_its_own_scores(
    project: Any, xlite: Any, run: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = xlite(
        *("evaluate", run, "--split", project.split, "--out", out, "--subgroups", "--no-figures"),
        *FAST,
    )
    assert result.exit_code == 0, result.output
    scores = json.loads((out / "scores.json").read_text())
    own = json.loads((run / "scores.json").read_text())["val"]
    assert scores["part"] == "val"
    assert scores["epoch_chosen_here"] is True
    assert "best epoch was chosen on these images" in " ".join(result.stderr.split())
    best, epochs = scores["best_epoch"], scores["choices"]["epochs"]
    assert best["measured"] == pytest.approx(scores["macro"]["auroc"])
    assert best["low"] < best["corrected"] <= best["measured"]
    assert (scores["choices"]["runs"], best["among"]) == (1, epochs)
    assert list(scores["per_class"]) == list(NIH_LABELS)
    # The CSV has nine digits of each prob.
    for name in ("auroc", "average_precision", "f1", "f1_at_half"):
        assert scores["macro"][name] == pytest.approx(own["macro"][name], abs=1e-6)
    assert {group["column"] for group in scores["subgroups"]} == {"view", "sex", "age"}
    assert not (run / "test_looks.json").exists()


def test_each_look_at_the_test_part_is_counted(
    project: Any, xlite: Any, run: Path, tmp_path: Path
) -> None:
    # A run outside of an experiments folder keeps count by itself.
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    command = ("evaluate", copy, "--split", project.split, "--part", "test", "--json", *FAST)
    for number in (1, 2):
        result = xlite(*command)
        assert result.exit_code == 0, result.output
        content = json.loads(result.stdout)
        assert content["thresholds"]["source"] == "fitted on the validation part"
        assert content["epoch_chosen_here"] is False
        assert len(content["test_looks"]) == number
    looks = json.loads((copy / "test_looks.json").read_text())["looks"]
    assert [set(look) for look in looks] == [{"time", "command", "test_set", "run"}] * 2
    shown = xlite(*command[:-3], *FAST, "--out", tmp_path / "out", "--no-figures")
    assert "this is look 3 at this test set" in shown.stderr
    saving = xlite(*command, "--save-thresholds", tmp_path / "t.json")
    assert saving.exit_code == 2
    assert len(json.loads((copy / "test_looks.json").read_text())["looks"]) == 3


def test_looks_are_counted_by_the_test_set_over_runs_and_files(
    project: Any, xlite: Any, run: Path, tmp_path: Path
) -> None:
    runs = [tmp_path / "experiments" / "runs" / name for name in ("one", "two")]
    for folder in runs:
        shutil.copytree(run, folder)
    options = ("--split", project.split, "--part", "test", "--json", *FAST)
    first = xlite("evaluate", runs[0], *options)
    assert len(json.loads(first.stdout)["test_looks"]) == 1, first.output
    # Another run on the same test set, and then its predictions as if they were anyone's.
    second = xlite("evaluate", runs[1], *options)
    looks = json.loads(second.stdout)["test_looks"]
    assert [look["run"] for look in looks] == ["one", "two"]
    file = ("--predictions", runs[1] / "predictions_test.csv")
    judged = ("evaluate", *file, *options)
    third = xlite(*judged)
    assert len(json.loads(third.stdout)["test_looks"]) == 3, third.output
    saved = xlite(
        *("evaluate", *file, "--labels", project.table, "--allow-partial", *FAST),
        *("--save-thresholds", tmp_path / "t.json", "--json"),
    )
    assert saved.exit_code == 2
    assert "would spend it" in saved.stderr
    whole = xlite("evaluate", *file, "--labels", project.table, "--allow-partial", "--json", *FAST)
    assert len(json.loads(whole.stdout)["test_looks"]) == 4, whole.output
    noted = json.loads((tmp_path / "experiments" / "test_looks.json").read_text())["looks"]
    assert len(noted) == 4
    assert len({look["test_set"] for look in noted}) == 1


def test_augmented_views_are_judged_beside_the_plain_ones(
    project: Any, xlite: Any, run: Path, tmp_path: Path
) -> None:
    result = xlite(
        *("evaluate", run, "--split", project.split, "--cache", project.cache, "--tta"),
        *("--out", tmp_path / "out", "--no-figures", *FAST),
    )
    assert result.exit_code == 0, result.output
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    change = scores["tta"]["change"]["auroc"]
    assert change["before"] == pytest.approx(scores["macro"]["auroc"])
    assert change["after"] == pytest.approx(scores["tta"]["macro"]["auroc"])
    assert change["after"] != change["before"]
    assert "mean over 7 views" in result.stdout


def test_thresholds_of_means_over_views_are_fitted_on_such_means(
    project: Any, xlite_ok: Any, run: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(run, tmp_path / "run")
    options = ("--split", project.split, "--cache", project.cache, "--no-figures", *FAST)
    xlite_ok("evaluate", folder, *options, "--part", "test", "--tta", "--out", tmp_path / "out")
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    split = read_split(project.split)
    data = load_study_data(split, project.cache)
    val = data.parts["val"]
    expected = fit_f1_thresholds(val.labels, predict_with_views(folder, "val", data))
    found = [scores["tta"]["per_class"][label]["threshold"] for label in data.vocabulary]
    plain = [scores["per_class"][label]["threshold"] for label in data.vocabulary]
    np.testing.assert_allclose(found, expected, atol=1e-9)
    assert found != plain


def test_a_run_of_another_split_is_refused(
    project: Any, xlite: Any, xlite_ok: Any, run: Path, tmp_path: Path
) -> None:
    xlite_ok("split", "--labels", project.table, "--out", tmp_path / "s", "--seed", 7)
    result = xlite("evaluate", run, "--split", tmp_path / "s")
    assert result.exit_code == 2
    assert "was trained on another split" in result.stderr


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (("--part", "train"), "--part train"),
        (("--part", "test"), "--part needs --split"),
        (("--fit", "best"), "'best'"),
        (("--resamples", "2000000000"), "--resamples 2,000,000,000: at most 20,000"),
        (("--other-patients",), "--other-patients says something of --thresholds"),
        (("--calibrate", "magic"), "'magic'"),
        (("--tta",), "--tta"),
        (("--tta", "--thresholds", "t.json"), "--thresholds were fitted on predictions of single"),
        (("--by", "Site"), "no column 'Site'"),
        (("--thresholds", "t.json", "--fit", "f1"), "--thresholds takes all from its file"),
        (("--thresholds", "absent.json"), "absent.json does not exist"),
    ],
)
def test_wrong_usage_is_explained(
    xlite: Any, foreign: tuple[Path, Path], more: tuple[object, ...], message: str
) -> None:
    result = judge(xlite, foreign, *more)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("arguments", [(), ("some_run", "--predictions", "p.csv")])
def test_either_a_run_or_predictions(xlite: Any, arguments: tuple[str, ...]) -> None:
    result = xlite("evaluate", *arguments)
    assert result.exit_code == 2
    assert "either a run's folder, or --predictions" in result.stderr


def test_a_folder_that_is_no_run_is_explained(project: Any, xlite: Any, tmp_path: Path) -> None:
    result = xlite("evaluate", tmp_path / "absent", "--split", project.split)
    assert result.exit_code == 2
    assert "Pass the folder of a run" in result.stderr


def test_evaluations_are_written_beside_their_run_and_overwrite_none(
    golden: Path, xlite: Any, xlite_ok: Any
) -> None:
    moved = golden / "elsewhere" / "tried"
    moved.parent.mkdir()
    (golden / "experiments").rename(moved)
    [run] = moved.glob("runs/*-bce-*")
    evaluate = ("evaluate", run, "--split", "splits", "--no-figures")
    xlite_ok(*evaluate)
    named = moved / "evaluation" / f"{run.name}-val"
    before = (named / "scores.json").read_bytes()
    assert not (golden / "experiments").exists()
    assert "holds the same evaluation" in xlite_ok(*evaluate).stderr
    assert (named / "scores.json").read_bytes() == before
    assert "answers another question" in xlite_ok(*evaluate, "--fit", "youden").stderr
    assert (named / "scores.json").read_bytes() == before
    [other] = moved.glob(f"evaluation/{run.name}-val-*")
    assert json.loads((other / "scores.json").read_text())["asked"]["fit"] == "youden"


def test_an_evaluation_replaces_no_run_and_nothing_else_without_a_word(
    golden: Path, xlite: Any, xlite_ok: Any
) -> None:
    [run] = golden.glob("experiments/runs/*-bce-*")
    before = {path: path.read_bytes() for path in run.iterdir()}
    evaluate = ("evaluate", run, "--split", "splits", "--no-figures")
    result = xlite(*evaluate, "--out", run, "--overwrite")
    assert result.exit_code == 2
    assert "is a run's folder, whose own scores.json would be lost" in result.stderr
    assert {path: path.read_bytes() for path in run.iterdir()} == before
    (golden / "mine").mkdir()
    (golden / "mine" / "scores.csv").write_text("my own\n")
    assert xlite(*evaluate, "--out", "mine", "--overwrite").exit_code == 2
    assert (golden / "mine" / "scores.csv").read_text() == "my own\n"
    xlite_ok(*evaluate, "--out", "out", "--by", "view")
    result = xlite(*evaluate, "--out", "out", "--level", 0.9)
    assert result.exit_code == 2
    assert "Pass another --out, or --overwrite" in result.stderr
    xlite_ok(*evaluate, "--out", "out", "--level", 0.9, "--overwrite")
    assert json.loads((golden / "out/scores.json").read_text())["level"] == 0.9
    assert not (golden / "out/subgroups.csv").exists()
