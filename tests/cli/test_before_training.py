"""What `xlite train` tries instead of training: exit codes, messages, files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest


def arguments(project: Any, out: Path, *more: object) -> tuple[object, ...]:
    return (
        *("train", "--models", "test_resnet", "--loss", "bce", "--split", project.split),
        *("--cache", project.cache, "--out", out, "--device", "cpu", "--workers", 0),
        *("--no-pretrained", "--image-size", 32, "--lr", 3e-3, *more),
    )


def test_films_are_learnt_by_heart_and_nothing_is_written(
    project: Any, xlite_ok: Any, tmp_path: Path
) -> None:
    result = xlite_ok(*arguments(project, tmp_path / "out", "--overfit", 4, "--json"))
    (check,) = json.loads(result.stdout)["overfit"]
    assert len(check["image_ids"]) == 4
    assert check["auroc_by_id"] == 1.0
    assert check["findings"] == []
    assert not (tmp_path / "out").exists()


def test_a_model_that_does_not_learn_ends_with_1_and_says_why(
    project: Any, xlite: Any, tmp_path: Path
) -> None:
    result = xlite(*arguments(project, tmp_path / "out", "--overfit", 4, "--lr", 1e-30))
    assert result.exit_code == 1
    assert "FAILED" in result.stdout
    assert "no weight has moved in 20 steps" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_rate_is_suggested_with_its_curve(project: Any, xlite_ok: Any, tmp_path: Path) -> None:
    result = xlite_ok(*arguments(project, tmp_path, "--find-lr"))
    assert "test_resnet: loss by rate" in result.stdout
    assert (tmp_path / "before" / "lr_test_resnet.png").read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["before"]


def test_films_are_shown_as_training_sees_them(project: Any, xlite_ok: Any, tmp_path: Path) -> None:
    result = xlite_ok(*arguments(project, tmp_path, "--show-augmentation", "--json"))
    sheet = json.loads(result.stdout)["show_augmentation"]
    assert len(sheet["image_ids"]) == 8
    assert Path(sheet["path"]).read_bytes().startswith(b"\x89PNG")
    assert [path.name for path in tmp_path.iterdir()] == ["before"]


@pytest.mark.parametrize(
    ("more", "told"),
    [
        (("--overfit", 4, "--find-lr"), "--overfit and --find-lr are tried one at a time"),
        (("--find-lr", "--resume"), "--find-lr trains no runs, so --resume would change nothing"),
        (("--profile-loader", "--tune"), "so --tune would change nothing"),
        (("--show-augmentation", "--seeds", "1,2"), "so --seeds would change nothing"),
        (("--overfit", 4, "--subset-sizes", "0.5,1"), "so --subset-sizes would change nothing"),
        (("--overfit", 1), "greater than or equal to 2"),
        (("--find-lr", "--devices", 2), "takes one device"),
    ],
)
def test_what_does_not_fit_is_refused(
    project: Any, xlite: Any, tmp_path: Path, more: Any, told: str
) -> None:
    result = xlite(*arguments(project, tmp_path / "out", *more))
    assert result.exit_code == 2
    assert told in " ".join(result.output.split())
    assert not (tmp_path / "out").exists()
