"""What `xlite split` prints of the parts of a split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite import console
from xlite.cli.film_pairs import print_pairs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from xlite.results.folds import FoldsRecord
    from xlite.results.split import PartSummary, SplitAudit, SplitRecord


def print_split(made: SplitRecord, out: Path, *, as_json: bool) -> None:
    """Print what the parts of a split hold, and where it lies; or its record."""
    if as_json:
        console.result_json(made.to_json())
        return
    num_images = sum(part.images for part in made.parts.values())
    seed = "" if made.seed is None else f", seed {made.seed}"
    print_parts(made.parts, title=f"Split of {num_images:,} images{seed}")
    if made.hold_out is not None:
        console.say(
            f"held out: {', '.join(made.hold_out)}; {made.images_left_out:,} other images of these "
            "patients are in no part"
        )
    for warning in made.warnings or ():
        console.warn(warning)
    console.say(
        f"patients on two sides: {made.patient_overlap}; largest deviation of a label's "
        f"prevalence: {made.max_deviation_pp:.3f} percentage points\nwritten: {out}"
    )


def print_folds(made: FoldsRecord, out: Path, *, as_json: bool) -> None:
    """Print how evenly the folds share images, patients and labels, and where they lie; or their
    record."""
    if as_json:
        console.result_json(made.to_json())
        return
    k = made.num_folds
    names = [*made.folds[0].positive_patients]
    rows = []
    for name in ("images", "patients"):
        rows.append(_list_spread(name, [getattr(fold, name) for fold in made.folds], k))
    for name in names:
        rows.append(_list_spread(name, [fold.positive_patients[name] for fold in made.folds], k))
    for column, values in made.folds[0].strata.items():
        for value in values:
            counts = [fold.strata[column][value] for fold in made.folds]
            rows.append(_list_spread(f"{column} {value}", counts, k))
    times = f"{made.repeats} × " if made.repeats > 1 else ""
    console.table(
        f"{times}{k} folds, seed {made.seed}: patients with each label",
        ["", "in all", "a fold", "least", "most"],
        rows,
    )
    for warning in made.warnings:
        console.warn(warning)
    console.say(
        f"largest distance of a label from its share: {made.max_positive_excess:.1f} patients\n"
        f"patients on two sides of a fold: {made.patient_overlap}\n"
        f"written: {out / made.folds[0].folder} to {out / made.folds[-1].folder}"
    )


def _list_spread(name: str, counts: Sequence[int], num_folds: int) -> list[str]:
    """A row of the table of folds: counts of all folds of all repeats, by their first's sum."""
    total = sum(counts[:num_folds])
    return [
        name,
        f"{total:,}",
        f"{total / num_folds:,.1f}",
        f"{min(counts):,}",
        f"{max(counts):,}",
    ]


def print_audit(audit: SplitAudit) -> None:
    """Print what the parts hold and share, and warn of what looks wrong."""
    print_parts(audit.parts, title="Audit")
    for pair, count in audit.patient_overlap.items():
        console.say(
            f"{pair}: {count:,} patients on both sides, with "
            f"{audit.images_of_shared_patients[pair]:,} images of the second part; "
            f"{audit.image_overlap[pair]:,} images on both sides"
        )
    console.say(f"largest deviation: {audit.max_deviation_pp:.3f} percentage points")
    if audit.near_duplicates is not None:
        console.say(f"films under two names in two parts: {len(audit.near_duplicates):,}")
        print_pairs(audit.near_duplicates)
    for warning in audit.warnings:
        console.warn(warning)


def print_parts(parts: Mapping[str, PartSummary], *, title: str) -> None:
    """Print the images, patients and positives of each part."""
    rows = [
        [what, *(f"{getattr(part, what):,}" for part in parts.values())]
        for what in ("images", "patients")
    ]
    for label in next(iter(parts.values())).positives:
        cells = [
            f"{part.positives[label]:,} ({100 * part.positives[label] / max(part.images, 1):.2f} %)"
            for part in parts.values()
        ]
        rows.append([label, *cells])
    console.table(title, ["", *parts], rows)
