"""Evidence on explanations: how well heat maps point, and whether they care for the weights."""

from __future__ import annotations

from pathlib import Path

from xlite.console import decimal
from xlite.places import EXPLANATIONS, LOCALISATION
from xlite.proving.checklists.evidence.proof import Finding, Gap, Proof
from xlite.proving.checklists.subject import Subject
from xlite.reporting.log_markdown import join_command
from xlite.results.explanation import Explanation

_REMEDY = "Explain the run again, with --overwrite."


def explanation(subject: Subject) -> Finding:
    """What `xlite explain` measured of the maps of the run whose weights count, against boxes.

    The films are not at hand here: the record is believed where it is of this run and its labels.
    """
    run = subject.run
    words = ["xlite", "explain", run.path.as_posix()]
    found = _find_record(subject)
    if found is None:
        return Gap(
            shown="no heat maps of this run were held against boxes",
            remedy=f"Run `{join_command(words)} --images DIR --labels T.csv --boxes BOXES.csv`.",
        )
    path, record = found
    overall = record.overall
    assert overall is not None, "a record without boxes is passed over"
    pointing, care = overall.pointing, record.randomisation
    return Proof(
        shown=f"{record.method} on {overall.films:,} pairs of film and label with a box, of "
        f"{overall.patients:,} patients: the hottest place lies in the box in "
        f"{decimal(pointing.value)} [{decimal(pointing.low)}, {decimal(pointing.high)}], "
        f"{decimal(pointing.centre.gain, sign=True)} against the centre "
        f"[{decimal(pointing.centre.gain_low, sign=True)}, "
        f"{decimal(pointing.centre.gain_high, sign=True)}]; with new weights: {care.care}",
        numbers={"pointing": pointing.value, "energy": overall.energy.value},
        files=(path.as_posix(),),
        command=f"{join_command(words)} --images DIR --labels T.csv --boxes BOXES.csv --overwrite",
    )


def _find_record(subject: Subject) -> tuple[Path, Explanation] | None:
    """The first explanation of the run that was held against boxes; None where there is none."""
    for path in sorted((subject.experiments / EXPLANATIONS).glob(f"*/{LOCALISATION}")):
        record = Explanation.read(path, remedy=_REMEDY)
        is_its = Path(record.run).name == subject.run.name and record.labels == subject.run.labels
        if is_its and record.overall is not None:
            return path, record
    return None
