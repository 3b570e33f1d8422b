"""The report's section on the doctor: the issues that it found last, with evidence and remedy."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

from xlite.errors import InputError
from xlite.places import DIAGNOSIS
from xlite.reporting.html_page import (
    Block,
    Command,
    Outline,
    OutlineItem,
    Paragraph,
    Section,
    absent_section,
)
from xlite.results.doctor import Diagnosis
from xlite.run_folder.listing import find_run_folders

_KEY, _TITLE, _COMMAND = "doctor", "Doctor", "xlite doctor"
_REMEDY = "Run `xlite doctor` again."


def describe_diagnosis(experiments_dir: Path) -> Section:
    """What `xlite doctor` found when it last looked at the project; or that it has not looked."""
    path = experiments_dir / DIAGNOSIS
    if not os.path.lexists(path):
        why = "Nobody has looked for the faults that make results false."
        return absent_section(_KEY, _TITLE, why, _COMMAND)
    try:
        diagnosis = Diagnosis.read(path, remedy=_REMEDY)
    except InputError as error:
        return Section(_KEY, _TITLE, [Paragraph(str(error), is_warning=True), Command(_COMMAND)])
    blocks: list[Block] = [Paragraph(_count(diagnosis))]
    seen = set(diagnosis.examined)
    runs = find_run_folders(experiments_dir / "runs")
    new = [run.name for run in runs if not any(one.endswith(run.name) for one in seen)]
    if new:
        text = f"It has not looked at {len(new)} of {len(runs)} runs, which have begun since."
        blocks += [Paragraph(text, is_warning=True), Command(_COMMAND)]
    if diagnosis.issues:
        blocks.append(_list_issues(diagnosis))
    return Section(_KEY, _TITLE, blocks)


def _count(diagnosis: Diagnosis) -> str:
    counts = Counter(one.status for one in diagnosis.findings)
    codes = len({one.code for one in diagnosis.findings})
    ignored = f" Left out: {', '.join(diagnosis.ignored)}." if diagnosis.ignored else ""
    return (
        f"{codes} checks of {len(diagnosis.examined)} things on {diagnosis.time[:10]}: "
        f"{counts['issue']} issue{'' if counts['issue'] == 1 else 's'}, "
        f"{counts['passed']} passed, {counts['not_applicable']} not "
        f"applicable.{ignored}"
    )


def _list_issues(diagnosis: Diagnosis) -> Outline:
    """The issues with what was seen, what follows and what to do; errors first."""
    return Outline(
        [
            OutlineItem(
                word=f"{one.code} {one.severity}",
                tone="bad" if one.severity == "error" else "mixed",
                title=one.title,
                text=f"{one.subject}: {one.evidence}",
                items=[
                    OutlineItem(word="so", tone="faint", title="", text=one.consequence),
                    OutlineItem(word="do", tone="faint", title="", text=one.remedy),
                ],
            )
            for one in diagnosis.issues
        ]
    )
