"""XL025: a run that was continued with another version, on another device or machine."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from xlite.judging.checks.check import Check, Issue, NotApplicable, Observation, Passed
from xlite.judging.examined.run import ExaminedRun
from xlite.run_folder.records import Sitting

_DECIDES = ("xlite", "torch", "device", "machine", "num_processes")
"""What of an environment decides the arithmetic; threads do, too, and are not told of."""

_WORDS = {"num_processes": "processes"}


def look(run: ExaminedRun) -> Observation:
    """Each process that trained a run notes what it ran on. Neighbouring ones have to agree in the
    versions of xlite and torch, the device, the kind of machine and the number of processes. The
    number of threads may differ, since many a machine gives another one every day.
    """
    return look_at_sittings(run.folder.sittings)


def look_at_sittings(sittings: Sequence[Sitting]) -> Observation:
    """Whether neighbouring sittings of a run, oldest first, ran on something else."""
    if len(sittings) < 2:
        return NotApplicable("the run was trained in one sitting")
    changes = [
        f"{_WORDS.get(name, name)} {before} before, {now} from epoch {later.from_epoch + 1} on"
        for earlier, later in pairwise(sittings)
        for name in _DECIDES
        for before, now in [(getattr(earlier.environment, name), getattr(later.environment, name))]
        # Version 0.1 did not note the device.
        if None not in (before, now) and before != now
    ]
    numbers = {"sittings": float(len(sittings)), "changes": float(len(changes))}
    if not changes:
        return Passed(f"its {len(sittings)} sittings ran on the same", numbers)
    return Issue(f"of its {len(sittings)} sittings, {'; '.join(changes)}.", numbers)


CHECK = Check(
    code="XL025",
    title="a resume under another environment",
    severity="warning",
    subject=ExaminedRun,
    look=look,
    consequence="The run is no longer one that anybody can repeat: its epochs were computed by "
    "different programs, so that a difference to other runs may be theirs.",
    remedy="Train the run again in one environment, or on the one that it began on; where that is "
    "gone, say in the report what changed and when.",
)
