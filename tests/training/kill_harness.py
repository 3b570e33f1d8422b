"""Kills training runs with SIGKILL until they are finished; compares them with an undisturbed one.

    python tests/training/kill_harness.py --kills 200 --workers 0 --out DIR

One process imports everything once and forks a child for each sitting of a run. The child is
killed from outside at a random instant, or kills itself at a chosen point: at a stage of
checkpoint writing, half-way through a checkpoint's bytes, before or after a file takes its name.
The next sitting makes the same call. `--seed` decides what is aimed at; the machine's speed which
instants are hit, and never whether enough kills happen or what the comparison may find.
"""

from __future__ import annotations

import os

if __name__ == "__main__":  # before numpy: a fork copies no threads, but what they hold locked
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import argparse
import json
import select
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from tqdm import tqdm

from xlite.artifacts import (
    RUN_BEST,
    RUN_CONFIG,
    RUN_HISTORY,
    RUN_LAST,
    RUN_PREVIOUS,
    RUN_SCORES,
    predictions_name,
)
from xlite.config import LossSettings, Runtime, SamplerSettings, TrainSettings
from xlite.dataset.label_table import read_manifest
from xlite.dataset.split import read_split, split_by_patient, write_split
from xlite.dataset.synthetic import generate_synthetic
from xlite.dataset.transforms import Augmentation
from xlite.models.pretrained import import_timm
from xlite.training import resume
from xlite.training.data import StudyData, load_study_data
from xlite.training.history import MACHINE_COLUMNS
from xlite.training.lock import LOCK_RECORD
from xlite.training.run import train_run

SAMPLE = Path(__file__).parents[2].parent / "shared" / "nih-sample"
NUM_IMAGES = 72

# Everything that carries a state from one step to the next is switched on.
SETTINGS = TrainSettings(
    model="test_resnet+mhsa",
    initial_weights="none",
    image_size=64,
    loss=LossSettings(name="pos-weight", pos_weight="sqrt"),
    sampler=SamplerSettings(name="inverse-mean"),
    epochs=3,
    batch_size=8,
    accumulate=2,
    lr=1e-3,
    warmup_epochs=0.5,
    plateau_patience=0,
    ema_decay=0.9,
    dropout=0.2,
    augment="medium",
)

STAGES = ("open", "torn", "written", "verified", "kept", "renamed")
"""Where a kill falls inside checkpoint writing; "torn" is half-way through its bytes."""
EARLY_FILES = (RUN_CONFIG, RUN_BEST, RUN_HISTORY, LOCK_RECORD)
LATE_FILES = (predictions_name("val"), predictions_name("test"), RUN_SCORES)

KILLS_A_RUN = 25
KILLS_AT_ONE_STEP = 3
"""After so many, a sitting is left alone until it has written a checkpoint."""
HANG_SECONDS = 300.0


@dataclass(frozen=True)
class Plan:
    """How a sitting is to end: SIGKILL once it has written `num_saved` checkpoints, and then …"""

    num_saved: int
    point: str | None
    """… reaches this point, or with None, from outside …"""
    fraction: float
    """… after this share of the time that a checkpoint usually takes to come; of a torn
    checkpoint, the share of its bytes that are written."""


@dataclass
class Sitting:
    """What happened between one start of the run and its end or kill."""

    position: tuple[int, int]
    """Epoch and step, from 0, at which it began."""
    saved_at: list[float] = field(default_factory=list)
    """Seconds from its start to each checkpoint that it wrote."""
    ended: str = "elsewhere"
    """Where it was killed: a stage, "before FILE", "after FILE"; or "finished"."""


def prepare_data(folder: Path) -> StudyData:
    """Radiographs that are decoded and equalised at loading: real ones where they are at hand."""
    table = SAMPLE / "Data_Entry_2017.csv"
    if not table.exists():
        table = generate_synthetic(
            folder / "raw", num_images=NUM_IMAGES, seed=1, image_size=256, min_positives=6
        )
    manifest = read_manifest(table).select(np.arange(NUM_IMAGES))
    parts = split_by_patient(manifest, ratios=(0.7, 0.15, 0.15), seed=0)
    write_split(parts, folder / "splits", {}, overwrite=False)
    split = read_split(folder / "splits")
    return load_study_data(split, folder, images_dir=table.parent / "images")


def inject_kills(plan: Plan | None, tell: int) -> None:
    """Make this process tell each stage that it reaches, and die where it is planned to."""
    num_saved = 0
    torch_save, path_replace = torch.save, Path.replace

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

    def save(content: Any, path: Path) -> None:
        torch_save(content, path)
        if plan is not None and is_due("torn"):
            os.truncate(path, int(plan.fraction * path.stat().st_size))
            reach("torn")

    def replace(path: Path, target: Path) -> Path:
        reach(f"before {target.name}")
        replaced = path_replace(path, target)
        reach(f"after {target.name}")
        return replaced

    torch.save, Path.replace = save, replace  # type: ignore[assignment,method-assign]
    resume.checkpoint_stage = reach


def forget_momentum() -> None:
    """Make this process resume without AdamW's moments."""
    read_checkpoint = resume.read_checkpoint

    def read(path: Path) -> dict[str, Any]:
        content = read_checkpoint(path)
        content["optimizer"]["state"] = {}
        return content

    resume.read_checkpoint = read


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


def find_position(run_dir: Path) -> tuple[int, int]:
    """Epoch and step at which the next sitting begins.

    A file that has its name is whole, wherever the kill fell: a damaged one raises InputError.
    """
    for name in (RUN_LAST, RUN_PREVIOUS):
        if (run_dir / name).exists():
            state = resume.read_checkpoint(run_dir / name)["state"]
            return state["epoch"], state["step"]
    return 0, 0


class Harness:
    """An undisturbed run, and others that are killed."""

    def __init__(self, folder: Path, *, num_workers: int, seed: int, forgets: bool) -> None:
        self.folder, self.forgets = folder, forgets
        self.rng = np.random.default_rng(seed)
        # Without any minutes between them, a checkpoint is written after each step.
        self.runtime = Runtime(device="cpu", num_workers=num_workers, checkpoint_minutes=0)
        self.data = prepare_data(folder)
        self.killed: list[Sitting] = []
        self.usual = Sitting((0, 0))
        self.usual = self.sit_down(folder / "whole", None)
        assert len(self.usual.saved_at) > SETTINGS.epochs, "checkpoint_stage tells nothing"

    def sit_down(self, run_dir: Path, plan: Plan | None) -> Sitting:
        """One sitting of a run, to the run's end or as planned."""
        sitting = Sitting(find_position(run_dir))
        log = self.folder / "sittings.log"

        def train(tell: int) -> None:
            inject_kills(plan, tell)
            if self.forgets:
                forget_momentum()
            train_run(SETTINGS, self.data, run_dir, runtime=self.runtime, resume=True)

        started = time.monotonic()
        points = ["", ""]
        pid, hear = fork(train, log)
        try:
            for point in read_points(hear, lambda saved: self._patience(plan, saved)):
                points.append(point)
                if point == "renamed":
                    sitting.saved_at.append(time.monotonic() - started)
        finally:
            status = end_session(pid)
            os.close(hear)
        if os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0:
            sitting.ended = "finished"
        elif points[-2] == "died":
            sitting.ended = points[-1]
        elif os.WIFEXITED(status) or self._patience(plan, len(sitting.saved_at)) == HANG_SECONDS:
            raise RuntimeError(f"a sitting failed or hung:\n{log.read_text()[-4000:]}")
        elif points[-1] in STAGES and points[-1] != "renamed":
            sitting.ended = points[-1]
        return sitting

    def kill_until_finished(self, run_dir: Path, num_kills: int) -> None:
        """Train a run to its end through up to `num_kills` kills, spread over its length."""
        num_done, num_saved, num_stuck = 0, 0, 0
        while True:
            plan = None
            if num_done < num_kills:
                due = len(self.usual.saved_at) * (num_done + 1) / num_kills - num_saved
                is_stuck = num_stuck >= KILLS_AT_ONE_STEP
                plan = self._aim(num_done, num_kills - num_done, due, must_save=is_stuck)
            sitting = self.sit_down(run_dir, plan)
            if sitting.ended == "finished":
                return
            num_done += 1
            num_saved += len(sitting.saved_at)
            num_stuck = 0 if find_position(run_dir) != sitting.position else num_stuck + 1
            self.killed.append(sitting)
            sys.stderr.write(
                f"kill {len(self.killed)} at {sitting.ended}, {len(sitting.saved_at)} checkpoints "
                f"after epoch {sitting.position[0] + 1} step {sitting.position[1]}\n"
            )

    def _aim(self, number: int, num_left: int, due: float, *, must_save: bool) -> Plan:
        """A plan for kill `number`, with `num_left` to come and `due` checkpoints behind plan."""
        num_ahead = int(self.rng.integers(must_save, max(must_save, round(due)) + 1))
        fraction = float(self.rng.random())
        if num_left <= len(LATE_FILES):
            return Plan(0, f"before {LATE_FILES[-num_left]}", fraction)
        kind = ("stage", "time", "stage", "time", "file")[number % 5]
        if kind == "stage":
            return Plan(num_ahead, str(self.rng.choice(STAGES)), fraction)
        if kind == "time" or must_save:
            return Plan(num_ahead, None, 1.2 * fraction)
        side = self.rng.choice(["before", "after"])
        return Plan(0, f"{side} {self.rng.choice(EARLY_FILES)}", fraction)

    def _patience(self, plan: Plan | None, num_saved: int) -> float:
        """Seconds from the last of `num_saved` checkpoints, or the start, to a sitting's kill."""
        if plan is None or num_saved < plan.num_saved:
            return HANG_SECONDS
        if plan.point is not None:
            # Some files are not written again; those of the end are, but late.
            is_given_up = num_saved > plan.num_saved + 3 and not plan.point.endswith(LATE_FILES)
            return 0.0 if is_given_up else HANG_SECONDS
        start, *later = self.usual.saved_at
        usual = start if num_saved == 0 else (later[-1] - start) / len(later)
        return plan.fraction * usual


def find_differences(left: Path, right: Path) -> list[str]:
    """What two finished runs differ in: names of files, and of values inside them."""
    found = {path.name for path in left.iterdir()} ^ {path.name for path in right.iterdir()}
    for name in (RUN_BEST, *map(predictions_name, ("val", "test"))):
        if (left / name).read_bytes() != (right / name).read_bytes():
            found.add(name)
    for name in (RUN_HISTORY, RUN_LAST, RUN_SCORES, RUN_CONFIG):
        pair = [dict(list_values(read_artifact(run_dir / name))) for run_dir in (left, right)]
        keys = pair[0].keys() | pair[1].keys()
        found |= {f"{name}{key}" for key in keys if pair[0].get(key) != pair[1].get(key)}
    return sorted(found)


def read_artifact(path: Path) -> Any:
    """The content of a checkpoint, a JSON file, or the history as a list of lines' cells."""
    match path.suffix:
        case ".pt":
            return resume.read_checkpoint(path)
        case ".json":
            return json.loads(path.read_text())
    header, *rows = (line.split(",") for line in path.read_text().splitlines())
    return [dict(zip(header, row, strict=True)) for row in rows]


def list_values(value: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """The numbers, texts and tensors inside a nested value, each with its place.

    Left out are a run's name and what tells of the machine's speed and memory.
    """
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in {*MACHINE_COLUMNS, "run_id"}:
                yield from list_values(item, f"{place} {key}")
    elif isinstance(value, list | tuple):
        yield f"{place} length", len(value)
        for number, item in enumerate(value):
            yield from list_values(item, f"{place} {number}")
    elif isinstance(value, torch.Tensor):
        yield place, (value.dtype, value.shape, value.numpy().tobytes())
    else:
        yield place, repr(value)  # NaN equals NaN, 0.0 is not -0.0


def main() -> None:
    """Write a report to standard output; exit with 1 when a killed run differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=25)
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    parser.add_argument(
        "--forget-momentum",
        action="store_true",
        help="the control: resume without AdamW's moments, which has to be found",
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    tqdm.monitor_interval = 0  # no thread that looks after bars
    # Loader processes would import this module first, and with it all that training needs:
    # with two of them a sitting took twice as long.
    del globals()["__file__"]
    # Training imports timm and albumentations late, for 2 s; here every sitting inherits them.
    import_timm()
    Augmentation(SETTINGS.augment, seed=0)(np.zeros((64, 64), np.uint8), epoch=0, position=0)
    started = time.monotonic()
    harness = Harness(
        options.out.resolve(),
        num_workers=options.workers,
        seed=options.seed,
        forgets=options.forget_momentum,
    )
    report = report_kills(harness, options.kills)
    report["seconds"] = round(time.monotonic() - started, 1)
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    sys.exit(1 if report["differences"] else 0)


def report_kills(harness: Harness, num_kills: int) -> dict[str, Any]:
    """Kill runs until there were `num_kills` kills.

    A third of them has to fall into the writing of a checkpoint, and a quarter into a sitting
    that began within an epoch.
    """
    killed = harness.killed
    differences: list[str] = []
    runs: list[Path] = []

    def count_inside() -> int:
        return sum(sitting.ended in STAGES for sitting in killed)

    def count_mid_epoch() -> int:
        return sum(sitting.position[1] > 0 for sitting in killed)

    # A machine that stalls may let a run finish before its time; another one follows then.
    while (
        len(killed) < num_kills
        or count_inside() < num_kills // 3
        or count_mid_epoch() < num_kills // 4
    ):
        runs.append(harness.folder / f"killed-{len(runs) + 1}")
        num_missing = max(num_kills - len(killed), len(LATE_FILES) + 1)
        harness.kill_until_finished(runs[-1], min(num_missing, KILLS_A_RUN))
        found = find_differences(harness.folder / "whole", runs[-1])
        differences += [f"{runs[-1].name}: {difference}" for difference in found]
    return {
        "folder": str(harness.folder),
        "runs": len(runs),
        "kills": len(killed),
        "kills_inside_checkpoints": count_inside(),
        "kills_by_place": dict(Counter(sitting.ended for sitting in killed).most_common()),
        "sittings_from_mid_epoch": count_mid_epoch(),
        "differences": differences,
    }


if __name__ == "__main__":
    main()
