"""docs/architecture.md names files, functions and rooms that exist, in the order that holds."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from test_architecture import MAY_IMPORT

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PATH = r"(?:xlite|tests|docs|benchmarks|examples)/[\w/.]*"


def find_paths(text: str) -> list[str]:
    return sorted(set(re.findall(rf"`({PATH})`", text)))


def find_names(text: str) -> list[tuple[str, str]]:
    """Pairs of a name and its file, written as `name` (`file`)."""
    return sorted(set(re.findall(rf"`(\w+)`\s+\(`({PATH}\.py)`", text)))


def defined_in(path: Path) -> set[str]:
    """Functions, classes and constants at the top of a module."""
    names = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        names |= {target.id for target in targets if isinstance(target, ast.Name)}
    return names


@pytest.mark.parametrize("path", find_paths(PAGE + CONTRIBUTING))
def test_each_file_that_is_named_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize(("name", "path"), find_names(PAGE))
def test_each_name_is_defined_in_its_file(name: str, path: str) -> None:
    assert name in defined_in(ROOT / path)


def test_names_and_files_are_found_in_the_page() -> None:
    assert len(find_names(PAGE)) > 40
    assert len(find_paths(PAGE)) > 40
    assert find_names("`read` in (`xlite/x.py`), `read`\n(`xlite/y.py`)") == [
        ("read", "xlite/y.py")
    ]


def test_the_rooms_stand_in_the_order_of_imports() -> None:
    listed = PAGE[PAGE.index("<!-- rooms -->") : PAGE.index("<!-- end rooms -->")]
    rooms = re.findall(r"^- `(\w+)`:", listed, re.MULTILINE)
    assert rooms == [room for room in MAY_IMPORT if room != "__init__"]
    seen: set[str] = set()
    for room in rooms:
        assert MAY_IMPORT[room] <= seen | {room}, f"{room} imports a room that stands below it"
        seen.add(room)
    for room in rooms:
        assert (ROOT / "xlite" / room).is_dir() or (ROOT / "xlite" / f"{room}.py").is_file()
