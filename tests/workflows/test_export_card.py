"""The card of an exported run says what its files say: scores, groups, thresholds, looks."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from xlite.run_folder import read_run
from xlite.workflows.evaluate import evaluate
from xlite.workflows.export_card import make_export_card


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory, project: Any, xlite_ok: Any) -> Path:
    """A run that was evaluated on both parts, of validation once without groups, too."""
    out: Path = tmp_path_factory.mktemp("judged")
    xlite_ok(
        *("train", "--model", "test_resnet", "--epochs", 1, "--image-size", 32, "--workers", 0),
        *("--batch-size", 16, "--device", "cpu", "--no-pretrained", "--out", out / "experiments"),
        *("--split", project.split, "--cache", project.cache),
    )
    [run] = (out / "experiments/runs").iterdir()
    for part, groups in (("val", False), ("val", True), ("test", True)):
        evaluate(run, split=project.split, part=part, subgroups=groups, figures=False, write=True)
    return run


def test_scores_groups_thresholds_looks_and_choices_are_those_of_the_files(judged: Path) -> None:
    run = read_run(judged)
    card = make_export_card(run, contents=[("model.onnx", "the model")], checks=["Checked: <1e-4."])
    [val] = [
        one
        for path in (judged.parent.parent / "evaluation").glob("*-val*/scores.json")
        if (one := json.loads(path.read_text()))["subgroups"]
    ]
    macro, label = val["macro"], next(iter(val["per_class"]))
    row = val["per_class"][label]
    group = val["subgroups"][0]
    own = json.loads(run.find_thresholds().read_text())["per_class"][label]
    for said in (
        f"| AUROC | {macro['auroc']:.3f} | {macro['auroc_low']:.3f} to {macro['auroc_high']:.3f} |",
        f"| {row['positives']} | {row['auroc']:.3f} | {row['auroc_low']:.3f} to ",
        f"| {group['column']}: {group['group']}",
        f"| {label} | {own['threshold']:.3f} | {own['slope']:.3f} | {own['intercept']:+.3f} |",
        "### The test part",
        "corrected for being the best of 1 epochs" if val["best_epoch"] else "chose the run's best",
        "| label | table alone | 95 % interval |",
        "By f1, the run's own.",
        "Looks at the test part, by whichever run: 1, ",
        "Choices made on this validation set: 1 (the best epoch of 1 run (of 1 epoch)); looks at",
        "0 patients stand on two sides",
        "None: what it is worth on the films of another hospital is not known.",
        "- `model.onnx`: the model",
        "Checked: &lt;1e-4.",
    ):
        assert said in card, said
    front = yaml.safe_load(card.split("---\n")[1])
    values = {one["metrics"][0]["name"]: one["metrics"][0]["value"] for one in _results(front)}
    assert values["val.auroc"] == round(macro["auroc"], 6)
    assert {"test.auroc", "test.f1"} <= set(values)
    # It goes to others, whom this machine's folders are none of.
    assert "cd " not in card
    assert "xlite train --models test_resnet" in card
    assert make_export_card(run, old=card) == make_export_card(run)


def test_an_evaluation_of_something_else_is_left_out(judged: Path, tmp_path: Path) -> None:
    experiments = tmp_path / "experiments"
    shutil.copytree(judged.parent.parent, experiments)
    for path in (experiments / "evaluation").glob("*/scores.json"):
        content = json.loads(path.read_text())
        content["asked"]["cases"] = "0" * 64
        path.write_text(json.dumps(content))
    (experiments / "evaluation/odd").mkdir()
    (experiments / "evaluation/odd/scores.json").write_text("[]")
    card = make_export_card(read_run(experiments / "runs" / judged.name))
    assert "without intervals" in card
    assert "### The val part" not in card


def _results(front: dict[str, Any]) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = front["model-index"][0]["results"]
    return results
