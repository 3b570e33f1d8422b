"""What another user than root may not read or write."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from hostile.cases import (
    DONE,
    Case,
    arguments_of,
    check_ending,
    check_files,
    list_files,
)
from hostile.command_lines import (
    CACHE,
    CHECKED,
    COMPARED,
    EITHER,
    JUDGE_CSV,
    MADE,
    NAMED,
    REFUSED,
    TRAIN,
    TRAINED,
)
from hostile.commands import Commands, Surroundings
from hostile.sound_project import copy_project

NOBODY = 65534


def make_readable(folder: Path) -> None:
    """Give everything below the folder a mode in which it can be listed and removed."""
    folder.chmod(0o755)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            make_readable(path)
        elif not path.is_symlink():
            path.chmod(0o644)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user may enter: pytest's own are private to the one who runs it."""
    folder = Path(tempfile.mkdtemp(prefix="hostile-"))
    folder.chmod(0o755)
    yield folder
    make_readable(folder)
    shutil.rmtree(folder)


def change_modes(path: str, mode: int) -> Callable[[Path], None]:
    def spoil(project: Path) -> None:
        found = [project] if path == "." else list(project.glob(path))
        assert found
        for one in found:
            one.chmod(mode)

    return spoil


def denied(
    name: str,
    path: str,
    mode: int,
    command: str,
    says: str,
    ends: tuple[int, ...] = REFUSED,
    writes: tuple[str, ...] = (),
) -> Case:
    return Case(
        name=name,
        spoil=change_modes(path, mode),
        command=command,
        says=says,
        ends=ends,
        says_when_done=False,
        writes=writes,
    )


RUN = "experiments/runs/*bce*"
NEW = CACHE + " --out made"
DENIED = [
    denied(
        "a table that can't be read",
        "data/Data_Entry_2017.csv",
        0,
        "split --out made",
        "Data_Entry",
    ),
    denied(
        "a folder that can't be written to, split",
        ".",
        0o555,
        "split --out made",
        "can't be written",
    ),
    denied("a folder that can't be written to, cache", ".", 0o555, NEW, "can't be written"),
    denied(
        "a folder that can't be written to, evaluate",
        ".",
        0o555,
        JUDGE_CSV,
        "can't be written|judged",
    ),
    denied(
        "a folder that can't be written to, report",
        ".",
        0o555,
        "report --out page.html",
        "can't be written",
    ),
    denied(
        "a folder that can't be written to, demo",
        ".",
        0o555,
        "demo --num-images 300 --epochs 3",
        "can't be written",
    ),
    denied(
        "experiments that can't be written to, train",
        "experiments",
        0o555,
        TRAIN,
        "experiments",
        writes=CHECKED,
    ),
    denied(
        "experiments that can't be written to, compare",
        "experiments",
        0o555,
        "compare {run} {other}",
        "experiments|comparison",
    ),
    denied(
        "experiments that can't be written to, balance",
        "experiments",
        0o555,
        "verify-balance --split data/splits --sampler none --batches 2",
        "experiments",
    ),
    denied(
        "experiments that can't be written to, status", "experiments", 0o555, "status", "", (DONE,)
    ),
    denied("experiments that can't be read, status", "experiments", 0, "status", "experiments"),
    denied("experiments that can't be read, compare", "experiments", 0, "compare", "experiments"),
    denied("runs that can't be read, status", "experiments/runs", 0, "status", "runs", NAMED),
    denied("a run that can't be read, status", RUN, 0, "status", "bce", NAMED),
    denied("a run that can't be read, train", RUN, 0, TRAIN, "bce", EITHER, TRAINED),
    denied(
        "a run that can't be written to, resume",
        RUN,
        0o555,
        TRAIN.replace("--epochs 1", "--epochs 2") + " --loss bce --resume",
        "bce",
        EITHER,
        TRAINED,
    ),
    denied(
        "scores that can't be read, compare",
        f"{RUN}/scores.json",
        0,
        "compare {run} {other}",
        "scores.json",
        NAMED,
        COMPARED,
    ),
    denied(
        "a config that can't be read, evaluate",
        f"{RUN}/config.json",
        0,
        "evaluate {run} --resamples 100 --no-figures --out judged",
        "config.json",
    ),
    denied("a split that can't be read, train", "data/splits/train.csv", 0, TRAIN, "train.csv"),
    denied("a split folder that can't be read, train", "data/splits", 0, TRAIN, "splits"),
    denied(
        "a split that can't be written to, split",
        "data/splits",
        0o555,
        "split --seed 7 --overwrite",
        "splits",
    ),
    denied(
        "a cache that can't be read, train",
        "data/clahe_cache/images.u8",
        0,
        TRAIN,
        "images.u8|clahe_cache",
    ),
    denied("a cache folder that can't be read, train", "data/clahe_cache", 0, TRAIN, "clahe_cache"),
    denied(
        "a cache that can't be written to, rebuild",
        "data/clahe_cache",
        0o555,
        CACHE.replace("32", "40") + " --rebuild",
        "clahe_cache",
    ),
    denied(
        "a cache that can't be written to, up to date",
        "data/clahe_cache",
        0o555,
        CACHE,
        "clahe_cache",
        NAMED,
    ),
    denied(
        "images that can't be read, cache",
        "data/raw/00000001_001.png",
        0,
        NEW,
        "00000001_001",
        (1,),
        MADE,
    ),
    denied("an image folder that can't be read, cache", "data/raw", 0, NEW, "raw"),
    denied(
        "an image folder that can't be entered, cache",
        "data/raw",
        0o444,
        NEW,
        "raw|48",
        (1, 2),
        MADE,
    ),
    denied("predictions that can't be read", "val.csv", 0, JUDGE_CSV, "val.csv"),
    denied(
        "a log that can't be written to",
        "EXPERIMENT_LOG.md",
        0o444,
        "log add --focus x",
        "EXPERIMENT_LOG",
        NAMED,
        ("project/EXPERIMENT_LOG.md",),
    ),
    denied(
        "warm weights that can't be read", "val.csv", 0, TRAIN + " --warm-start val.csv", "val.csv"
    ),
]


STARTS_PROCESSES = (
    "experiments that can't be written to, balance",
    "images that can't be read, cache",
    "an image folder that can't be entered, cache",
)


@cache
def can_start_python() -> bool:
    """Whether the other user may run this interpreter, which may lie in root's own folder."""
    if os.getuid() != 0:
        return True
    try:
        done = subprocess.run([sys.executable, "-c", "import json"], user=NOBODY, cwd="/", env={})
    except PermissionError:
        return False
    return done.returncode == 0


@pytest.mark.parametrize("case", DENIED, ids=lambda case: case.name)
def test_what_the_user_may_not(
    case: Case, commands: Commands, sound: Path, open_folder: Path
) -> None:
    if case.name in STARTS_PROCESSES and not can_start_python():
        pytest.skip("another user than root can't start this Python")
    user = NOBODY if os.getuid() == 0 else None
    project = copy_project(sound, open_folder)
    arguments = arguments_of(case, project)
    if user is not None:
        for path in (open_folder, *open_folder.rglob("*")):
            os.chown(path, user, user, follow_symlinks=False)
    before = list_files(open_folder)
    case.spoil(project)
    ending = commands.run(arguments, project, Surroundings(user=user))
    make_readable(project)
    check_ending(case, ending)
    check_files(before, list_files(open_folder), writes=case.writes)
