"""What `xlite doctor` prints: issues in full, the rest counted."""

from __future__ import annotations

import textwrap
from collections import Counter
from typing import TYPE_CHECKING

from xlite import console

if TYPE_CHECKING:
    from collections.abc import Sequence

    from xlite.results.doctor import Diagnosis, Finding

_WIDTH = 80
_MOST_THINGS = 5
_STATUS = {"issue": "issue", "passed": "passed", "not_applicable": "not applicable"}


def print_diagnosis(diagnosis: Diagnosis, *, every: bool) -> None:
    """Print each issue with its evidence, consequence and remedy; every: a table of all findings,
    too.
    """
    for found in gather_issues(diagnosis):
        console.result_text(describe_issue(found) + "\n")
    if every:
        console.table(
            "All checks",
            ["code", "status", "what was looked at", "seen"],
            [
                [one.code, _STATUS[one.status], one.subject or "–", one.evidence]
                for one in diagnosis.findings
            ],
            wraps=["what was looked at", "seen"],
        )
    console.result_text(count_findings(diagnosis, every=every))


def gather_issues(diagnosis: Diagnosis) -> list[list[Finding]]:
    """The issues, errors first; those of one check together."""
    by_code: dict[str, list[Finding]] = {}
    for found in diagnosis.issues:
        by_code.setdefault(found.code, []).append(found)
    return list(by_code.values())


def describe_issue(found: Sequence[Finding]) -> str:
    """What one check found, of however many things, at most 80 columns wide."""
    first = found[0]
    lines = [f"{first.code} {first.severity}: {first.title}"]
    for one in found[:_MOST_THINGS]:
        lines += _paragraph("seen", f"{one.subject}: {one.evidence}")
    if len(found) > _MOST_THINGS:
        lines += _paragraph("", f"… and of {len(found) - _MOST_THINGS} more (--all lists them)")
    lines += _paragraph("so", first.consequence)
    for remedy in dict.fromkeys(one.remedy for one in found[:_MOST_THINGS]):
        lines += _paragraph("do", remedy)
    return "\n".join([*lines, f"  more  {first.page}"])


def count_findings(diagnosis: Diagnosis, *, every: bool) -> str:
    """How many checks were made on how many things, and what they said."""
    counts = Counter(one.status for one in diagnosis.findings)
    codes = len({one.code for one in diagnosis.findings})
    things = len(diagnosis.examined)
    hint = "" if every else " (--all lists them)"
    return (
        f"{codes} checks of {things} {'thing' if things == 1 else 'things'}: "
        f"{counts['issue']} {'issue' if counts['issue'] == 1 else 'issues'}, "
        f"{counts['passed']} passed, {counts['not_applicable']} not applicable{hint}"
    )


def _paragraph(head: str, text: str) -> list[str]:
    return textwrap.wrap(
        console.plain(text, is_one_line=True),
        width=_WIDTH,
        initial_indent=f"  {head:<4}  ",
        subsequent_indent=" " * 8,
        break_on_hyphens=False,
    )
