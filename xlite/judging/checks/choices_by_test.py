"""XL004: choices that were made by the test part, or after it had been looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from xlite.errors import InputError
from xlite.judging.checks.check import (
    Check,
    Issue,
    NotApplicable,
    Observation,
    Passed,
    gather,
)
from xlite.judging.examined.project import ExaminedProject
from xlite.results.evaluation import Look
from xlite.settings import fingerprint_of

if TYPE_CHECKING:
    from xlite.run_folder.folder import RunFolder

_MOST_NAMED = 3


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Something that was begun or decided, when it could have been in sight of a look."""

    what: str
    """In words: `run NAME was begun`."""
    time: str
    """ISO 8601, in UTC."""


def look(project: ExaminedProject) -> Observation:
    """Rankings and ablations have to be by validation. Looks at the test part are counted by xlite;
    of those at one test set, none may come before a run on the same split is begun, or before a
    study decides for its winner, and commands may not look at one model after another. Models that
    are looked at by one command, at the end, are not chosen from by that; runs that differ in the
    seed are one model.
    """
    parts = {path.name: one.part for path, one in project.ablations.items()}
    parts |= {path.name: one.part for path, one in project.comparisons.items()}
    seen = [look_at_parts(parts)]
    runs = {run.name: run for run in project.runs}
    by_set: dict[str | None, list[Look]] = {}
    for one in project.looks:
        by_set.setdefault(one.test_set, []).append(one)
    for looks in by_set.values():
        models = {name: _describe_model(run) for name, run in runs.items()}
        seen.append(look_at_looks(looks, _list_choices(project, looks, runs), models))
    return gather(seen, because="nothing was chosen, and nobody has looked at the test part")


def look_at_parts(parts: Mapping[str, str]) -> Observation:
    """Whether anything that ranks or judges variants did so on the test part; parts: by its name.

    >>> look_at_parts({"comparison.json": "test"}).evidence
    'comparison.json chooses by the test part.'
    """
    by_test = [name for name, part in parts.items() if part == "test"]
    numbers = {"choices": len(parts), "choices_by_test": len(by_test)}
    if by_test:
        verb = "chooses" if len(by_test) == 1 else "choose"
        return Issue(f"{_name(by_test)} {verb} by the test part.", numbers)
    if not parts:
        return NotApplicable("nothing was chosen")
    return Passed(f"{_name(list(parts))}: by validation", numbers)


def look_at_looks(
    looks: Sequence[Look], choices: Sequence[Choice], models: Mapping[str, str]
) -> Observation:
    """Whether looks at one test set could have chosen anything.

    looks: at least one. choices: those that are made on the same split. models: by run, what its
    settings come to without the seed.
    """
    first = min(look.time for look in looks)
    # To the second: looks are noted to that.
    after = sorted((one.time, one.what) for one in choices if one.time[:19] > first[:19])
    seen = {models.get(look.run or "", look.run or look.command) for look in looks}
    commands = {look.command for look in looks}
    numbers = {"looks": len(looks), "models": len(seen), "choices_after": len(after)}
    if after:
        named = _name([what for _, what in after])
        what = "1 choice" if len(after) == 1 else f"{len(after)} choices"
        return Issue(
            f"{what} came after the first look at the test part ({first}): {named}.", numbers
        )
    told = f"{len(looks)} looks at one test part were at {len(seen)} "
    told += "model" if len(seen) == 1 else "models"
    if len(seen) > 1 and len(commands) > 1:
        return Issue(
            f"{told}, by {len(commands)} commands: any that is reported was chosen in sight of the "
            "others.",
            numbers,
        )
    return Passed(f"{told}, and no choice came after", numbers)


def _list_choices(
    project: ExaminedProject, looks: Sequence[Look], runs: Mapping[str, RunFolder]
) -> list[Choice]:
    """The runs on the split of those that were looked at, and the winners among them."""
    looked_at = {_test_sum(runs[one.run]) for one in looks if one.run and one.run in runs} - {None}
    same = {name: run for name, run in runs.items() if _test_sum(run) in looked_at}
    choices = []
    for name, run in same.items():
        try:
            begun = run.sittings[0].started if run.sittings else ""
        except InputError:
            continue
        choices.append(Choice(what=f"run {name} was begun", time=begun))
    for study in project.studies.values():
        names = {run.rpartition("/")[2] for one in study.experiments for run in one.runs}
        choices += [
            Choice(what=f"study {study.name} decided for its winner", time=decision.at)
            for decision in study.decisions
            if decision.subject == "winner" and names & set(same)
        ]
    return choices


def _test_sum(run: RunFolder) -> str | None:
    try:
        return run.data.split_sha256.get("test")
    except InputError:
        return None


def _describe_model(run: RunFolder) -> str:
    try:
        settings = run.settings_content
    except InputError:
        return run.name
    return fingerprint_of({name: value for name, value in settings.items() if name != "seed"})


def _name(what: Sequence[str]) -> str:
    more = len(what) - _MOST_NAMED
    return ", ".join(what[:_MOST_NAMED]) + (f" and {more} more" if more > 0 else "")


CHECK = Check(
    code="XL004",
    title="the test part used to choose",
    severity="error",
    subject=ExaminedProject,
    look=look,
    consequence="The test score is of a model that was chosen for it: it is too good, and no "
    "estimate of what to expect on new patients.",
    remedy="Choose by validation and look at the winner once, at the end. What has been looked at "
    "needs a new test part of other patients.",
)
