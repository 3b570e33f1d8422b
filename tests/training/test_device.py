"""What a machine has on it beside devices does not change how a run begins."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from xlite.settings import Runtime
from xlite.training.device import build_fabric


def test_a_machine_with_slurm_on_it_is_not_told_to_use_srun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    srun = tmp_path / "srun"
    srun.write_text("#!/bin/sh\n")
    srun.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fabric = build_fabric(Runtime(device="cpu"), "fp32")
    assert fabric.world_size == 1
