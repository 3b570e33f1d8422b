"""Ctrl-C before a command has begun, and what the working folder may not bring in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from xlite.signals import hold_back_interrupts

pytestmark = pytest.mark.skipif(os.name == "nt", reason="Windows sends Ctrl-C to whole consoles")

INTERRUPTING = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == os.environ["INTERRUPT_AT"] and "spawn_main" not in " ".join(sys.orig_argv):
            os.environ["INTERRUPT_AT"] = ""
            os.kill(os.getpid(), signal.SIGINT)

if os.environ.get("INTERRUPT_AT"):
    sys.meta_path.insert(0, Interrupting())
"""
HOSTILE = "import os\nos.write(2, b'imported from the working folder\\n')\nos._exit(99)\n"


def train(project: Any, out: Path, *more: object) -> list[str]:
    options = (
        *("train", "--models", "test_resnet", "--split", project.split, "--cache", project.cache),
        *("--out", out, "--no-pretrained", "--epochs", 1, "--batch-size", 16, *more),
    )
    return [str(option) for option in options]


def run(
    arguments: list[str], *, start: tuple[str, ...] = ("-m", "xlite"), **options: Any
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **options.pop("env", {})}
    return subprocess.run(
        [sys.executable, *start, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        **options,
    )


@pytest.mark.parametrize(
    "module",
    ["typer", "xlite.cli.train", "pydantic", "numpy", "pandas", "torch", "torch.nn", "cv2"],
)
def test_ctrl_c_during_an_import_is_one_line(project: Any, tmp_path: Path, module: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTING)
    environment = {"PYTHONPATH": str(tmp_path), "INTERRUPT_AT": module}
    done = run(train(project, tmp_path / "out"), env=environment)
    assert (done.returncode, done.stderr) == (130, "error: interrupted.\n")
    assert not (tmp_path / "out").exists()


def test_an_interrupt_that_a_parent_held_back_arrives_before_anything_is_done(
    tmp_path: Path,
) -> None:
    with hold_back_interrupts():
        process = subprocess.Popen(
            [sys.executable, "-m", "xlite", "demo", "--out", str(tmp_path / "demo")],
            stderr=subprocess.PIPE,
            text=True,
        )
        process.send_signal(signal.SIGINT)
    assert process.communicate()[1] == "error: interrupted.\n"
    assert process.returncode == 130
    assert not (tmp_path / "demo").exists()


def test_an_interrupt_stays_ignored_where_it_was() -> None:
    ignoring = "import os, signal; signal.signal(signal.SIGINT, signal.SIG_IGN);"
    code = (
        f"{ignoring} from xlite.signals import end_at_once_on_interrupt;"
        "end_at_once_on_interrupt(); os.kill(os.getpid(), signal.SIGINT)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture
def hostile_folder(tmp_path: Path) -> Path:
    """A folder with modules whose names the program imports, each of which ends the process."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    names = ("typer", "pickle", "torch", "numpy", "cv2", "signal", "contextlib", "multiprocessing")
    for name in names:
        (folder / f"{name}.py").write_text(HOSTILE)
    return folder


@pytest.mark.parametrize("more", [("--workers", 1), ("--jobs", 2, "--seeds", "0,1")])
def test_no_process_imports_from_the_working_folder(
    project: Any, hostile_folder: Path, tmp_path: Path, more: tuple[object, ...]
) -> None:
    # As the script that pip installs does, which has its own folder first in the path.
    script = tmp_path / "xlite"
    script.write_text("from xlite.__main__ import main\nif __name__ == '__main__':\n    main()\n")
    command = train(project, tmp_path / "out", *more)
    done = run(command, start=(str(script),), cwd=hostile_folder)
    assert done.returncode == 0, done.stderr
    assert "imported from the working folder" not in done.stderr


def test_the_commands_of_the_demo_do_not_either(hostile_folder: Path, tmp_path: Path) -> None:
    script = tmp_path / "xlite"
    script.write_text("from xlite.__main__ import main\nif __name__ == '__main__':\n    main()\n")
    process = subprocess.Popen(
        [sys.executable, str(script), "demo", "--num-images", "300", "--epochs", "3"],
        cwd=hostile_folder,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stderr=subprocess.PIPE,
        text=True,
    )
    # Its first training is far enough; and a demo that is told to end takes that along.
    progress = hostile_folder / "demo" / "experiments" / "training_progress.json"
    while process.poll() is None and '"running"' not in (
        progress.read_text(encoding="utf-8") if progress.exists() else ""
    ):
        time.sleep(0.1)
    process.terminate()
    stderr = process.communicate(timeout=120)[1]
    assert process.returncode == 143, stderr
    assert "imported from the working folder" not in stderr
    assert "stopped in `xlite train`" in stderr
    assert "Traceback" not in stderr
    assert "is saved" in stderr, "the training has ended in its own way"
    assert '"running"' not in progress.read_text(encoding="utf-8")


def test_pythonpath_counts_as_before(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text(HOSTILE)
    done = run(["--version"], env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 99
    assert "imported" in done.stderr
