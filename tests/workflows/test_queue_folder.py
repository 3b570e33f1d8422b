"""The study that the runs of a command are: seen, worked on, damaged, called from elsewhere."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from xlite.errors import InputError, InterruptedRunError
from xlite.executors.study_status import read_study_status
from xlite.settings import LossSettings, Runtime, TrainSettings
from xlite.studies.folder import StudyFolder
from xlite.studies.outcome import Outcome
from xlite.workflows import training_queue
from xlite.workflows.study import work_on_study
from xlite.workflows.train import train

SETTINGS = TrainSettings(
    model="test_resnet",
    initial_weights="none",
    loss=LossSettings(name="bce"),
    batch_size=32,
    epochs=1,
)


def train_seeds(project: Any, out: Path, *seeds: int, **options: Any) -> list[Outcome]:
    return train(
        SETTINGS,
        seeds=seeds,
        split=os.path.relpath(project.split),
        cache=project.cache,
        out=out,
        runtime=Runtime(device="cpu", num_workers=0),
        **options,
    )


def find_queue(out: Path) -> Path:
    (queue,) = (out / "queues").iterdir()
    return queue


def stop_at_the_second(project: Any, out: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The queue of two seeds, of which one has ended."""
    begin = training_queue.train_item

    def stop(item: Any, *rest: Any, **options: Any) -> Any:
        if item.settings.seed == 1:
            raise InterruptedRunError("stopped", signal_number=15)
        return begin(item, *rest, **options)

    with monkeypatch.context() as patched:
        patched.setattr(training_queue, "train_item", stop)
        with pytest.raises(InterruptedRunError):
            train_seeds(project, out, 0, 1)
    return find_queue(out)


def test_what_a_command_has_left_any_agent_goes_on_with(
    project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "kept"
    queue = stop_at_the_second(project, out, monkeypatch)
    status = read_study_status(queue)
    assert [(item.id, item.status) for item in status.items] == [
        ("train:test_resnet-s0:s0", "finished"),
        ("train:test_resnet-s1:s1", "ready"),
    ]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    ended = work_on_study(queue, device="cpu", num_workers=0)
    assert (ended.state, ended.counts) == ("ended", {"finished": 2})
    progress = json.loads((out / "training_progress.json").read_text())["models"]
    assert {name: one["status"] for name, one in progress.items()} == {
        "test_resnet:s0": "finished",
        "test_resnet:s1": "finished",
    }
    num_entries = len(list((queue / "ledger").glob("*.json")))
    # From another folder, by other paths: they are the same runs, and nothing is left of them.
    outcomes = train_seeds(project, out, 0, 1, resume=True)
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert len(list((out / "runs").iterdir())) == 2
    assert len(list((queue / "ledger").glob("*.json"))) == num_entries


def test_the_plan_is_the_same_from_whichever_folder_a_command_is_given(
    project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "kept"
    queue = stop_at_the_second(project, out, monkeypatch)
    plan = (queue / "plan.toml").read_text()
    (tmp_path / "deep" / "er").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "deep" / "er")
    train_seeds(project, Path("../../kept"), 0, 1, resume=True)
    assert find_queue(out) == queue
    assert (queue / "plan.toml").read_text() == plan
    ledger = StudyFolder(queue).ledger
    ledger.refresh()
    assert "change" not in {entry.kind for entry in ledger.entries}


def test_runs_are_trained_where_there_are_no_hard_links(
    project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr("xlite.studies.ledger.os.link", refuse)
    outcomes = train_seeds(project, tmp_path / "kept", 0)
    assert outcomes[0].error is None
    assert read_study_status(find_queue(tmp_path / "kept")).state == "ended"


def test_a_damaged_entry_is_named_and_nothing_of_the_folder_is_needed(
    project: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "kept"
    queue = stop_at_the_second(project, out, monkeypatch)
    entry = queue / "ledger" / "000002.json"
    entry.write_bytes(entry.read_bytes()[:20])
    with pytest.raises(InputError, match=r"000002\.json.*Delete it to have it made anew"):
        train_seeds(project, out, 0, 1, resume=True)
    for path in sorted(queue.rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    outcomes = train_seeds(project, out, 0, 1, resume=True)
    assert [outcome.error for outcome in outcomes] == [None, None]
    assert len(list((out / "runs").iterdir())) == 2
