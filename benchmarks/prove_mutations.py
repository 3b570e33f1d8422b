"""How many of 1,000 changed numbers `verify` finds, and how many untouched bundles hold.

`python -m benchmarks.prove_mutations` makes a study of four runs of drawn predictions. 500 times a
digit of any number of the bundle of one of its runs is changed; 500 times one of any number that
the study's bundle proves, with every sum mended, so that the numbers alone can tell. 100 bundles
of a run, each under another key, are left as they are. A record whose question did not change is
recomputed once: what it comes to is known.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bundle_mutations import (
    Members,
    change_any,
    change_proven,
    list_proven,
    mend_sums,
    read_members,
    write_members,
)
from benchmarks.prove import write_study
from xlite import console, files
from xlite.errors import InputError
from xlite.proving.project import BundledProject
from xlite.proving.records import Record
from xlite.proving.replay import Replayed
from xlite.workflows.bundle import bundle
from xlite.workflows.verify import verify

RESULTS = Path(__file__).with_name("prove_mutations.json")
_RUN = "experiments/runs/resnet18-bce-s1"
_ANSWERS = frozenset(
    {
        *("macro", "weighted", "micro", "subgroups", "within_view", "best_epoch", "rows"),
        *("verdict", "collapse", "winner", "per_class", "val", "parts"),
    }
)
"""Keys of records that no record is recomputed by."""
_COUNTS = {"train": 300, "val": 120, "test": 90}


def main() -> None:
    """Count, print, and add to what was written down."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prove_mutations")
    parser.add_argument("--any", type=int, default=500, help="numbers changed, sums as they were")
    parser.add_argument("--mended", type=int, default=500, help="changed with all sums mended")
    parser.add_argument("--untouched", type=int, default=100, help="bundles left as they are")
    parser.add_argument("--seed", type=int, default=0, help="of the changes")
    parser.add_argument("--add", action="store_true", help="add to the counts that are there")
    asked = parser.parse_args()
    console.set_verbosity(console.QUIET)
    rng = np.random.default_rng(asked.seed)
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        write_study(_COUNTS, losses=("bce", "focal"), seeds=(0, 1), resamples=100)
        bundle(_RUN, out="run.zip")
        bundle("drawn", out="study.zip")
        found = count_untouched(asked.untouched)
        found |= count_any(read_members(Path("run.zip")), asked.any, rng)
        with remembering():
            found |= count_mended(read_members(Path("study.zip")), asked.mended, rng)
    if asked.add and RESULTS.exists():
        before = files.read_json(RESULTS, remedy="Remove it.")
        found = {name: before[name] + value for name, value in found.items()}
    files.write_json(RESULTS, found)
    console.set_verbosity(console.NORMAL)
    console.say(str(found))


def count_untouched(count: int) -> dict[str, Any]:
    """How many bundles hold that nobody has touched, each of one run under another key."""
    holding = 0
    for _ in range(count):
        bundle(_RUN, out="one.zip", overwrite=True)
        holding += verify("one.zip").holds
    return {"untouched": count, "untouched_that_hold": holding}


def count_any(members: Members, count: int, rng: np.random.Generator) -> dict[str, Any]:
    """How many changed numbers of any member are found, the sums being as they were."""
    found = sum(_is_found(change_any(members, rng)[0]) for _ in range(count))
    return {"changed": count, "changed_and_found": found}


def count_mended(members: Members, count: int, rng: np.random.Generator) -> dict[str, Any]:
    """How many changed numbers that are proven are found, every sum being mended."""
    proven, missed = list_proven(members), []
    if _is_found(mend_sums(members)):
        raise RuntimeError("a bundle does not hold whose sums were mended alone")
    for _ in range(count):
        changed, told = change_proven(members, rng, proven)
        if not _is_found(changed):
            missed.append(told)
    return {"mended": count, "mended_and_found": count - len(missed), "missed": missed}


def _is_found(members: Members) -> bool:
    write_members(members, Path("changed.zip"))
    try:
        return not verify("changed.zip").holds
    except InputError:
        return True


@contextlib.contextmanager
def remembering() -> Iterator[None]:
    """While it lasts a record that asks for the same comes to the same.

    True where results alone are changed; where inputs are, the sums have told already.
    """
    known: dict[tuple[str, str], Replayed] = {}
    replay = Record.replay

    def recall(self: Record, project: BundledProject, stated: dict[str, Any]) -> Replayed:
        name = self.path.relative_to(project.root).as_posix()
        asked = {key: value for key, value in stated.items() if key not in _ANSWERS}
        key = (name, json.dumps(asked))
        if key not in known:
            known[key] = replay(self, project, stated)
        return known[key]

    Record.replay = recall  # type: ignore[method-assign]
    try:
        yield
    finally:
        Record.replay = replay  # type: ignore[method-assign]


if __name__ == "__main__":
    main()
