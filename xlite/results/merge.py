"""What a merged label table is made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from xlite.results import Result
from xlite.results.label_map import MapReport

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, kw_only=True)
class LabelCounts(Result):
    """What is known of a label in the images of a source."""

    present: int
    absent: int
    unknown: int


@dataclass(frozen=True, kw_only=True)
class MergedSource(Result):
    """A source's share of a merged table."""

    left_out: ClassVar[frozenset[str]] = frozenset({"mapping"})

    images: int
    patients: int
    labels: dict[str, LabelCounts]
    """Of all labels of the merged table."""
    mapping: MapReport | None = None
    """What a label map made of the source's own labels."""


@dataclass(frozen=True, kw_only=True)
class MergedTables(Result):
    """What `merge_tables` returns and `xlite tables merge --json` prints."""

    images: int
    patients: int
    labels: tuple[str, ...]
    sources: dict[str, MergedSource]
    path: str | None
    """The table that was written."""

    @property
    def in_one_source(self) -> dict[str, str]:
        """Labels that one source alone has, with that source: its films tell them apart too."""
        has = {
            label: [
                name
                for name, source in self.sources.items()
                if source.labels[label].unknown < source.images
            ]
            for label in self.labels
        }
        return {label: names[0] for label, names in has.items() if len(names) == 1}

    def to_frame(self) -> pd.DataFrame:
        """One row a label and source: `label`, `source`, `present`, `absent`, `unknown`."""
        import pandas as pd

        return pd.DataFrame(
            [
                {"label": label, "source": name, **source.labels[label].to_dict()}
                for label in self.labels
                for name, source in self.sources.items()
            ]
        )
