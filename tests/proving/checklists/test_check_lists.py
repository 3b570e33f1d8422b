"""Checklists as files: notes that are kept, Markdown that nobody forges, what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import xlite
from xlite.errors import InputError
from xlite.proving.checklists.markdown import render_checklist
from xlite.proving.checklists.notes import Notes, read_notes
from xlite.proving.checklists.subject import Subject
from xlite.reporting.written_checklists import read_checklists
from xlite.results.checklist import Checklist

FOLDER = Path("experiments/checklists/loss")
MARKUP = "<script>alert(1)</script> | <!-- end --> `x` [y](javascript:z)"


def standings(found: Any, name: str = "claim") -> dict[str, str]:
    [one] = [one for one in found.checklists if one.id == name]
    return {item.number: item.standing for item in one.items}


def contents() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(FOLDER.iterdir())}


@pytest.mark.usefixtures("study")
def test_what_is_stated_is_kept_and_read_again() -> None:
    first = xlite.check_lists("loss")
    assert first.folder == FOLDER
    assert standings(first)["44"] == "MISSING"
    notes = FOLDER / "notes.md"
    text = notes.read_text()
    assert "## Funding\n\n<!-- Who paid" in text
    assert "## CLAIM 9" not in text.replace("such as ## CLAIM 9", "")
    notes.write_text(text.replace("## Funding\n", "## Funding\nNobody paid.\r\n"))
    mine = notes.read_bytes()
    second = xlite.check_lists("loss")
    assert standings(second)["44"] == "STATED"
    assert (standings(second, "tripod")["18a"], standings(second, "stard")["38"]) == (
        "STATED",
        "STATED",
    )
    assert notes.read_bytes() == mine
    before = contents()
    assert xlite.check_lists("loss") == second
    assert contents() == before
    assert "> Nobody paid." in (FOLDER / "claim.md").read_text()
    assert xlite.check_lists("loss", write=False) == second


@pytest.mark.usefixtures("study")
def test_statements_of_a_file_are_taken_up_and_a_topic_serves_all_lists() -> None:
    Path("said.toml").write_text(
        '"funding" = "A grant."\n"CLAIM 30" = "Not looked at."\n"CLAIM 20" = "By patient."\n'
    )
    found = xlite.check_lists("loss", notes="said.toml")
    assert standings(found)["44"] == standings(found)["30"] == "STATED"
    # What files prove stays proven, whatever is said besides.
    assert standings(found)["20"] == "PROVEN"
    assert {"Funding", "CLAIM 30"} <= set(read_notes(FOLDER / "notes.md").stated)
    Path("said.md").write_text("## Funding\n\nTwo grants.\n\nOf one office.\n\n## Ethics\nWaived.")
    again = xlite.check_lists("loss", notes="said.md")
    assert read_notes(FOLDER / "notes.md").of("Funding") == "Two grants.\n\nOf one office."
    assert standings(again)["30"] == "STATED"
    assert standings(again, "stard")["6"] == "STATED"
    assert (FOLDER / "notes.md").read_text().count("## Funding") == 1


def test_no_statement_stands_against_the_files(study: Subject) -> None:
    record = study.study_folder.path / "study.json"
    content = json.loads(record.read_text())
    for one in content["experiments"]:
        one["scores"]["val.auroc"]["point"] = 0.99
    record.write_text(json.dumps(content))
    Path("said.toml").write_text('"CLAIM 37" = "It is 0.99."\n')
    assert standings(xlite.check_lists("loss", notes="said.toml"))["37"] == "MISSING"


def test_the_page_finds_what_was_written(study: Subject) -> None:
    xlite.check_lists("loss")
    found, faults = read_checklists(Path("experiments"))
    assert [one.id for one in found] == ["claim", "tripod", "stard"]
    assert found[0].subject == "study loss"
    assert faults == []
    (FOLDER / "stard.json").write_text("{")
    found, [fault] = read_checklists(Path("experiments"))
    assert len(found) == 2
    assert "loss/stard.json is left out" in fault


def test_markup_in_what_is_shown_and_stated_does_not_act(study: Subject) -> None:
    xlite.check_lists("loss")
    written = Checklist.read(FOLDER / "claim.json", remedy="")
    items = tuple(
        replace(one, stated=MARKUP, shown=MARKUP, files=("a`b|c.csv",)) for one in written.items
    )
    text = render_checklist(replace(written, subject=f"study {MARKUP}", items=items))
    assert "<script" not in text
    assert "<!--" not in text
    assert "[y](" not in text.replace("\\[y\\](", "")
    assert text.count("\n### ") == 44


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.md", "## Fundng\n", "no checklist has a topic or item 'Fundng'. Did you mean Funding?"),
        ("a.md", "## CLAIM 45\nx", "no checklist has a topic or item 'CLAIM 45'"),
        ("a.md", "## Funding\nx\n## funding\ny", "has 'Funding' twice"),
        ("a.toml", "Funding = 3", "Funding must be a text"),
        ("a.toml", "Funding", "is no TOML"),
        ("a.md", b"## Funding\n\xff", "is not UTF-8"),
        ("none.md", None, "does not exist"),
    ],
)
def test_notes_that_say_nothing_of_a_checklist_are_refused(
    tmp_path: Path, name: str, text: Any, said: str
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=said.replace("?", r"\?")):
        read_notes(path)


def test_comments_and_empty_sections_state_nothing(tmp_path: Path) -> None:
    path = tmp_path / "notes.md"
    path.write_text("Before.\n\n## Funding ##\n\n<!-- Who\npaid -->\n\n## Ethics\n None needed.\n")
    assert read_notes(path).stated == {"Ethics": "None needed."}
    assert Notes("", {}).ask(["Funding"], title="run a").text.count("## Funding") == 1


@pytest.mark.usefixtures("study")
def test_the_command_says_the_counts_and_refuses_what_is_in_the_way(xlite: Any) -> None:
    done = xlite("checklist", "loss")
    assert done.exit_code == 0, done.output
    [row] = [line for line in done.stdout.splitlines() if "CLAIM 2024" in line]
    assert [cell.strip() for cell in row.split("│")][2:5] == ["20", "0", "24"]
    told = json.loads(xlite("checklist", "loss", "--json").stdout)
    assert [one["id"] for one in told["checklists"]] == ["claim", "tripod", "stard"]
    for wrong, said in (
        (("nothing",), "nothing is neither a run nor a study"),
        (("loss", "--notes", "nowhere.md"), "nowhere.md does not exist"),
    ):
        refused = xlite("checklist", *wrong)
        assert refused.exit_code == 2
        assert said in " ".join(refused.stderr.split())
    for path in FOLDER.glob("*.json"):
        path.unlink()
    before = contents()
    refused = xlite("checklist", "loss")
    assert refused.exit_code == 2
    assert "nothing says that it belongs to" in " ".join(refused.stderr.split())
    assert contents() == before
