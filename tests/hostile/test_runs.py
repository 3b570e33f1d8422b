"""Run folders whose files, locks and places are not as a run leaves them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from hostile.cases import DONE, Case, folder_case, run_case
from hostile.command_lines import (
    CHECKED,
    COMPARED,
    FAILED,
    GO_ON,
    JUDGE,
    JUDGE_RUN,
    JUDGED,
    NAMED,
    REFUSED,
    RESUME,
    TRAIN,
    TRAINED,
)
from hostile.commands import Commands
from hostile.spoil import (
    FILE_FAULTS,
    edit,
    fifo_instead,
    folder_instead,
    link_to,
    on,
    remove,
    swap,
    write,
)

RUN = "experiments/runs/*bce*"
LAST = f"{RUN}/last.pt"

OTHER_FILES = [
    *(
        Case(
            name=f"history.csv is {name}, status",
            spoil=on(f"{RUN}/history.csv", fault),
            command="status",
            says="history.csv|bce",
            says_when_done=False,
            ends=NAMED,
        )
        for name, fault in FILE_FAULTS.items()
    ),
    *(
        Case(
            name=f"history.csv is {name}, train of another run",
            spoil=on(f"{RUN}/history.csv", FILE_FAULTS[name]),
            command=TRAIN,
            says="bce",
            says_when_done=False,
            ends=(DONE,),
            writes=TRAINED,
        )
        for name in ("empty", "folder", "fifo", "noise", "cut in the middle")
    ),
    *(
        Case(
            name=f"{file} is {name}, train of another run",
            spoil=on(f"{RUN}/{file}", FILE_FAULTS[name]),
            command=TRAIN,
            says="bce",
            ends=(DONE,),
            writes=TRAINED,
        )
        for file in ("config.json", "scores.json")
        for name in ("empty", "folder", "fifo", "noise")
    ),
    *(
        Case(
            name=f"predictions_val.csv is {name}, {command.split()[0]}",
            spoil=on(f"{RUN}/predictions_val.csv", fault),
            command=command,
            says=r"predictions_val\.csv",
            ends=REFUSED,
        )
        for name, fault in FILE_FAULTS.items()
        for command in (JUDGE_RUN, "compare {run} {other}")
        if command == JUDGE_RUN or name in ("empty", "folder", "fifo", "noise")
    ),
    *(
        Case(
            name=f".lock is {name}, train --resume",
            spoil=on(f"{RUN}/.lock", fault),
            command=GO_ON,
            says=r"\.lock",
            says_when_done=False,
            ends=(*FAILED, DONE),
            writes=TRAINED,
        )
        for name, fault in {
            "a folder": folder_instead,
            "a fifo": fifo_instead,
            "a link to another's file": link_to("../../../../foreign/notes.txt"),
            "noise": write(bytes(range(256))),
            "of a process that is gone": write('{"pid": 999999, "host": "elsewhere"}'),
        }.items()
    ),
]

HALF_COPIED = [
    *(
        Case(
            name=f"{file} is missing, train --resume",
            spoil=on(f"{RUN}/{file}", remove),
            command=RESUME,
            says=re.escape(file),
            writes=CHECKED,
        )
        for file in (
            "config.json",
            "best.safetensors",
            "predictions_val.csv",
            "predictions_test.csv",
        )
    ),
    Case(
        name="sittings.json is of a newer version, train --resume",
        spoil=on(f"{RUN}/sittings.json", swap('"schema_version": 2', '"schema_version": 9')),
        command=RESUME,
        says=r"sittings\.json was written by a newer xlite",
        writes=CHECKED,
    ),
    *(
        Case(
            name=f"config.json is edited, {command.split()[0]}",
            spoil=on(f"{RUN}/config.json", swap('"dropout": 0.1', '"dropout": 0.2')),
            command=command,
            says=r"config\.json is not what the run wrote",
            writes=CHECKED,
        )
        for command in (RESUME, JUDGE_RUN, "compare {run} {other}")
    ),
]


def empty_folder(project: Path) -> None:
    (project / "experiments/runs/mine").mkdir()


FOLDERS = [
    folder_case("runs: an empty folder among them", empty_folder, "status", "", (DONE,)),
    folder_case(
        "runs: an empty folder among them, compared",
        empty_folder,
        "compare",
        "",
        NAMED,
        COMPARED,
    ),
    folder_case(
        "runs: a file among them",
        on("experiments/runs/notes.txt", write("x")),
        "status",
        "",
        (DONE,),
    ),
    folder_case(
        "runs: a fifo among them",
        on("experiments/runs/pipe", write(""), fifo_instead),
        "status",
        "",
        (DONE,),
    ),
    folder_case(
        "runs: a link to outside among them",
        on("experiments/runs/out", link_to("../../../foreign")),
        "status",
        "",
        (DONE,),
    ),
    folder_case(
        "runs: a link to themselves among them",
        on("experiments/runs/again", link_to(".")),
        "status",
        "",
        (DONE,),
    ),
    folder_case(
        "runs: a name that is not UTF-8 among them",
        lambda p: (p / "experiments/runs/\udcff").mkdir(),
        "status",
        "",
        (DONE,),
    ),
    folder_case(
        "runs: a name of escapes among them",
        on("experiments/runs/\x1b[2J/config.json", write("{}")),
        "status",
        "",
        NAMED,
    ),
    folder_case(
        "runs: a name of markup among them",
        on("experiments/runs/[red]/config.json", write("{}")),
        "status",
        "",
        NAMED,
    ),
    folder_case("runs: gone", on("experiments/runs", remove), "compare", "run", REFUSED),
    folder_case(
        "runs: a file instead", on("experiments/runs", remove, write("x")), "status", "runs", NAMED
    ),
    folder_case(
        "runs: a file instead of experiments",
        on("experiments", remove, write("x")),
        "status",
        "experiments",
        REFUSED,
    ),
    folder_case("runs: no experiments", on("experiments", remove), "status", "experiments", NAMED),
    folder_case("runs: one that is deleted", on(RUN, remove), "status", "", (DONE,)),
    folder_case("runs: a fifo as one's last.pt", on(LAST, fifo_instead), "status", "", (DONE,)),
    folder_case(
        "runs: a clock in the future",
        lambda p: [os.utime(path, (9e9, 9e9)) for path in p.glob("experiments/runs/*/*")],
        "status",
        "",
        (DONE,),
    ),
    folder_case(
        "runs: started in the future",
        on("experiments/training_progress.json", edit(lambda text: text.replace("2026", "2999"))),
        "status",
        "",
        (DONE,),
    ),
    folder_case(
        "runs: updated at no time",
        on("experiments/training_progress.json", swap('updated": "20', 'updated": "x')),
        "status",
        "",
        NAMED,
    ),
    folder_case(
        "runs: one that was renamed",
        on(RUN, lambda path: path.rename(path.parent / "mine")),
        f"evaluate experiments/runs/mine {JUDGE}",
        "",
        (DONE,),
        JUDGED,
    ),
    folder_case(
        "runs: one that was moved",
        on(RUN, lambda path: path.rename(path.parents[2] / "mine")),
        f"evaluate mine {JUDGE}",
        "",
        (DONE,),
        JUDGED,
    ),
    folder_case(
        "runs: one without a split", on("data/splits", remove), JUDGE_RUN, "split", REFUSED
    ),
    folder_case(
        "runs: one of another split", lambda p: None, f"{JUDGE_RUN} --split data", "data", REFUSED
    ),
    folder_case(
        "runs: another's folder", lambda p: None, f"evaluate ../foreign {JUDGE}", "foreign", REFUSED
    ),
    folder_case(
        "runs: a name that is none", lambda p: None, f"evaluate nobody {JUDGE}", "nobody", REFUSED
    ),
    folder_case(
        "runs: a name with a path", lambda p: None, f"evaluate ../../../etc {JUDGE}", "etc", REFUSED
    ),
    folder_case("runs: compared with itself", lambda p: None, "compare {run} {run}", "", REFUSED),
    folder_case(
        "runs: compared with nobody", lambda p: None, "compare {run} nobody", "nobody", REFUSED
    ),
    folder_case(
        "runs: compared with a label table",
        lambda p: None,
        "compare {run} data/splits/val.csv",
        "val.csv",
        REFUSED,
    ),
    folder_case(
        "runs: compared with a fifo",
        on("pipe", write(""), fifo_instead),
        "compare {run} pipe",
        "pipe",
        REFUSED,
    ),
    folder_case(
        "runs: compared with fewer images",
        on("val.csv", edit(lambda t: "\n".join(t.splitlines()[:9]) + "\n")),
        "compare {run} val.csv",
        "val",
        REFUSED,
    ),
    folder_case(
        "runs: compared by nothing", lambda p: None, "compare --by val.luck", "val.luck", REFUSED
    ),
    folder_case(
        "runs: compared by the test part",
        lambda p: None,
        "compare --by test.auroc",
        "test",
        REFUSED,
    ),
    folder_case(
        "runs: looks at the test part in a fifo",
        on("experiments/test_looks.json", fifo_instead),
        f"{JUDGE_RUN} --part test",
        "test_looks",
        REFUSED,
    ),
    folder_case(
        "runs: tuning.json is a list",
        on("experiments/tuning.json", write("[1]")),
        TRAIN + " --tune",
        "tuning.json",
        NAMED,
        TRAINED,
    ),
    folder_case(
        "runs: tuning.json is a fifo",
        on("experiments/tuning.json", write(""), fifo_instead),
        TRAIN + " --tune",
        "tuning.json",
        NAMED,
        TRAINED,
    ),
    folder_case(
        "runs: somebody's temporary file",
        on(f"{RUN}/.thesis.tmp", write("mine")),
        GO_ON,
        "",
        (DONE,),
        (
            "project/experiments/[!r]*",
            "project/experiments/runs/*/[!.]*",
            "project/experiments/.t*",
            "project/experiments/.e*",
            "project/EXPERIMENT_LOG.md",
            *CHECKED,
            "project/experiments/runs/*/.lock",
        ),
    ),
]


CASES = [*OTHER_FILES, *HALF_COPIED, *FOLDERS]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_run_folder(case: Case, commands: Commands, sound: Path, tmp_path: Path) -> None:
    run_case(case, commands, sound, tmp_path)
