"""The tables of docs/label_maps.md, from the map files themselves."""

from __future__ import annotations

from markdown_table import join_cells

from xlite.tables.label_maps import LabelMap, MappedLabel
from xlite.tables.shipped_maps import find_label_map, map_files, shipped_vocabularies


def render_maps() -> str:
    """Every map file as a table, and what it leaves of either vocabulary."""
    return "\n".join(_render_map(find_label_map(name)) for name in map_files())


def render_vocabularies() -> str:
    """The vocabularies by name."""
    rows = [
        [f"`{name}`", one.title, str(len(one.labels))]
        for name, one in shipped_vocabularies().items()
    ]
    return join_cells(["name", "data set", "labels"], rows)


def _render_map(one: LabelMap) -> str:
    rows = [[row.name, *_describe(row)] for row in one.labels]
    table = join_cells([one.target.title, "is", f"{one.source.title}'s"], rows)
    silent = [name for name in one.target.labels if name not in {row.name for row in one.labels}]
    rest = f"\nSaid nothing of: {', '.join(silent)}.\n" if silent else ""
    return f"### {one.name}\n\n{table}{rest}"


def _describe(row: MappedLabel) -> tuple[str, str]:
    said = []
    if row.exact is not None:
        said.append(("exact", row.exact))
    if row.broader:
        word = "the union of" if row.is_complete else "broader than"
        said.append((word, ", ".join(row.broader)))
    for word, names in (("narrower than", row.narrower), ("overlaps (partial)", row.partial)):
        if names:
            said.append((word, ", ".join(names)))
    return "<br>".join(word for word, _ in said), "<br>".join(names for _, names in said)
