"""Kills agents of a study with SIGKILL until it has ended; compares it with an undisturbed one.

    PYTHONPATH=tests python tests/executors/kill_agents.py --kills 50 --out DIR

One process imports everything once and forks a child for each agent. A child is killed from outside
at a random instant, or kills itself right before or after it writes an entry of the ledger. The
study has experiments, a rule, and a search by rungs; its runs are toys that save after each epoch,
or, with --real, trainings. `--seed` decides what is aimed at, the machine's speed what is hit.
"""

from __future__ import annotations

import os

if __name__ == "__main__":  # before numpy: a fork copies no threads, but what they hold locked
    os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import argparse
import json
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import torch
from executors import toy_study
from tqdm import tqdm
from training.kill_sitting import end_session, fork
from training.run_comparison import find_differences, list_values, read_artifact

from xlite.cli.app import app
from xlite.executors.agent import work
from xlite.models.pretrained import import_timm
from xlite.run_folder.file_names import RUN_BEST, RUN_HISTORY, RUN_LAST, RUN_SCORES
from xlite.signals import StopRequest, heed_no_signals
from xlite.studies.folder import StudyFolder
from xlite.studies.item_result import ItemResult, ItemStart
from xlite.studies.ledger_entries import Claim, Decision, End, Release, Score
from xlite.studies.recorded_plan import RecordedPlan, read_state
from xlite.studies.work_item import WorkItem
from xlite.synthetic.generate import generate_synthetic
from xlite.training.state import EpochReport
from xlite.workflows import study_beginning
from xlite.workflows.study import take_part
from xlite.workflows.study_beginning import begin_study

PLAN = """
name = "killed"
seeds = [0, 1]
[settings]
model = "test_resnet"
pretrained = false
image-size = 32
batch-size = 16
epochs = {epochs}
[data]
split = "data/splits"
cache = "data/cache"
[running]
device = "cpu"
workers = 0
checkpoint-minutes = 0
[[experiment]]
id = "E1"
[[experiment]]
id = "E2"
set = {{dropout = 0.3}}
[[experiment]]
id = "E3"
set = {{dropout = 0.5}}
[[rule]]
id = "good"
when = {{any = ["E1", "E2"], above = 0.1, score = "val.auroc"}}
then = ["E3"]
[search]
method = "random"
runs = {trials}
rungs = {{first = 1, factor = 3}}
[search.space]
lr = {{log_uniform = [1e-5, 1e-2]}}
"""
TOY, REAL = {"epochs": 9, "trials": 9}, {"epochs": 3, "trials": 3}

SECONDS_AN_EPOCH = 0.004
MOST_LOST = 2
"""So often in a row an item is killed, no epoch being finished: at the third time it would fail."""
HANG_SECONDS = 240.0


def perform_toy(
    experiments: Path, item: WorkItem, stop: StopRequest
) -> Iterator[ItemStart | EpochReport | ItemResult]:
    """A toy's run, its pauses included; of other kinds a score that follows from the item's id."""
    if item.kind != "train":
        points = {name: toy_study.draw(f"{item.id} {name}") for name in item.scores}
        scores = {name: Score(point=x, low=x - 0.1, high=x + 0.1) for name, x in points.items()}
        yield ItemResult(outcome="finished", scores=scores)
        return
    assert item.settings is not None
    last = item.until_epoch or item.settings.epochs
    run = item.id.removeprefix("train:").partition(":e")[0].replace("/", "-").replace(":", "-")
    name = f"runs/{run}"
    yield from toy_study.train(experiments, name, last, seconds=SECONDS_AN_EPOCH)
    yield ItemResult(
        outcome="paused" if last < item.settings.epochs else "finished",
        run=name,
        epochs=last,
        scores={"val.auroc": Score(point=toy_study.draw(f"{run} {last}"))},
    )


class Harness:
    """An undisturbed study, and others whose agents are killed."""

    def __init__(self, folder: Path, *, num_agents: int, is_real: bool, seed: int) -> None:
        self.folder, self.num_agents, self.is_real = folder, num_agents, is_real
        self.draws = random.Random(seed)
        self.killed: Counter[str] = Counter()
        self.log = folder / "agents.log"
        if is_real:
            make_data(folder / "data")
        else:
            # A toy has no split that its plan could be held against.
            study_beginning.require_sound = lambda plan, where: None  # type: ignore[assignment]
        self.whole = self.begin("whole")
        started = time.monotonic()
        self.finish(self.whole)
        self.usual_seconds = time.monotonic() - started

    def begin(self, name: str) -> StudyFolder:
        home = self.folder / name
        home.mkdir()
        if self.is_real:
            (home / "data").symlink_to(self.folder / "data")
        sizes = REAL if self.is_real else TOY
        (home / "plan.toml").write_text(PLAN.format(**sizes))
        here = Path.cwd()
        os.chdir(home)
        try:
            return StudyFolder(begin_study("plan.toml").path.absolute())
        finally:
            os.chdir(here)

    def act(self, folder: StudyFolder, point: tuple[str, int] | None, _: int) -> None:
        """Be an agent; `point`: before or after which of its entries it kills itself."""
        if point is not None:
            toy_study.die_at(*point)
        if self.is_real:
            take_part(folder.path, device=None, num_workers=None, stopping=heed_no_signals)
            return
        work(
            folder,
            find_step=RecordedPlan(folder).find_step,
            perform=partial(perform_toy, folder.experiments),
        )

    def start(self, folder: StudyFolder, point: tuple[str, int] | None = None) -> int:
        pid, hear = fork(partial(self.act, StudyFolder(folder.path), point), self.log)
        os.close(hear)
        return pid

    def finish(self, folder: StudyFolder) -> None:
        status = os.waitpid(self.start(folder), 0)[1]
        assert status == 0, self.log.read_text()[-4000:]

    def kill_until_ended(self, folder: StudyFolder, num_kills: int) -> None:
        """Let agents work, and kill one after the other, until the study has ended."""
        agents: dict[int, tuple[float, str]] = {}
        num_killed = 0
        deadline = time.monotonic() + HANG_SECONDS
        while True:
            while len(agents) < self.num_agents:
                point = None
                is_due = num_killed < num_kills and self.may_kill(folder)
                if is_due and self.draws.random() < 0.5:
                    point = (self.draws.choice(["before", "after"]), self.draws.randint(1, 4))
                seconds = self.draws.random() * self.usual_seconds / 8
                kill_at = time.monotonic() + seconds if is_due and point is None else float("inf")
                pid = self.start(folder, point)
                agents[pid] = (kill_at, f"{point[0]} an entry" if point else "at an instant")
            time.sleep(0.002)
            for pid, (kill_at, place) in list(agents.items()):
                if time.monotonic() >= kill_at and self.may_kill(folder):
                    os.kill(pid, signal.SIGKILL)
                found, status = os.waitpid(pid, os.WNOHANG)
                if not found:
                    continue
                del agents[pid]
                if os.WIFSIGNALED(status):
                    num_killed += 1
                    self.killed[place] += 1
                    continue
                assert status == 0, self.log.read_text()[-4000:]
                for other in agents:
                    os.waitpid(other, 0)
                return
            if time.monotonic() > deadline:
                for pid in agents:
                    end_session(pid)
                raise RuntimeError(f"the study hung:\n{self.log.read_text()[-4000:]}")

    def may_kill(self, folder: StudyFolder) -> bool:
        """Whether no training would fail by it, as one does over which three agents have died."""
        if not self.is_real:
            return True
        state = read_state(StudyFolder(folder.path))
        return all(item.num_lost < MOST_LOST for item in state.items.values() if not item.has_ended)

    def compare(self, folder: StudyFolder) -> Iterator[str]:
        """What is wrong with a study that was killed, or differs from the undisturbed one."""
        yield from find_faults(folder)
        whole, found = (
            [(entry.subject, entry.choice) for entry in list_entries(one, Decision)]
            for one in (self.whole, folder)
        )
        same_order = self.num_agents == 1
        if not same_order:
            # Agents side by side end in another order, which a search learns from.
            whole, found = (
                sorted((name, str(choice)) for name, choice in one if name.startswith("rule:"))
                for one in (whole, found)
            )
        if whole != found:
            yield f"decisions: {found} instead of {whole}"
        yield from self.compare_runs(folder)

    def compare_runs(self, folder: StudyFolder) -> Iterator[str]:
        for run in sorted((folder.experiments / "runs").iterdir()):
            whole = self.whole.experiments / "runs" / run.name
            if self.is_real:
                is_whole = (whole / RUN_SCORES).exists()
                find = find_differences if is_whole else find_differences_of_paused
                yield from (f"{run.name}: {one}" for one in find(whole, run))
                continue
            history = (run / "history.txt").read_text()
            num_epochs = len(history.splitlines())
            if history != toy_study.history_of(f"runs/{run.name}", num_epochs):
                yield f"{run.name}: not the bytes of a straight run"


def find_differences_of_paused(left: Path, right: Path) -> list[str]:
    """What two runs differ in that have paused after an epoch, and have no predictions yet."""
    found = {path.name for path in left.iterdir()} ^ {path.name for path in right.iterdir()}
    if (left / RUN_BEST).read_bytes() != (right / RUN_BEST).read_bytes():
        found.add(RUN_BEST)
    for name in (RUN_HISTORY, RUN_LAST):
        pair = [dict(list_values(read_artifact(run_dir / name))) for run_dir in (left, right)]
        keys = pair[0].keys() | pair[1].keys()
        found |= {f"{name}{key}" for key in keys if pair[0].get(key) != pair[1].get(key)}
    return sorted(found)


def list_entries(folder: StudyFolder, kind: Any) -> list[Any]:
    ledger = StudyFolder(folder.path).ledger
    ledger.refresh()
    return [entry for entry in ledger.entries if isinstance(entry, kind)]


def find_faults(folder: StudyFolder) -> Iterator[str]:
    """Items that were done twice or never, or that escaped their rung."""
    state = read_state(StudyFolder(folder.path))
    if state.held:
        yield f"still held: {state.held}"
    for name, item in state.items.items():
        if item.end is None:
            yield f"{name} was lost"
        elif item.end.outcome == "failed":
            yield f"{name} failed: {item.end.error}"
    counted = Counter(entry.item for entry in list_entries(folder, End))
    # An end of an agent that was thought dead is void; here the dead are dead.
    yield from (f"{name} ended {count} times" for name, count in counted.items() if count > 1)
    for name in state.items:
        head, _, epochs = name.partition(":e")
        if not epochs or int(epochs) == 1 or not head.startswith("train:search/"):
            continue
        trial = head.removeprefix("train:").partition(":")[0]
        if not any(one.startswith(f"promote:{trial}:") for one in state.decisions):
            yield f"{name} escaped its rung"


def make_data(folder: Path) -> None:
    """A split and a cache of synthetic radiographs."""
    table = generate_synthetic(folder / "raw", num_images=60, seed=1, image_size=64)
    images = table.parent / "images"
    size = ("--size", 32, "--grid", 4, "--workers", 1)
    for command in (
        ("split", "--labels", table, "--out", folder / "splits"),
        ("cache-clahe", "--labels", table, "--images", images, *size, "--out", folder / "cache"),
    ):
        app(["--quiet", *map(str, command)], standalone_mode=False)


def report_kills(harness: Harness, num_kills: int) -> dict[str, Any]:
    """Kill agents of one study after the other until there were so many kills."""
    differences: list[str] = []
    num_studies = 0
    while harness.killed.total() < num_kills:
        num_studies += 1
        folder = harness.begin(f"killed-{num_studies}")
        harness.kill_until_ended(folder, num_kills - harness.killed.total())
        differences += [f"{num_studies}: {one}" for one in harness.compare(folder)]
        lost = sum(entry.reason == "lost" for entry in list_entries(folder, Release))
        claims = len(list_entries(folder, Claim))
        sys.stderr.write(
            f"study {num_studies}: {harness.killed.total()} kills so far, {claims} claims, "
            f"{lost} lost\n"
        )
    return {
        "studies": num_studies,
        "kills": harness.killed.total(),
        "kills_by_place": dict(harness.killed),
        "differences": differences,
    }


def main() -> None:
    """Write a report to standard output; exit with 1 when a killed study differs."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--agents", type=int, default=1)
    parser.add_argument("--real", action="store_true", help="train, instead of toys")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="a new folder")
    options = parser.parse_args()
    torch.set_num_threads(1)
    cv2.setNumThreads(0)
    tqdm.monitor_interval = 0
    import_timm()
    del globals()["__file__"]
    options.out.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    harness = Harness(
        options.out.resolve(), num_agents=options.agents, is_real=options.real, seed=options.seed
    )
    report = report_kills(harness, options.kills)
    report["seconds"] = round(time.monotonic() - started, 1)
    sys.stdout.write(json.dumps(report, indent=2) + "\n")
    sys.exit(1 if report["differences"] else 0)


if __name__ == "__main__":
    main()
