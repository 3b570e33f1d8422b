"""XL000: a file that can't be read, so that no other check has seen what is in it."""

from __future__ import annotations

from xlite.judging.checks.check import Check, Issue, Observation, Passed
from xlite.judging.examined.examined import Examined

_MOST_SHOWN = 3


def look(thing: Examined) -> Observation:
    """Every file of a thing is read, and what can't be read is said.

    Damaged and foreign files, records that do not fit together and predictions that are not those
    that a run wrote all count; other checks that need such a file do not apply.
    """
    faults = thing.faults
    if not faults:
        return Passed("all of it can be read")
    more = f" And {len(faults) - _MOST_SHOWN} more." if len(faults) > _MOST_SHOWN else ""
    return Issue(" ".join(faults[:_MOST_SHOWN]) + more, {"faults": len(faults)})


CHECK = Check(
    code="XL000",
    title="what can't be read",
    severity="error",
    subject=Examined,  # it is for `isinstance` alone
    look=look,
    consequence="Nobody can recompute a result from it, and no check has looked inside.",
    remedy="Do what the sentence says, or move the file away.",
)
