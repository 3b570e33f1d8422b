from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from xlite.studies.progress import ProgressFile


def enter(out: Path, name: str, **fields: Any) -> None:
    (out / "runs" / name).mkdir(parents=True, exist_ok=True)
    entry = {"run": f"runs/{name}", "model": name, "epochs": 10, **fields}
    ProgressFile(out / "training_progress.json").update({name: entry})


@pytest.fixture
def out(tmp_path: Path) -> Path:
    done = {"epochs_done": 10, "seconds": 6000.0, "best_val_auroc": 0.8125}
    enter(tmp_path, "first", status="finished", **done)
    enter(tmp_path, "second", status="running", epochs_done=4, seconds=2400.0)
    enter(tmp_path, "third", status="pending")
    return tmp_path


def test_the_queue_is_a_table(xlite_ok: Any, out: Path) -> None:
    result = xlite_ok("status", "--out", out)
    [first, second, third] = [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in result.stdout.splitlines()
        if line.startswith("│")
    ]
    assert first == ["first", "finished", "10/10", "0.812", "1 h 40 min", ""]
    # Nobody holds the lock of the second run: its process is gone.
    assert second == ["second", "stopped", "4/10", "–", "40 min 00 s", "1 h 00 min"]
    assert third == ["third", "pending", "0/10", "–", "0 s", "1 h 40 min"]
    assert "1 finished, 1 stopped, 1 pending; left in total: 2 h 40 min" in result.stdout


def test_errors_and_notes_get_a_column(xlite_ok: Any, out: Path) -> None:
    enter(out, "fourth", status="failed", error="no space left")
    enter(out, "fifth", status="finished", note="out of memory: 2 parts")
    shown = xlite_ok("status", "--out", out).stdout
    assert "remark" in shown
    assert "no space left" in shown
    assert "out of memory: 2 parts" in shown


def test_json_holds_the_same(xlite_ok: Any, out: Path) -> None:
    content = json.loads(xlite_ok("status", "--out", out, "--json").stdout)
    assert content["seconds_left"] == 9600
    assert [run["name"] for run in content["runs"]] == ["first", "second", "third"]
    second = content["runs"][1]
    assert (second["status"], second["epochs_done"], second["seconds_left"]) == ("stopped", 4, 3600)


@pytest.mark.parametrize(
    ("more", "message"),
    [((), "nothing was trained there. Pass --out DIR"), (("--watch", "--json"), "exclude")],
)
def test_wrong_usage_is_explained(
    xlite: Any, tmp_path: Path, more: tuple[str, ...], message: str
) -> None:
    result = xlite("status", "--out", tmp_path / "absent", *more)
    assert result.exit_code == 2
    assert message in result.stderr


def test_the_command_loads_no_torch(out: Path) -> None:
    code = (
        "import sys\nfrom xlite.cli.app import app\n"
        f"app(['status', '--out', {str(out)!r}], standalone_mode=False)\n"
        "sys.exit('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert b"third" in done.stdout


def watch(out: Path) -> subprocess.Popen[str]:
    """`xlite status --watch` once it has drawn its first table."""
    words = ("status", "--out", str(out), "--watch", "--interval", "0.1")
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "xlite", *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A background job of a shell without job control inherits Ctrl-C as ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdout is not None
    drawn = ""
    while "left in total" not in drawn:
        line = process.stdout.readline()
        assert line, drawn
        drawn += line
    return process


def test_watch_ends_with_the_last_run(out: Path) -> None:
    process = watch(out)
    enter(out, "third", status="finished", epochs_done=10, seconds=10.0)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 0, stderr
    assert "2 finished, 1 stopped" in stdout


def test_ctrl_c_ends_watching_in_peace(out: Path) -> None:
    process = watch(out)
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGINT)
    # Off a terminal a table is drawn again only when something has changed.
    assert process.communicate(timeout=60) == ("", "")
    assert process.returncode == 0
