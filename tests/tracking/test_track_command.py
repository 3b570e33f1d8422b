"""`xlite track`: what is refused, and how following ends."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from filelock import FileLock

from xlite.run_folder.lock import hold_lock
from xlite.settings import TrainSettings
from xlite.tracking.tracker import TRACKERS
from xlite.workflows.tracked_entries import find_entries

HISTORY = "epoch,train_loss,val_auroc\n1,0.7,0.5\n2,0.6,0.6\n"


@pytest.fixture
def run(make_run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    folder: Path = make_run(
        Path("experiments/runs/made"),
        TrainSettings(model="made"),
        history=HISTORY,
        is_finished=False,
    )
    return folder


@pytest.mark.parametrize("name", TRACKERS)
def test_a_missing_extra_is_named(
    xlite: Any, run: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    for module in [one for one in sys.modules if one.partition(".")[0] == name]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delitem(sys.modules, f"xlite.tracking.{name}_tracker", raising=False)
    monkeypatch.setitem(sys.modules, name, None)
    result = xlite("track", "--to", name)
    assert result.exit_code == 2
    assert f'pip install "xlite[{name}]"' in result.stderr
    assert not Path("experiments/tracking").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--to", "tensorbord"], "Did you mean tensorboard?"),
        (["mad", "--to", "tensorboard"], "is no run, no study .* Did you mean made?"),
        (["--to", "tensorboard", "--experiments", "none"], "none holds no run and no study"),
        (["--to", "tensorboard", "--project", "p"], "TensorBoard has no projects"),
        (["--to", "tensorboard", "--out", "made.txt"], "made.txt is not a folder"),
        (["--to", "mlflow", "--out", "nowhere://x"], "MLflow can't be used at nowhere://x"),
    ],
)
def test_what_is_wrong_is_said(xlite: Any, run: Path, words: list[str], message: str) -> None:
    Path("made.txt").write_text("mine")
    result = xlite("track", *words)
    assert result.exit_code == 2
    assert re.search(message, " ".join(result.stderr.split()))
    assert Path("made.txt").read_text() == "mine"


def test_one_process_at_a_time_writes(xlite: Any, run: Path) -> None:
    out = Path("logs")
    out.mkdir()
    with FileLock(out / ".xlite.lock"):
        result = xlite("track", "--to", "tensorboard", "--out", out)
    assert result.exit_code == 1
    assert "another process tracks to logs" in result.stderr
    assert (
        json.loads(xlite("track", "--to", "tensorboard", "--out", out, "--json").stdout)["entries"][
            0
        ]["new_steps"]
        == 2
    )


def test_a_damaged_run_among_others_is_said_and_left_out(
    xlite_ok: Any, xlite: Any, make_run: Any, run: Path
) -> None:
    other = make_run(run.with_name("other"), TrainSettings(model="made"), history="epoch\nx\n")
    result = xlite_ok("track", "--to", "tensorboard")
    assert "other is left out" in result.stderr
    assert "1 in experiments/tracking/tensorboard; new epochs: 2" in result.stderr
    named = xlite("track", other, "--to", "tensorboard")
    assert named.exit_code == 2
    assert "history.csv" in named.stderr


def test_ctrl_c_ends_following_and_what_was_read_is_there(run: Path) -> None:
    words = [sys.executable, "-m", "xlite", "track", "--to", "tensorboard", "--follow"]
    with (
        hold_lock(run),
        subprocess.Popen([*words, "--interval", "0.1"], stderr=subprocess.PIPE, text=True) as child,
    ):
        assert child.stderr is not None
        assert "made: epoch 2" in child.stderr.readline()
        child.send_signal(signal.SIGINT)
        said = child.communicate(timeout=60)[1]
    assert child.returncode == 0
    assert "1 in experiments/tracking/tensorboard; new epochs: 2" in said
    assert "Traceback" not in said


def test_new_runs_are_found_while_following(make_run: Any, run: Path) -> None:
    entries = find_entries([], Path("experiments"))
    assert [one.name for one in entries.read()] == ["made"]
    make_run(run.with_name("other"), TrainSettings(model="made"), history=HISTORY)
    assert [one.name for one in entries.read()] == ["made", "other"]
    # What has ended is told once.
    assert [one.name for one in entries.read()] == ["made"]


def test_online_weights_and_biases_gets_what_comes_after_its_last_step(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import wandb

    from xlite.workflows.track import track

    sent: list[tuple[int, dict[str, float]]] = []
    begun: list[dict[str, Any]] = []

    def init(**options: Any) -> Any:
        begun.append(options)
        return SimpleNamespace(
            starting_step=2,
            project_url="https://example.org/p",
            settings=SimpleNamespace(mode="online"),
            log=lambda values, step: sent.append((step, values)),
            config=SimpleNamespace(update=lambda *_, **__: None),
            summary={},
            finish=lambda: None,
        )

    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setattr(wandb, "init", init)
    done = track(to="wandb", project="p")
    assert [step for step, _ in sent] == [2]
    assert (begun[0]["resume"], begun[0]["mode"], begun[0]["project"]) == ("allow", "online", "p")
    assert done.show == "https://example.org/p"
    assert done.entries[0].new_steps == 1
