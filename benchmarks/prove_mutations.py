"""How many of 1,000 changed numbers `verify` finds, and how many untouched bundles hold.

`python -m benchmarks.prove_mutations` makes a study of four runs of drawn predictions. 500 times a
digit of any number of its bundle is changed, and 500 times one of a number that is recomputed, with
every sum mended, so that the numbers alone can tell. 100 bundles, each under another key, are
left as they are. A record that was not changed is recomputed once: what it comes to is known.
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
_COUNTS = {"train": 300, "val": 120, "test": 90}


def main() -> None:
    """Count, print and write down."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prove_mutations")
    parser.add_argument("--count", type=int, default=1000, help="of changed numbers")
    parser.add_argument("--untouched", type=int, default=100, help="of bundles left as they are")
    arguments = parser.parse_args()
    console.set_verbosity(console.QUIET)
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        write_study(_COUNTS, losses=("bce", "focal"), seeds=(0, 1), resamples=100)
        found = count_untouched(arguments.untouched)
        bundle("drawn", out="whole.zip")
        with remembering():
            found |= count_found(read_members(Path("whole.zip")), arguments.count // 2)
    files.write_json(RESULTS, found)
    console.set_verbosity(console.NORMAL)
    console.say(str(found))


def count_untouched(count: int) -> dict[str, Any]:
    """How many bundles hold that nobody has touched, each of one run under another key."""
    holding = 0
    for _ in range(count):
        bundle("experiments/runs/resnet18-bce-s1", out="one.zip", overwrite=True)
        holding += verify("one.zip").holds
    return {"untouched": count, "untouched_that_hold": holding}


def count_found(members: Members, count: int) -> dict[str, Any]:
    """How many changed numbers are found, the sums being as they were and being mended."""
    rng = np.random.default_rng(0)
    proven = list_proven(members)
    missed: list[str] = []
    by_sums = by_numbers = 0
    for _ in range(count):
        changed, told = change_any(members, rng)
        by_sums += _is_found(changed)
        changed, told = change_proven(members, rng, proven)
        is_found = _is_found(changed)
        by_numbers += is_found
        missed += [] if is_found else [told]
    return {
        "changed": count,
        "found_by_sums": by_sums,
        "changed_and_mended": count,
        "found_by_numbers": by_numbers,
        "numbers_to_change": len(proven),
        "mended_alone_holds": not _is_found(mend_sums(members)),
        "missed": missed,
    }


def _is_found(members: Members) -> bool:
    write_members(members, Path("changed.zip"))
    try:
        return not verify("changed.zip").holds
    except InputError:
        return True


@contextlib.contextmanager
def remembering() -> Iterator[None]:
    """While it lasts a record with the same content comes to the same.

    True where results alone are changed; where inputs are, the sums have told already.
    """
    known: dict[tuple[str, str], Replayed] = {}
    replay = Record.replay

    def recall(self: Record, project: BundledProject, stated: dict[str, Any]) -> Replayed:
        name = self.path.relative_to(project.root).as_posix()
        key = (name, json.dumps(stated))
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
