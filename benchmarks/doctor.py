"""How long the doctor takes beyond reading, on a project of 20 runs: `python -m benchmarks.doctor`.

The project is as large as NIH's: 112,000 images of 14 labels, 20 runs with predictions of
validation and test. Reading is what `faults` does of everything: each file opened, parsed and
checked. Prints the seconds of both, and of the slowest checks.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from xlite import console
from xlite.errors import InputError
from xlite.judging.checks.diagnosis import list_things
from xlite.judging.checks.registry import CHECKS
from xlite.judging.examined.project import ExaminedProject
from xlite.labels import NIH_LABELS
from xlite.splitting.split_folder import read_split

NUM_RUNS = 20
NUM_PATIENTS = 45_000
LIMIT = 5.0

sys.path.append(str(Path(__file__).parents[1] / "tests"))


def write_project(folder: Path) -> None:
    """A table, its split, and 20 runs on it."""
    from judging.checks.drawn_project import draw_table, write_run, write_split

    table = draw_table(0, num_patients=NUM_PATIENTS, labels=NIH_LABELS, prevalence=0.05)
    (folder / "data").mkdir()
    table.to_csv(folder / "data" / "Data_Entry_2017.csv", index=False)
    split = write_split(folder / "data" / "splits", table, vocabulary=NIH_LABELS)
    read = read_split(split)
    for seed in range(NUM_RUNS):
        write_run(folder / "experiments" / "runs" / f"resnet:s{seed}", read, seed=seed)


def measure(folder: Path) -> tuple[float, Counter[str]]:
    """The seconds of reading, and those of each check beyond."""
    project = ExaminedProject(folder)
    seconds: Counter[str] = Counter()
    start = time.perf_counter()
    reading = 0.0
    things = list_things(project)
    while True:
        thing = next(things, None)
        if thing is None:
            break
        _ = thing.faults
        reading += time.perf_counter() - start
        for check in CHECKS:
            if isinstance(thing, check.subject) and check.code != "XL000":
                begun = time.perf_counter()
                # The drawn runs have no weights.
                with contextlib.suppress(InputError):
                    check.examine(thing, name=thing.name)
                seconds[check.code] += time.perf_counter() - begun
        start = time.perf_counter()
    return reading, seconds


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        console.say("writing a project of 20 runs …")
        with console.hushed():
            write_project(Path(folder))
        reading, seconds = measure(Path(folder))
    beyond = sum(seconds.values())
    console.result_text(f"reading {reading:.1f} s; checks beyond reading {beyond:.2f} s")
    for code, spent in seconds.most_common(8):
        console.result_text(f"  {code} {spent:.2f} s")
    console.result_text(f"under {LIMIT:g} s: {'yes' if beyond < LIMIT else 'no'}")


if __name__ == "__main__":
    main()
