"""A finished study, trained for real once, and a copy of it for each test."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from xlite.proving.checklists.subject import Subject, read_subject
from xlite.workflows.study import run_study_plan

PLAN = """\
name = "loss"
question = "Does focal loss find more than BCE?"
seeds = [0, 1]
baseline = "bce"
[settings]
model = "test_resnet"
pretrained = false
epochs = 2
image_size = 32
batch_size = 32
[data]
split = "splits"
cache = "cache"
[running]
device = "cpu"
workers = 0
[[experiment]]
id = "bce"
[[experiment]]
id = "focal"
set = {loss = "focal"}
[finally]
compare = true
test = true
"""


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, project: Any) -> Path:
    """A project whose study of two losses and two seeds has ended."""
    folder = tmp_path_factory.mktemp("finished")
    shutil.copytree(project.split, folder / "splits")
    shutil.copytree(project.cache, folder / "cache")
    (folder / "loss.toml").write_text(PLAN)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        run_study_plan(Path("loss.toml"))
    return folder


@pytest.fixture
def study(finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Subject:
    """The study in a copy of the project, which is the working folder."""
    shutil.copytree(finished, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return read_subject("loss")
