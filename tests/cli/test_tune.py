from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xlite.training import tune
from xlite.training.tune import Probe, Way


def arguments(project: Any, out: Path, *more: object) -> tuple[object, ...]:
    return (
        *("train", "--models", "test_resnet", "--loss", "bce", "--split", project.split),
        *("--cache", project.cache, "--out", out, "--epochs", 1, "--device", "cpu"),
        *("--workers", 0, "--no-pretrained", "--tune", *more),
    )


def test_a_run_uses_what_was_measured_and_is_found_again(
    project: Any, xlite_ok: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fastest = Way("bf16", "contiguous")
    measured: list[Probe] = []

    def measure(probe: Probe, ways: list[Way]) -> dict[Way, float]:
        measured.append(probe)
        return {way: 2.0 if way == fastest else 1.0 for way in ways}

    monkeypatch.setattr(tune, "measure_speeds", measure)
    first = xlite_ok(*arguments(project, tmp_path, "--accumulate", 2))
    assert "bf16 contiguous is used" in first.stderr
    assert (measured[0].image_size, measured[0].num_images) == (64, 16)
    config = json.loads(next(tmp_path.glob("runs/*/config.json")).read_text())
    assert config["settings"]["precision"] == "bf16"
    record = json.loads(next(tmp_path.glob("runs/*/sittings.json")).read_text())
    assert record["sittings"][0]["runtime"]["contiguous_models"] == ["test_resnet"]
    # On another day another way may win: what is on file holds, so that the run is found.
    fastest = Way("fp32", "channels_last")
    again = xlite_ok(*arguments(project, tmp_path, "--accumulate", 2, "--resume"))
    assert "finished already" in again.stderr
    assert len(measured) == 1


def test_a_precision_that_was_chosen_stays(
    project: Any, xlite_ok: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(_: Probe, ways: list[Way]) -> dict[Way, float]:
        assert {way.precision for way in ways} == {"fp32"}
        return dict.fromkeys(ways, 1.0)

    monkeypatch.setattr(tune, "measure_speeds", measure)
    xlite_ok(*arguments(project, tmp_path, "--precision", "fp32"))
    config = json.loads(next(tmp_path.glob("runs/*/config.json")).read_text())
    assert config["settings"]["precision"] == "fp32"
    record = json.loads(next(tmp_path.glob("runs/*/sittings.json")).read_text())
    assert record["sittings"][0]["runtime"]["contiguous_models"] == []


def test_several_devices_are_refused(project: Any, xlite: Any, tmp_path: Path) -> None:
    result = xlite(*arguments(project, tmp_path, "--devices", 2))
    assert result.exit_code == 2
    assert "--tune measures one device" in result.stderr
