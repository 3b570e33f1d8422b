"""Checklists of a run or a study: answered from its files, written where the page finds them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from xlite import places
from xlite.errors import ArgumentError
from xlite.files import write_json, write_text
from xlite.ownership import refuse_links, require_our_folder
from xlite.proving.checklists.answer import Answers
from xlite.proving.checklists.guideline import GUIDELINES, read_guideline, read_topics
from xlite.proving.checklists.markdown import render_checklist
from xlite.proving.checklists.notes import NOTES_FILE, Notes, read_notes
from xlite.proving.checklists.subject import Subject, read_subject
from xlite.reporting.written_checklists import CHECKLIST_FILES
from xlite.results.checklist import Checklists


def check_lists(
    subject: str | Path,
    *,
    notes: str | Path | None = None,
    experiments: str | Path = places.EXPERIMENTS_DIR,
    write: bool = True,
) -> Checklists:
    """CLAIM, TRIPOD+AI and STARD-AI of a run or a study, item by item: proven, stated or missing.

    subject: a run or a study, its folder or its name in `experiments`. notes: a file of statements,
    Markdown or TOML; they are taken up into `notes.md`, which is read again each time. write: leave
    `claim`, `tripod` and `stard`, each as JSON and Markdown, and `notes.md` in
    `experiments/checklists/NAME/`; else only what is there is read. Raises InputError for what is
    neither a run nor a study, or has no finished run, and for notes that can't be read.
    """
    if not isinstance(subject, str | Path):
        raise ArgumentError(f"subject must be a path or a name, not {subject!r}.")
    found = read_subject(subject, Path(experiments))
    folder = found.experiments / places.CHECKLISTS / found.name
    if write:
        _require_ours(folder)
    kept = folder / NOTES_FILE
    said = read_notes(kept) if kept.exists() else Notes("", {})
    if notes is not None:
        said = said.set(read_notes(Path(notes)).stated)
    answers = Answers(found)
    lists = Checklists(
        subject=found.title,
        checklists=tuple(answers.answer(read_guideline(name), said) for name in GUIDELINES),
    )
    return _write(lists, said, found, folder) if write else lists


def _write(lists: Checklists, notes: Notes, subject: Subject, folder: Path) -> Checklists:
    missing = {
        item.topic for one in lists.checklists for item in one.items if item.standing == "MISSING"
    }
    asked = notes.ask([topic for topic in read_topics() if topic in missing], title=subject.title)
    folder.mkdir(parents=True, exist_ok=True)
    if asked.text:
        write_text(folder / NOTES_FILE, asked.text)
    for one in lists.checklists:
        write_text(folder / f"{one.id}.md", render_checklist(one))
        write_json(folder / f"{one.id}.json", one.to_json())
    return dataclasses.replace(lists, folder=folder)


def _require_ours(folder: Path) -> None:
    """Raise InputError where other files lie in the way."""
    names = [*CHECKLIST_FILES, *(f"{name}.md" for name in GUIDELINES)]
    require_our_folder(
        folder,
        markers=CHECKLIST_FILES,
        names=names,
        what="`xlite checklist`",
        option="--experiments",
    )
    # It may be there before any checklist, since people write it.
    refuse_links([folder / NOTES_FILE], option="--experiments")
