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
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from kill_sitting import (
    STAGES,
    Plan,
    end_session,
    forget_momentum,
    fork,
    inject_kills,
    read_points,
)
from run_comparison import find_differences
from tqdm import tqdm

from xlite.models.pretrained import import_timm
from xlite.run_folder.file_names import (
    RUN_BEST,
    RUN_CONFIG,
    RUN_HISTORY,
    RUN_LAST,
    RUN_PREVIOUS,
    RUN_SCORES,
    predictions_name,
)
from xlite.run_folder.signs_of_life import LOCK_RECORD
from xlite.settings import LossSettings, Runtime, SamplerSettings, TrainSettings
from xlite.splitting.split import divide_by_patient
from xlite.splitting.split_folder import read_split
from xlite.splitting.split_writer import write_split
from xlite.synthetic.generate import generate_synthetic
from xlite.tables.label_table import read_manifest
from xlite.training import exact_resume
from xlite.training.data import StudyData, load_study_data
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

EARLY_FILES = (RUN_CONFIG, RUN_BEST, RUN_HISTORY, LOCK_RECORD)
LATE_FILES = (predictions_name("val"), predictions_name("test"), RUN_SCORES)

KILLS_A_RUN = 25
KILLS_AT_ONE_STEP = 3
"""After so many, a sitting is left alone until it has written a checkpoint."""
HANG_SECONDS = 300.0


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
    parts = divide_by_patient(manifest, ratios=(0.7, 0.15, 0.15), seed=0)
    write_split(parts, folder / "splits", {}, overwrite=False)
    split = read_split(folder / "splits")
    return load_study_data(split, folder, images_dir=table.parent / "images")


def find_position(run_dir: Path) -> tuple[int, int]:
    """Epoch and step at which the next sitting begins.

    A file that has its name is whole, wherever the kill fell: a damaged one raises InputError.
    """
    for name in (RUN_LAST, RUN_PREVIOUS):
        if (run_dir / name).exists():
            state = exact_resume.read_checkpoint(run_dir / name)["state"]
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
        assert len(self.usual.saved_at) > SETTINGS.epochs, "no stage of a checkpoint is told"

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
    # Training imports timm late, for seconds; here every sitting inherits it.
    import_timm()
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
