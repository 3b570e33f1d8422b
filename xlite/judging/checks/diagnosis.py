"""All checks on all things that there are to look at."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from xlite.errors import InputError
from xlite.judging.checks.check import Check
from xlite.judging.checks.registry import CHECKS
from xlite.judging.examined.examined import Examined
from xlite.judging.examined.project import ExaminedProject
from xlite.judging.examined.run import ExaminedRun
from xlite.results.doctor import Diagnosis, Finding


def diagnose(things: Iterable[Examined], *, ignored: Collection[str] = ()) -> Diagnosis:
    """What every check says of every thing of its kind, and of kinds that there are none of.

    A thing is let go once all checks have seen it. ignored: codes of checks that are not made.
    """
    checks = [check for check in CHECKS if check.code not in ignored]
    examined, findings = [], []
    for thing in things:
        examined.append(thing.name)
        findings += [_examine(check, thing) for check in checks if isinstance(thing, check.subject)]
    made = {finding.code for finding in findings}
    findings += [_without_subject(check) for check in checks if check.code not in made]
    order = {name: place for place, name in enumerate(examined)}
    findings.sort(key=lambda one: (one.code, order.get(one.subject, -1)))
    return Diagnosis(
        examined=tuple(examined),
        findings=tuple(findings),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        ignored=tuple(ignored),
    )


def list_things(project: ExaminedProject) -> Iterator[Examined]:
    """Everything of a project, and the project itself last."""
    yield from project.tables
    yield from project.splits
    for run in project.examine_runs():
        yield from list_of_run(run)
    yield project


def list_of_run(run: ExaminedRun) -> Iterator[Examined]:
    """A run and its predictions; those that can't be read are a fault of the run."""
    yield run
    try:
        yield from run.predictions.values()
    except InputError:
        return


def _examine(check: Check[Any], thing: Examined) -> Finding:
    try:
        return check.examine(thing, name=thing.name)
    except InputError as error:
        return _say_not_applicable(check, thing.name, f"it can't be read: {error}")


def _without_subject(check: Check[Any]) -> Finding:
    return _say_not_applicable(check, "", f"none was given or found: {check.kinds}")


def _say_not_applicable(check: Check[Any], name: str, because: str) -> Finding:
    return Finding(
        code=check.code,
        title=check.title,
        severity=check.severity,
        status="not_applicable",
        subject=name,
        evidence=because,
        page=check.page,
    )
