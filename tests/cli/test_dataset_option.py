"""Every command that reads a label table reads a source's by `--dataset`, or by its header."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from conftest import run_cli, run_ok
from PIL import Image

from xlite.tables.sources.chexpert import LABELS

NUM_PATIENTS = 60


@pytest.fixture
def chexpert(tmp_path: Path) -> Path:
    """A CheXpert-shaped tree: an image a patient, cells of every kind, and predictions of it."""
    rng = np.random.default_rng(0)
    cells = rng.choice(["1.0", "0.0", "-1.0", ""], size=(NUM_PATIENTS, len(LABELS)))
    root = tmp_path / "CheXpert-v1.0-small"
    lines = [",".join(["Path", "Sex", "Age", "Frontal/Lateral", "AP/PA", *LABELS])]
    predictions = [",".join(["image_id", *(f"prob_{name}" for name in LABELS)])]
    for number, row in enumerate(cells):
        path = f"train/patient{number:05d}/study1/view1_frontal.jpg"
        (root / path).parent.mkdir(parents=True)
        Image.fromarray(rng.integers(0, 255, (64, 64), dtype=np.uint8)).save(root / path)
        lines.append(",".join([f"CheXpert-v1.0-small/{path}", "Male,60,Frontal,AP", *row]))
        predictions.append(",".join([path, *map(str, rng.random(len(LABELS)).round(3))]))
    (root / "train.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "predictions.csv").write_text("\n".join(predictions) + "\n")
    return root


def in_two(table: Path) -> tuple[Path, Path]:
    """A table's rows in two files, neither of them beside the other."""
    header, *rows = table.read_text().splitlines()
    first, second = table.with_name("first.csv"), table.parent / "else" / "second.csv"
    second.parent.mkdir()
    first.write_text("\n".join([header, *rows[: NUM_PATIENTS // 2]]) + "\n")
    second.write_text("\n".join([header, *rows[NUM_PATIENTS // 2 :]]) + "\n")
    return first, second


def test_every_command_takes_a_source_in_several_files(
    chexpert: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    first, second = in_two(chexpert / "train.csv")
    named = ("--labels", first, "--labels", second, "--dataset", "chexpert")
    run_ok("split", *named, "--out", "split", "--json", "--stratify", "Frontal/Lateral")
    record = json.loads(Path("split/split.json").read_text())
    assert record["source"] == "first.csv, second.csv"
    assert (record["blank"], record["table_format"]["dataset"]) == ("absent", "chexpert")
    shown = run_ok("cache-clahe", *named, "--images", chexpert, "--out", "cache", "--json")
    assert json.loads(shown.stdout)["images"] == NUM_PATIENTS
    shown = run_ok(
        "evaluate", "--predictions", "predictions.csv", *named, "--json", "--resamples", 100
    )
    scores = json.loads(shown.stdout)["per_class"]
    assert len(scores) == len(LABELS)
    # A column of the source's, which is no column of any manifest.
    by = ("--by", "Frontal/Lateral", "--resamples", 100, "--json", "--overwrite")
    shown = run_ok("evaluate", "--predictions", "predictions.csv", *named, *by)
    assert json.loads(shown.stdout)["subgroups"][0]["group"] == "Frontal"
    shown = run_ok("power", *named, "--json")
    assert json.loads(shown.stdout)["images"] == NUM_PATIENTS
    # Exit 1 where it finds something: the table is what it is asked about.
    shown = run_cli("doctor", *named, "--json")
    assert shown.exit_code in (0, 1), shown.output
    shown = run_cli("verify-balance", *named, "--json", "--batches", 400)
    assert shown.exit_code in (0, 1), shown.output
    assert "CheXpert" in shown.stderr
    # Checked against the table that it was made from, and judged by its columns.
    checked = ("--split", "split", "--labels", first, "--labels", second)
    shown = run_cli("verify-balance", *checked, "--json", "--batches", 400)
    assert shown.exit_code in (0, 1), shown.output
    predictions = ("evaluate", "--predictions", "predictions.csv", "--allow-partial")
    run_ok(*predictions, *checked, *by)
    refused = run_cli("verify-balance", "--split", "split", "--labels", first)
    assert (refused.exit_code, "not in the label table" in refused.stderr) == (2, True)
    run_ok("split", "--labels", chexpert, "--dataset", "chexpert", "--out", "folder")
    refused = run_cli("split", "--labels", first, "--labels", "predictions.csv", "--out", "x")
    assert "predictions.csv is not CheXpert's" in refused.stderr
    refused = run_cli("split", "--labels", "predictions.csv", "--labels", "split/val.csv")
    assert (refused.exit_code, "are of no source that is known" in refused.stderr) == (2, True)


def test_tables_says_what_is_understood(chexpert: Path, tmp_path: Path) -> None:
    out = tmp_path / "plain.csv"
    shown = run_ok("tables", "--dataset", "chexpert", chexpert, "--out", out)
    assert "chexpert: 60 images, 60 patients" in shown.stdout
    assert "official parts: train 60" in shown.stdout
    assert "a blank is absent" in shown.stdout
    assert set(out.read_text().splitlines()[1].split(",")[6:]) <= {"1", "0", "-1"}
    refused = run_cli("tables", chexpert / "train.csv", "--out", chexpert / "train.csv")
    assert refused.exit_code == 2
    assert "is one of the files that are read" in refused.stderr
    refused = run_cli("tables", chexpert)
    assert (refused.exit_code, "Say whose tables lie in it" in refused.stderr) == (2, True)
    refused = run_cli("tables")
    assert "Usage" in refused.output


def test_official_parts_by_the_command(chexpert: Path, tmp_path: Path) -> None:
    refused = run_cli(
        "split", "--labels", chexpert, "--dataset", "chexpert", "--official", "--folds", 3
    )
    assert (refused.exit_code, "--official is of a single split" in refused.stderr) == (2, True)
    shown = run_ok(
        *("split", "--labels", chexpert, "--dataset", "chexpert", "--official", "--json"),
        *("--out", tmp_path / "split"),
    )
    assert json.loads(shown.stdout)["official_parts"] == ["train"]
