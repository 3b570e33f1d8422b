"""The shape of the code: short functions, thin commands, no circles, telling names."""

from __future__ import annotations

import ast
from collections import defaultdict
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "xlite"
MODULES = sorted(PACKAGE.rglob("*.py"))

MOST_LINES_OF_A_FUNCTION = 60
MOST_LINES_OF_A_COMMAND = 120
MOST_LINES_OF_A_FILE = 300
GENERATED = {"cli/generated_options.py"}
EMPTY_NAMES = {"base", "common", "helper", "helpers", "manager", "misc", "util", "utils"}


def long_functions(source: str) -> list[str]:
    return [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno + 1 > MOST_LINES_OF_A_FUNCTION
    ]


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_functions_and_files_are_short(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    if name_of(path) in GENERATED:
        return
    assert not long_functions(source)
    is_command = path.parent.name == "cli"
    most = MOST_LINES_OF_A_COMMAND if is_command else MOST_LINES_OF_A_FILE
    num_lines = len(source.splitlines())
    assert num_lines <= most, num_lines


def test_a_long_function_would_be_seen() -> None:
    assert long_functions("def f():\n" + "    x = 1\n" * MOST_LINES_OF_A_FUNCTION)
    assert not long_functions("def f():\n" + "    x = 1\n" * (MOST_LINES_OF_A_FUNCTION - 1))


def find_circles(imports: dict[str, set[str]]) -> list[str]:
    """Modules that import themselves over any number of others, types included."""

    def reach(start: str) -> set[str]:
        seen: set[str] = set()
        todo = list(imports[start])
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo += imports.get(name, ())
        return seen

    return sorted(name for name in imports if name in reach(name))


def imports_of(source: str, modules: set[str]) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module:
            names = {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
            found |= names & modules
    return found


def test_no_modules_import_each_other() -> None:
    names = {
        f"xlite.{name_of(path).removesuffix('.py').replace('/', '.')}".removesuffix(
            ".__init__"
        ): path
        for path in MODULES
    }
    imports: dict[str, set[str]] = defaultdict(set)
    for name, path in names.items():
        imports[name] = imports_of(path.read_text(encoding="utf-8"), set(names)) - {"xlite", name}
    del imports["xlite"]
    assert find_circles(dict(imports)) == []


def test_a_circle_would_be_seen() -> None:
    assert find_circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == ["a", "b", "c"]
    assert imports_of("def f():\n    from xlite.a import b\n", {"xlite.a.b"}) == {"xlite.a.b"}


def test_names_say_what_is_in_a_module() -> None:
    assert not [name_of(path) for path in MODULES if path.stem in EMPTY_NAMES]
