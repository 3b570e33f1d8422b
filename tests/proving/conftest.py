"""A project of drawn predictions, judged as those of trained runs are, and its bundle."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

import xlite
from benchmarks.prove import write_study

KEY = b"a key that is kept at home"


@pytest.fixture(scope="package")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with two methods of two seeds: a study, compared, ablated, evaluated."""
    folder = tmp_path_factory.mktemp("drawn")
    before = Path.cwd()
    os.chdir(folder)
    try:
        counts = {"train": 300, "val": 120, "test": 90}
        write_study(counts, losses=("bce", "focal"), seeds=(0, 1), resamples=100)
        key = folder / "key"
        key.write_bytes(KEY)
        key.chmod(0o600)
        xlite.bundle("drawn", out="b.zip", hash_ids=key)
    finally:
        os.chdir(before)
    return folder


@pytest.fixture
def drawn_copy(drawn: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the project, which is the working folder."""
    folder = tmp_path / "project"
    shutil.copytree(drawn, folder)
    monkeypatch.chdir(folder)
    return folder
