"""Surroundings that a command has to live with: consoles, users, disks, variables, the clock."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hostile.cases import (
    DONE,
    Case,
    nothing,
    run_case,
)
from hostile.command_lines import (
    CACHE,
    JUDGE_CSV,
    JUDGED,
    MADE,
    REFUSED,
    TRAIN,
    TRAINED,
)
from hostile.commands import Commands, Surroundings
from hostile.spoil import link_to, on, remove, write

COMMANDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "status": ("status", ()),
    "split": ("split --out made", MADE),
    "folds": ("split --folds 2 --no-val --out made", MADE),
    "audit": ("split --audit data/splits/train.csv data/splits/val.csv", ()),
    "cache-clahe": (CACHE + " --out made", MADE),
    "evaluate": (JUDGE_CSV, JUDGED),
    "compare": ("compare {run} {other}", ("project/experiments/comparison*", *TRAINED)),
    "train": (TRAIN, TRAINED),
    "train --help": ("train --help", ()),
    "models": ("models test_resnet", ()),
    "log": ("log add --focus x", TRAINED),
}

CONSOLES: dict[str, Surroundings] = {
    "cp1252": Surroundings(encoding="cp1252"),
    "ASCII": Surroundings(encoding="ascii"),
    "UTF-16": Surroundings(encoding="utf-16"),
    "20 columns": Surroundings(environment={"COLUMNS": "20"}),
    "0 columns": Surroundings(environment={"COLUMNS": "0"}),
    "columns of text": Surroundings(environment={"COLUMNS": "wide"}),
    "10⁴ columns": Surroundings(environment={"COLUMNS": "10000"}),
    "no HOME": Surroundings(environment={"HOME": None}),
    "HOME nowhere": Surroundings(environment={"HOME": "/nowhere/at/all"}),
    "no variables": Surroundings(environment={"PATH": None, "LANG": None, "COLUMNS": None}),
    "LC_ALL=C": Surroundings(environment={"LC_ALL": "C", "LANG": "C"}, encoding="ascii"),
    "TERM=dumb": Surroundings(environment={"TERM": "dumb", "NO_COLOR": "1"}),
    "forced colours": Surroundings(environment={"FORCE_COLOR": "1", "TERM": "xterm"}),
    "no standard input": Surroundings(closed=("stdin",)),
    "no standard output": Surroundings(closed=("stdout",)),
    "no standard error": Surroundings(closed=("stderr",)),
    "no streams at all": Surroundings(closed=("stdin", "stdout", "stderr")),
    "a torn TMPDIR": Surroundings(environment={"TMPDIR": "/nowhere/at/all"}),
    "an odd time zone": Surroundings(environment={"TZ": "Nowhere/Land"}),
    "odd thread counts": Surroundings(environment={"OMP_NUM_THREADS": "-3"}),
    "a matplotlib backend that is none": Surroundings(environment={"MPLBACKEND": "luck"}),
}

ALWAYS = ("status", "evaluate", "train --help")
TURNS = ("split", "folds", "audit", "cache-clahe", "compare", "models", "log", "train")


def console_cases() -> list[Case]:
    """Three commands in all surroundings, the others in turns."""
    cases = []
    for number, (name, around) in enumerate(CONSOLES.items()):
        for word in (*ALWAYS, TURNS[number % len(TURNS)], TURNS[(number + 3) % len(TURNS)]):
            command, writes = COMMANDS[word]
            cases.append(
                Case(
                    name=f"{name}, {word}",
                    spoil=nothing,
                    command=command,
                    ends=(DONE,),
                    writes=writes,
                    around=around,
                )
            )
    return cases


FULL = [
    Case(
        name=f"standard output is full, {word}",
        spoil=nothing,
        command=COMMANDS[word][0],
        says="No space left|standard output",
        ends=(1, 2, 74, 120),
        writes=COMMANDS[word][1],
        around=Surroundings(stdout="/dev/full"),
    )
    for word in ("status", "audit", "evaluate", "train --help", "compare")
]

TORCHRUN = {
    "RANK": "0",
    "WORLD_SIZE": "2",
    "LOCAL_RANK": "0",
    "MASTER_ADDR": "10.255.255.1",
    "MASTER_PORT": "1",
}

VARIABLES = [
    Case(
        name=f"variables of {name}",
        spoil=nothing,
        command=f"{TRAIN} {options}",
        says=says,
        ends=(0, 1, 2),
        says_when_done=False,
        writes=TRAINED,
        around=Surroundings(environment=environment),
    )
    for name, environment, options, says in (
        ("torchrun left behind", TORCHRUN, "", "WORLD_SIZE|torchrun|node"),
        ("torchrun left behind, --nodes 2", TORCHRUN, "--nodes 2", "torchrun|node|MASTER"),
        ("half of torchrun", {"RANK": "1"}, "--nodes 2", "torchrun|node|MASTER"),
        ("torchrun of text", {**TORCHRUN, "RANK": "x"}, "--nodes 2", "RANK|torchrun"),
        (
            "Slurm",
            {"SLURM_NTASKS": "2", "SLURM_PROCID": "0", "SLURM_JOB_ID": "1"},
            "",
            "SLURM|Slurm",
        ),
        ("CUDA", {"CUDA_VISIBLE_DEVICES": "7"}, "", "CUDA"),
    )
]

PLACES = [
    Case(
        name="a working folder with typer.py",
        spoil=on("typer.py", write("raise SystemExit(9)")),
        command="status",
        ends=(DONE,),
    ),
    Case(
        name="a working folder with pickle.py",
        spoil=on("pickle.py", write("raise SystemExit(9)")),
        command=CACHE + " --out made",
        ends=(DONE,),
        writes=MADE,
    ),
    Case(
        name="a working folder with numpy.py, loaders",
        spoil=on("numpy.py", write("raise SystemExit(9)")),
        command=TRAIN + " --images data/raw --workers 1",
        ends=(DONE,),
        writes=TRAINED,
    ),
    Case(
        name="a table moved after its split",
        spoil=on("data/Data_Entry_2017.csv", remove),
        command=TRAIN,
        ends=(DONE,),
        writes=TRAINED,
    ),
    Case(
        name="images moved after their cache",
        spoil=on("data/raw", remove),
        command=TRAIN,
        ends=(DONE,),
        writes=TRAINED,
    ),
    Case(
        name="images moved before their cache",
        spoil=on("data/raw", remove),
        command=CACHE + " --out made",
        says="raw",
        ends=REFUSED,
    ),
    Case(
        name="a data folder that is a link",
        spoil=lambda project: (
            shutil.move(project / "data", project / "elsewhere"),
            (project / "data").symlink_to("elsewhere"),
        ),
        command=TRAIN,
        ends=(DONE,),
        writes=(*TRAINED, "project/elsewhere/*/verified.json"),
    ),
    Case(
        name="an experiments folder that is a link",
        spoil=lambda project: (
            shutil.move(project / "experiments", project / "elsewhere"),
            (project / "experiments").symlink_to("elsewhere"),
        ),
        command=TRAIN,
        ends=(DONE,),
        writes=(*TRAINED, "project/elsewhere*"),
    ),
    Case(
        name="an experiments folder that leads nowhere",
        spoil=on("experiments", link_to("nowhere")),
        command=TRAIN,
        says="experiments",
        ends=REFUSED,
    )
    if False
    else Case(
        name="a split folder in a circle",
        spoil=on("data/splits", link_to("splits")),
        command=TRAIN,
        says="splits",
    ),
    Case(
        name="a split folder that is a file",
        spoil=on("data/splits", remove, write("x")),
        command=TRAIN,
        says="splits",
    ),
    Case(
        name="a split folder that is gone",
        spoil=on("data/splits", remove),
        command=TRAIN,
        says="splits",
    ),
]

CASES = [*console_cases(), *FULL, *VARIABLES, *PLACES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_surroundings(case: Case, commands: Commands, sound: Path, tmp_path: Path) -> None:
    run_case(case, commands, sound, tmp_path)
