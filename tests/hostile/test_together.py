"""Two writers at once, and writers that are killed."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hostile.cases import check_files, list_files
from hostile.command_lines import CACHE, JUDGE_CSV, JUDGED, MADE, TRAIN, TRAINED
from hostile.commands import Commands
from hostile.sound_project import copy_project

TOGETHER = {
    "split of one seed": (["split --out made", "split --out made"], MADE),
    "split of two seeds": (["split --out made --seed 1", "split --out made --seed 2"], MADE),
    "cache": ([f"{CACHE} --out made"] * 2, MADE),
    "caches that differ": ([f"{CACHE} --out made", f"{CACHE} --clip 3 --out made"], MADE),
    "cache shards": ([f"{CACHE} --out made --shard 1/2", f"{CACHE} --out made --shard 2/2"], MADE),
    "one run": ([TRAIN, TRAIN], TRAINED),
    "two runs": ([f"{TRAIN} --seed 1", f"{TRAIN} --seed 2"], TRAINED),
    "evaluate": ([JUDGE_CSV] * 2, (*JUDGED, *TRAINED)),
    "log": (["log add --focus a", "log add --objective b"], TRAINED),
    "status beside train": ([TRAIN, "status", "status"], TRAINED),
    "balance": (
        ["verify-balance --split data/splits --sampler none --batches 2 --batch-size 16 --out made"]
        * 2,
        MADE,
    ),
    "looks at the test part": (
        ["evaluate {run} --part test --resamples 100 --no-figures --out judged"] * 2,
        (*JUDGED, *TRAINED),
    ),
}


@pytest.mark.parametrize("name", TOGETHER)
def test_two_at_once(name: str, commands: Commands, sound: Path, tmp_path: Path) -> None:
    lines, writes = TOGETHER[name]
    project = copy_project(sound, tmp_path)
    run = min(path.name for path in (project / "experiments/runs").iterdir())
    before = list_files(tmp_path)
    endings = commands.run_together([line.replace("{run}", run).split() for line in lines], project)
    for ending in endings:
        said = ending.err + ending.out
        assert ending.exit_code in (0, 1, 2), said
        assert "Traceback" not in said
        assert "internal error" not in said
        assert not ending.left_processes
    assert any(ending.exit_code == 0 for ending in endings) or name == "balance"
    check_files(before, list_files(tmp_path), writes=writes)
    for path in project.rglob("*.json"):
        json.loads(path.read_text())
    assert not list(project.rglob("*.tmp"))


def test_two_looks_are_both_counted(commands: Commands, sound: Path, tmp_path: Path) -> None:
    project = copy_project(sound, tmp_path)
    run = min((project / "experiments/runs").iterdir())
    line = f"evaluate {run.name} --part test --resamples 100 --no-figures --json"
    endings = commands.run_together([line.split()] * 3, project)
    assert [ending.exit_code for ending in endings] == [0, 0, 0]
    counts = [len(json.loads(ending.out)["test_looks"]) for ending in endings]
    assert sorted(counts) == [2, 3, 4]


def test_two_records_of_the_log_have_two_numbers(
    commands: Commands, sound: Path, tmp_path: Path
) -> None:
    project = copy_project(sound, tmp_path)
    lines = [f"{TRAIN} --seed {seed}".split() for seed in (1, 2)]
    endings = commands.run_together(lines, project)
    assert [ending.exit_code for ending in endings] == [0, 0], [e.err for e in endings]
    log = (project / "EXPERIMENT_LOG.md").read_text()
    records = re.findall(r"<!-- run:(EXP-\d+) (\S+) -->", log)
    assert len(records) == len({key for key, _ in records}) == len({run for _, run in records}) == 4
