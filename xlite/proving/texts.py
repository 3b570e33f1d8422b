"""The texts of a bundle: what page, cards and log say of it, which whoever has it renders again.

They are rendered from the bundle's own files, whose numbers are recomputed by themselves. How they
are worded is up to the xlite that wrote them, so that another version has nothing to compare.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor
from pathlib import Path

from xlite import console
from xlite.files import write_text
from xlite.proving import layout
from xlite.proving.project import BundledProject
from xlite.results.verification import Difference

Renderer = Callable[[BundledProject], Mapping[str, str]]
"""From the unpacked bundle to its texts by the names of their files; InputError for damage."""


def write_texts(project: BundledProject, render: Renderer) -> None:
    """Write the texts into the unpacked bundle."""
    for name, text in _render(project.root, render).items():
        write_text(project.root / layout.TEXTS / name, text)


def render_texts(
    project: BundledProject, render: Renderer, others: Executor | None
) -> Callable[[], Mapping[str, str]]:
    """What returns the texts: once another process has rendered them, or by rendering them then."""
    if others is not None:
        return others.submit(_render, project.root, render).result
    return lambda: _render(project.root, render)


def compare_texts(root: Path, found: Mapping[str, str]) -> Iterator[Difference]:
    """Where the texts of an unpacked bundle are not those that were rendered, line by line."""
    folder = root / layout.TEXTS
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    for name in sorted(there | set(found)):
        file = f"{layout.TEXTS}/{name}"
        if name not in found:
            yield Difference(file=file, key="", stated="there", found="no text of this bundle")
        elif name not in there:
            yield Difference(file=file, key="", stated="missing", found="there")
        else:
            text = (folder / name).read_text(encoding="utf-8", errors="replace")
            yield from _compare(file, text.split("\n"), found[name].split("\n"))


def _compare(file: str, lines: list[str], wanted: list[str]) -> Iterator[Difference]:
    if len(lines) != len(wanted):
        yield Difference(file=file, key="lines", stated=str(len(lines)), found=str(len(wanted)))
    for number, (line, other) in enumerate(zip(lines, wanted, strict=False), start=1):
        if line != other:
            words = zip(line.split(), other.split(), strict=False)
            stated, found = next(((a, b) for a, b in words if a != b), (line, other))
            yield Difference(file=file, key=f"line {number}", stated=stated, found=found)


def _render(root: Path, render: Renderer) -> Mapping[str, str]:
    # Read anew: numbers of its files were written since, or are read in another process.
    with console.hushed():
        return render(BundledProject(root))
