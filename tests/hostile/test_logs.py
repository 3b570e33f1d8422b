"""An experiment log that people, editors and links have been at."""

from __future__ import annotations

from pathlib import Path

import pytest
from hostile.cases import WRONG_INPUT, Case, run_case
from hostile.command_lines import (
    NAMED,
)
from hostile.commands import Commands
from hostile.spoil import (
    FILE_FAULTS,
    edit,
    link_to,
    on,
    remove,
    swap,
)

LOG = "EXPERIMENT_LOG.md"
ADD = "log add --focus again"

CASES = [
    *(
        Case(
            name=f"log is {name}",
            spoil=on(LOG, fault),
            command=ADD,
            says=LOG,
            says_when_done=False,
            ends=NAMED,
            writes=("project/EXPERIMENT_LOG.md", "project/experiments/.experiment_log.lock")
            if name in ("empty", "blank", "UTF-16", "cut in the middle", "noise", "NUL bytes")
            else (),
        )
        for name, fault in FILE_FAULTS.items()
    ),
    *(
        Case(
            name=f"log {name}",
            spoil=on(LOG, fault),
            command=ADD,
            says=LOG,
            says_when_done=False,
            ends=NAMED,
            writes=("project/EXPERIMENT_LOG.md",),
        )
        for name, fault in {
            "without its beginning mark": swap("<!-- xlite:begin -->", ""),
            "with its beginning mark twice": edit(
                lambda t: t.replace(
                    "<!-- xlite:begin -->", "<!-- xlite:begin -->\n<!-- xlite:begin -->"
                )
            ),
            "without its end mark": edit(lambda t: t.replace("<!-- xlite:end -->", "")),
            "with its marks reversed": edit(
                lambda t: (
                    t.replace("xlite:begin", "xlite:X")
                    .replace("xlite:end", "xlite:begin")
                    .replace("xlite:X", "xlite:end")
                )
            ),
            "with a record twice": edit(lambda t: t.replace("EXP-002", "EXP-001")),
            "with a record of 5,000 digits": edit(
                lambda t: t.replace("EXP-002", "EXP-" + "9" * 5_000)
            ),
            "with Windows' line ends": edit(lambda t: t.replace("\n", "\r\n")),
            "with a cell of pipes": edit(lambda t: t.replace("| finished |", "| fin | ished |")),
        }.items()
    ),
    Case(
        name="log links to a file elsewhere",
        spoil=on(LOG, link_to("../foreign/notes.txt")),
        command=ADD,
        says=LOG,
        ends=NAMED,
        # Whoever links the log to a file wants it there; the link itself stays one.
        writes=("foreign/notes.txt",),
    ),
    Case(
        name="log of a record that is none",
        spoil=lambda _: None,
        command=f"{ADD} --id EXP-999",
        says="EXP-999",
    ),
    Case(
        name="log of a run that is none",
        spoil=lambda _: None,
        command=f"{ADD} --run nobody",
        says="nobody",
    ),
    Case(
        name="log of a comparison that is none",
        spoil=lambda _: None,
        command=f"{ADD} --comparison nowhere.json",
        says="nowhere.json",
    ),
    Case(
        name="log with a mark as a focus",
        spoil=lambda _: None,
        command="log add --focus '<!-- xlite:end --> | x'",
        says="",
        ends=NAMED,
        writes=("project/EXPERIMENT_LOG.md",),
    ),
    Case(
        name="log with line breaks as a focus",
        spoil=lambda _: None,
        command="log add --focus 'a\n\nDecision: b\n### EXP-001'",
        says="",
        ends=NAMED,
        writes=("project/EXPERIMENT_LOG.md",),
    ),
    Case(
        name="log with escapes as a focus",
        spoil=lambda _: None,
        command="log add --focus '\x1b[2J'",
        says="",
        ends=NAMED,
        writes=("project/EXPERIMENT_LOG.md",),
    ),
    Case(
        name="log of no experiments",
        spoil=on("experiments", remove),
        command=ADD,
        says="experiments",
        ends=(WRONG_INPUT,),
    ),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_log(case: Case, commands: Commands, sound: Path, tmp_path: Path) -> None:
    run_case(case, commands, sound, tmp_path)
