"""How a study begins: its folder, with the plan in the first entry of its ledger."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from xlite import console
from xlite.errors import InputError
from xlite.files import write_text
from xlite.ownership import refuse_links
from xlite.places import STUDIES
from xlite.studies.folder import StudyFolder
from xlite.studies.ledger_entries import Begin, Change, entry_time
from xlite.studies.plan_changes import PlanChanges, describe_changes
from xlite.studies.plan_file import PlanSource, parse_plan, read_plan
from xlite.studies.recorded_plan import RecordedPlan, read_state, texts_in_force
from xlite.studies.study_plan import StudyPlan
from xlite.studies.study_state import StudyState
from xlite.workflows.study_check import require_sound
from xlite.workflows.study_folder import check_out

PERSON: Final = "person"
"""The writer of entries that no agent writes."""

_MOST_DIFFERENCES = 5


def begin_study(
    plan: str | Path, out: str | Path | None = None, *, accept_change: bool = False
) -> StudyFolder:
    """The folder of the plan's study, `out/studies/NAME`, where it begins, or goes on.

    out: None for the plan's. Paths of the plan start from the working folder. accept_change: record
    that the plan was edited after its study began, and what that makes invalid. Raises InputError
    for a plan that is not sound, one that was edited without that, and a folder that can't be
    written to or is no study's.
    """
    source = read_plan(Path(plan))
    parsed = parse_plan(source.text, source.base, where=str(plan))
    if parsed.runtime.devices * parsed.runtime.num_nodes > 1:
        raise InputError(
            f"{plan}: [running] gives a run several devices, and an agent of a study trains on "
            "one. Leave devices and nodes out, and have more agents work."
        )
    experiments = parsed.out if out is None else Path(out)
    check_out(experiments)
    folder = StudyFolder(experiments / STUDIES / parsed.name)
    refuse_links([folder.path, folder.plan_file, folder.ledger.folder])
    if not folder.ledger.path_of(1).exists():
        _refuse_remains(folder)
        require_sound(parsed, where=str(plan))
        if write_beginning(folder, source, parsed.name, Path.cwd()):
            console.say(f"the study {parsed.name} begins: {folder.path}")
            keep_copies(folder, source)
            return folder
    while texts_in_force(state := read_state(folder)) != (source.text, source.base):
        changes = describe_changes(RecordedPlan(folder).of(state), parsed)
        if not changes.differences:  # remarks, blanks: the ledger's text says the same
            break
        if not accept_change:
            raise InputError(_describe_edit(folder, source, changes, state))
        _require_kept_looks(RecordedPlan(folder).of(state), parsed, state)
        require_sound(parsed, where=str(plan))
        if _record_change(folder, source, changes, state):
            keep_copies(folder, source, is_new=True)
            return folder
    else:
        keep_copies(folder, source)
    console.say(f"the study {parsed.name} goes on: {folder.path}")
    return folder


def _require_kept_looks(old: StudyPlan, new: StudyPlan, state: StudyState) -> None:
    """Raise InputError where looks were made whose limits hold for another number of seeds."""
    growth = old.growth
    was_looked_at = any(name.startswith("look:") for name in state.items)
    if growth is None or not was_looked_at:
        return
    if new.growth is None or (new.growth.seeds, new.growth.first) != (growth.seeds, growth.first):
        raise InputError(
            f"[seeds]: the study was looked at with first = {growth.first} and max = "
            f"{len(growth.seeds)}, which its limits hold for: with others they would not, whatever "
            "had been seen. Keep them, or begin another study."
        )


def _record_change(
    folder: StudyFolder, source: PlanSource, changes: PlanChanges, state: StudyState
) -> bool:
    """Write that the plan was changed; False when another entry came first."""
    items, decisions = changes.invalid_items(state), changes.invalid_decisions(state)
    is_written = folder.ledger.append(
        Change(
            at=entry_time(),
            agent=PERSON,
            plan=source.text,
            base=source.base,
            differences=list(changes.differences),
            invalid_items=items,
            invalid_decisions=decisions,
        )
    )
    if is_written:
        console.say(f"the change is recorded; {_describe_invalid(items, decisions)}: {folder.path}")
    return is_written


def _refuse_remains(folder: StudyFolder) -> None:
    """Raise InputError for a study's folder without its ledger's beginning."""
    if not os.path.lexists(folder.path):
        return
    if not folder.path.is_dir():
        raise InputError(f"{folder.path} is not a folder. Move it away, or rename the study.")
    found = sorted(path.name for path in folder.path.iterdir() if path.name != "ledger")
    found += [f"ledger/{name}" for name in folder.ledger.find_foreign()]
    if found:
        raise InputError(
            f"{folder.path} holds {found[0]} and not the beginning of a ledger "
            f"({folder.ledger.path_of(1).name}), without which no study is known. Copy the whole "
            "folder, or move it away to begin anew; finished runs are found again."
        )


def write_beginning(folder: StudyFolder, source: PlanSource, name: str, root: Path) -> bool:
    """Write the first entry; False when another process was faster.

    root: where the paths in the plan start from.
    """
    folder.path.mkdir(parents=True, exist_ok=True)
    way = os.path.relpath(root.resolve(), folder.path.resolve())
    return folder.ledger.append(
        Begin(
            at=entry_time(),
            agent=PERSON,
            name=name,
            plan=source.text,
            base=source.base,
            root=Path(way).as_posix(),
        )
    )


def keep_copies(folder: StudyFolder, source: PlanSource, *, is_new: bool = False) -> None:
    """Copy plan and settings file, for people; what was edited there counts for nothing."""
    texts = {folder.plan_file: source.text}
    if source.base is not None:
        suffix = ".json" if source.base.lstrip().startswith("{") else ".toml"
        texts[folder.path / f"base{suffix}"] = source.base
    for path, text in texts.items():
        if is_new or not path.exists():
            write_text(path, text)
        elif path.read_text(encoding="utf-8", errors="replace") != text:
            console.warn(
                f"{path} is a copy, and was edited: what counts is the plan in the ledger."
            )


def _describe_edit(
    folder: StudyFolder, source: PlanSource, changes: PlanChanges, state: StudyState
) -> str:
    shown = changes.differences[:_MOST_DIFFERENCES]
    more = len(changes.differences) - len(shown)
    invalid = _describe_invalid(changes.invalid_items(state), changes.invalid_decisions(state))
    return (
        f"{source.path} was edited since its study began in {folder.path}: {'; '.join(shown)}"
        f"{f'; and {more} more' if more else ''}. With --accept-change that is recorded, and "
        f"{invalid}; runs with the same settings are taken as they are. Else take the edit back, "
        "or give the plan another name."
    )


def _describe_invalid(items: Sequence[str], decisions: Sequence[str]) -> str:
    """What a change makes invalid, in words."""
    if not items and not decisions:
        return "nothing that was done or decided becomes invalid"
    parts = []
    for what, names in (("items", items), ("decisions", decisions)):
        if names:
            more = f" and {len(names) - 3} more" if len(names) > 3 else ""
            parts.append(f"{len(names)} {what} ({', '.join(names[:3])}{more})")
    return f"{' and '.join(parts)} no longer count"
