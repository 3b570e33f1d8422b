"""The report's section on reporting checklists: what files prove, people state, and nobody does."""

from __future__ import annotations

from pathlib import Path

from xlite.reporting.html_page import (
    Block,
    Cell,
    Column,
    Heading,
    Paragraph,
    Section,
    Table,
    absent_section,
)
from xlite.reporting.written_checklists import read_checklists
from xlite.results.checklist import Checklist, ChecklistItem

_KEY, _TITLE, _COMMAND = "checklists", "Reporting checklists", "xlite checklist RUN"


def describe_checklists(experiments_dir: Path) -> Section:
    """Every checklist of a run or a study, item by item; or that nobody has filled one in."""
    checklists, faults = read_checklists(experiments_dir)
    found: dict[str, list[Checklist]] = {}
    for one in checklists:
        found.setdefault(one.subject, []).append(one)
    if not found and not faults:
        why = "No checklist (CLAIM, TRIPOD+AI, STARD-AI) was filled in from the files."
        return absent_section(_KEY, _TITLE, why, _COMMAND)
    blocks: list[Block] = [Paragraph(fault, is_warning=True) for fault in faults]
    blocks.append(
        Paragraph(
            "Proven: files show it, and it can be computed again. Stated: people say so in the "
            "notes. Missing: neither."
        )
    )
    for subject, of_subject in found.items():
        blocks.append(Heading(f"Of the {subject}"))
        blocks += [block for one in of_subject for block in _show(one)]
    return Section(_KEY, _TITLE, blocks)


def _show(checklist: Checklist) -> list[Block]:
    """The counts in a sentence, and a row an item, in the order of the publication."""
    titles = ("item", "section", "asked for", "stands", "by what")
    table = Table(
        caption=f"{checklist.name}: {checklist.publication}",
        columns=[
            Column(title=title, is_number=False, is_prose=title in ("asked for", "by what"))
            for title in titles
        ],
        rows=[
            [
                Cell(item.number),
                Cell(item.section),
                Cell(item.text),
                Cell(item.standing.lower(), is_marked=item.standing == "MISSING"),
                Cell(_say_why(item)),
            ]
            for item in checklist.items
        ],
    )
    return [Paragraph(f"{checklist.sentence}."), table]


def _say_why(item: ChecklistItem) -> str:
    """What files show, and which; what people state; of a missing one what to do."""
    told = [item.shown, f"Notes: {item.stated}" if item.stated else ""]
    if item.standing == "MISSING":
        told.append(item.remedy)
    if item.files:
        told.append(f"({', '.join(item.files)})")
    return " ".join(filter(None, told))
