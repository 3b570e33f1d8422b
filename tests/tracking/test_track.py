"""Runs and studies in trackers: everything, once, whoever died, and nothing of ours changed."""

from __future__ import annotations

import hashlib
import math
import os
import random
import shutil
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tracking.conftest import FINISHED, STOPPED, copy_judged
from tracking.readers import Entry, Reader

import xlite
from xlite.run_folder import read_run
from xlite.run_folder.lock import hold_lock
from xlite.settings import TrainSettings
from xlite.tracking.run_replay import replay_run
from xlite.tracking.tracked import Tracked

RUNS = Path("experiments/runs")


def track(tracker: Reader, *items: Path | str, **options: Any) -> Any:
    return xlite.track(items, to=tracker.name, out=tracker.out, **options)


def sums(folder: Path) -> dict[str, str]:
    """The SHA-256 of each file by its path; locks are empty."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != ".lock"
    }


def replay(run: Path) -> Tracked:
    return replay_run(read_run(run), is_at_work=False)


def assert_whole(entry: Entry, tracked: Tracked) -> None:
    """Every value of every epoch is there, once, and no other."""
    found = entry.by_step
    wanted = {
        (name, step.number): value for step in tracked.steps for name, value in step.values.items()
    }
    epochs = {key: value for key, value in found.items() if not key[0].startswith("best/")}
    assert epochs.keys() == wanted.keys()
    assert all(math.isclose(epochs[key], wanted[key], rel_tol=1e-6) for key in wanted)
    best = {name: value for (name, _), value in found.items() if name.startswith("best/")}
    assert best == pytest.approx(dict(tracked.best.values) if tracked.best else {}, rel=1e-6)


def test_a_project_is_replayed_once(tracker: Reader, study: Path) -> None:
    copy_judged(Path("experiments"))
    figure = Path("experiments/evaluation") / FINISHED / "roc.png"
    figure.parent.mkdir(parents=True)
    shutil.copyfile(Path(xlite.__file__).parents[1] / "docs/images/balance.png", figure)
    before = sums(RUNS)
    first = track(tracker)
    entries = tracker.entries()
    assert {entry.name for entry in first.entries} == entries.keys()
    kinds = [entry.kind for entry in first.entries]
    assert sorted(kinds) == ["ablation", "comparison", "run", "run", "study"]
    for name in (FINISHED, STOPPED):
        tracked = replay(RUNS / name)
        assert_whole(entries[name], tracked)
        assert float(entries[name].settings["lr"]) == tracked.settings["lr"]
        assert entries[name].settings["loss.name"] == tracked.settings["loss.name"]
    assert "xlite train --models golden_net" in entries[FINISHED].text
    if tracker.name != "trackio":
        assert entries[FINISHED].figures == {"roc"}
    told = "\n".join(entry.text for entry in entries.values())
    assert "Verdict on" in told
    assert "E1 (finished)" in told
    assert "it is the only one" in told

    again = track(tracker)
    assert [entry.new_steps for entry in again.entries] == [0] * 5
    assert tracker.entries() == entries
    assert sums(RUNS) == before


Made = Callable[..., Path]


@pytest.fixture
def made(make_run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Writes a run of so many epochs, whose values are functions of the epoch."""
    monkeypatch.chdir(tmp_path)

    def write(epochs: int, *, is_finished: bool = False) -> Path:
        folder = RUNS / "made-0123456789ab"
        shutil.rmtree(folder, ignore_errors=True)
        return make_run(
            folder,
            TrainSettings(model="made"),
            history=write_history(epochs),
            is_finished=is_finished,
            scores={"epochs": epochs},
        )

    return write


COLUMNS = [
    *("epoch", "lr", "train_loss", "train_loss_margin", "val_auroc"),
    *("val_auroc_Mass", "val_auroc_Edema", "seconds"),
]


def write_history(epochs: int, *, shift: float = 0.0) -> str:
    rows = [
        [epoch, 1e-3, 1 / epoch + shift, 0.5, epoch / 10, epoch / 11, "", 2.0]
        for epoch in range(1, epochs + 1)
    ]
    return "\n".join(",".join(map(str, row)) for row in [COLUMNS, *rows]) + "\n"


def test_a_run_that_goes_on_is_gone_on_with(tracker: Reader, made: Made) -> None:
    run = made(2)
    assert [entry.new_steps for entry in track(tracker, run).entries] == [2]
    made(5)
    (entry,) = track(tracker, run.name).entries
    # An offline run of Weights & Biases is written anew as a whole.
    assert entry.new_steps == (5 if tracker.name == "wandb" else 3)
    found = tracker.entries()[run.name]
    assert_whole(found, replay(run))
    names = {name for name, _ in found.by_step}
    assert {"val/auroc/Mass", "train/loss/margin", "machine/seconds"} <= names
    # It is undefined in every epoch.
    assert "val/auroc/Edema" not in names


def test_another_training_of_that_name_is_refused(tracker: Reader, made: Made) -> None:
    run = made(3)
    track(tracker, run)
    (run / "history.csv").write_text(write_history(3, shift=0.25))
    if tracker.name == "wandb":  # its folder is ours, and written anew
        track(tracker, run)
        assert_whole(tracker.entries()[run.name], replay(run))
        return
    before = tracker.entries()
    with pytest.raises(xlite.InputError, match="another training of that name was tracked there"):
        track(tracker, run)
    assert tracker.entries() == before


NUM_KILLS = 6


def test_kills_leave_each_step_once(tracker: Reader, made: Made) -> None:
    """Killed at instants that are spread over what an undisturbed tracking takes."""
    run = made(40, is_finished=True)
    before = sums(run)
    seconds = time.monotonic()
    assert not kill_after(tracker, run, None)
    seconds = time.monotonic() - seconds
    tracker.begin()
    draw = random.Random(0)
    num_killed = 0
    for kill in range(NUM_KILLS):
        num_killed += kill_after(tracker, run, seconds * (kill + draw.random()) / NUM_KILLS)
    assert num_killed
    track(tracker, run)
    assert_whole(tracker.entries()[run.name], replay(run))
    assert [one.new_steps for one in track(tracker, run).entries] == [0]
    assert sums(run) == before


def kill_after(tracker: Reader, run: Path, seconds: float | None) -> bool:
    """Track in a process that is killed after so many seconds; whether that came before its end."""
    if tracker.name == "wandb":
        import wandb

        wandb.teardown()  # a child would share the process that writes for this one
    child = os.fork()
    if child == 0:
        code = 1
        try:
            track(tracker, run)
            code = 0
        finally:
            os._exit(code)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def test_follow_ends_with_the_run(tracker: Reader, made: Made) -> None:
    """It reads while the run is trained, and all of it before it ends."""
    run = made(1)
    has_begun = threading.Event()

    def go_on() -> None:
        with hold_lock(run):
            has_begun.set()
            for epochs in range(2, 5):
                time.sleep(0.3)
                temporary = run / "new.csv"
                temporary.write_text(write_history(epochs))
                temporary.replace(run / "history.csv")
            time.sleep(0.3)

    training = threading.Thread(target=go_on)
    training.start()
    has_begun.wait()
    (entry,) = track(tracker, run, follow=True, interval=0.1).entries
    assert not training.is_alive() or training.join() is None
    assert (entry.steps, entry.new_steps, entry.state) == (4, 4, "stopped")
    assert_whole(tracker.entries()[run.name], replay(run))
