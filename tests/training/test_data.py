from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xlite.errors import InputError
from xlite.splitting.split_folder import Split, read_split
from xlite.training.data import load_study_data


def test_images_that_could_not_be_read_are_left_out_and_named(
    xlite: Any, project: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    split = read_split(project.split)
    broken = str(split.parts["train"].image_ids[3])
    shutil.copytree(project.images, tmp_path / "images")
    (tmp_path / "images" / broken).write_bytes(b"no image")
    built = xlite(
        *("cache-clahe", "--labels", project.table, "--images", tmp_path / "images"),
        *("--size", 64, "--grid", 4, "--workers", 1, "--out", tmp_path / "cache"),
    )
    assert built.exit_code == 1
    data = load_study_data(split, tmp_path / "cache")
    assert len(data.parts["train"]) == len(split.parts["train"]) - 1
    assert broken not in data.parts["train"].image_ids
    assert data.parts["val"].image_ids.tolist() == split.parts["val"].image_ids.tolist()
    assert broken in capsys.readouterr().err


def test_runtime_clahe_is_warned_about(project: Any, capsys: pytest.CaptureFixture[str]) -> None:
    data = load_study_data(read_split(project.split), Path("absent"), images_dir=project.images)
    assert not data.is_cached
    assert "slower" in capsys.readouterr().err


def test_the_fingerprint_follows_split_and_pixels(project: Any) -> None:
    data = load_study_data(read_split(project.split), project.cache)
    other_pixels = dataclasses.replace(data, source_fingerprint="other")
    other_split = dataclasses.replace(data, split_sha256={**data.split_sha256, "val": "other"})
    assert len({data.fingerprint, other_pixels.fingerprint, other_split.fingerprint}) == 3


@pytest.mark.parametrize("part", ["train", "val"])
def test_a_part_without_any_label_to_judge_is_refused(project: Any, part: str) -> None:
    split = read_split(project.split)
    healthy = split.parts[part].select(np.flatnonzero(split.parts[part].labels.sum(axis=1) == 0))
    poor = Split(parts={**split.parts, part: healthy}, sha256=split.sha256)
    with pytest.raises(InputError, match=f"no label has both.*{part}"):
        load_study_data(poor, project.cache)


def test_an_empty_part_is_refused(project: Any) -> None:
    split = read_split(project.split)
    nothing = split.parts["test"].select(np.array([], dtype=np.int64))
    with pytest.raises(InputError, match="test part of the split is empty"):
        load_study_data(Split({**split.parts, "test": nothing}, split.sha256), project.cache)
