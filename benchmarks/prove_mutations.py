"""How many of 1,000 changed numbers `verify` finds, and how many untouched bundles hold.

`python -m benchmarks.prove_mutations` makes a study of four runs of drawn predictions. 500 times a
digit of any number of the bundle of one of its runs is changed; 500 times one of any number that
the study's bundle proves, with every sum mended, so that the numbers alone can tell: texts are
rendered once, so that a changed number of a record has to be found in that record. A record whose
question did not change is recomputed once: what it comes to is known.

100 bundles are left as they are, all of other predictions: six of each of six projects with a study
(its runs, two of them, all of it), six of each of ten projects without one, and four of runs over
folds; each project is of other patients, labels, sizes, losses and seeds.
Counts are added to `benchmarks/prove.json` as they come.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from benchmarks.bundle_mutations import (
    Members,
    change_any,
    change_proven,
    list_proven,
    mend_sums,
    read_members,
    write_members,
)
from benchmarks.prove import RESULTS, choose_settings, draw_part, write_drawn_run, write_study
from xlite import console, files
from xlite.errors import InputError
from xlite.labels import NIH_LABELS
from xlite.places import SPLIT_DIR
from xlite.proving import texts
from xlite.proving.project import BundledProject
from xlite.proving.records import Record
from xlite.proving.replay import Replayed
from xlite.settings import LossName
from xlite.splitting.folds import make_folds
from xlite.splitting.split_folder import read_split
from xlite.splitting.split_writer import write_split
from xlite.workflows.bundle import bundle
from xlite.workflows.verify import verify

_KEY = "mutations"
_RUN = "experiments/runs/resnet18-bce-s1"
_ANSWERS = frozenset(
    {
        *("macro", "weighted", "micro", "subgroups", "within_view", "best_epoch", "rows"),
        *("verdict", "collapse", "winner", "per_class", "val", "parts"),
    }
)
"""Keys of records that no record is recomputed by."""
_COUNTS = {"train": 300, "val": 120, "test": 90}
_NUM_STUDIES, _NUM_OTHERS = 6, 10
_LOSSES: tuple[tuple[LossName, LossName], ...] = (
    ("bce", "focal"),
    ("bce", "pos-weight"),
    ("bce", "asymmetric"),
)
_NUM_FOLDS = 4
_ROUND = 50
"""Changes after which counts are written down."""


def main() -> None:
    """Count, and add to what was written down."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.prove_mutations")
    parser.add_argument("--any", type=int, default=500, help="numbers changed, sums as they were")
    parser.add_argument("--mended", type=int, default=500, help="changed with all sums mended")
    parser.add_argument(
        "--projects",
        type=lambda text: [int(one) for one in text.split(",") if one],
        default=list(range(_NUM_STUDIES + _NUM_OTHERS + 1)),
        help="whose bundles are left as they are; the last is the one over folds",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the changes")
    parser.add_argument("--add", action="store_true", help="add to the counts that are there")
    asked = parser.parse_args()
    console.set_verbosity(console.QUIET)
    if not asked.add:
        _write(lambda _: {})
    with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
        change_numbers(asked.any, asked.mended, np.random.default_rng(asked.seed))
    for project in asked.projects:
        with tempfile.TemporaryDirectory() as scratch, contextlib.chdir(scratch):
            for items in write_project(project):
                bundle(items, out="one.zip", overwrite=True)
                _note({"untouched": 1, "untouched_that_hold": int(verify("one.zip").holds)})


def change_numbers(num_any: int, num_mended: int, rng: np.random.Generator) -> None:
    """Change numbers of a run's bundle and of a study's, and note how many are found."""
    if not num_any and not num_mended:
        return
    write_study(_COUNTS, losses=("bce", "focal"), seeds=(0, 1), resamples=100)
    bundle(_RUN, out="run.zip")
    bundle("drawn", out="study.zip")
    of_run, of_study = read_members(Path("run.zip")), read_members(Path("study.zip"))
    proven = list_proven(of_study)
    with remembering():
        if _is_found(mend_sums(of_run)):
            raise RuntimeError("a bundle does not hold whose sums were mended alone")
        for count in _rounds(num_any):
            _note(count_any(of_run, count, rng))
    with remembering():
        if _is_found(mend_sums(of_study)):
            raise RuntimeError("a bundle does not hold whose sums were mended alone")
        for count in _rounds(num_mended):
            _note(count_mended(of_study, count, rng, proven))


def write_project(number: int) -> list[list[str]]:
    """A project of the working folder with its own patients, labels, sizes, losses and seeds.

    Returns what is bundled together of it: each run, and of those with a study two of its runs,
    and all of it.
    """
    if number == _NUM_STUDIES + _NUM_OTHERS:
        return write_folds()
    rng = np.random.default_rng(1000 + number)
    counts = {
        name: int(rng.integers(*limits))
        for name, limits in {"train": (150, 400), "val": (80, 160), "test": (60, 120)}.items()
    }
    losses = _LOSSES[number % len(_LOSSES)]
    if number < _NUM_STUDIES:
        seeds = range(number, number + 2)
        write_study(counts, losses=losses, seeds=seeds, resamples=100, drawn_from=number + 1)
        runs = [f"experiments/runs/resnet18-{loss}-s{seed}" for loss in losses for seed in seeds]
        return [*([run] for run in runs), [runs[0], runs[-1]], ["drawn"]]
    write_split(
        {name: draw_part(name, count, rng) for name, count in counts.items()},
        *(SPLIT_DIR, {"seed": number}),
        overwrite=False,
    )
    split, seeds = read_split(SPLIT_DIR), range(number, number + 3)
    return [
        [str(write_drawn_run(split, choose_settings(loss, seed), rng))]
        for loss in losses
        for seed in seeds
    ]


def write_folds() -> list[list[str]]:
    """A project of runs over folds; returns what is bundled together: runs of one fold and more."""
    rng = np.random.default_rng(2000)
    part = draw_part("all", 400, rng)
    found = [
        "|".join(label for label, has in zip(NIH_LABELS, row, strict=True) if has) or "No Finding"
        for row in part.labels
    ]
    table = part.table.assign(findings=found)[["image_id", "findings", "patient_id"]]
    table.columns = ["Image Index", "Finding Labels", "Patient ID"]
    table.to_csv("labels.csv", index=False)
    folds = Path("data/folds")
    make_folds("labels.csv", folds=_NUM_FOLDS, out=folds)
    runs = []
    for place, folder in enumerate(sorted(folds.glob("*/"))):
        settings = choose_settings("bce", place)
        runs.append(str(write_drawn_run(read_split(folder), settings, rng, folder)))
    return [[runs[0]], runs[:2], runs[1:], runs]


def count_any(members: Members, count: int, rng: np.random.Generator) -> dict[str, Any]:
    """How many changed numbers of any member are found, the sums being as they were."""
    found = sum(_is_found(change_any(members, rng)[0]) for _ in range(count))
    return {"changed": count, "changed_and_found": found}


def count_mended(
    members: Members, count: int, rng: np.random.Generator, proven: list[tuple[str, Any]]
) -> dict[str, Any]:
    """How many changed numbers that are proven are found, every sum being mended."""
    missed, of_texts = [], 0
    for _ in range(count):
        changed, told = change_proven(members, rng, proven)
        of_texts += told.startswith("texts/")
        if not _is_found(changed):
            missed.append(told)
    return {
        "mended": count,
        "mended_of_texts": of_texts,
        "mended_and_found": count - len(missed),
        "missed": missed,
    }


def _rounds(count: int) -> Iterator[int]:
    while count > 0:
        yield min(count, _ROUND)
        count -= _ROUND


def _note(found: dict[str, Any]) -> None:
    """Add counts to those that are written down; several processes may count."""
    _write(
        lambda before: {
            **before,
            **{name: before.get(name, type(value)()) + value for name, value in found.items()},
        }
    )


def _write(change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    with FileLock(f"{RESULTS}.lock"):
        content = files.read_json(RESULTS, remedy="Remove it.") if RESULTS.exists() else {}
        files.write_json(RESULTS, content | {_KEY: change(content.get(_KEY, {}))})


def _is_found(members: Members) -> bool:
    write_members(members, Path("changed.zip"))
    try:
        return not verify("changed.zip").holds
    except InputError:
        return True


@contextlib.contextmanager
def remembering() -> Iterator[None]:
    """While it lasts a record that asks for the same comes to the same, and so do the texts.

    True where results alone are changed; where inputs are, the sums have told already.
    """
    known: dict[tuple[str, str], Replayed] = {}
    rendered: list[Mapping[str, str]] = []
    replay, render = Record.replay, texts._render

    def render_once(root: Path, renderer: texts.Renderer) -> Mapping[str, str]:
        if not rendered:
            rendered.append(render(root, renderer))
        return rendered[0]

    def recall(self: Record, project: BundledProject, stated: dict[str, Any]) -> Replayed:
        name = self.path.relative_to(project.root).as_posix()
        asked = {key: value for key, value in stated.items() if key not in _ANSWERS}
        key = (name, json.dumps(asked))
        if key not in known:
            known[key] = replay(self, project, stated)
        return known[key]

    Record.replay = recall  # type: ignore[method-assign]
    texts._render = render_once
    try:
        yield
    finally:
        Record.replay = replay  # type: ignore[method-assign]
        texts._render = render


if __name__ == "__main__":
    main()
