"""docs/python.md follows docs/commands.md, and what it shows runs and gives what it says."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import pytest

import xlite

DOCS = Path(__file__).parents[1] / "docs"
PAGE = (DOCS / "python.md").read_text(encoding="utf-8")


def find_headings(text: str) -> list[str]:
    return re.findall(r"^## (.+)$", text, re.MULTILINE)


def take_examples(text: str) -> str:
    """The page with everything but its Python blocks blank, so that lines keep their numbers."""
    kept, is_inside = [], False
    for line in text.splitlines():
        is_fence = line.startswith("```")
        kept.append(line if is_inside and not is_fence else "")
        if is_fence:
            is_inside = line == "```python"
    return "\n".join(kept) + "\n"


def test_headings_follow_the_commands() -> None:
    commands = find_headings((DOCS / "commands.md").read_text(encoding="utf-8"))
    expected = [heading.removeprefix("xlite ") for heading in commands]
    assert find_headings(PAGE)[: len(expected)] == expected


def test_every_public_name_is_on_the_page() -> None:
    missing = [name for name in xlite.__all__ if not re.search(rf"\b{name}\b", PAGE)]
    assert missing == []


def test_examples_are_found() -> None:
    assert take_examples("a\n```python\n>>> 1\n1\n```\n>>> 2\n") == "\n\n>>> 1\n1\n\n\n"


def test_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    parsed = doctest.DocTestParser().get_doctest(
        take_examples(PAGE), {}, "docs/python.md", str(DOCS / "python.md"), 0
    )
    report: list[str] = []
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    found = runner.run(parsed, out=report.append)
    assert found.attempted > 30
    assert found.failed == 0, "".join(report)
