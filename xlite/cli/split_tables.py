"""What `xlite split` prints of the parts of a split."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xlite import console

if TYPE_CHECKING:
    from collections.abc import Mapping

    from xlite.results.split import PartSummary, SplitAudit


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
