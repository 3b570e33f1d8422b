"""The sections of docs/doctor.md: each check, and what it says of its ill specimen."""

from __future__ import annotations

import functools
import inspect
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from markdown_table import join_cells

TESTS = Path(__file__).parents[1] / "tests"


@functools.cache
def render_checks() -> dict[str, str]:
    """The table of all checks, and a section of each."""
    from xlite.judging.checks.registry import CHECKS

    rows = [
        (f"[{check.code}](#{check.code.lower()})", check.title, check.severity, check.kinds)
        for check in CHECKS
    ]
    header = ("code", "what is looked for", "severity", "in")
    sections = [render_section(check) for check in CHECKS]
    return {"checks": join_cells(header, rows), "sections": "\n".join(sections)}


def render_section(check: Any) -> str:
    """One check in Markdown: what it does, what the ill specimen is, and what is said of it."""
    story, shown = show_specimen(check.code)
    return (
        f"### {check.code}\n\n"
        f"**{check.title[0].upper()}{check.title[1:]}** ({check.severity}).\n"
        f"{inspect.getdoc(check.look)}\n\n"
        f"The specimen: {story[0].lower()}{story[1:]}\n\n"
        f"```text\n{shown}\n```\n"
    )


def show_specimen(code: str) -> tuple[str, str]:
    """What the ill specimen of a check is, and what the command prints of it."""
    from typer.testing import CliRunner

    from xlite.cli.app import app
    from xlite.cli.doctor_tables import describe_issue
    from xlite.results.doctor import Diagnosis

    if str(TESTS) not in sys.path:
        sys.path.append(str(TESTS))
    from judging.checks.museum import find_specimen

    specimen = find_specimen(code)
    here = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        try:
            os.chdir(folder)
            words = specimen.ill(Path(folder))
            said = CliRunner().invoke(app, ["doctor", *words, "--json"])
        finally:
            os.chdir(here)
    diagnosis = Diagnosis.from_json(json.loads(said.stdout))
    found = [one for one in diagnosis.issues if one.code == code]
    return specimen.story, "\n".join([f"$ xlite doctor {' '.join(words)}", describe_issue(found)])
