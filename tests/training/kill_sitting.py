"""One sitting of a training run, in a child process that is killed where it was planned.

Used by kill_harness.py.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import torch

from xlite.run_folder.file_names import RUN_LAST, RUN_PREVIOUS
from xlite.training import exact_resume

STAGES = ("open", "torn", "written", "verified", "kept", "renamed")
"""Where a kill falls inside checkpoint writing: before and after its bytes, when they were read
back, when the checkpoint before and when it has its name; "torn" is half-way through its bytes."""


@dataclass(frozen=True)
class Plan:
    """How a sitting is to end: SIGKILL once it has written `num_saved` checkpoints, and then …"""

    num_saved: int
    point: str | None
    """… reaches this point, or with None, from outside …"""
    fraction: float
    """… after this share of the time that a checkpoint usually takes to come; of a torn
    checkpoint, the share of its bytes that are written."""


def inject_kills(plan: Plan | None, tell: int) -> None:
    """Make this process tell each stage that it reaches, and die where it is planned to."""
    num_saved = 0

    def is_due(point: str) -> bool:
        return plan is not None and plan.point == point and num_saved >= plan.num_saved

    def reach(point: str) -> None:
        nonlocal num_saved
        if is_due(point):
            os.write(tell, f"died\n{point}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)
        if point in STAGES:
            os.write(tell, f"{point}\n".encode())
        num_saved += point == "renamed"

    def tear(file: BinaryIO) -> None:
        if plan is not None and is_due("torn"):
            file.truncate(int(plan.fraction * file.tell()))
            reach("torn")

    for owner, name, replacement in watch_writing(reach, tear):
        setattr(owner, name, replacement)


def watch_writing(
    reach: Callable[[str], None], tear: Callable[[BinaryIO], None] = lambda _: None
) -> list[tuple[Any, str, Any]]:
    """What to put in place of which attribute, so that `reach` is told of stages and of files.

    `tear` is given the file that a checkpoint has been written to, still open.
    """
    torch_save, path_replace = torch.save, Path.replace
    read_checkpoint = exact_resume.read_checkpoint

    def save(content: Any, file: BinaryIO) -> None:
        reach("open")
        torch_save(content, file)
        tear(file)
        file.flush()
        reach("written")

    def read(path: Path) -> dict[str, Any]:
        content = read_checkpoint(path)
        if path.name not in (RUN_LAST, RUN_PREVIOUS):
            reach("verified")
        return content

    def replace(path: Path, target: Path) -> Path:
        reach(f"before {target.name}")
        replaced = path_replace(path, target)
        reach(f"after {target.name}")
        if target.name in (RUN_LAST, RUN_PREVIOUS):
            reach("renamed" if target.name == RUN_LAST else "kept")
        return replaced

    return [
        (torch, "save", save),
        (Path, "replace", replace),
        (exact_resume, "read_checkpoint", read),
    ]


def forget_momentum() -> None:
    """Make this process resume without AdamW's moments."""
    read_checkpoint = exact_resume.read_checkpoint

    def read(path: Path) -> dict[str, Any]:
        content = read_checkpoint(path)
        content["optimizer"]["state"] = {}
        return content

    exact_resume.read_checkpoint = read


def fork(child: Callable[[int], None], log: Path) -> tuple[int, int]:
    """Pid of a process that does `child` in a session of its own, and the pipe that it tells."""
    assert threading.active_count() == 1, "ensure that nothing is locked for ever in the child"
    hear, tell = os.pipe()
    pid = os.fork()
    if pid:
        os.close(tell)
        return pid, hear
    status = 1
    try:
        os.setsid()
        os.close(hear)
        with log.open("ab") as file:
            os.dup2(file.fileno(), sys.stdout.fileno())
            os.dup2(file.fileno(), sys.stderr.fileno())
        child(tell)
        status = 0
    finally:
        # Whatever happened, the child must not go on in its parent's code.
        if status:
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(status)


def read_points(hear: int, patience: Callable[[int], float]) -> Iterator[str]:
    """What a sitting tells, until it ends or its time is up.

    patience: the seconds that it is given after its last checkpoint, or its start, by the number
    of checkpoints that it has written.
    """
    rest, num_saved, since = b"", 0, time.monotonic()
    while True:
        seconds = since + patience(num_saved) - time.monotonic()
        if not select.select([hear], [], [], max(0.0, seconds))[0]:
            return
        data = os.read(hear, 65536)
        if not data:
            return
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            if line == b"renamed":
                num_saved, since = num_saved + 1, time.monotonic()
            yield line.decode()


def end_session(pid: int) -> int:
    """Kill a sitting and all processes that it has started; returns its wait status."""
    os.kill(pid, signal.SIGKILL)
    with suppress(ProcessLookupError):  # it may not have come to have a session of its own
        os.killpg(pid, signal.SIGKILL)
    status = os.waitpid(pid, 0)[1]
    deadline = time.monotonic() + 30
    with suppress(ProcessLookupError):
        while True:
            os.killpg(pid, 0)
            assert time.monotonic() < deadline, f"processes of session {pid} survive"
            time.sleep(0.005)
    return status
