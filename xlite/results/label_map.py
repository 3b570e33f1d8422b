"""What a label map made of a table, and what it could not say."""

from __future__ import annotations

from dataclasses import dataclass

from xlite.results import Result


@dataclass(frozen=True, kw_only=True)
class MapReport(Result):
    """What a label map made of a table's labels, by their names."""

    name: str
    """The map's name, or the name of its file."""
    labels: tuple[str, ...]
    """Those that it made."""
    unmapped: tuple[str, ...]
    """Labels of the table that the map says nothing of, or only that they overlap."""
    silent: tuple[str, ...]
    """Labels of the map's target that nothing in the table speaks of: they are left out."""
    never_present: tuple[str, ...]
    """Labels that can only be known to be absent."""
    never_absent: tuple[str, ...]
    """Labels that can only be known to be present."""
    contradictions: dict[str, int]
    """Images of which the table says both, by label: these cells are uncertain."""

    def describe(self) -> str:
        """What is said on screen, a line each."""
        lines = [f"label map {self.name}: {len(self.labels)} labels are made of the table's"]
        for what, names in (
            ("not mapped, and left out", self.unmapped),
            ("of these labels the table says nothing, so that they are left out", self.silent),
            ("never known to be absent", self.never_absent),
            ("never known to be present", self.never_present),
        ):
            if names:
                lines.append(f"  {what}: {_list(names)}")
        for label, count in self.contradictions.items():
            lines.append(
                f"  {label}: {count:,} images of which the table says that it is there and that "
                "it is not; they count as uncertain"
            )
        return "\n".join(lines)


_MOST_NAMED = 30


def _list(names: tuple[str, ...]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more
