"""Every JSON file of ours in every broken form, before each command that reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile.cases import Case, run_case
from hostile.command_lines import (
    CACHE,
    COMPARED,
    JUDGE,
    JUDGE_TEST,
    NAMED,
    REFUSED,
    RESUME,
    TRAIN,
    TRAINED,
)
from hostile.commands import Commands
from hostile.spoil import (
    FILE_FAULTS,
    JSON_FAULTS,
    WRONG_VALUES,
    on,
    with_value,
    without_key,
)

FOLDERS = {
    "split.json": r"split\.json|data/splits",
    "cache.json": r"cache\.json|clahe_cache",
    "config.json": r"config\.json|-bce-",
}


class Record:
    """A JSON file of ours, what reads it, and the paths of keys that are spoiled in turn."""

    def __init__(
        self,
        path: str,
        commands: dict[str, tuple[tuple[int, ...], tuple[str, ...]]],
        keys: str,
    ) -> None:
        self.path = path
        self.name = Path(path).name
        self.said = FOLDERS.get(self.name, self.name)
        """Where one file is what a folder is known by, the folder may be named."""
        self.commands = commands
        """What a broken file ends each command with, and what the command may write."""
        self.keys = [tuple(key.split("/")) for key in keys.split()]


RUN = "experiments/runs/*bce*"
RECORDS = (
    Record(
        "data/splits/split.json",
        {
            TRAIN: (REFUSED, ()),
            "verify-balance --split data/splits --sampler none --batches 2": (REFUSED, ()),
            "split": (REFUSED, ()),
            f"evaluate {{run}} {JUDGE}": (REFUSED, ()),
        },
        "labels files files/train.csv seed ratios patient_overlap parts",
    ),
    Record(
        "data/clahe_cache/cache.json",
        {TRAIN: (REFUSED, ()), CACHE: (REFUSED, ())},
        "format size clip grid fit order images rows bytes source_fingerprint pixels",
    ),
    Record(
        f"{RUN}/config.json",
        {
            f"evaluate {{run}} {JUDGE}": (REFUSED, ()),
            "compare {run} {other}": (REFUSED, ()),
            RESUME: (NAMED, TRAINED),
        },
        "fingerprint settings settings/model settings/loss settings/loss/name settings/sampler "
        "settings/seed settings/epochs labels data data/split_sha256 data/images",
    ),
    Record(
        f"{RUN}/scores.json",
        {
            "compare {run} {other}": (NAMED, COMPARED),
            RESUME: (NAMED, TRAINED),
        },
        "run_id model fingerprint num_parameters epochs best_epoch val val/macro val/macro/auroc "
        "val/per_class val/per_class/Edema val/per_class/Edema/auroc",
    ),
    Record(
        "experiments/training_progress.json",
        {"status": (NAMED, ()), TRAIN: (NAMED, TRAINED)},
        "models models/* models/*/status models/*/run models/*/epochs models/*/epochs_done "
        "models/*/seconds completed_models last_updated",
    ),
    Record(
        "experiments/test_looks.json",
        {f"evaluate {{run}} --part test {JUDGE}": (REFUSED, ())},
        "looks looks/* looks/*/time",
    ),
    Record(
        "thresholds.json",
        {JUDGE_TEST + " --thresholds thresholds.json": (REFUSED, ())},
        "method calibration fitted_on fitted_on/images_sha256 per_class per_class/Edema "
        "per_class/Edema/threshold per_class/Edema/slope per_class/Edema/intercept",
    ),
    Record(
        "experiments/comparison.json",
        {"log add --comparison experiments/comparison.json --focus x": (REFUSED, ())},
        "command rows rows/* order best chosen labels part",
    ),
    Record(
        "experiments/ablation.json",
        {"log add --ablation experiments/ablation.json --focus x": (REFUSED, ())},
        "command baseline rule variants variants/* rows rows/* verdict seeds",
    ),
)


def word(command: str) -> str:
    return " ".join(command.split()[:2]) if command.startswith("log") else command.split()[0]


FEW = ("folder", "fifo", "many digits")
SOME = (*FEW, "empty", "noise", "link to a device", "dangling link", "sparse", "a list", "deep")
SOME += ("an empty object", "newer schema", "two objects")
WHOLE = ("split.json", "config.json")
STILL_JSON = ("UTF-16",)
"""Whoever reads it knows all that it says."""


def broken_cases() -> list[Case]:
    """Most faults before the first command that reads a record, few before the others."""
    return [
        Case(
            name=f"{record.name} is {fault}, {word(command)}",
            spoil=on(record.path, spoil),
            command=command,
            says=record.said,
            says_when_done=fault not in STILL_JSON,
            ends=NAMED if fault in STILL_JSON else ends,
            writes=writes,
        )
        for record in RECORDS
        for position, (command, (ends, writes)) in enumerate(record.commands.items())
        for fault, spoil in (FILE_FAULTS | JSON_FAULTS).items()
        if (position == 0 and (record.name in WHOLE or fault in SOME)) or fault in FEW
    ]


def key_cases() -> list[Case]:
    """Each key missing, and of a wrong type, which takes turns over the keys."""
    wrong = list(WRONG_VALUES.items())
    cases = []
    for record in RECORDS:
        commands = list(record.commands)
        for number, key in enumerate(record.keys):
            dotted = ".".join(key)
            spoils = {f"without {dotted}": without_key(*key)}
            name, value = wrong[number % len(wrong)]
            spoils[f"with {name} as {dotted}"] = with_value(value, *key)
            for turn, (fault, spoil) in enumerate(spoils.items()):
                command = commands[(number + turn) % len(commands)]
                cases.append(
                    Case(
                        name=f"{record.name} {fault}, {word(command)}",
                        spoil=on(record.path, spoil),
                        command=command,
                        says=record.said,
                        says_when_done=False,
                        ends=NAMED,
                        writes=(*TRAINED, "project/judged*"),
                    )
                )
    return cases


CASES = [*broken_cases(), *key_cases()]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_record_that_is_not_as_we_write_it(
    case: Case, commands: Commands, sound: Path, tmp_path: Path
) -> None:
    run_case(case, commands, sound, tmp_path)
