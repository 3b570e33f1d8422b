"""What is printed of patients who are in training, apart from those who are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite import console
from xlite.cli.intervals import bracket, interval
from xlite.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from xlite.results.seen_patients import SeenPatients, SeenScores
    from xlite.tables.table_format import TableFormat


def judge_audited(
    files: Sequence[Path],
    table_format: TableFormat,
    predictions: Path | None,
    reference: Path | None,
) -> SeenPatients | None:
    """Predictions for the second of a split's files, by who is in the first; None without any."""
    if predictions is None:
        if reference is not None:
            raise InputError("--reference is held against --predictions. Pass both, or neither.")
        return None
    from xlite.judging.seen_patients import compare_seen_patients
    from xlite.splitting.audit import read_parts

    train, judged, *_ = read_parts(files, table_format=table_format).values()
    return compare_seen_patients(predictions, judged, train=train, reference=reference)


def print_seen_patients(found: SeenPatients) -> None:
    """Print the AUROC of both sides by label, and what the difference shows."""
    is_paired = found.reference is not None
    rows = [
        [
            label,
            console.decimal(row.seen.auroc),
            console.decimal(row.unseen.auroc),
            interval(row, "difference", sign=True),
            *([_gain(row)] if is_paired else []),
        ]
        for label, row in {**found.per_class, "macro": found.macro}.items()
    ]
    console.table(
        "Patients in training and others: AUROC",
        ["label", "seen", "unseen", "seen - unseen", *(["gain"] if is_paired else [])],
        rows,
        caption=f"{found.seen_images:,} images of {found.seen_patients:,} patients who are in the "
        f"training table, {found.unseen_images:,} of {found.unseen_patients:,} who are not; macro "
        f"over {len(found.labels)} labels with both on both sides."
        + (f" gain: the difference less that of {found.reference}." if is_paired else ""),
    )
    console.say(f"  {_conclude(found)}")


def _gain(row: SeenScores) -> str:
    if row.gain is None or row.gain_low is None or row.gain_high is None:
        return "–"
    return bracket(row.gain, row.gain_low, row.gain_high, sign=True)


def _conclude(found: SeenPatients) -> str:
    macro = found.macro
    if found.reference is not None:
        said = f"A gain from having seen the patients of {_gain(macro)}"
        return (
            f"{said} is shown." if macro.is_shown else f"{said} is unproven: 0 is in its interval."
        )
    change = interval(macro, "difference", sign=True)
    said = f"For patients who were seen macro AUROC differs by {change}"
    if not macro.is_shown:
        return f"{said}: a gain from memory is unproven."
    return (
        f"{said}: higher, by memory or because they are other patients. Predictions of a model "
        "that has seen none of them, for the same images, tell the two apart: --reference."
    )
