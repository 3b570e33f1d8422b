"""A search that trains for real: rungs, a chain of phases, and a winner that no search has run."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from xlite.studies.folder import StudyFolder
from xlite.studies.recorded_plan import read_state
from xlite.workflows.study import run_study_plan

PLAN = """
name = "toy-search"
seeds = [0]
[settings]
model = "test_resnet"
pretrained = false
image-size = 32
epochs = 2
batch-size = 16
[data]
split = "data/splits"
cache = "data/cache"
[running]
device = "cpu"
workers = 0
[[phase]]
id = "coarse"
method = "tpe"
runs = 4
rungs = {first = 1, factor = 2}
keep = {best = 2, setting = "dropout"}
[phase.space]
dropout = {values = [0.0, 0.3]}
lr = {log_uniform = [1e-4, 1e-2]}
[[phase]]
id = "fine"
method = "grid"
keep = {best = 1}
[phase.space]
label-smoothing = {values = [0.0, 0.1]}
[[phase]]
id = "confirm"
method = "confirm"
seeds = [100]
[finally]
settings = "winner.toml"
report = true
"""


@pytest.mark.slow
def test_a_search_in_phases_is_trained_paused_promoted_and_confirmed(
    project,  # type: ignore[no-untyped-def]
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shutil.copytree(project.split, tmp_path / "data" / "splits")
    shutil.copytree(project.cache, tmp_path / "data" / "cache")
    (tmp_path / "plan.toml").write_text(PLAN)
    monkeypatch.chdir(tmp_path)
    run_study_plan("plan.toml")
    state = read_state(StudyFolder(tmp_path / "experiments" / "studies" / "toy-search"))
    assert "end" in state.decisions
    assert not [name for name, item in state.items.items() if item.status == "failed"]
    paused = {name for name, item in state.items.items() if item.status == "paused"}
    promoted = {name.split(":")[1] for name in state.decisions if name.startswith("promote:")}
    assert paused == {f"train:coarse/{n}:s0:e1" for n in range(1, 5)}
    assert len(promoted) == 2
    # What was promoted went on where it was: one run of two epochs, and not two runs.
    for subject in promoted:
        first, last = (state.end_of(f"train:{subject}:s0:e{epochs}") for epochs in (1, 2))
        assert first is not None
        assert last is not None
        assert (first.run, first.epochs, last.epochs) == (last.run, 1, 2)
    kept = state.decisions["keep:coarse"].choice
    best = state.decisions[f"suggest:coarse/{kept['trials'][0]}"].choice
    fine = [
        state.decisions[f"suggest:fine/{n}"].choice for n in range(1, 1 + 2 * len(kept["trials"]))
    ]
    assert best["lr"] in {one["lr"] for one in fine}
    assert {one["label-smoothing"] for one in fine} == {0.0, 0.1}
    confirmed = state.end_of("train:confirm/1:s100")
    assert confirmed is not None
    config = tmp_path / "experiments" / str(confirmed.run) / "config.json"
    settings = json.loads(config.read_text())["settings"]
    chosen = state.decisions["suggest:confirm/1"].choice
    assert (settings["seed"], settings["lr"], settings["loss"]["label_smoothing"]) == (
        100,
        chosen["lr"],
        chosen["label-smoothing"],
    )
    assert state.decisions["winner"].choice == {"id": "confirm/1"}
    assert (tmp_path / "winner.toml").is_file()
