"""Run folders that were half copied, edited by hand or written by a newer version."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from xlite.run_folder import list_runs, read_run

TRAIN = (
    *("train", "--models", "golden_net", "--epochs", 2, "--batch-size", 16, "--lr", 3e-3),
    *("--seed", 0, "--no-pretrained", "--device", "cpu", "--workers", 0, "--resume"),
    *("--split", "splits", "--cache", "cache"),
)

Damage = Callable[[Path], object]


def without(*names: str) -> Damage:
    return lambda run: [(run / name).unlink() for name in names]


def swap(name: str, old: str, new: str) -> Damage:
    def damage(run: Path) -> None:
        text = (run / name).read_text()
        assert old in text, "ensure that something is damaged"
        (run / name).write_text(text.replace(old, new))

    return damage


NEWER = ('"schema_version": 2', '"schema_version": 9')

REFUSED: dict[str, tuple[str, Damage, str]] = {
    "weights missing": ("bce", without("best.safetensors"), r"best\.safetensors does not exist"),
    "predictions missing": (
        "bce",
        without("predictions_val.csv"),
        r"predictions_val\.csv does not exist",
    ),
    "test predictions missing": (
        "bce",
        without("predictions_test.csv"),
        r"predictions_test\.csv does not exist",
    ),
    "nothing but the scores": (
        "bce",
        without("config.json", "last.pt", "best.safetensors", "history.csv", "sittings.json"),
        r"config\.json does not exist",
    ),
    "a newer config": (
        "focal",
        swap("config.json", *NEWER),
        r"config\.json was written by a newer",
    ),
    "newer sittings": (
        "focal",
        swap("sittings.json", *NEWER),
        r"sittings\.json was written by a newer",
    ),
    "newer scores": ("bce", swap("scores.json", *NEWER), r"scores\.json was written by a newer"),
    "another rate": (
        "focal",
        swap("config.json", '"lr": 0.003', '"lr": 0.004'),
        "begun with other settings or data: lr was 0.004, is 0.003",
    ),
    "a rate in words": (
        "focal",
        swap("config.json", '"lr": 0.003', '"lr": "fast"'),
        "trained with a 'lr' that this version of xlite does not take",
    ),
    "a setting that nobody knows": (
        "focal",
        swap("config.json", '"lr": 0.003', '"lr": 0.003, "luck": 7'),
        "the setting 'luck', which this version of xlite does not know",
    ),
    "labels in another order": (
        "focal",
        swap("config.json", '"Mass",\n    "Nodule"', '"Nodule",\n    "Mass"'),
        r"config\.json of .* was edited: its 'labels'",
    ),
    "another size of cached images": (
        "focal",
        swap("config.json", '"size": 32', '"size": 64'),
        r"config\.json of .* was edited: its 'preprocessing\.clahe'",
    ),
}


def contents(folder: Path) -> dict[Path, bytes]:
    return {
        path: path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.suffix != ".lock"
    }


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_before_anything_is_written(
    golden_schema_2: Path, xlite: Any, name: str
) -> None:
    loss, damage, fault = REFUSED[name]
    [run] = (golden_schema_2 / "experiments/runs").glob(f"*-{loss}-*")
    damage(run)
    before = contents(golden_schema_2 / "experiments")
    result = xlite(*TRAIN, "--loss", loss, "--out", "experiments")
    assert result.exit_code == 2, result.output
    [error] = [line for line in result.stderr.splitlines() if line.startswith("error: ")]
    assert re.search(fault, error)
    assert contents(golden_schema_2 / "experiments") == before


def test_a_run_without_its_checkpoint_says_that_it_starts_anew(
    golden_schema_2: Path, xlite_ok: Any
) -> None:
    [run] = (golden_schema_2 / "experiments/runs").glob("*-focal-*")
    (run / "last.pt").unlink()
    said = xlite_ok(*TRAIN, "--loss", "focal", "--out", "experiments").stderr
    assert "has no checkpoint any more: it is trained from its start" in said
    assert len(read_run(run).history) == 2


def test_a_config_that_was_edited_after_the_run_is_refused_wherever_it_is_read(
    golden_schema_2: Path, xlite: Any, xlite_ok: Any
) -> None:
    xlite_ok(*TRAIN, "--loss", "bce", "--out", "new")
    [run] = golden_schema_2.glob("new/runs/*")
    assert list_runs(golden_schema_2 / "new")[1] == []
    swap("config.json", '"image_size": 32', '"image_size": 64')(run)
    fault = r"config\.json is not what the run wrote: its SHA-256 is not that in scores\.json"
    evaluate = ("evaluate", run, "--split", "splits", "--no-figures")
    for command in (evaluate, (*TRAIN, "--loss", "bce", "--out", "new")):
        before = contents(golden_schema_2 / "new")
        result = xlite(*command)
        assert result.exit_code == 2
        assert re.search(fault, result.stderr)
        assert contents(golden_schema_2 / "new") == before
    [sentence] = list_runs(golden_schema_2 / "new")[1]
    assert re.search(fault, sentence)
