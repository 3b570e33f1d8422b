from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from xlite.errors import InputError
from xlite.run_folder.folder import RunFolder
from xlite.run_folder.listing import list_runs

RUNS = Path(__file__).parents[1] / "golden" / "run_0_1" / "experiments" / "runs"
BCE, FOCAL = "golden_net-bce-none-s0-fd0c0621", "golden_net-focal-none-s0-97e10347"

Change = Callable[[str], str]
DAMAGES: dict[str, tuple[str, Change, str]] = {
    "no settings": ("config.json", lambda text: text.replace('"settings"', '"x"'), "no 'settings'"),
    "no labels": ("config.json", lambda text: text.replace('"labels"', '"x"'), "no 'labels'"),
    "too few labels": (
        "config.json",
        lambda text: text.replace('"Atelectasis",', ""),
        "not as many as the labels",
    ),
    "a loss of another name": (
        "config.json",
        lambda text: text.replace('"name": "focal"', '"name": "lost"'),
        "'loss.name' that this version of xlite does not take",
    ),
    "a huge seed": (
        "config.json",
        lambda text: text.replace('"seed": 0', '"seed": ' + "9" * 5000),
        "config.json",
    ),
    "epochs in words": (
        "config.json",
        lambda text: text.replace('"epochs": 2', '"epochs": "many"'),
        "'epochs' that this version of xlite does not take",
    ),
    "no epoch": (
        "config.json",
        lambda text: text.replace('"epochs": 2', '"epochs": 0'),
        "'epochs' that this version of xlite does not take",
    ),
    "a newer schema": (
        "config.json",
        lambda text: text.replace("{", '{"schema_version": 9,', 1),
        "newer xlite",
    ),
    "no scores": ("scores.json", lambda text: text.replace('"val"', '"x"'), "no 'val'"),
    "no macro AUROC": (
        "scores.json",
        lambda text: text.replace('"auroc"', '"x"', 1),
        "it has no 'auroc'",
    ),
    "scores that are text": ("scores.json", lambda _: '{"epochs": "many"}', "scores.json has"),
    "scores that are NaN": (
        "scores.json",
        lambda text: text.replace('"seconds": 0', '"seconds": NaN, "x": 0'),
        "scores.json",
    ),
    "deep scores": ("scores.json", lambda _: "[" * 100_000, "is not valid JSON"),
    "a number of 5,000 digits": (
        "scores.json",
        lambda _: '{"epochs": ' + "9" * 5000 + "}",
        "scores.json",
    ),
    "a list": ("scores.json", lambda _: "[]", "holds no JSON object"),
    "empty": ("config.json", lambda _: "", "is not valid JSON"),
    "binary": ("history.csv", lambda _: "\0\x01\x02", "history.csv"),
    "words": ("history.csv", lambda text: text.replace("\n1,", "\n1,x", 1), "no number"),
    "a row cut short": ("history.csv", lambda text: text.rstrip()[:-400], "row 3 has"),
}


@pytest.fixture
def experiments(tmp_path: Path) -> Path:
    shutil.copytree(RUNS, tmp_path / "runs")
    return tmp_path


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_run_is_named_beside_the_whole_ones(experiments: Path, damage: str) -> None:
    name, change, fault = DAMAGES[damage]
    path = experiments / "runs" / FOCAL / name
    text = path.read_text()
    path.write_text(change(text))
    assert path.read_text() != text, "ensure that something is damaged"
    runs, faults = list_runs(experiments)
    assert [run.name for run in runs] == [BCE]
    assert len(faults) == 1
    assert faults[0].startswith(f"{FOCAL} is left out: {experiments}")
    assert fault in faults[0]


@pytest.mark.parametrize("name", ["config.json", "scores.json", "history.csv", "sittings.json"])
@pytest.mark.parametrize("kind", ["folder", "pipe", "link to nothing"])
def test_what_is_no_file_is_named(experiments: Path, name: str, kind: str) -> None:
    path = experiments / "runs" / FOCAL / name
    path.unlink(missing_ok=True)
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(experiments / "nowhere")
    runs, [fault] = list_runs(experiments)
    assert [run.name for run in runs] == [BCE]
    assert f"{path} is " in fault


def test_a_run_of_version_0_1_has_one_sitting_of_which_little_is_known(experiments: Path) -> None:
    run = RunFolder(experiments / "runs" / BCE)
    [sitting] = run.sittings
    assert (sitting.environment.xlite, sitting.environment.device) == ("0.1.0", None)
    assert sitting.runtime["num_workers"] == 0
    assert run.settings.epochs == sitting.epochs == 2


def test_an_unfinished_run_has_no_predictions_to_judge(experiments: Path) -> None:
    run = RunFolder(experiments / "runs" / BCE)
    (run.path / "scores.json").unlink()
    with pytest.raises(InputError, match="is not finished. Train it to its end with --resume"):
        run.find_predictions("val")
