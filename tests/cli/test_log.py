from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from xlite.settings import TrainSettings


@pytest.fixture
def experiments(make_run: Any, tmp_path: Path) -> Path:
    """Two finished runs, as far as the log looks at them."""
    folder = tmp_path / "experiments"
    for seed in (0, 1):
        make_run(folder / "runs" / f"run-{seed}", TrainSettings(model="test_resnet", seed=seed))
    return folder


def test_add_brings_the_log_up_to_date(xlite_ok: Any, experiments: Path) -> None:
    log = experiments / "EXPERIMENT_LOG.md"
    result = xlite_ok("log", "add", "--experiments", experiments)
    assert result.stderr == f"up to date: {log}\n"
    before = log.read_bytes()
    assert b"EXP-002" in before
    xlite_ok("log", "add", "--experiments", experiments)
    assert log.read_bytes() == before


@pytest.mark.parametrize(
    ("named", "key"),
    [
        ((), "EXP-002"),
        (("--run", "run-0"), "EXP-001"),
        (("--run", "experiments/runs/run-1/"), "EXP-002"),
        (("--id", "EXP-001"), "EXP-001"),
    ],
)
def test_what_is_said_goes_to_the_named_record(
    xlite_ok: Any, experiments: Path, named: tuple[str, ...], key: str
) -> None:
    said = ("--focus", "a first | look", "--objective", "see it run", "--decision", "go on")
    where = ("--experiments", experiments)
    content = json.loads(xlite_ok("log", "add", *said, *named, *where, "--json").stdout)
    log = experiments / "EXPERIMENT_LOG.md"
    assert content == {"log": str(log), "id": key}
    lines = log.read_text().splitlines()
    [row] = [line for line in lines if line.startswith(f"| {key} |")]
    assert row == rf"| {key} |  | a first \| look | finished | val AUROC 0.500 | go on |"
    assert lines.count("- Objective: see it run") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--run", "run-0", "--id", "EXP-001"), "--run and --id exclude each other"),
        (("--run", "run-9"), "'run-9' is no finished run. Finished are: run-0, run-1"),
        (("--ablation", "absent.json"), "absent.json does not exist"),
        (("--comparison", "absent.json"), "absent.json does not exist"),
    ],
)
def test_wrong_usage_is_explained(
    xlite: Any, experiments: Path, arguments: tuple[str, ...], message: str
) -> None:
    result = xlite("log", "add", "--experiments", experiments, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (experiments / "EXPERIMENT_LOG.md").exists()


def test_a_folder_that_is_not_there_is_not_made(xlite: Any, tmp_path: Path) -> None:
    result = xlite("log", "add", "--experiments", tmp_path / "absent")
    assert result.exit_code == 2
    assert "does not exist" in result.stderr
    assert not (tmp_path / "absent").exists()
