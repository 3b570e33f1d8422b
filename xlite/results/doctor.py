"""What the doctor found: built by judging's checks, printed, kept in the report."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar, Literal

from xlite.results import Number, Result

Severity = Literal["error", "warning"]
"""Whether an ill makes results false, or only doubtful."""

Status = Literal["issue", "passed", "not_applicable"]


@dataclass(frozen=True, kw_only=True)
class Finding(Result):
    """What one check says of one thing that it looked at."""

    code: str
    """Stable: `XL001` and so on."""
    title: str
    """What is looked for, as a noun phrase."""
    severity: Severity
    status: Status
    subject: str
    """What was looked at: `split data/splits`, `run experiments/runs/NAME`."""
    evidence: str
    """What was seen, with numbers; of a check that does not apply, why not."""
    numbers: dict[str, Number] = dataclasses.field(default_factory=dict)
    """The same numbers by name."""
    consequence: str = ""
    """What an issue does to results; empty where there is none, as is the next."""
    remedy: str = ""
    page: str = ""
    """The section of the documentation: `docs/doctor.md#xl001`."""


@dataclass(frozen=True, kw_only=True)
class Diagnosis(Result):
    """What all checks say of a project, or of the single things that were given."""

    kind: ClassVar[str] = "diagnosis"

    examined: tuple[str, ...]
    """What was looked at, in order."""
    findings: tuple[Finding, ...]
    """By code, and by subject within one."""

    time: str = ""
    """When it was made, ISO 8601."""
    ignored: tuple[str, ...] = ()
    """Codes of checks that were left out."""

    @property
    def issues(self) -> tuple[Finding, ...]:
        """The findings that are ills, errors first."""
        ills = (one for one in self.findings if one.status == "issue")
        return tuple(sorted(ills, key=lambda one: (one.severity != "error", one.code)))
