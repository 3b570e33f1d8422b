from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xlite.reporting.html_checklists import describe_checklists
from xlite.reporting.html_page import Paragraph, Section, Table, render_page
from xlite.results.checklist import Checklist, ChecklistItem

EVIL = "<img src=x onerror=alert(1)>"


def write_checklist(experiments: Path, subject: str, kind: Any = "claim", text: str = "t") -> Path:
    items = (
        ChecklistItem(
            number="1",
            section="Data",
            text=text,
            standing="PROVEN",
            shown="2,000 films",
            files=("runs/a/config.json",),
        ),
        ChecklistItem(
            number="2", section="Data", text=text, standing="STATED", stated="By the board."
        ),
        ChecklistItem(
            number="3", section="Title", text=text, standing="MISSING", remedy="Say it in notes.md."
        ),
    )
    made = Checklist(
        id=kind, name=f"{kind.upper()} 2024", publication="P", subject=subject, items=items
    )
    path = experiments / "checklists" / subject.split()[-1] / f"{kind}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(made.to_json()))
    return path


def tables(section: Section) -> list[Table]:
    return [block for block in section.blocks if isinstance(block, Table)]


def test_each_item_says_how_it_stands_and_by_what(tmp_path: Path) -> None:
    assert describe_checklists(tmp_path).is_absent
    write_checklist(tmp_path, "run a", "stard")
    write_checklist(tmp_path, "run a")
    write_checklist(tmp_path, "study b")
    section = describe_checklists(tmp_path)
    assert [table.caption[:5] for table in tables(section)] == ["CLAIM", "STARD", "CLAIM"]
    rows = [[cell.text for cell in row] for row in tables(section)[0].rows]
    assert rows == [
        ["1", "Data", "t", "proven", "2,000 films (runs/a/config.json)"],
        ["2", "Data", "t", "stated", "Notes: By the board."],
        ["3", "Title", "t", "missing", "Say it in notes.md."],
    ]
    assert "CLAIM 2024: 1 of 3 items proven, 1 stated, 1 missing." in [
        block.text for block in section.blocks if isinstance(block, Paragraph)
    ]


def test_a_damaged_checklist_is_named_and_the_others_are_shown(tmp_path: Path) -> None:
    write_checklist(tmp_path, "run a", text=EVIL)
    write_checklist(tmp_path, "run a", "tripod").write_text('{"id": "tripod"')
    section = describe_checklists(tmp_path)
    warning = section.blocks[0]
    assert isinstance(warning, Paragraph)
    assert warning.is_warning
    assert "a/tripod.json is left out" in warning.text
    assert len(tables(section)) == 1
    page = render_page("t", "i", [section])
    assert EVIL not in page
    assert "&lt;img" in page
