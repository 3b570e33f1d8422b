"""A check of the doctor: data that names a fault, and a pure function that looks for it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_args

from xlite.results.doctor import Finding

if TYPE_CHECKING:
    from xlite.results.doctor import Severity, Status

Subject = TypeVar("Subject")


@dataclass(frozen=True)
class Issue:
    """The fault is there."""

    evidence: str
    """A sentence with the numbers that show it, and where."""
    numbers: Mapping[str, float] = dataclasses.field(default_factory=dict)
    remedy: str | None = None
    """What to do here; None for what the check says in general."""


@dataclass(frozen=True)
class Passed:
    """The fault is not there."""

    evidence: str
    numbers: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True)
class NotApplicable:
    """There is nothing that could have the fault, or too little to tell."""

    because: str


Observation = Issue | Passed | NotApplicable


def gather(seen: Sequence[Observation], *, because: str) -> Observation:
    """What several looks at one thing come to: all issues, else all that passed, else nothing.

    because: why the check does not apply where there was nothing to look at. Numbers are those of
    the first.
    """
    issues = [one for one in seen if isinstance(one, Issue)]
    if issues:
        first = issues[0]
        return Issue(" ".join(one.evidence for one in issues), first.numbers, first.remedy)
    passed = [one for one in seen if isinstance(one, Passed)]
    if passed:
        return Passed("; ".join(one.evidence for one in passed), passed[0].numbers)
    return next((one for one in seen), NotApplicable(because))


@dataclass(frozen=True, kw_only=True)
class Check(Generic[Subject]):
    """A fault that results are made false by, and how it is seen.

    Fixtures of the same code, one ill and one sound, are in tests/judging/checks.
    """

    code: str
    """`XL001` and so on; never given to another check."""
    title: str
    severity: Severity
    subject: type[Subject] | UnionType
    """The kind of thing that is looked at, or several."""
    look: Callable[[Subject], Observation]
    consequence: str
    """What the fault does to results."""
    remedy: str

    @property
    def page(self) -> str:
        """The check's section in the documentation."""
        return f"docs/doctor.md#{self.code.lower()}"

    @property
    def kinds(self) -> str:
        """What the things that are looked at are called: `run or predictions`."""
        classes: tuple[Any, ...] = get_args(self.subject) or (self.subject,)
        return " or ".join(one.kind for one in classes)

    def examine(self, subject: Subject, *, name: str) -> Finding:
        """What the check says of a subject; name: what that is called, `run NAME` say."""
        seen = self.look(subject)
        status: Status
        match seen:
            case NotApplicable():
                status, evidence = "not_applicable", seen.because
            case Passed():
                status, evidence = "passed", seen.evidence
            case Issue():
                status, evidence = "issue", seen.evidence
        is_ill = isinstance(seen, Issue)
        return Finding(
            code=self.code,
            title=self.title,
            severity=self.severity,
            status=status,
            subject=name,
            evidence=evidence,
            numbers={} if isinstance(seen, NotApplicable) else dict(seen.numbers),
            consequence=self.consequence if is_ill else "",
            remedy=(seen.remedy or self.remedy) if isinstance(seen, Issue) else "",
            page=self.page,
        )
