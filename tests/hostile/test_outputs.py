"""Places to write to that are not the command's: others' files, links, devices, one's own input."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile.cases import DONE, Case, Spoil, nothing, run_case
from hostile.command_lines import CACHE, CHECKED, JUDGE_CSV, NAMED, TRAIN, TRAINED
from hostile.commands import Commands
from hostile.spoil import Fault, both, fifo_instead, link_to, on, write

SPLIT = "split --seed 7"
REPORT = "report"
EVALUATE = JUDGE_CSV.replace(" --out judged", "")
BALANCE = "verify-balance --split data/splits --sampler none --batches 2 --batch-size 16"
DEMO = "demo --num-images 300 --epochs 3"

WRITERS = {
    "split": SPLIT,
    "split --folds": f"{SPLIT} --folds 2",
    "cache-clahe": CACHE,
    "verify-balance": BALANCE,
    "train": TRAIN,
    "evaluate": EVALUATE,
    "compare": "compare",
    "ablate": TRAIN.replace("train --models", "ablate --model"),
    "demo": DEMO,
}
"""Commands that write a folder."""

PLACES = {
    "a file": ("val.csv", r"val\.csv"),
    "below a file": ("val.csv/below/it", r"val\.csv"),
    "/proc": ("/proc/xlite", "/proc"),
    "/dev/null": ("/dev/null", "/dev/null"),
    "/dev/full": ("/dev/full/x", "/dev/full"),
    "a name of 300 letters": ("x" * 300, "xxx|long"),
    "a path of 5,000 letters": ("/".join(["x" * 99] * 50), "xxx|long"),
}


def out(command: str, place: str, says: str, *, name: str, spoil: Spoil = nothing) -> Case:
    return Case(
        name=name,
        spoil=spoil,
        command=f"{WRITERS[command]} --out '{place}'",
        says=says,
        writes=CHECKED,
    )


ANYWHERE = [
    out(command, path, says, name=f"{command} --out is {place}")
    for command in WRITERS
    for place, (path, says) in PLACES.items()
    if not (command == "compare" and place in ("a name of 300 letters", "a path of 5,000 letters"))
]

PAGE_PLACES: dict[str, tuple[str, Fault | None, str]] = {
    "another's table": ("../foreign/thesis.csv", None, "thesis"),
    "another's notes": ("../foreign/notes.txt", None, "notes"),
    "its own split": ("data/splits/train.csv", None, "train.csv"),
    "the log": ("EXPERIMENT_LOG.md", None, "EXPERIMENT_LOG"),
    "a folder": ("data", None, "data"),
    "a link": ("page.html", link_to("../foreign/notes.txt"), "page.html"),
    "a dangling link": ("page.html", link_to("../foreign/new.html"), "page.html"),
    "a fifo": ("page.html", fifo_instead, "page.html"),
    "a device": ("/dev/full", None, "/dev/full"),
    "below a file": ("val.csv/page.html", None, "val.csv"),
    "in /proc": ("/proc/page.html", None, "/proc"),
    "somebody's page": ("page.html", write("<html>mine</html>"), "page.html"),
    "an empty name": ("", None, ""),
}

PAGES = [
    Case(
        name=f"report --out is {place}",
        spoil=on("page.html", fault)
        if fault and fault is not fifo_instead
        else on("page.html", write(""), fault)
        if fault
        else nothing,
        command=f"report --out '{path}'",
        says=says,
    )
    for place, (path, fault, says) in PAGE_PLACES.items()
]

FOREIGN_SPLIT = both(
    *(on(f"made/{part}.csv", write("mine\n")) for part in ("train", "val", "test"))
)

OWN_FILES = [
    Case(
        name="split over the table that it reads",
        spoil=on("data/Data_Entry_2017.csv", lambda path: path.rename(path.parent / "train.csv")),
        command="split --labels data/train.csv --out data",
        says=r"train\.csv|data",
    ),
    Case(
        name="split over the table that it reads, --overwrite",
        spoil=on("data/Data_Entry_2017.csv", lambda path: path.rename(path.parent / "train.csv")),
        command="split --labels data/train.csv --out data --overwrite",
        says=r"train\.csv|data",
    ),
    Case(
        name="split over somebody's files",
        spoil=FOREIGN_SPLIT,
        command="split --out made",
        says="made|train.csv",
    ),
    Case(name="split over another split", spoil=nothing, command=SPLIT, says="--overwrite"),
    Case(
        name="folds over a split, --overwrite",
        spoil=nothing,
        command="split --folds 2 --out data/splits --overwrite",
        says="single split",
    ),
    Case(
        name="folds over somebody's files",
        spoil=on("made/1/train.csv", write("mine\n")),
        command="split --folds 2 --out made",
        says=r"train\.csv.*--overwrite",
    ),
    Case(
        name="folds over somebody's validation, --no-val --overwrite",
        spoil=on("made/1/val.csv", write("mine\n")),
        command="split --folds 2 --no-val --out made --overwrite",
        says=r"val\.csv",
    ),
    Case(
        name="folds through a link, --overwrite",
        spoil=on("made/1/train.csv", link_to("../../../foreign/thesis.csv")),
        command="split --folds 2 --out made --overwrite",
        says="link",
    ),
    Case(
        name="a record of folds is a link, --overwrite",
        spoil=on("made/folds.json", link_to("../../foreign/notes.txt")),
        command="split --folds 2 --out made --overwrite",
        says="link",
    ),
    Case(
        name="a record of folds is somebody's notes",
        spoil=on("made/folds.json", write("mine\n")),
        command="split --folds 2 --out made",
        says=r"folds\.json.*--overwrite",
    ),
    Case(
        name="a fold is a file, --overwrite",
        spoil=on("made/1", write("mine\n")),
        command="split --folds 2 --out made --overwrite",
        says="not a folder",
    ),
    Case(
        name="split through links",
        spoil=both(
            *(
                on(f"made/{part}.csv", link_to("../../foreign/thesis.csv"))
                for part in ("train", "val", "test")
            )
        ),
        command="split --out made",
        says="made|link",
    ),
    Case(
        name="split through links, --overwrite",
        spoil=both(
            *(
                on(f"data/splits/{part}.csv", link_to("../../../foreign/thesis.csv"))
                for part in ("train", "val", "test")
            )
        ),
        command="split --seed 7 --overwrite",
        says="link|splits",
        says_when_done=False,
        ends=NAMED,
        writes=("project/data/splits/*",),
    ),
    Case(
        name="split record is a link, --overwrite",
        spoil=on("data/splits/split.json", link_to("../../../foreign/notes.txt")),
        command="split --seed 7 --overwrite",
        says="link|split.json",
        says_when_done=False,
        ends=NAMED,
        writes=("project/data/splits/*",),
    ),
    *(
        Case(
            name=f"evaluate over somebody's {name}",
            spoil=on(f"judged/{name}", write("mine\n")),
            command=JUDGE_CSV,
            says="judged",
        )
        for name in ("scores.json", "scores.csv")
    ),
    *(
        Case(
            name=f"{command.split()[0]} over somebody's {name}",
            spoil=on(f"mine/{name}", write("mine\n")),
            command=f"{command} --out mine",
            says="mine",
            writes=("project/mine/.training_progress.lock", *CHECKED),
        )
        for command, name in (
            (BALANCE, "data_balance_verification.csv"),
            (BALANCE, "balance.png"),
            (TRAIN, "training_progress.json"),
            (TRAIN, "baseline_results.csv"),
        )
    ),
    *(
        Case(
            name=f"{name} is a link to another's file, {command.split()[0]}",
            spoil=on(f"experiments/{name}", link_to("../../foreign/thesis.csv")),
            command=command,
            says=name,
            says_when_done=False,
            ends=(0, 1, 2),
            writes=TRAINED,
        )
        for command, name in (
            (TRAIN, "baseline_results.csv"),
            (TRAIN, "training_progress.json"),
            (TRAIN, ".training_progress.lock"),
            (TRAIN, ".experiment_log.lock"),
            ("compare", "comparison.json"),
            ("compare", "comparison.csv"),
            (BALANCE, "balance.png"),
            (BALANCE, "data_balance_verification.csv"),
        )
    ),
    Case(
        name="runs are a link to another's folder",
        spoil=on(
            "experiments/runs",
            lambda path: (path.rename(path.parent / "old"), path.symlink_to("../../foreign")),
        ),
        command=TRAIN,
        says="runs",
        says_when_done=False,
        ends=(0, 1, 2),
        writes=(*TRAINED, "foreign/test_resnet*"),
    ),
    Case(
        name="demo over a project",
        spoil=nothing,
        command=f"{DEMO} --out .",
        says="",
    ),
    Case(
        name="train with the log as a link",
        spoil=on("EXPERIMENT_LOG.md", link_to("../foreign/notes.txt")),
        command=TRAIN,
        says="EXPERIMENT_LOG",
        ends=(0, 1, 2),
        writes=("project/experiments*", *CHECKED),
    ),
    Case(
        name="train with the log as a folder",
        spoil=on("EXPERIMENT_LOG.md", lambda path: (path.unlink(), path.mkdir())),
        command=TRAIN,
        says="EXPERIMENT_LOG",
        ends=(0, 1, 2),
        writes=("project/experiments*", *CHECKED),
    ),
    Case(
        name="cache over a split",
        spoil=nothing,
        command=f"{CACHE} --out data/splits",
        says="",
        ends=(DONE, 2),
        writes=("project/data/splits/*",),
    ),
    Case(
        name="cache over its images",
        spoil=nothing,
        command=f"{CACHE} --format png --out data/raw",
        says="raw",
    ),
]

CASES = [*ANYWHERE, *PAGES, *OWN_FILES]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_place_to_write(case: Case, commands: Commands, sound: Path, tmp_path: Path) -> None:
    run_case(case, commands, sound, tmp_path)
