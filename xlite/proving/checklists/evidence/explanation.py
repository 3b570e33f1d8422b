"""Evidence on explanations: how well heat maps point, and whether they care for the weights."""

from __future__ import annotations

from xlite.proving.checklists.evidence.proof import Finding, Gap
from xlite.proving.checklists.subject import Subject


def explanation(subject: Subject) -> Finding:
    """What `xlite explain` measured of the run's maps."""
    return Gap(
        shown="no heat maps were measured",
        remedy=f"Run `xlite explain {subject.run.path.as_posix()} --boxes BOXES.csv`.",
    )
